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

import stat
from datetime import date, datetime, timezone
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.row_reader import ROW_SETTINGS, RowReader
from abusehandler.crm_connector.settings import number_setting, refuse_unknown
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Engine

    from abusehandler.crm_connector.connector import Item, Report

_ROWS_AT_ONCE = 5000
_MOST_ROWS = 50_000_000


class SqlQuery:
    """Reads the rows of one or more SELECTs."""

    remote = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(
            settings, ("url", "url_file", "query", "queries", "mark_query", "timeout_seconds", *ROW_SETTINGS)
        )
        self._settings = settings
        self._timeout = int(number_setting(settings, "timeout_seconds", 60, 1, 3600))
        queries = settings.get("queries") or ([settings["query"]] if settings.get("query") else [])
        if not isinstance(queries, list) or not queries or not all(isinstance(one, str) for one in queries):
            raise ConfigurationError("query: write a SELECT whose columns are named prefix, customer_id, email ...")
        self._queries = queries
        self._engine = self._connect(_url(settings, base), base)

    def mark(self) -> str:
        """What `mark_query` answers; empty without one."""
        query = self._settings.get("mark_query")
        if not query:
            return ""
        with self._engine.connect() as connection:
            self._prepare(connection)
            row = self._execute(connection, str(query)).first()
        return "-" if row is None else "|".join(map(_text, row))

    def read(self, report: Report) -> Iterator[Item]:
        """The rows of all queries, then the customers they named."""
        with self._engine.connect() as connection:
            self._prepare(connection)
            for number, query in enumerate(self._queries, 1):
                source = f"query {number}"
                result = self._execute(connection, query)
                reader = RowReader(list(result.keys()), self._settings, source, report)
                count = 0
                for rows in result.partitions(_ROWS_AT_ONCE):
                    for row in rows:
                        count += 1
                        yield from reader.read([_text(value) for value in row], count)
                    if count > _MOST_ROWS:
                        raise ConfigurationError(f"query {number}: more than {_MOST_ROWS} rows")
                yield from reader.customers()
            connection.rollback()

    def _connect(self, url: str, base: Path) -> Engine:
        try:
            from sqlalchemy import create_engine
            from sqlalchemy.engine import make_url
            from sqlalchemy.exc import ArgumentError, NoSuchModuleError
            from sqlalchemy.pool import NullPool
        except ImportError as error:
            raise ConfigurationError("connector sql needs SQLAlchemy: pip install 'abusehandler[sql]'") from error
        try:
            parsed = make_url(url)
            kind = parsed.get_backend_name()
            options: dict[str, Any] = {}
            if kind == "sqlite":
                if parsed.database and parsed.database != ":memory:":
                    path = (base / Path(parsed.database).expanduser()).absolute()
                    # Opened read-only; sqlite would otherwise make an empty file of a misspelt name.
                    parsed = parsed.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})
                options = {"timeout": self._timeout}
            elif kind in ("mysql", "mariadb"):
                options = {"connect_timeout": 10, "read_timeout": self._timeout}
            elif kind == "postgresql":
                options = {
                    "connect_timeout": 10,
                    "options": f"-c statement_timeout={self._timeout * 1000} -c default_transaction_read_only=on",
                    "application_name": "abusehandler",
                }
            return create_engine(parsed, connect_args=options, poolclass=NullPool)
        except ArgumentError as error:
            raise ConfigurationError("url: write sqlite:///file.db or postgresql+psycopg2://user@host/db") from error
        except (NoSuchModuleError, ImportError) as error:
            raise ConfigurationError(f"url: {error}; pip install 'abusehandler[sql]'") from error

    def _prepare(self, connection: Connection) -> None:
        if connection.dialect.name in ("mysql", "mariadb"):
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")

    def _execute(self, connection: Connection, query: str) -> Any:
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        try:
            # A colon in a query (::inet, '12:00') is no parameter.
            escaped = text(query.replace(":", r"\:"))
            return connection.execution_options(stream_results=True).execute(escaped)
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise ConfigurationError(f"query: {said}; the query was: {' '.join(query.split())[:200]}") from error


def _url(settings: Mapping[str, Any], base: Path) -> str:
    if settings.get("url_file"):
        path = (base / Path(str(settings["url_file"])).expanduser()).absolute()
        try:
            if path.stat().st_mode & (stat.S_IRWXO):
                raise ConfigurationError(f"url_file: {path} can be read by everybody; chmod 640 {path}")
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(
                f"url_file: {path}: {error.strerror}; write the URL of the database into it"
            ) from error
    url = settings.get("url")
    if not isinstance(url, str) or "://" not in url:
        raise ConfigurationError(
            "url: write sqlite:///file.db, postgresql+psycopg2://user@host/db or mysql+pymysql://..."
        )
    return url


def _text(value: Any) -> str:
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

    if len(value) in (4, 16) and not value.isascii():
        return inet_ntop(AF_INET if len(value) == 4 else AF_INET6, value)
    return value.decode("utf-8", "replace")
