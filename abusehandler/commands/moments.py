# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Moments as people type them: `7d`, `12h`, `2026-12-31`, `2026-12-31T08:00`."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.rules.model import end_of

_SPAN = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def span(text: str) -> timedelta:
    """`12h`, `7d` or `2w`. Raises AbusehandlerError with what to write."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise AbusehandlerError(f"{text!r:.40} is not a time span; write for example 12h, 7d or 2w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def until(text: str) -> datetime:
    """The end of a span from now, of a day (UTC), or a moment (UTC if it names no zone); aware."""
    if _SPAN.fullmatch(text):
        return now_utc() + span(text)
    return end_of(_day_or_moment(text))


def since(text: str) -> datetime:
    """So long ago, the beginning of a day (UTC), or a moment; aware."""
    if _SPAN.fullmatch(text):
        return now_utc() - span(text)
    found = _day_or_moment(text)
    if isinstance(found, datetime):
        return end_of(found)
    return datetime(found.year, found.month, found.day, tzinfo=timezone.utc)


def _day_or_moment(text: str) -> date | datetime:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise AbusehandlerError(
            f"{text!r:.40} is not a date; write for example 7d, 2026-12-31 or 2026-12-31T08:00"
        ) from None
