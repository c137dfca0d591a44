# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The connection to PostgreSQL: opened when needed, given up and opened again when it broke."""

from __future__ import annotations

import functools
import hashlib
import re
import select
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import psycopg2.sql

from abusehandler.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: Two workers met; the loser's transaction was rolled back whole and can simply be run again.
RETRY_CODES = frozenset({"40001", "40P01"})
#: The database as a whole does not do what the program needs: read-only after a failover, no permission, a table or
#: column missing. No data is at fault, and it goes on once somebody has mended it.
NOT_USABLE_CODES = frozenset({"25006", "42501", "42P01", "42703", "42883"})
#: A limit of PostgreSQL was passed (class 54: an index entry too large, nested too deep): the data is at fault, though
#: psycopg2 calls it operational.
LIMIT_CODES = ("54000", "54001", "54011", "54023")
ATTEMPTS = 8
_PARAMETER = re.compile(r"%\((\w+)\)s|%%")


class Unavailable(StoreError):
    """PostgreSQL cannot be reached now; nothing is wrong with the data, the same work can be tried again later."""


class Crossed(Unavailable):
    """Another worker's transaction crossed ours, which was rolled back whole; it can be run again at once."""


class Database:
    """One connection for one process; not for threads.

    Times come back as aware datetimes, the session runs in UTC.
    """

    def __init__(self, dsn: str, *, application: str = "abusehandler") -> None:
        self._dsn = dsn
        self._application = application
        self._connection: psycopg2.extensions.connection | None = None
        self._listening: psycopg2.extensions.connection | None = None
        self._check: Callable[[psycopg2.extensions.cursor], None] | None = None
        self._prepared_on: psycopg2.extensions.connection | None = None
        self._prepared: set[str] = set()
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
        block must bear being done again. Raises Crossed when another transaction won; see `retrying`.
        """
        connection = self.connection()
        with self._explained(connection), connection, connection.cursor() as cursor:
            if self._check is not None:
                self._check(cursor)
            yield cursor
            if self.dry_run:
                connection.rollback()

    @contextmanager
    def guarded(self, check: Callable[[psycopg2.extensions.cursor], None]) -> Iterator[None]:
        """Within it each transaction begins with `check(cursor)`, which locks what must not have changed, and raises if it has."""
        self._check = check
        try:
            yield
        finally:
            self._check = None

    @contextmanager
    def _explained(self, connection: psycopg2.extensions.connection) -> Iterator[None]:
        try:
            yield
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            code = getattr(error, "pgcode", None)
            if code in RETRY_CODES:
                raise Crossed(f"two transactions crossed: {_one_line(error)}") from error
            if code in LIMIT_CODES:
                raise
            self.close()
            raise Unavailable(f"the connection to PostgreSQL broke: {_one_line(error)}") from error
        except (psycopg2.ProgrammingError, psycopg2.InternalError) as error:
            if error.pgcode not in NOT_USABLE_CODES:
                raise
            self.close()
            raise Unavailable(
                f"the database cannot be used: {_one_line(error)}; see 'abusehandler db status'"
            ) from error
        except BaseException:
            if connection.closed:
                self.close()
            raise

    def retrying(self, work: Any) -> Any:
        """Calls `work(cursor)` in a transaction, again when another worker's transaction crossed it."""
        for _ in range(ATTEMPTS - 1):
            try:
                with self.transaction() as cursor:
                    return work(cursor)
            except Crossed:
                continue
        with self.transaction() as cursor:
            return work(cursor)

    def fetch(self, sql: str | psycopg2.sql.Composable, parameters: Any = None) -> list[tuple[Any, ...]]:
        """The rows of one statement, in a transaction of its own."""
        with self.transaction() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def at_once(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """The rows of one statement that commits by itself: one round trip to the server instead of three.

        Raises what `transaction` raises. In a dry run it is rolled back as everything is.
        """
        return self._at_once(sql, parameters)[1]

    def _at_once(self, sql: str, parameters: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
        if self.dry_run:
            with self.transaction() as cursor:
                return _answer(cursor, sql, parameters)
        connection = self.connection()
        with self._explained(connection):
            connection.autocommit = True
            try:
                with connection.cursor() as cursor:
                    return _answer(cursor, sql, parameters)
            finally:
                if not connection.closed:
                    connection.autocommit = False

    def prepared(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement that commits by itself, planned once for each connection: for what is asked all the time.

        Planning costs more than doing where a statement names the events, which stand in a table for each month. Parameters
        are written `%(name)s`; where their type does not follow from the statement it needs a cast. Raises what
        `transaction` raises.
        """
        return self._prepared_answer(sql, parameters)[1]

    def prepared_rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The same with each row as a dict."""
        names, rows = self._prepared_answer(sql, parameters)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _prepared_answer(self, sql: str, parameters: Mapping[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        name, text, wanted = _numbered(sql)
        call = f"EXECUTE {name} ({', '.join(f'%({one})s' for one in wanted)})" if wanted else f"EXECUTE {name}"
        for again in (True, False):
            connection = self.connection()
            if self._prepared_on is not connection:
                self._prepared_on, self._prepared = connection, set()
            try:
                if name not in self._prepared:
                    self.at_once(f"PREPARE {name} AS {text}")
                    self._prepared.add(name)
                return self._at_once(call, parameters)
            except psycopg2.errors.FeatureNotSupported:
                # an upgrade changed the type of a column meanwhile
                if not again:
                    raise
                self.at_once("DEALLOCATE ALL")
                self._prepared = set()
        raise AssertionError("unreachable")

    def wait_for(self, channel: str, seconds: float) -> bool:
        """Waits until somebody says something on the channel (NOTIFY), at most so long; returns whether somebody did.

        The first call on a connection listens and returns at once: what was said before it cannot be known. Raises
        Unavailable when the connection breaks.
        """
        connection = self.connection()
        if self._listening is not connection:
            self.fetch(psycopg2.sql.SQL("LISTEN {}").format(psycopg2.sql.Identifier(channel)))
            self._listening = connection
            return True
        try:
            if not connection.notifies:
                select.select([connection], [], [], seconds)
                connection.poll()
        except (psycopg2.Error, OSError, ValueError) as error:
            self.close()
            raise Unavailable(f"the connection to PostgreSQL broke: {_one_line(error)}") from error
        said = bool(connection.notifies)
        connection.notifies.clear()
        return said

    def close(self) -> None:
        """Gives the connection up; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.closed:
            try:
                connection.close()
            except psycopg2.Error:
                return


def _answer(cursor: psycopg2.extensions.cursor, sql: str, parameters: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
    cursor.execute(sql, parameters)
    if cursor.description is None:
        return [], []
    return [column.name for column in cursor.description], cursor.fetchall()


@functools.cache
def _numbered(sql: str) -> tuple[str, str, tuple[str, ...]]:
    """A name for the statement, its text with $1, $2 … for its parameters, and these in that order."""
    wanted: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] is None:
            return "%"
        if match[1] not in wanted:
            wanted.append(match[1])
        return f"${wanted.index(match[1]) + 1}"

    text = _PARAMETER.sub(number, sql)
    return "ah_" + hashlib.blake2b(sql.encode(), digest_size=10).hexdigest(), text, tuple(wanted)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
