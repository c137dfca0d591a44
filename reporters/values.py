# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A piece of text that a definition took, made into the value of its field, or nothing if it is none.

What is found by the building blocks of free text stays the same everywhere: defanging, canonical addresses, zones.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from typing import Any

from abusehandler.reporters.definition import FIELDS
from abusehandler.reports.freetext.addresses import canonical, find_addresses, is_public
from abusehandler.reports.freetext.names import find_hosts, find_urls, host_name
from abusehandler.reports.freetext.refang import refang
from abusehandler.reports.freetext.times import find_times

LONGEST = 2_200
_DIGITS = re.compile(r"\d{1,5}")
_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,10}")
_ACCOUNT = re.compile(r"[^\s<>\"'|]{1,200}")
_WORD = re.compile(r"[\w.+/-]{1,60}")


@dataclass(frozen=True, slots=True)
class Clock:
    """How to read a time that lacks something: `zone` for those without one, `now` for those without a year."""

    zone: tzinfo | None = None
    now: datetime | None = None


def value_of(field: str, text: str, clock: Clock) -> Any:
    """The value as IntelMQ's field holds it, or None. Times come out in UTC, and only when a zone is known."""
    return _READERS[FIELDS[field]](text[:LONGEST].strip(), clock)


def addresses_of(text: str) -> list[str]:
    """All public addresses of a text in order, none twice; bounds of ranges and networks left out."""
    found = (one for one in find_addresses(refang(text).text) if not one.bound and one.prefix is None)
    return list(dict.fromkeys(one.ip for one in found if is_public(one.ip)))


def with_host(event: dict[str, Any]) -> dict[str, Any]:
    """The event with the host of its URL as `source.fqdn`, or as `source.ip` where the URL names an address."""
    for url in find_urls(str(event.get("source.url") or "")):
        if not canonical(url.host):
            event.setdefault("source.fqdn", url.host)
        elif is_public(url.host):
            event.setdefault("source.ip", url.host)
    return event


def _address(text: str, clock: Clock) -> str | None:
    alone = canonical(text.strip("[]()<>\"' "))
    if alone:
        return alone if is_public(alone) else None
    return next(iter(addresses_of(text)), None)


def _port(text: str, clock: Clock) -> int | None:
    found = _DIGITS.search(text)
    return int(found.group()) if found and 0 < int(found.group()) < 65536 else None


def _host(text: str, clock: Clock) -> str | None:
    plain = refang(text).text.strip().strip("<>[]()\"'*,;")
    for url in find_urls(plain):
        return url.host if not canonical(url.host) else None
    if _HOST.fullmatch(plain):
        return host_name(plain) or None
    return next((one.host for one in find_hosts(plain)), None)


def _url(text: str, clock: Clock) -> str | None:
    plain = refang(text).text
    for url in find_urls(plain):
        return url.url
    bare = plain.strip().strip("<>[]()\"'*,;")
    host = re.split(r"[/?#:]", bare, maxsplit=1)[0]
    if "/" in bare and not re.search(r"\s", bare) and (host_name(host) or canonical(host)):
        return f"http://{bare}"
    return next((one.url for one in find_hosts(plain) if one.url), None)


def _network(text: str, clock: Clock) -> str | None:
    try:
        network = ipaddress.ip_network(text.strip("[]()<>\"' "), strict=False)
    except ValueError:
        return None
    alone = network.prefixlen == network.max_prefixlen  # an address, and `source.ip` holds it
    return None if alone or not is_public(str(network.network_address)) else str(network)


def _account(text: str, clock: Clock) -> str | None:
    found = _ACCOUNT.search(text)
    return found.group() if found else None


def _word(text: str, clock: Clock) -> str | None:
    found = _WORD.search(text)
    return found.group().lower() if found else None


def _text(text: str, clock: Clock) -> str | None:
    plain = " ".join(text.split())
    return plain[:500] or None


def _time(text: str, clock: Clock) -> str | None:
    found = find_times(text, clock.now)
    when = found[0].at(clock.zone) if found else None
    return event_time(when) if when is not None else None


def event_time(when: datetime) -> str:
    """An aware time as events hold it: UTC, microseconds only where there are any."""
    return when.astimezone(timezone.utc).isoformat(sep="T")


_READERS = {
    "address": _address,
    "port": _port,
    "host": _host,
    "url": _url,
    "network": _network,
    "account": _account,
    "word": _word,
    "text": _text,
    "time": _time,
}
