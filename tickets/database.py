# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The connection to PostgreSQL: opened when needed, given up and opened again when it broke."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.extensions

from abusehandler.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Two workers met; the loser's transaction was rolled back whole and can simply be run again.
RETRY_CODES = frozenset({"40001", "40P01"})
ATTEMPTS = 8


class Unavailable(StoreError):
    """PostgreSQL cannot be reached now; nothing is wrong with the data, the same work can be tried again later."""


class Database:
    """One connection for one process; not for threads.

    Times come back as aware datetimes, the session runs in UTC.
    """

    def __init__(self, dsn: str, *, application: str = "abusehandler") -> None:
        self._dsn = dsn
        self._application = application
        self._connection: psycopg2.extensions.connection | None = None
        #: Roll every transaction back instead of committing it: for trying what would happen.
        self.dry_run = False

    def connection(self) -> psycopg2.extensions.connection:
        """The open connection. Raises Unavailable when there is no way to the server."""
        if self._connection is None or self._connection.closed:
            try:
                connection = psycopg2.connect(
                    self._dsn,
                    fallback_application_name=self._application,
                    connect_timeout=10,
                    keepalives_idle=30,
                    options="-c timezone=UTC -c lock_timeout=60s -c idle_in_transaction_session_timeout=10min",
                )
            except psycopg2.OperationalError as error:
                raise Unavailable(
                    f"PostgreSQL cannot be reached with 'database: dsn' of abusehandler.yaml: {_one_line(error)}"
                ) from None
            except psycopg2.ProgrammingError as error:
                raise StoreError(
                    f"'database: dsn' of abusehandler.yaml is not a connection string: {_one_line(error)}"
                ) from None
            self._connection = connection
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[psycopg2.extensions.cursor]:
        """A cursor whose work is committed at the end of the block, or rolled back whole.

        Raises Unavailable when the connection breaks; whether a commit arrived is unknown then, so what is done in the
        block must bear being done again.
        """
        connection = self.connection()
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
                if self.dry_run:
                    connection.rollback()
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            if getattr(error, "pgcode", None) in RETRY_CODES:
                raise
            self.close()
            raise Unavailable(f"the connection to PostgreSQL broke: {_one_line(error)}") from error
        except BaseException:
            if connection.closed:
                self.close()
            raise

    def retrying(self, work: Any) -> Any:
        """Calls `work(cursor)` in a transaction, again when another worker's transaction crossed it."""
        for attempt in range(ATTEMPTS):
            try:
                with self.transaction() as cursor:
                    return work(cursor)
            except psycopg2.OperationalError as error:
                if error.pgcode not in RETRY_CODES or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("not reached")

    def fetch(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """The rows of one statement, in a transaction of its own."""
        with self.transaction() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Gives the connection up; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.closed:
            try:
                connection.close()
            except psycopg2.Error:
                return


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
