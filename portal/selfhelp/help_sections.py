# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A help text as HTML, made once for each text and language: from customer to customer only address, port and name differ."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from abusehandler.templates.help_texts import HelpTexts, known_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from abusehandler.harmonization.catalogue import Problem
    from abusehandler.templates.help_files import Words

#: Characters for private use, which no text has, around the name of a value; a colon where the value is an IPv6 address,
#: which stands in brackets in a URL.
_STAND_IN = re.compile("\ue000(address|port|host):?\ue001")
_KINDS = ("summary", "why", "steps", "checks")


@dataclass(frozen=True, slots=True)
class HelpSections:
    """What a page shows of a help text: all but the headings is HTML."""

    language: str
    words: Words
    summary: Markup
    why: Markup
    steps: Markup
    checks: Markup


@dataclass(frozen=True, slots=True)
class _Form:
    """The HTML of each section in pieces; every other one is the name of a value."""

    language: str
    words: Words
    pieces: Mapping[str, tuple[str, ...]]


class HelpPages:
    """The help texts for pages. `macro` is the template's: it writes one of the four sections of a HelpText as HTML."""

    def __init__(self, texts: HelpTexts, macro: Callable[[str, object], str]) -> None:
        self._texts = texts
        self._macro = macro
        self._form = functools.lru_cache(maxsize=1000)(self._made)

    def of(
        self, problem: Problem, language: str, *, address: str | None = None, port: int | None = None, host: str | None = None
    ) -> HelpSections:  # fmt: skip
        """The text of a problem, as HelpTexts.of has it."""
        values = known_values(address, port, host)
        form = self._form(problem, language, tuple((name, ":" in value) for name, value in values.items()))
        safe = {name: str(escape(value)) for name, value in values.items()}
        return HelpSections(form.language, form.words, *(_filled(form.pieces[kind], safe) for kind in _KINDS))

    def _made(self, problem: Problem, language: str, known: tuple[tuple[str, bool], ...]) -> _Form:
        text = self._texts.of_known(
            problem, language, {name: f"\ue000{name}{':' if in_brackets else ''}\ue001" for name, in_brackets in known}
        )
        return _Form(
            text.language, text.words, {kind: tuple(_STAND_IN.split(str(self._macro(kind, text)))) for kind in _KINDS}
        )


def _filled(pieces: tuple[str, ...], values: Mapping[str, str]) -> Markup:
    # all of it is HTML: the pieces are a template's, the values are escaped
    return Markup("".join([values[piece] if place % 2 else piece for place, piece in enumerate(pieces)]))  # noqa: S704
