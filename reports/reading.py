# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a reader took from a report, how sure it is, and where it saw it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.reports.event import Event

#: `report`: events may become tickets. `unread`: a person must look; `events` holds the proposal, if any.
#: `not-a-report`: filed, not thrown away.
Verdict = Literal["report", "unread", "not-a-report"]


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a report: `text[start:end]` of the part with this path (`subject` and `header:NAME` count as parts)."""

    part: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class BadPart:
    """A piece of a report that could not be read: a CSV row, an attachment, a field.

    `line` counts from 1 within `part`; 0 where lines mean nothing. `raw` is what stood there, cut to a few kB.
    """

    reason: str
    part: str = ""
    line: int = 0
    raw: str = ""


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """One event with its sureness from 0 to 1 and, for each field, the place that told it."""

    event: Event
    confidence: float = 1.0
    spans: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read from one report.

    `reader` names the code or definition (`arf`, `shadowserver`, `reporter:spamcop`, `free-text`);
    `reason` says in words why the verdict is what it is; `kind` tells non-reports apart
    (`bounce`, `auto-reply`, `newsletter`, `receipt`, `ticket-answer`, `extortion`, ...).
    `links` are URLs behind which more of the report is, see links/find.py.
    """

    verdict: Verdict
    reader: str
    reason: str = ""
    events: tuple[ReadEvent, ...] = ()
    bad: tuple[BadPart, ...] = ()
    confidence: float = 1.0
    kind: str = ""
    warnings: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
