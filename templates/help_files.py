# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads the files of help texts, a small part of Markdown, and says what is wrong with one.

    <!-- SPDX-FileCopyrightText: ... -->
    <!-- SPDX-License-Identifier: ... -->
    <!-- english: 0123456789ab -->            translations only: the state of the English text it follows

    # Title
    What it is.
    ## why
    Why it matters.
    ## steps
    1. What to do.

       ```Debian, Ubuntu
       a command                              English only: translations take the commands of the same step from there
       ```
    ## checks
    1. How to see that it is done.

`{{address}}`, `{{port}}` and `{{host}}` are filled in; `[[, port {{port}},]]` is left out where the port is not known.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import yaml

from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SOURCE_LANGUAGE = "en"
PLACEHOLDERS = ("address", "port", "host")
PARTS = ("why", "steps", "checks")
HEADINGS = ("summary", *PARTS, "commands")
#: A help text has a few kilobytes; more is a mistake.
LONGEST_FILE = 64 * 1024

_STEP = re.compile(r"\d{1,2}\. +(.*)")
_COMMENT = re.compile(r"<!-- ?([^<>]{0,200}?) ?-->")
_BRACES = re.compile(r"\{\{([^{}]{0,80})\}\}|\{\{|\}\}")


@dataclass(frozen=True, slots=True)
class Command:
    """Lines to type; `label` is the system they are for, in words that every language shares (`Windows`, `nftables`)."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Of one language: the headings of the parts (`summary`, `why`, `steps`, `checks`), what is to be said of all
    commands (`commands`), and what stands for a value that is not known."""

    headings: Mapping[str, str]
    placeholders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HelpFile:
    """A file as it is written, backticks and placeholders included; the commands stand beside the steps."""

    path: Path
    title: str
    summary: str
    why: str
    steps: tuple[str, ...]
    checks: tuple[str, ...]
    step_commands: tuple[tuple[Command, ...], ...]
    check_commands: tuple[tuple[Command, ...], ...]
    follows: str

    def shape(self) -> tuple[int, int]:
        """How many steps and checks: what must be the same in all languages."""
        return len(self.steps), len(self.checks)

    def has_commands(self) -> bool:
        return any(self.step_commands) or any(self.check_commands)

    def prose(self) -> str:
        """All that is translated, one paragraph a line."""
        return "\n".join((self.title, self.summary, self.why, "", *self.steps, "", *self.checks))

    def digest(self) -> str:
        """The state of the prose; how lines are folded does not count, nor do commands."""
        return hashlib.sha256(self.prose().encode()).hexdigest()[:12]

    def words(self) -> int:
        return len(self.prose().split())


def read_help_file(path: Path) -> HelpFile:
    """Raises ConfigurationError with file and line."""
    try:
        raw = path.read_bytes()
        if len(raw) > LONGEST_FILE:
            raise ConfigurationError(f"{path}: has {len(raw)} bytes; a help text has at most {LONGEST_FILE}")
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None
    reader = _Reader(path)
    for number, line in enumerate(text.splitlines(), 1):
        reader.take(number, line.rstrip())
    return reader.finish()


class _Reader:
    """Goes through the lines once; `part` is the heading we are below."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.part = ""
        self.title = ""
        self.follows = ""
        self.seen: list[str] = []
        self.prose: dict[str, list[str]] = {"summary": [], "why": []}
        self.items: dict[str, list[list[str]]] = {"steps": [], "checks": []}
        self.commands: dict[str, list[list[Command]]] = {"steps": [], "checks": []}
        self.fence: tuple[str, list[str]] | None = None

    def wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path}:{self.number}: {what}")

    def take(self, number: int, line: str) -> None:
        self.number = number
        bare = line.strip()
        if self.fence is not None:
            self._command_line(line, bare)
        elif bare.startswith("```"):
            if self.part not in self.items or not self.items[self.part]:
                raise self.wrong("commands belong to a step: put them below a line such as '1. Do this.'")
            self.fence = (bare[3:].strip(), [])
        elif bare.startswith("<!--"):
            comment = _COMMENT.fullmatch(bare)
            if comment is None:
                raise self.wrong("a comment is one line: <!-- text -->")
            if comment[1].startswith("english:"):
                self.follows = comment[1].removeprefix("english:").strip()
        elif bare.startswith("#"):
            self._heading(bare)
        elif bare:
            self._words(line, bare)

    def _heading(self, bare: str) -> None:
        if bare.startswith("# ") and not self.title:
            self.title, self.part = bare[2:].strip(), "summary"
            return
        part = bare.removeprefix("##").strip()
        if not bare.startswith("## ") or part not in PARTS:
            raise self.wrong(f"the headings are '# TITLE', then '## why', '## steps', '## checks', not {bare[:40]!r}")
        if part in self.seen:
            raise self.wrong(f"'## {part}' is there twice")
        self.seen.append(part)
        self.part = part

    def _words(self, line: str, bare: str) -> None:
        for braces in _BRACES.finditer(bare):
            if braces[1] not in PLACEHOLDERS:
                raise self.wrong(
                    f"{braces[0]!r} is no placeholder; there are {', '.join(PLACEHOLDERS)} in double braces"
                )
        if self.part in self.prose:
            self.prose[self.part].append(bare)
        elif self.part in self.items:
            step = _STEP.fullmatch(line)
            if step is not None:
                self.items[self.part].append([step[1]])
                self.commands[self.part].append([])
            elif not self.items[self.part]:
                raise self.wrong("a step begins with its number: '1. Do this.'")
            else:
                self.items[self.part][-1].append(bare)
        else:
            raise self.wrong("text before the title; the first line is '# TITLE'")

    def _command_line(self, line: str, bare: str) -> None:
        assert self.fence is not None
        label, lines = self.fence
        if bare == "```":
            self.commands[self.part][-1].append(Command(label, "\n".join(lines)))
            self.fence = None
            return
        for braces in re.finditer(r"\{\{([a-z]{1,20})\}\}", line):
            if braces[1] not in PLACEHOLDERS:
                raise self.wrong(
                    f"{braces[0]!r} is no placeholder; there are {', '.join(PLACEHOLDERS)} in double braces"
                )
        lines.append(line[3:] if line.startswith("   ") else line)

    def finish(self) -> HelpFile:
        if self.fence is not None:
            raise self.wrong("commands that do not end: a line of three backticks is missing")
        summary, why = (" ".join(self.prose[part]) for part in ("summary", "why"))
        steps, checks = (tuple(" ".join(item) for item in self.items[part]) for part in ("steps", "checks"))
        for part, there in (("# TITLE", self.title), ("a text below the title", summary), ("## why", why),
                            ("## steps", steps), ("## checks", checks)):  # fmt: skip
            if not there or not all(there):
                raise ConfigurationError(
                    f"{self.path}: {part} is missing or empty; docs/help-texts.md shows a whole file"
                )
        for paragraph in (summary, why, *steps, *checks):
            if paragraph.count("`") % 2:
                raise ConfigurationError(f"{self.path}: a backtick has no partner in: {paragraph[:60]}")
            for part in re.split(r"\[\[", paragraph)[1:]:
                if "]]" not in part or "{{" not in part.partition("]]")[0]:
                    raise ConfigurationError(
                        f"{self.path}: '[[' needs a placeholder and ']]' after it in: {paragraph[:60]}"
                    )
        step_commands, check_commands = (
            tuple(tuple(commands) for commands in self.commands[part]) for part in ("steps", "checks")
        )
        return HelpFile(self.path, self.title, summary, why, steps, checks, step_commands, check_commands, self.follows)


def read_words(path: Path) -> Words:
    """Raises ConfigurationError, naming the key that is missing."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None
    found: dict[str, dict[str, str]] = {}
    for part, keys in (("headings", HEADINGS), ("placeholders", PLACEHOLDERS)):
        values = content.get(part) if isinstance(content, dict) else None
        if not isinstance(values, dict):
            raise ConfigurationError(f"{path}: {part} is missing; write '{part}:' and below it {', '.join(keys)}")
        for key in keys:
            if not isinstance(values.get(key), str) or not values[key].strip():
                raise ConfigurationError(f"{path}: {part}: {key} is missing or empty; write its text in this language")
        found[part] = {key: values[key] for key in keys}
    return Words(MappingProxyType(found["headings"]), MappingProxyType(found["placeholders"]))
