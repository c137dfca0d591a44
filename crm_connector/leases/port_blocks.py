# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Port blocks of carrier-grade NAT, as rows of begin and end, or one row for each block (RFC 6888 REQ-14: what must be logged).

Two kinds of rows, as CSV with a header or, with `pattern`, any syslog line:
 - events: time, event (one of `begins` or `ends`), public address, ports, and the customer's private address or login;
 - intervals: begin, end, public address, ports, customer: read by the plain `csv` connector.
Settings: `path` (pattern, packed files too), `pattern` (a regular expression with the groups time, event, public,
first, last, who), `columns` (the same names → column), `begins`, `ends`, `time_zone`, `keep_days`.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.addresses import parse_prefix
from abusehandler.crm_connector.assignment import PortRange
from abusehandler.crm_connector.columns import column_key
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
from abusehandler.crm_connector.times import parse_moment, zone_named
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report

_NAMES = ("time", "event", "public", "first", "last", "who")
_SPELLINGS = {
    "time": ("time", "timestamp", "observationtimemilliseconds", "eventtime", "date"),
    "event": ("event", "natevent", "action", "type", "eventtype"),
    "public": ("public", "publicip", "postnatsourceipv4address", "natip", "externalip", "globalip", "outsideip"),
    "first": ("first", "portfirst", "portrangestart", "startport", "portstart", "firstport"),
    "last": ("last", "portlast", "portrangeend", "endport", "portend", "lastport"),
    "who": ("who", "customer", "sourceipv4address", "privateip", "insideip", "internalip", "subscriber", "username", "login"),
}  # fmt: skip
#: IPFIX natEvent (IANA): 16 NAT port block allocation, 17 de-allocation (older numbers from RFC 8158's drafts too).
_BEGINS = (
    "16",
    "allocated",
    "allocate",
    "alloc",
    "assigned",
    "created",
    "create",
    "add",
    "a",
    "block_alloc",
    "active",
    "start",
)
_ENDS = ("17", "released", "release", "deallocated", "deallocate", "dealloc", "freed", "free", "deleted", "delete", "d",
         "block_release", "inactive", "stop")  # fmt: skip
_LONGEST_MATCHED = 2000


class PortBlocks:
    """Reads the events of a NAT's block allocation."""

    background = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, (*LEASE_SETTINGS, "pattern", "columns", "begins", "ends", "time_zone"))
        self._settings = settings
        self._base = base
        self._zone = zone_named(str(settings.get("time_zone", "UTC")), "time_zone")
        self._begins = _words(settings, "begins", _BEGINS)
        self._ends = _words(settings, "ends", _ENDS)
        self._pattern = None
        if settings.get("pattern"):
            try:
                self._pattern = re.compile(str(settings["pattern"]))
            except re.error as error:
                raise ConfigurationError(f"pattern: {error}") from error
            missing = set(_NAMES) - self._pattern.groupindex.keys()
            if missing:
                raise ConfigurationError(
                    f"pattern: write the groups (?P<{'>...), (?P<'.join(sorted(missing))}>...) too"
                )
        oldest_wanted(settings)
        silence(settings)

    def mark(self) -> str:
        """Sizes and times of the files."""
        return files_mark(self._settings, self._base)

    def read(self, report: Report) -> Iterator[Item]:
        """Every allocation once."""
        sessions = Sessions("", oldest_wanted(self._settings), silence(self._settings))
        for path in lease_files(self._settings, self._base):
            sessions.moved_to(path.name)
            with open_text(path) as stream:
                take: Callable[[str], tuple[str, ...] | None] | None = self._by_pattern if self._pattern else None
                for number, line in bounded_lines(stream, report, path.name):
                    if take is None:
                        take = self._by_columns(line, path.name)
                        continue
                    try:
                        values = take(line)
                        if values is not None:
                            yield from self._told(values, number, sessions)
                    except (ValueError, IndexError) as error:
                        report(f"{path.name}:{number}: {error}; left out")
        yield from sessions.rest()

    def _told(self, values: tuple[str, ...], line: int, sessions: Sessions) -> Iterator[Item]:
        when, event, public, first, last, who = values
        event = event.lower()
        at = parse_moment(when, self._zone)
        if at is None or not who:
            raise ValueError("time or customer is missing")
        parse_prefix(public)
        ports = PortRange(int(first), int(last))
        if event in self._begins:
            yield from sessions.start(public, who, at, line, ports=ports)
        elif event in self._ends:
            yield from sessions.stop(public, who, at, line, ports=ports)
        else:
            raise ValueError(f"event {event[:40]!r} is neither a begin nor an end; name it under begins: or ends:")

    def _by_pattern(self, line: str) -> tuple[str, ...] | None:
        assert self._pattern
        found = self._pattern.search(line[:_LONGEST_MATCHED])
        return None if found is None else tuple(found[name] or "" for name in _NAMES)

    def _by_columns(self, header: str, name: str) -> Callable[[str], tuple[str, ...] | None]:
        delimiter = max(",;\t|", key=header.count)
        keys = [column_key(title) for title in next(csv.reader([header.lstrip("\ufeff")], delimiter=delimiter), [])]
        wanted = self._settings.get("columns") or {}
        at = []
        for field in _NAMES:
            spellings = (column_key(str(wanted[field])),) if field in wanted else _SPELLINGS[field]
            found = next((keys.index(one) for one in spellings if one in keys), None)
            if found is None:
                raise ConfigurationError(f"{name}: no column for {field}; write columns: {{{field}: its name}}")
            at.append(found)

        def take(line: str) -> tuple[str, ...] | None:
            if not line.strip():
                return None
            cells = next(csv.reader([line], delimiter=delimiter), [])
            return tuple(cells[column].strip() for column in at)

        return take


def _words(settings: Mapping[str, Any], key: str, default: tuple[str, ...]) -> frozenset[str]:
    words = settings.get(key, default)
    words = [words] if isinstance(words, (str, int)) else words
    if not isinstance(words, (list, tuple)):
        raise ConfigurationError(f"{key}: write a list of words, for example [allocated]")
    return frozenset(str(word).lower() for word in words)
