# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a check finds: a state as monitoring plugins know it, what is so, and what to do."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class State(enum.IntEnum):
    """The numbers are the exit codes of Nagios plugins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


#: What is told first, and decides the exit code.
WORST_FIRST = (State.CRITICAL, State.WARNING, State.UNKNOWN, State.OK)


@dataclass(frozen=True, slots=True)
class Finding:
    """`message` says what is so; `mend` what to do, empty where all is well."""

    state: State
    message: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The findings of one check, and how long it took."""

    check: str
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def state(self) -> State:
        return worst(finding.state for finding in self.findings)


def worst(states: Iterable[State]) -> State:
    """The state that counts; OK for none."""
    found = set(states)
    return next((state for state in WORST_FIRST if state in found), State.OK)


def ok(message: str) -> Finding:
    return Finding(State.OK, message)


def warning(message: str, mend: str) -> Finding:
    return Finding(State.WARNING, message, mend)


def critical(message: str, mend: str) -> Finding:
    return Finding(State.CRITICAL, message, mend)


def unknown(message: str, mend: str = "") -> Finding:
    return Finding(State.UNKNOWN, message, mend)
