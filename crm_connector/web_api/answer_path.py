# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a value stands in a JSON answer.

tenant.name                 steps through objects; a list on the way gives the values of all its items
email or billing.email      the first that is there; also `company or {first} {last}`
{subnet}/{mask}             text with values in it; empty if any of them is missing
{address|host}              of `192.0.2.1/24` the address alone
=technical                  this very text
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from abusehandler.errors import ConfigurationError

JsonValue: TypeAlias = Any

_STEP = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_SLOT = re.compile(r"\{([^{}|]{1,200})(?:\|([a-z]{1,20}))?\}")
#: ` or ` outside of braces.
_OR = re.compile(r" or (?![^{}]{0,200}\})")
_FILTERS = ("host", "lower")
_MOST_VALUES = 1000


class AnswerPath:
    """One path, read once and applied to every item. Raises ConfigurationError for a path that means nothing."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._literal = text[1:] if text.startswith("=") else None
        #: Tried in order: paths, and texts with places in them.
        self._either = [] if self._literal is not None else [_Alternative(one) for one in _OR.split(text)]

    def texts(self, item: JsonValue) -> list[str]:
        """All values at this place as text; objects, null and empty texts are none."""
        if self._literal is not None:
            return [self._literal]
        for one in self._either:
            found = one.texts(item)
            if found:
                return found
        return []

    def text_of(self, item: JsonValue) -> str:
        """The values with blanks between them."""
        return " ".join(self.texts(item))

    def found(self, item: JsonValue) -> JsonValue:
        """What stands there, whatever it is; None if nothing."""
        for one in self._either:
            values = one.values(item)
            if values:
                return values[0] if len(values) == 1 else values
        return None


class _Alternative:
    """A path, or a text with {paths} in it."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._steps = [] if "{" in text else _steps(text)
        self._slots: dict[str, list[list[str]]] = {}
        for path, name in _SLOT.findall(text):
            if name and name not in _FILTERS:
                raise ConfigurationError(f"{text!r}: no filter {name!r}; there are {', '.join(_FILTERS)}")
            self._slots[path] = [_steps(one) for one in path.split(" or ")]

    def values(self, item: JsonValue) -> list[JsonValue]:
        return [] if self._slots else _walk(item, self._steps)

    def texts(self, item: JsonValue) -> list[str]:
        if not self._slots:
            return [text for value in _walk(item, self._steps) if (text := _scalar(value))]
        filled: dict[str, str] = {}
        for path, either in self._slots.items():
            texts = (_scalar(value) for steps in either for value in _walk(item, steps))
            filled[path] = next((text for text in texts if text), "")
            if not filled[path]:
                return []

        def value(slot: re.Match[str]) -> str:
            text = filled[slot[1]]
            return text.partition("/")[0] if slot[2] == "host" else text.lower() if slot[2] == "lower" else text

        return [_SLOT.sub(value, self._text)]


def _steps(path: str) -> list[str]:
    steps = [step for step in path.strip().split(".") if step]
    for step in steps:
        if not _STEP.fullmatch(step):
            raise ConfigurationError(f"path {path!r}: {step!r} is not a name; write names with dots between them")
    return steps


def _walk(item: JsonValue, steps: list[str]) -> list[JsonValue]:
    values = [item]
    for step in steps:
        following: list[JsonValue] = []
        for value in values:
            if isinstance(value, list) and not step.isdecimal():
                following += [one[step] for one in value[:_MOST_VALUES] if isinstance(one, dict) and step in one]
            elif isinstance(value, list):
                following += value[int(step) : int(step) + 1]
            elif isinstance(value, dict) and step in value:
                following.append(value[step])
        values = following[:_MOST_VALUES]
    if (
        steps
        and len(values) == 1
        and isinstance(values[0], list)
        and not any(isinstance(one, dict) for one in values[0])
    ):
        return list(values[0][:_MOST_VALUES])
    return values


def _scalar(value: JsonValue) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    return str(value).strip()
