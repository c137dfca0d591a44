# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Single values of machine formats made into what IntelMQ's fields allow, or nothing if they are none."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from abusehandler.reports.freetext.addresses import canonical, find_addresses, is_public
from abusehandler.reports.freetext.names import host_name
from abusehandler.reports.freetext.refang import refang
from abusehandler.reports.freetext.times import find_times

if TYPE_CHECKING:
    from datetime import tzinfo

    from abusehandler.reports.event import Event

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?"
    r"(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?(?:\s(?:GMT|UTC))?",
    re.I,
)
_EPOCH = re.compile(r"(\d{9,10})(?:\.(\d{1,9})|(\d{3}))?")
_CLOCK = re.compile(r"\d\d?:\d\d(?::\d\d)?")
# "Thu Feb 13 18:28:15 2014 +00:00", "Tue Aug 03 2021 05:22:52 GMT-0700 (PDT)": clock and year change places.
_CTIME = re.compile(
    r"(?:[A-Za-z]{3,9},?\s{1,3})?([A-Za-z]{3,9})\s{1,3}(\d{1,2}),?\s{1,3}(?:(\d{4})\s{1,3}(?:@\s)?)?(\d\d?:\d\d(?::\d\d)?(?:\.\d{1,9})?)\s{0,3}(\d{4})?(?!:)\s{0,3}(.{0,40})"
)
_AUTHORITY = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{1,15}):/{0,3}(?:[^/?#\s@]{0,200}@)?(?P<host>\[[0-9a-f:.]{2,45}\]|[^/?#\s:\[\]]{1,255})(?::(?P<port>\d{0,5}))?(?P<rest>[/?#]|$)",
    re.I,
)
_ADDRESS_WITH_PORT = re.compile(
    r"(?:\[([0-9A-Fa-f:.]{2,45})\]|(\d{1,3}(?:\.\d{1,3}){3}))(?::(\d{1,5}))?(?:/(?:32|128))?"
)
_SCHEMES = {
    "http",
    "https",
    "ftp",
    "ftps",
    "sftp",
    "ssh",
    "tcp",
    "udp",
    "smtp",
    "telnet",
    "rdp",
    "magnet",
    "bitcoin",
    "hxxp",
    "hxxps",
}


@lru_cache(maxsize=8192)
def address(text: str) -> str:
    """A public address in canonical form; brackets, defanging and a port or a /32 at its end are taken off. Else
    empty.
    """
    text = text.strip().strip("<>()\"'*,; ")
    found = canonical(text.strip("[]"))
    if not found and 2 < len(text) < 200:
        match = _ADDRESS_WITH_PORT.fullmatch(text) or _ADDRESS_WITH_PORT.fullmatch(refang(text).text)
        found = canonical(match[1] or match[2]) if match else ""
    return found if found and is_public(found) else ""


def address_and_port(text: str) -> tuple[str, int | None]:
    """As `address`, with the port that stands behind a colon."""
    found = address(text)
    if not found or ":" not in text:
        return found, None
    match = _ADDRESS_WITH_PORT.fullmatch(text.strip())
    return found, port(match[3]) if match and match[3] else None


def any_address(text: str) -> str:
    """The first public address within a longer text ("192.0.2.1 (mail.example.net)"), else empty."""
    alone = address(text)
    if alone or len(text) > 2000:
        return alone
    for found in find_addresses(refang(text).text):
        if not found.bound and found.prefix is None and is_public(found.ip):
            return found.ip
    return ""


def port(value: object) -> int | None:
    """A port from 1 to 65535, else None."""
    text = str(value).strip()
    if text.endswith(".0"):
        text = text[:-2]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return number if 0 < number < 65536 else None


@lru_cache(maxsize=4096)
def host(text: str) -> str:
    """A host name in A-label form, lower case, else empty. Addresses are none."""
    text = text.strip().strip("<>()\"'*,;")
    if "[" in text or "(" in text:
        text = refang(text).text
    text = text.rstrip(".").lower()
    if not text or "/" in text or "@" in text or canonical(text.strip("[]")) or len(text) > 253:
        return ""
    return host_name(text)


def url(text: str) -> tuple[str, str, str, int | None]:
    """A URL without defanging: (url, host name, address, port); the first is empty when it is none.

    Host name and address exclude each other. A host with a path but no scheme is taken for http.
    """
    text = text.strip().strip("<>\"'").strip()
    if not text or len(text) > 4000:
        return "", "", "", None
    if "[" in text or "(" in text or text[:2].lower() == "hx" or "{" in text or "\\" in text or text[1:3] == "**":
        text = refang(text).text
    text = "".join(text.split())
    match = _AUTHORITY.match(text)
    if not match or match["scheme"].lower() not in _SCHEMES:
        if "/" not in text or not _AUTHORITY.match("http://" + text):
            return "", "", "", None
        text = "http://" + text
        match = _AUTHORITY.match(text)
    if not match:
        return "", "", "", None
    name = match["host"].strip("[]").rstrip(".")
    ip = canonical(name)
    if ip:
        return (text, "", ip, port(match["port"] or "")) if is_public(ip) else ("", "", "", None)
    found = host(name)
    return (text, found, "", port(match["port"] or "")) if found else ("", "", "", None)


def when(value: object, zone: tzinfo | None = None) -> datetime | None:
    """A point in time in UTC. Without a zone in the text or in `zone` it is None: no guessing.

    Epoch seconds and milliseconds are UTC by definition. Day and month in doubt (`03/04/2026`) give None.
    """
    if isinstance(value, datetime):
        moment: datetime | None = value
    else:
        moment = _moment(str(value).strip()[:80])
    if moment is None:
        return None
    if moment.tzinfo is None:
        if zone is None:
            return None
        moment = moment.replace(tzinfo=zone)
    try:
        moment = moment.astimezone(timezone.utc)
    except (OverflowError, ValueError):
        return None
    return moment if 1995 <= moment.year <= 2100 else None


@lru_cache(maxsize=8192)
def _moment(text: str) -> datetime | None:
    text = text.strip("[]\"' ")
    if match := _ISO.fullmatch(text):
        return _iso(match)
    if match := _EPOCH.fullmatch(text):
        try:
            return datetime.fromtimestamp(int(match[1]), timezone.utc)
        except (OverflowError, ValueError, OSError):
            return None
    if not _CLOCK.search(text):
        return None
    if match := _CTIME.match(text):
        year = match[3] or match[5]
        if year:
            text = f"{match[2]} {match[1]} {year} {match[4]} {match[6]}"
    elif re.match(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}\b", text):
        first, second = (int(piece) for piece in re.split(r"[/-]", text)[:2])
        if first <= 12 and second <= 12 and first != second:
            return None
    found = find_times(text)
    return found[0].when if found and not found[0].year_guessed else None


def _iso(match: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    zone: tzinfo | None = None
    if offset:
        digits = re.sub(r"\D", "", offset)
        delta = timedelta(hours=int(digits[:2] or 0), minutes=int(digits[2:] or 0))
        if delta >= timedelta(hours=24):
            return None
        zone = timezone(-delta if offset[0] == "-" else delta)
    try:
        return datetime(
            int(year), int(month), int(day), int(hour) % 24, int(minute), min(int(second or 0), 59),
            int((fraction or "0")[:6].ljust(6, "0")), zone,
        )  # fmt: skip
    except ValueError:
        return None


def time_text(moment: datetime) -> str:
    """An aware time as events hold it."""
    return moment.astimezone(timezone.utc).isoformat()


def put_time(event: Event, value: object, zone: tzinfo | None = None) -> bool:
    """Set `time.source` if the value is a time with a known zone; tell whether it was."""
    moment = when(value, zone)
    if moment is None:
        return False
    event["time.source"] = time_text(moment)
    return True


def put_url(event: Event, side: str, text: str) -> bool:
    """Set `<side>.url` and what follows from it: host name or address, and a port that stands in it."""
    found, name, ip, number = url(text)
    if not found:
        return False
    event[f"{side}.url"] = found
    if name:
        event.setdefault(f"{side}.fqdn", name)
    if ip:
        event.setdefault(f"{side}.ip", ip)
    if number:
        event.setdefault(f"{side}.port", number)
    return True


def put_host(event: Event, name: str, text: str) -> None:
    """Set a field to a host name if it is one and the field is still empty."""
    if name not in event and (found := host(text)):
        event[name] = found


def put_resource(event: Event, side: str, text: str) -> bool:
    """Set what a field of the kind "source" may hold: an address with or without port, a URL, or a host name."""
    text = text.strip()
    ip, number = address_and_port(text)
    if ip:
        event[f"{side}.ip"] = ip
        if number:
            event.setdefault(f"{side}.port", number)
        return True
    if put_url(event, side, text):
        return True
    name = host(text)
    if name:
        event[f"{side}.fqdn"] = name
    return bool(name)


def put_extra(event: Event, name: str, value: Any) -> None:
    """Keep a value that has no field of its own, cut to what a person still reads; empty ones are left out."""
    if isinstance(value, str):
        value = " ".join(value.split())[:1000]
    if value not in (None, "", [], {}):
        event[f"extra.{name}"] = value


def has_resource(event: Event) -> bool:
    """Whether the event says what it is about."""
    return bool(event.get("source.ip") or event.get("source.fqdn") or event.get("source.url"))
