# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""YAML that remembers the line of every value, so that an error can name it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Far above any real file; keeps a mistaken one (a feed instead of its description) from eating the memory.
MAX_BYTES = 4_000_000
MAX_NODES = 200_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Located:
    """A scalar, a tuple of `Located`, or a dict from key to `Located`, with file and line (from 1)."""

    value: Any
    file: str
    line: int

    def fail(self, problem: str) -> NoReturn:
        """Raise ConfigurationError that names this place."""
        raise ConfigurationError(f"{self.file}:{self.line}: {problem}")

    def mapping(self, what: str) -> Mapping[str, Located]:
        """This value as a mapping; an empty value counts as an empty one."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            self.fail(f"{what} must be a mapping (`key: value` lines), not {describe(self.value)}")
        return self.value

    def text(self, what: str) -> str:
        """This value as text; a bare number is taken as written."""
        if isinstance(self.value, bool) or not isinstance(self.value, (str, int, float)):
            self.fail(f"{what} must be a text, not {describe(self.value)}; put it in quotes")
        return str(self.value)

    def texts(self, what: str) -> tuple[str, ...]:
        """This value as a list of texts."""
        if not isinstance(self.value, tuple):
            self.fail(f"{what} must be a list such as [a, b], not {describe(self.value)}")
        return tuple(item.text(what) for item in self.value)

    def whole_number(self, what: str, least: int, most: int) -> int:
        """This value as a whole number within the bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not least <= self.value <= most:
            self.fail(f"{what} must be a whole number from {least} to {most}, not {describe(self.value)}")
        return self.value

    def choice(self, what: str, choices: tuple[str, ...]) -> str:
        """This value as one of the words."""
        if self.value not in choices:
            self.fail(f"{what} is {describe(self.value)}; write one of: {', '.join(choices)}")
        return str(self.value)


def describe(value: object) -> str:
    """The value in words short enough for an error message."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, Located):
        return describe(value.value)
    return repr(value)[:80]


def load(path: Path) -> Located:
    """The file's only document. Raises ConfigurationError for what cannot be read, is no YAML, or names a key twice."""
    name = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{name}: {len(data)} bytes; a file of this kind has less than {MAX_BYTES}")
    loader = _Loader(data)
    try:
        node = loader.get_single_node()
        if node is None:
            return Located(None, name, 1)
        return _Walk(name, loader).located(node, depth=0)
    except RecursionError:
        raise ConfigurationError(f"{name}: nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{name}{line}: not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise ConfigurationError(f"{name}: not valid YAML: {error}") from error
    finally:
        loader.dispose()


class _Walk:
    """Turns nodes into located values and counts them: aliases can make a small file huge."""

    def __init__(self, file: str, loader: Any) -> None:
        self.file = file
        self.loader = loader
        self.nodes = 0

    def located(self, node: Any, depth: int) -> Located:
        line = node.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > 20:
            raise ConfigurationError(f"{self.file}:{line}: too many values or nested too deeply")
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Located] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                if key in mapping:
                    Located(key, self.file, key_node.start_mark.line + 1).fail(f"key {key!r} stands here twice")
                value = self.located(value_node, depth + 1)
                # An alias shares the node of its anchor; the line to mend is the one with the key.
                mapping[key] = Located(value.value, self.file, max(key_node.start_mark.line + 1, 1))
            return Located(mapping, self.file, line)
        if isinstance(node, yaml.SequenceNode):
            return Located(tuple(self.located(item, depth + 1) for item in node.value), self.file, line)
        return Located(self.loader.construct_object(node, deep=True), self.file, line)
