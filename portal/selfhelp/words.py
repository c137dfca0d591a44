# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The phrases of the customer's pages, one file a language, and which language a visitor gets."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER = Path(__file__).resolve().with_name("words")
#: The language that has every phrase; where another lacks one, this one's stands.
FIRST = "en"


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages there are, English first."""
    found = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    return (FIRST, *(language for language in found if language != FIRST))


class Phrases:
    """Phrases by name, as attributes and as items: templates find an attribute at once, and look for an item of a dict twice."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.__dict__.update(texts)

    def __getitem__(self, name: str) -> str:
        return str(self.__dict__[name])

    def keys(self) -> set[str]:
        """The names of all phrases."""
        return set(self.__dict__)


@functools.cache
def words(language: str) -> Phrases:
    """The phrases of one of `languages()`."""
    first = _read(FIRST)
    return Phrases(first if language == FIRST else {**first, **_read(language)})


def _read(language: str) -> dict[str, str]:
    read = yaml.safe_load((FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    return {str(key): str(text) for key, text in read.items()}


def choose(*wanted: str) -> str:
    """The first of these languages (tags as in RFC 5646) that there is; English if there is none."""
    known = languages()
    return next(
        (tag for one in wanted if (tag := one.strip().lower().replace("_", "-").partition("-")[0]) in known), FIRST
    )


def accepted(header: str) -> Iterable[str]:
    """The languages of an Accept-Language header, the best first (RFC 9110, 12.5.4); at most ten are looked at."""
    weighed = []
    for place, piece in enumerate(header[:500].split(",")[:10]):
        tag, _, parameter = piece.strip().partition(";")
        match = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", parameter)
        weighed.append((-float(match[1]) if match else -1.0, place, tag.strip()))
    return [tag for weight, _, tag in sorted(weighed) if weight < 0 and tag]
