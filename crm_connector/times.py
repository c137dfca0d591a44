# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Times as customer tables and lease logs write them, turned into aware UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from abusehandler.errors import ConfigurationError

_ISO = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]{1,3}(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?)?"
    r" ?(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_DAY_FIRST = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?:,? {1,3}(\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)
_SECONDS = re.compile(r"(\d{9,10})(?:\.\d+)?", re.ASCII)
_MILLISECONDS = re.compile(r"\d{13}(?:\d{3})?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?Z?)?", re.ASCII)

#: What stands in a column that means "no limit".
NO_LIMIT = frozenset(
    {"", "-", "null", "none", "never", "nil", "n/a", "0", "\\n", "infinity", "-infinity", "offen", "open"}
)


def zone_named(name: str, key: str) -> tzinfo:
    """The zone of a setting; raises ConfigurationError naming the key."""
    if name.upper() == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(f"{key}: no time zone {name!r}; write a name such as Europe/Vienna") from error


def parse_moment(
    text: str, zone: tzinfo = timezone.utc, *, month_first: bool = False, latest: bool = False
) -> datetime | None:
    """A time, None for "no limit" (empty, NULL, 0000-00-00). Without an offset it counts as time of `zone`.

    An hour that comes twice when clocks are set back means the first one, with `latest` (for ends) the second: two
    customers may then both have had an address, which is said, and neither is guessed. Takes ISO 8601 in its usual
    variations, `31.12.2025 23:59` (`month_first` for `12/31/2025`) and Unix seconds, milli- and microseconds.
    Raises ValueError for anything else.
    """
    text = text.strip()
    if text.lower() in NO_LIMIT or text.startswith("0000-00-00"):
        return None
    if len(text) > 60:
        raise ValueError(f"{text[:40]!r} is not a time")
    found = _SECONDS.fullmatch(text)
    if found:
        return datetime.fromtimestamp(int(found[1]), timezone.utc)
    if _MILLISECONDS.fullmatch(text):  # IPFIX, JavaScript; sixteen digits are microseconds
        return datetime.fromtimestamp(int(text[:10]), timezone.utc)
    found = _ISO.fullmatch(text) or _COMPACT.fullmatch(text)
    if found:
        year, month, day = int(found[1]), int(found[2]), int(found[3])
    else:
        found = _DAY_FIRST.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is not a time; write YYYY-MM-DD HH:MM:SS")
        day, month, year = int(found[1]), int(found[2]), int(found[3])
        if month_first:
            day, month = month, day
    if year >= 9000 or year <= 1:  # 9999-12-31 is "for ever" in many databases, 0001-01-01 "no value" of .NET
        return None
    offset = found[7] if found.re is _ISO else None
    if offset and offset[0] in "+-":
        minutes = int(offset[1:3]) * 60 + int(offset[3:].replace(":", "") or 0)
        zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    elif offset or (found.re is _COMPACT and text[-1] == "Z"):
        zone = timezone.utc
    hour, minute, second = (int(found[at] or 0) for at in (4, 5, 6))
    # The end of a day may be written so (ISO 8601).
    midnight = (hour, minute, second) == (24, 0, 0)
    try:
        local = datetime(year, month, day, 0 if midnight else hour, minute, min(second, 59), tzinfo=zone)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {error}") from error
    return in_utc(local + timedelta(days=1) if midnight else local, latest=latest)


def in_utc(local: datetime, *, latest: bool = False) -> datetime:
    """An aware time in UTC; `latest` as of `parse_moment`."""
    moment = local.astimezone(timezone.utc)
    return max(moment, local.replace(fold=1).astimezone(timezone.utc)) if latest else moment


def day_after(moment: datetime, zone: tzinfo) -> datetime:
    """The same time of the next day by the clocks of `zone`, which may be 23 or 25 hours later; in UTC."""
    # Aware times of one zone are added as its clocks show them.
    return in_utc(moment.astimezone(zone) + timedelta(days=1))


def is_date_only(text: str) -> bool:
    """Whether the text names a day without a time of day."""
    return ":" not in text and len(text.strip()) <= 10 and not _SECONDS.fullmatch(text.strip())
