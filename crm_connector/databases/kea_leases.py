# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Leases that ISC Kea keeps in PostgreSQL, MariaDB or MySQL: the tables `lease4` and `lease6`.

https://kea.readthedocs.io/, "Lease Storage", and the schema in share/database/scripts. Settings: `url` or `url_file`,
`customer_by` (as of connector kea), `keep_days` (31), `timeout_seconds` (60), and `history_file`: Kea's tables hold the
present lease of each address alone, so without this file nobody is found for yesterday.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from socket import AF_INET6, inet_ntop
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.addresses import address_text, parse_prefix, prefix_text
from abusehandler.crm_connector.assignment import Assignment
from abusehandler.crm_connector.databases.engine import ENGINE_SETTINGS, open_engine, reading, run
from abusehandler.crm_connector.leases.history import FOREVER, Held, history_setting
from abusehandler.crm_connector.leases.kea import INFINITE, customer_names, named_customer
from abusehandler.crm_connector.leases.session import oldest_wanted
from abusehandler.crm_connector.settings import refuse_unknown
from abusehandler.crm_connector.times import parse_moment
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report

_ROWS_AT_ONCE = 5000
_MOST_LEASES = 20_000_000
# States (Kea, "Lease states"): 1 declined and 3 released are nobody's any more; 2 was held until it expired.
_QUERIES = {
    "lease4": "SELECT address, hwaddr, client_id, valid_lifetime, expire, hostname, user_context FROM lease4 "
    "WHERE state IN (0, 2, 4)",
    "lease6": "SELECT address, hwaddr, duid, valid_lifetime, expire, hostname, user_context, lease_type, prefix_len "
    "FROM lease6 WHERE state IN (0, 2, 4)",
}


class KeaDatabase:
    """Reads both tables; one that is not there is passed over."""

    remote = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, (*ENGINE_SETTINGS, "customer_by", "keep_days", "history_file"))
        self._settings = settings
        self._named = customer_names(settings)
        oldest_wanted(settings)
        self._history = history_setting(settings, base)
        self._engine = open_engine(settings, base)

    def mark(self) -> str:
        """Leases change all the time."""
        return ""

    def read(self, report: Report) -> Iterator[Item]:
        """The present leases, and with `history_file` those before them."""
        present: dict[str, Held] = {}
        with reading(self._engine, utc=True) as connection:
            from sqlalchemy import inspect

            tables = set(inspect(connection).get_table_names()) & _QUERIES.keys()
            if not tables:
                raise ConfigurationError("kea-sql: neither lease4 nor lease6 is there; is this the database of Kea?")
            for table in sorted(tables):
                result = run(connection, _QUERIES[table])
                names = list(result.keys())
                for rows in result.partitions(_ROWS_AT_ONCE):
                    for row in rows:
                        self._take(table, dict(zip(names, row, strict=True)), present, report)
                    if len(present) > _MOST_LEASES:
                        raise ConfigurationError(f"{table}: more than {_MOST_LEASES} leases")
        if self._history is None:
            for prefix, held in present.items():
                yield Assignment(prefix, held.who, _moment(held.begin), _moment(held.until), None, "Kea")
            return
        now = datetime.now(timezone.utc)
        yield from self._history.merge(present, "Kea", now, oldest_wanted(self._settings))

    def _take(self, table: str, row: dict[str, Any], present: dict[str, Held], report: Report) -> None:
        try:
            prefix = _prefix(table, row)
            who = named_customer({name: _text(name, value) for name, value in row.items()}, self._named)
            lifetime = int(row["valid_lifetime"])
            expire = row["expire"] if isinstance(row["expire"], datetime) else parse_moment(str(row["expire"]))
            if expire is None:
                raise ValueError("no expire")
            expire = expire if expire.tzinfo else expire.replace(tzinfo=timezone.utc)
            endless = lifetime >= INFINITE
            begin = expire - timedelta(seconds=0 if endless else lifetime)
        except (ValueError, TypeError, OverflowError, OSError) as error:
            report(f"{table}: {row.get('address')!r}: {error}; left out")
            return
        until = FOREVER if endless else int(expire.timestamp())
        present[prefix] = Held(who, 0 if endless else max(0, int(begin.timestamp())), until)


def _prefix(table: str, row: Mapping[str, Any]) -> str:
    address = row["address"]
    if table == "lease4":
        return address_text(32, int(address)) + "/32"
    if isinstance(address, (bytes, memoryview)):  # BINARY(16) since Kea 2.5, text before
        address = inet_ntop(AF_INET6, bytes(address))
    # Type 2 is a delegated prefix (RFC 8415).
    length = int(row["prefix_len"]) if int(row["lease_type"] or 0) == 2 else 128
    bits, network, length, _ = parse_prefix(f"{str(address).partition('/')[0]}/{length}")
    return prefix_text((bits, network, length))


def _text(name: str, value: Any) -> str:
    """A column as the lease file would hold it."""
    if value is None:
        return ""
    if isinstance(value, (bytes, memoryview)):
        octets = bytes(value)
        return octets.hex(":") if name in ("hwaddr", "client_id", "duid") else octets.decode("utf-8", "replace")
    return str(value)


def _moment(seconds: int) -> datetime | None:
    return None if seconds in (0, FOREVER) else datetime.fromtimestamp(seconds, timezone.utc)
