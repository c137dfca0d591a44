# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Help texts as values: for a problem and a language, what it is, why it matters, what to do and how to check.

The files are in `help/<language>/`, one for each problem; docs/help-texts.md describes them. Nothing here makes HTML: a
page or a mail gets plain values and escapes them as its kind needs it (`help.html.j2`, `as_text`).
"""

from __future__ import annotations

import ipaddress
import re
import textwrap
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.errors import ConfigurationError
from abusehandler.templates.help_files import SOURCE_LANGUAGE, Command, Words, read_help_file, read_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abusehandler.harmonization.catalogue import Problem

PACKAGE_DATA = Path(__file__).resolve().with_name("help")
#: What no catalogue and no folder can lack; `HelpTexts.of` ends here.
LAST_RESORT = "undetermined"

_PLACEHOLDER = re.compile(r"\{\{(address|port|host)\}\}")
#: in prose: left out when a value in it is not known
_OPTIONAL = re.compile(r"\[\[([^\[\]]{0,200})\]\]")
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,12}\.?")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a paragraph; `code` is what a person would type or see on a screen, set in a fixed-width font."""

    text: str
    code: bool = False


Prose = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step, and the commands for it; a command's `label` says for which system it is."""

    text: Prose
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class HelpText:
    """What a customer is told about a problem. All of it is plain text: escape it where it goes into HTML.

    `id` is the name of the file it came from, which may be the problem's group; `title` is the problem's name in
    `language`, to be used only where `id` is the problem's own. `words` has the headings.
    """

    id: str
    language: str
    title: str
    summary: Prose
    why: Prose
    steps: tuple[Step, ...]
    checks: tuple[Step, ...]
    words: Words


@dataclass(frozen=True, slots=True)
class HelpTexts:
    """The texts of the package, with an operator's own folders laid over them (same layout, only what differs)."""

    folders: tuple[Path, ...] = (PACKAGE_DATA,)
    _kept: dict[tuple[str, str], HelpText] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, own: Path | str | None = None) -> HelpTexts:
        """The package's texts; `own` is a folder of the operator's, looked into first. Kept in memory."""
        return _load(Path(own) if own else None)

    def languages(self) -> tuple[str, ...]:
        """The languages there are folders for, English first."""
        found = {path.name for folder in self.folders if folder.is_dir() for path in folder.iterdir() if path.is_dir()}
        return (SOURCE_LANGUAGE, *sorted(found - {SOURCE_LANGUAGE}))

    def of(
        self,
        problem: Problem,
        language: str = SOURCE_LANGUAGE,
        *,
        address: str | None = None,
        port: int | None = None,
        host: str | None = None,
    ) -> HelpText:
        """The text of a problem: its own in this language, its own in English, then its group's, likewise.

        `language` is a tag like `de` or `de-AT` (RFC 5646); an unknown one means English. A value that is not an address,
        port or host name is not filled in: these texts hold commands that people paste into a shell.
        """
        return self.of_known(problem, language, known_values(address, port, host))

    def of_known(self, problem: Problem, language: str, known: Mapping[str, str]) -> HelpText:
        """The same with values that are filled in as they are: those of `known_values`, or what stands for them until then."""
        wanted = _wanted(language)
        for key in (problem.help, problem.id, problem.group.id, LAST_RESORT):
            for tag in wanted:
                text = self.text(key, tag)
                if text is not None:
                    return _filled(text, known)
        raise ConfigurationError(
            f"{self.folders[-1]}: has no {SOURCE_LANGUAGE}/{LAST_RESORT}.md; install the package again"
        )

    def title(self, problem: Problem, language: str) -> str:
        """The name of a problem in a language; the catalogue's English name where there is no translation."""
        for tag in _wanted(language)[:-1]:
            text = self.text(problem.id, tag)
            if text is not None:
                return text.title
        return problem.name

    def text(self, key: str, language: str) -> HelpText | None:
        """The text in a file, placeholders and all; None if there is none or its steps are not those of the English one.

        A translation with other steps would get the wrong commands. `abusehandler help check` names such files.
        """
        text = self._kept.get((key, language))
        if text is None:
            text = self._read(key, language)
            if text is not None:  # misses are not kept: languages come from strangers
                self._kept[key, language] = text
        return text

    def file(self, key: str, language: str) -> Path | None:
        """Where the text is; None if there is none."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", key) or not re.fullmatch(
            r"[a-z]{2,3}(-[a-z0-9]{2,8})?", language
        ):
            return None
        paths = (folder / language / f"{key}.md" for folder in self.folders)
        return next((path for path in paths if path.is_file()), None)

    def _read(self, key: str, language: str) -> HelpText | None:
        path = self.file(key, language)
        if path is None:
            return None
        source_path = self.file(key, SOURCE_LANGUAGE)
        try:
            file = read_help_file(path)
            # An operator's text in one language only brings its own commands.
            source = file if source_path is None or file.has_commands() else read_help_file(source_path)
            words = self.words(language)
        except ConfigurationError:
            return None
        if file.shape() != source.shape():
            return None
        return HelpText(
            key, language, file.title, _prose(file.summary), _prose(file.why),
            _steps(file.steps, source.step_commands), _steps(file.checks, source.check_commands), words,
        )  # fmt: skip

    def words(self, language: str) -> Words:
        """Headings and stand-ins of a language. Raises ConfigurationError."""
        paths = [folder / language / "words.yaml" for folder in self.folders]
        return read_words(next((path for path in paths if path.is_file()), paths[-1]))


@lru_cache(maxsize=16)
def _load(own: Path | None) -> HelpTexts:
    return HelpTexts((own, PACKAGE_DATA) if own else (PACKAGE_DATA,))


def _wanted(language: str) -> tuple[str, ...]:
    tag = language.strip().lower().replace("_", "-")
    return tuple(dict.fromkeys((tag, tag.partition("-")[0], SOURCE_LANGUAGE)))


def _prose(text: str) -> Prose:
    """Text between backticks is code; a backtick alone stands for itself."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return (Span(text),)
    return tuple(Span(piece, code=index % 2 == 1) for index, piece in enumerate(pieces) if piece)


def _steps(texts: Sequence[str], commands: Sequence[tuple[Command, ...]]) -> tuple[Step, ...]:
    return tuple(Step(_prose(text), of) for text, of in zip(texts, commands, strict=True))


def known_values(address: str | None, port: int | None, host: str | None) -> Mapping[str, str]:
    """What may be filled in, by `address`, `port`, `host`; a host stands in for an address that is not known."""
    values: dict[str, str] = {}
    if address is not None:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            pass
        else:
            # without the zone, which may hold anything
            values["address"] = str(parsed).partition("%")[0]
    if port is not None and not isinstance(port, bool) and isinstance(port, int) and 0 < port < 65536:
        values["port"] = str(port)
    if host is not None and len(host) <= 253 and _HOST.fullmatch(host):
        values["host" if "address" in values else "address"] = host
    return values


def _fill(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        found = values[match[1]]
        # RFC 3986, 3.2.2: an IPv6 address in a URL stands in brackets
        in_url = text[: match.start()].endswith("://") and ":" in found
        return f"[{found}]" if in_url else found

    return _PLACEHOLDER.sub(value, text)


def _filled(text: HelpText, known: Mapping[str, str]) -> HelpText:
    values = {**text.words.placeholders, **known}
    if "address" in known and "host" not in known:
        # in a command, where a host name is needed, an address is better than a stand-in
        values["host"] = known["address"]

    def optional(match: re.Match[str]) -> str:
        return match[1] if all(name in known for name in _PLACEHOLDER.findall(match[1])) else ""

    def prose(spans: Prose) -> Prose:
        return tuple(Span(_fill(_OPTIONAL.sub(optional, span.text), values), span.code) for span in spans)

    def steps(old: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(
            Step(
                prose(step.text),
                tuple(Command(command.label, _fill(command.text, values)) for command in step.commands),
            )
            for step in old
        )

    return replace(
        text,
        summary=prose(text.summary),
        why=prose(text.why),
        steps=steps(text.steps),
        checks=steps(text.checks),
    )


def plain(prose: Prose) -> str:
    """A paragraph as plain text; code keeps quotation marks around it only if it has a blank inside."""
    return "".join(f'"{span.text}"' if span.code and " " in span.text else span.text for span in prose)


def as_text(text: HelpText, width: int = 72) -> str:
    """The whole text for a mail or a terminal, folded at `width`; commands are never folded."""
    lines = [text.title, "=" * min(len(text.title), width), ""]
    lines += _folded(plain(text.summary), width)
    lines += ["", text.words.headings["why"], "", *_folded(plain(text.why), width)]
    for heading, steps in (("steps", text.steps), ("checks", text.checks)):
        lines += ["", text.words.headings[heading]]
        for number, step in enumerate(steps, 1):
            lines += ["", *_folded(plain(step.text), width, f"{number:2}. ", "    ")]
            for command in step.commands:
                if command.label:
                    lines.append(f"    {command.label}:")
                lines += [f"      {line}" for line in command.text.splitlines()]
    if any(step.commands for step in (*text.steps, *text.checks)):
        lines += ["", *_folded(text.words.headings["commands"], width)]
    return "\n".join(lines) + "\n"


def _folded(paragraph: str, width: int, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        paragraph, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
