# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Any SQL database by query, through SQLAlchemy Core: PostgreSQL, MariaDB and MySQL, SQLite.

Settings: `url` (`sqlite:///customers.db`, `postgresql+psycopg2://user@host/db`, `mysql+pymysql://user@host/db`) or
`url_file` (a file that holds it, for passwords), `query` or `queries` (a list): SELECTs whose columns have the names that a
customer file may have (prefix, customer_id, email, valid_from ...); `mark_query`: one cheap value that changes when the
data did, such as SELECT max(changed_at); `timeout_seconds` (60); further those of RowReader. Only reads: the session is
read-only where the database can do that.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.databases.engine import ENGINE_SETTINGS, open_engine, reading, run
from abusehandler.crm_connector.plain_rows import single_items
from abusehandler.crm_connector.row_reader import ROW_SETTINGS, RowReader
from abusehandler.crm_connector.settings import refuse_unknown
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report
    from abusehandler.crm_connector.plain_rows import Block

_ROWS_AT_ONCE = 1000
_MOST_ROWS = 50_000_000


class SqlQuery:
    """Reads the rows of one or more SELECTs."""

    remote = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, (*ENGINE_SETTINGS, "query", "queries", "mark_query", *ROW_SETTINGS))
        self._settings = settings
        queries = settings.get("queries") or ([settings["query"]] if settings.get("query") else [])
        if not isinstance(queries, list) or not queries or not all(isinstance(one, str) for one in queries):
            raise ConfigurationError("query: write a SELECT whose columns are named prefix, customer_id, email ...")
        self._queries = queries
        self._utc = "time_zone" not in settings
        self._engine = open_engine(settings, base)

    def mark(self) -> str:
        """What `mark_query` answers; empty without one."""
        query = self._settings.get("mark_query")
        if not query:
            return ""
        with reading(self._engine, utc=self._utc) as connection:
            row = run(connection, str(query)).first()
        return "-" if row is None else "|".join(map(_text, row))

    def read(self, report: Report) -> Iterator[Item]:
        """The rows of all queries, then the customers they named."""
        return single_items(self.blocks(report))

    def blocks(self, report: Report) -> Iterator[Block]:
        """The same, many rows at once."""
        with reading(self._engine, utc=self._utc) as connection:
            for number, query in enumerate(self._queries, 1):
                source = f"query {number}"
                result = run(connection, query)
                reader = RowReader(list(result.keys()), self._settings, source, report)
                count = 0
                for rows in result.partitions(_ROWS_AT_ONCE):
                    numbers = range(count + 1, count + len(rows) + 1)
                    count += len(rows)
                    yield from reader.read_block(numbers, [list(map(_text, row)) for row in rows])
                    if count > _MOST_ROWS:
                        raise ConfigurationError(f"query {number}: more than {_MOST_ROWS} rows")
                yield from reader.customers()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat() if value.tzinfo else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return _packed_address(bytes(value))
    if isinstance(value, (IPv4Interface, IPv6Interface)):
        return str(value.network)
    if isinstance(value, (IPv4Network, IPv6Network)):
        return str(value)
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return str(value)


def _packed_address(value: bytes) -> str:
    """An address as VARBINARY (INET6_ATON of MySQL), else text."""
    from socket import AF_INET, AF_INET6, inet_ntop

    text = value.decode("utf-8", "replace")
    if len(value) in (4, 16) and not (value.isascii() and text.isprintable()):
        return inet_ntop(AF_INET if len(value) == 4 else AF_INET6, value)
    return text
