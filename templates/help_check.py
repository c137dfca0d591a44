# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Says which help texts are missing, wrong or stale, and marks a translation as up to date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abusehandler.errors import ConfigurationError
from abusehandler.templates.help_files import PLACEHOLDERS, SOURCE_LANGUAGE, read_help_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abusehandler.harmonization.catalogue import Catalogue
    from abusehandler.templates.help_files import HelpFile
    from abusehandler.templates.help_texts import HelpTexts

#: A text has between so many words, title to last check, commands left out: more is not read, less does not help.
FEWEST_WORDS, MOST_WORDS = 60, 180
#: Other languages need more words than English for the same.
MOST_WORDS_TRANSLATED = 220

_MARK = re.compile(r"^<!-- english: .{0,80} -->$", re.MULTILINE)
_CODE = re.compile(r"`[^`]*`")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: `place` is a file, or the name it should have."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def wanted(catalogue: Catalogue) -> tuple[str, ...]:
    """The names of all texts: one for each problem, and one for each group as the fallback."""
    problems = catalogue.problems.values()
    return tuple(dict.fromkeys([*(problem.id for problem in problems), *(problem.group.id for problem in problems)]))


def check(texts: HelpTexts, catalogue: Catalogue, language: str) -> Iterator[Finding]:
    """What is to be mended in a language. A file that cannot be read is one finding, and the others go on."""
    try:
        texts.words(language)
    except ConfigurationError as error:
        yield Finding(*_split(error))
    names = wanted(catalogue)
    for name in names:
        path = texts.file(name, language)
        if path is None:
            yield Finding(f"{language}/{name}.md", "is missing")
            continue
        try:
            file = read_help_file(path)
            source_path = texts.file(name, SOURCE_LANGUAGE)
            source = read_help_file(source_path) if source_path and source_path != path else None
        except ConfigurationError as error:
            yield Finding(*_split(error))
            continue
        for what in _wrong(file, MOST_WORDS if language == SOURCE_LANGUAGE else MOST_WORDS_TRANSLATED):
            yield Finding(str(path), what)
        if language == SOURCE_LANGUAGE:
            if name in catalogue.problems and file.title != catalogue.problems[name].name:
                yield Finding(
                    str(path), f"the title is {file.title!r}, the catalogue says {catalogue.problems[name].name!r}"
                )
        elif source is not None:
            for what in _stale(file, source, language, name):
                yield Finding(str(path), what)
    for folder in texts.folders:
        for path in sorted((folder / language).glob("*.md")):
            if path.stem not in names:
                yield Finding(str(path), "the catalogue has no such problem or group; rename or delete it")


def _wrong(file: HelpFile, most: int) -> Iterator[str]:
    words = file.words()
    if not FEWEST_WORDS <= words <= most:
        yield f"has {words} words; a text that helps and is read has {FEWEST_WORDS} to {most}"
    for paragraph in (file.summary, file.why, *file.steps, *file.checks):
        if re.search(r"<[a-zA-Z/!]", _CODE.sub("", paragraph)):
            yield f"tags are shown as they are written; take them out of: {paragraph[:60]}"


def _stale(file: HelpFile, source: HelpFile, language: str, name: str) -> Iterator[str]:
    if file.shape() != source.shape():
        (steps, checks), (source_steps, source_checks) = file.shape(), source.shape()
        yield (
            f"has {steps} steps and {checks} checks, the English text {source_steps} and {source_checks}; "
            "until they are the same, the English text is shown"
        )
    if file.follows != source.digest():
        yield (
            f"the English text has changed ({file.follows or 'no mark'} is now {source.digest()}); bring it up to date, then "
            f"run 'abusehandler help accept {name} --language {language}'"
        )
    if file.has_commands():
        yield "has commands of its own; they come from the English text, take them out here"
    for place in ("summary", "why"):
        if _marks(getattr(file, place)) != _marks(getattr(source, place)):
            yield f"the placeholders or `code` below {'the title' if place == 'summary' else '## why'} differ from the English"
    for part, ours, theirs in (("steps", file.steps, source.steps), ("checks", file.checks, source.checks)):
        for number, (text, original) in enumerate(zip(ours, theirs, strict=False), 1):
            if _marks(text) != _marks(original):
                yield f"{part}, {number}: the placeholders or `code` differ from the English"


def _marks(paragraph: str) -> list[str]:
    """What a translation must keep as it is, in any order."""
    placeholders = [name for name in PLACEHOLDERS for _ in range(paragraph.count("{{" + name + "}}"))]
    return sorted([*_CODE.findall(paragraph), *placeholders])


def accept(texts: HelpTexts, name: str, language: str) -> Path:
    """Mark a translation as following the English text as it is now; returns its file. Raises ConfigurationError."""
    path, source = texts.file(name, language), texts.file(name, SOURCE_LANGUAGE)
    if path is None or source is None or language == SOURCE_LANGUAGE:
        raise ConfigurationError(f"{language}/{name}.md: there is no such translation, or no English text to it")
    read_help_file(path)
    mark = f"<!-- english: {read_help_file(source).digest()} -->"
    text = path.read_text(encoding="utf-8")
    if _MARK.search(text):
        text = _MARK.sub(mark, text, count=1)
    else:
        head, _, rest = text.partition("\n# ")
        text = f"{head.rstrip()}\n{mark}\n\n# {rest}" if rest else f"{mark}\n\n{text}"
    path.write_text(text, encoding="utf-8")
    return path


def _split(error: ConfigurationError) -> tuple[str, str]:
    place, _, what = str(error).partition(": ")
    return place, what
