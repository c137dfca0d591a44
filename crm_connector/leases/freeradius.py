# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""RADIUS accounting as FreeRADIUS writes it to `detail` files (rlm_detail): Start, Interim-Update and Stop records (RFC 2866).

A record is a line with its time, then `Attribute = value` lines, then an empty line. Settings: `path` (pattern,
packed files too), `keep_days`, `customer_by`: attributes that name the customer, default User-Name, then
Calling-Station-Id. The time of an event is the record's Timestamp (or Event-Timestamp) minus Acct-Delay-Time.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.addresses import parse_prefix
from abusehandler.crm_connector.leases.session import (
    LEASE_SETTINGS,
    Sessions,
    bounded_lines,
    files_mark,
    lease_files,
    oldest_wanted,
    open_text,
    silence,
)
from abusehandler.crm_connector.settings import refuse_unknown
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report

_ATTRIBUTE = re.compile(r"[ \t]{1,8}([A-Za-z0-9][A-Za-z0-9-]{0,60}) = (.*)", re.ASCII)
_PREFIXES = ("Framed-IP-Address", "Framed-IPv6-Prefix", "Delegated-IPv6-Prefix", "Framed-IPv6-Address")
_MOST_ATTRIBUTES = 200


class FreeRadiusDetail:
    """Reads detail files."""

    background = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, LEASE_SETTINGS)
        self._settings = settings
        self._base = base
        named = settings.get("customer_by", ["User-Name", "Calling-Station-Id"])
        self._named = [named] if isinstance(named, str) else named
        if not isinstance(self._named, list) or not all(isinstance(one, str) for one in self._named):
            raise ConfigurationError("customer_by: write a list of RADIUS attributes, for example [User-Name]")
        oldest_wanted(settings)
        silence(settings)

    def mark(self) -> str:
        """Sizes and times of the files."""
        return files_mark(self._settings, self._base)

    def read(self, report: Report) -> Iterator[Item]:
        """Every session once."""
        sessions = Sessions("", oldest_wanted(self._settings), silence(self._settings))
        for path in lease_files(self._settings, self._base):
            sessions.moved_to(path.name)
            with open_text(path) as stream:
                for line, record in _records(stream, path.name, report):
                    try:
                        yield from self._told(record, line, sessions)
                    except (ValueError, OverflowError, OSError) as error:
                        report(f"{path.name}:{line}: {error}; record left out")
        yield from sessions.rest()

    def _told(self, record: dict[str, list[str]], line: int, sessions: Sessions) -> Iterator[Item]:
        status = _first(record, "Acct-Status-Type")
        server = (
            _first(record, "NAS-Identifier") or _first(record, "NAS-IP-Address") or _first(record, "NAS-IPv6-Address")
        )
        if status in ("Accounting-On", "Accounting-Off"):
            yield from sessions.restart(server, _moment(record))
        if status not in ("Start", "Stop", "Interim-Update", "Alive"):
            return
        who = next((value for name in self._named if (value := _first(record, name))), "")
        if not who:
            raise ValueError(f"none of {', '.join(self._named)} names the customer")
        at = _moment(record)
        lasted = timedelta(seconds=int(_first(record, "Acct-Session-Time") or 0))
        for name in _PREFIXES:
            for text in record.get(name, ()):
                prefix = text.partition(" ")[0]
                if parse_prefix(prefix)[1] == 0:
                    continue  # 0.0.0.0: the session has no address yet
                if status == "Stop":
                    yield from sessions.stop(prefix, who, at, line, began=at - lasted if lasted else None)
                else:
                    began = at if status == "Start" else at - lasted
                    yield from sessions.start(prefix, who, began, line, heard=at, server=server)


def _records(stream: Any, name: str, report: Report) -> Iterator[tuple[int, dict[str, list[str]]]]:
    record: dict[str, list[str]] = {}
    begin = count = 0
    for number, line in bounded_lines(stream, report, name):
        found = _ATTRIBUTE.fullmatch(line.rstrip("\r\n"))
        if found:
            count += 1
            if count <= _MOST_ATTRIBUTES:
                record.setdefault(found[1], []).append(found[2].strip().strip('"'))
            continue
        if record:
            yield begin, record
        record, begin, count = {}, number, 0
    # The last record is read when its empty line is there; a server may just be writing it.


def _first(record: dict[str, list[str]], name: str) -> str:
    values = record.get(name)
    return values[0] if values else ""


def _moment(record: dict[str, list[str]]) -> datetime:
    seconds = _first(record, "Timestamp")
    if not seconds:
        seconds = _first(record, "Event-Timestamp")
        if not seconds.isdecimal():
            raise ValueError("no Timestamp")
    delay = int(_first(record, "Acct-Delay-Time") or 0)
    return datetime.fromtimestamp(int(seconds) - delay, timezone.utc)
