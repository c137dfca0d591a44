# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a step finds: values with their places, in rows that become events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abusehandler.reports.reading import Span

#: events that one mail may make; longer lists come as files, which the table reader takes
MOST_EVENTS = 5_000


@dataclass(frozen=True, slots=True)
class Found:
    """A value of a field, ready for the event, and where it stood."""

    value: Any
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A text to read: `text` begins at `offset` of the part with this path."""

    part: str
    text: str
    offset: int = 0
    data: bytes = b""


Row = dict[str, Found]
