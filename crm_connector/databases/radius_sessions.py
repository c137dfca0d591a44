# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""RADIUS accounting as FreeRADIUS keeps it in SQL: the table `radacct` of PostgreSQL, MariaDB, MySQL or SQLite.

https://github.com/FreeRADIUS/freeradius-server, raddb/mods-config/sql/main. Settings: `url` or `url_file`, `table`
(radacct), `customer_by` (default [username, callingstationid]), `keep_days` (31), `silent_hours`, `time_zone` (of columns
without one, as MySQL's; default UTC), `timeout_seconds` (60).

A session counts with the whole of its time, also if it began before the `keep_days`. One without a stop is open: it ends
when the address goes to somebody else, or `silent_hours` after the last interim update. The columns for IPv6 came with
FreeRADIUS 3.0.20; where they are missing IPv4 is read.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.addresses import parse_prefix, prefix_text
from abusehandler.crm_connector.databases.engine import ENGINE_SETTINGS, open_engine, reading, run
from abusehandler.crm_connector.leases.session import Lease, joined, oldest_wanted, silence
from abusehandler.crm_connector.settings import refuse_unknown
from abusehandler.crm_connector.times import in_utc, parse_moment, zone_named
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report

_ADDRESSES = ("framedipaddress", "framedipv6address", "framedipv6prefix", "delegatedipv6prefix")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,100}", re.ASCII)
_ROWS_AT_ONCE = 5000


class RadiusSessions:
    """Reads the sessions of `keep_days`, address by address."""

    remote = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, (*ENGINE_SETTINGS, "table", "customer_by", "keep_days", "silent_hours", "time_zone"))
        self._settings = settings
        self._table = str(settings.get("table", "radacct"))
        named = settings.get("customer_by", ["username", "callingstationid"])
        self._named = [named] if isinstance(named, str) else named
        for key, names in (("table", [self._table]), ("customer_by", self._named)):
            if not isinstance(names, list) or not names or not all(_NAME.fullmatch(str(name)) for name in names):
                raise ConfigurationError(f"{key}: write a name of the database, for example radacct or username")
        self._zone = zone_named(str(settings.get("time_zone", "UTC")), "time_zone")
        oldest_wanted(settings)
        silence(settings)
        self._engine = open_engine(settings, base)

    def mark(self) -> str:
        """Accounting changes all the time."""
        return ""

    def read(self, report: Report) -> Iterator[Item]:
        """Every session once; renewals of one customer are one."""
        since = oldest_wanted(self._settings)
        # As text, which every database compares with its own kind of time; `joined` cuts to the second.
        oldest = f"{since.astimezone(self._zone) - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
        with reading(self._engine, utc=False) as connection:
            there = self._columns(connection)
            for column in _ADDRESSES:
                if column not in there:
                    continue
                result = run(connection, self._query(column), {"since": oldest})
                rows = (row for rows in result.partitions(_ROWS_AT_ONCE) for row in rows)
                for address, sessions in groupby(rows, key=itemgetter(0)):
                    yield from self._of_address(str(address), column, sessions, since, report)

    def _columns(self, connection: Any) -> set[str]:
        from sqlalchemy import inspect
        from sqlalchemy.exc import NoSuchTableError

        schema, _, table = self._table.rpartition(".")
        try:
            return {str(one["name"]).lower() for one in inspect(connection).get_columns(table, schema=schema or None)}
        except NoSuchTableError as error:
            raise ConfigurationError(f"table: there is no table {self._table}; write the name of radacct") from error

    def _query(self, column: str) -> str:
        # All names are checked by _NAME. Sorted by the database, so that one address at a time is in memory.
        return (
            f"SELECT {column}, acctstarttime, acctstoptime, acctupdatetime, acctsessiontime, radacctid, "  # noqa: S608
            f"{', '.join(self._named)} FROM {self._table} WHERE {column} IS NOT NULL "
            f"AND (acctstoptime IS NULL OR acctstoptime >= :since) ORDER BY {column}, acctstarttime"
        )

    def _of_address(
        self, address: str, column: str, sessions: Iterator[Any], since: datetime, report: Report
    ) -> Iterator[Item]:
        if not address:
            return
        try:
            bits, network, length, _ = parse_prefix(address)
        except ValueError as error:
            report(f"{self._table}: {column}: {error}; left out")
            return
        if not network:
            return  # 0.0.0.0: the session had no address yet
        prefix = prefix_text((bits, network, length))
        leases = []
        for row in sessions:
            try:
                lease = self._lease(row)
            except (ValueError, OverflowError) as error:
                report(f"{self._table}: radacctid {row[5]}: {error}; left out")
                continue
            leases.append(lease)
        yield from joined(prefix, leases, since)

    def _lease(self, row: Any) -> Lease:
        _, start, stop, update, seconds, number, *named = row
        who = next((str(name) for name in named if name), "")
        if not who:
            raise ValueError(f"none of {', '.join(self._named)} names the customer")
        ended, heard = _moment(stop, self._zone, latest=True), _moment(update, self._zone, latest=True)
        began = _moment(start, self._zone)
        if began is None and ended is not None and seconds:
            began = ended - timedelta(seconds=int(seconds))  # the start was lost on its way
        if began is None:
            raise ValueError("the session has no start")
        after = silence(self._settings)
        if ended is None and after is not None:
            end = max(began + timedelta(seconds=int(seconds or 0)), heard or began) + after
            ended = end if end < datetime.now(timezone.utc) else None
        return Lease(began, ended, who, self._table, int(number) if number is not None else 0)


def _moment(value: Any, zone: tzinfo, *, latest: bool = False) -> datetime | None:
    if isinstance(value, datetime):
        return in_utc(value if value.tzinfo else value.replace(tzinfo=zone), latest=latest)
    return None if value is None else parse_moment(str(value), zone, latest=latest)
