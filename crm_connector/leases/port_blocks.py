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
#: A log that has no column for these: the block is one port, or its size stands beside it.
_MAY_LACK = ("last",)
_SPELLINGS = {
    "time": ("time", "timestamp", "observationtimemilliseconds", "observationtimeseconds", "observationtimemicroseconds",
             "flowstartmilliseconds", "eventtime", "datetime", "date", "ts"),
    "event": ("natevent", "event", "natevt", "action", "type", "eventtype"),
    "public": ("public", "publicip", "postnatsourceipv4address", "xlatesrcip", "natip", "externalip", "globalip", "outsideip",
               "translatedip"),
    "first": ("first", "portfirst", "portrangestart", "pbstart", "startport", "portstart", "firstport",
              "postnaptsourcetransportport"),
    "last": ("last", "portlast", "portrangeend", "pbend", "endport", "portend", "lastport"),
    "who": ("who", "customer", "username", "subscriber", "login", "sourceipv4address", "sourceipv6address", "srcaddr",
            "privateip", "insideip", "internalip"),
}  # fmt: skip
_SIZES = ("portrangenumports", "numports", "blocksize", "pbsize", "size")
#: IPFIX natEvent (IANA registry, RFC 8158): 4 and 5 NAT44 session, 8 and 9 NAT44 BIB entry, 14 and 15 address binding,
#: 16 and 17 port block, each created and deleted.
_BEGINS = ("16", "4", "8", "14", "allocated", "allocate", "allocation", "alloc", "assigned", "created", "create", "add", "a",
           "block_alloc", "port block allocation", "active", "start")  # fmt: skip
_ENDS = ("17", "5", "9", "15", "released", "release", "deallocated", "deallocate", "dealloc", "de-allocation", "freed", "free",
         "deleted", "delete", "d", "block_release", "port block de-allocation", "inactive", "stop")  # fmt: skip
#: Exhausted pools and quotas are nobody's block.
_PASSED_OVER = ("3", "12", "13", "18")
_FIRST, _LAST = _NAMES.index("first"), _NAMES.index("last")
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
            missing = set(_NAMES) - self._pattern.groupindex.keys() - set(_MAY_LACK)
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
        if event in _PASSED_OVER and event not in self._begins and event not in self._ends:
            return
        at = parse_moment(when, self._zone, latest=event in self._ends)
        if at is None or not who:
            raise ValueError("time or customer is missing")
        parse_prefix(public)
        # An address that is bound as a whole has no ports.
        ports = PortRange(int(first), int(last or first)) if first and (first, last) != ("0", "0") else None
        if event in self._begins:
            yield from sessions.start(public, who, at, line, ports=ports)
        elif event in self._ends:
            yield from sessions.stop(public, who, at, line, ports=ports)
        else:
            raise ValueError(f"event {event[:40]!r} is neither a begin nor an end; name it under begins: or ends:")

    def _by_pattern(self, line: str) -> tuple[str, ...] | None:
        assert self._pattern
        found = self._pattern.search(line[:_LONGEST_MATCHED])
        return None if found is None else tuple(found.groupdict().get(name) or "" for name in _NAMES)

    def _by_columns(self, header: str, name: str) -> Callable[[str], tuple[str, ...] | None]:
        delimiter = max(",;\t|", key=header.count)
        keys = [column_key(title) for title in next(csv.reader([header.lstrip("\ufeff")], delimiter=delimiter), [])]
        wanted = self._settings.get("columns") or {}
        at = []
        for field in _NAMES:
            spellings = (column_key(str(wanted[field])),) if field in wanted else _SPELLINGS[field]
            found = next((keys.index(one) for one in spellings if one in keys), None)
            if found is None and (field not in _MAY_LACK or field in wanted):
                raise ConfigurationError(f"{name}: no column for {field}; write columns: {{{field}: its name}}")
            at.append(found)
        size = next((keys.index(one) for one in _SIZES if one in keys), None)

        def take(line: str) -> tuple[str, ...] | None:
            if not line.strip():
                return None
            cells = next(csv.reader([line], delimiter=delimiter), [])
            values = ["" if column is None else cells[column].strip() for column in at]
            if not values[_LAST] and size is not None and values[_FIRST]:
                values[_LAST] = str(int(values[_FIRST]) + max(0, int(cells[size]) - 1))
            return tuple(values)

        return take


def _words(settings: Mapping[str, Any], key: str, default: tuple[str, ...]) -> frozenset[str]:
    words = settings.get(key, default)
    words = [words] if isinstance(words, (str, int)) else words
    if not isinstance(words, (list, tuple)):
        raise ConfigurationError(f"{key}: write a list of words, for example [allocated]")
    return frozenset(str(word).lower() for word in words)
