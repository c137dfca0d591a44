# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Remembers leases of a source that forgets them: a database that overwrites, a lease file that its server cleans up.

A report of yesterday asks for the holder of yesterday. Each reading is put together with what was known, and stays known
for `keep_days`. One SQLite file; several processes may share it, they tell it the same. Setting: `history_file`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from abusehandler.crm_connector.assignment import Assignment
from abusehandler.crm_connector.leases.session import Lease, joined
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lease (prefix TEXT NOT NULL, who TEXT NOT NULL, begin INTEGER NOT NULL, until INTEGER NOT NULL,
    source TEXT NOT NULL, line INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS lease_prefix ON lease (prefix, begin);
CREATE INDEX IF NOT EXISTS lease_until ON lease (until);
CREATE TABLE IF NOT EXISTS reading (at INTEGER NOT NULL);
"""
#: An end for leases without one, in Unix seconds (year 9999).
FOREVER = 253402300799


class Held(NamedTuple):
    """Who has an address: from `begin` until `until`, Unix seconds."""

    who: str
    begin: int
    until: int


def history_setting(settings: Mapping[str, Any], base: Path) -> LeaseHistory | None:
    """The history of `history_file`, None if none is wanted."""
    name = settings.get("history_file")
    return None if not name else LeaseHistory((base / Path(str(name)).expanduser()).absolute())


class LeaseHistory:
    """The file at `path`. Used by the thread that reads the source."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def merge(self, present: Mapping[str, Held], source: str, now: datetime, since: datetime) -> Iterator[Assignment]:
        """Take in the present holders from a source that tells no others; yields all that is known since `since`.

        What is gone, or went to somebody else, has ended. Raises ConfigurationError if the file cannot be used.
        """

        def take(connection: sqlite3.Connection) -> None:
            self._take(connection, dict(present), source, int(now.timestamp()))

        yield from self._after(take, since)

    def join(self, told: Mapping[str, list[Lease]], since: datetime) -> Iterator[Assignment]:
        """Take in leases from a source that tells some of the past; yields all that is known since `since`.

        Raises ConfigurationError if the file cannot be used.
        """

        def take(connection: sqlite3.Connection) -> None:
            for prefix, leases in told.items():
                known = connection.execute(
                    "SELECT who, begin, until, source, line FROM lease WHERE prefix = ?", (prefix,)
                )
                # What was known comes first: of two words about the same begin the later counts.
                before = [
                    Lease(_moment(begin), _end(until), who, source, line) for who, begin, until, source, line in known
                ]
                after = [
                    (
                        prefix, one.customer_id, int(one.valid_from.timestamp()) if one.valid_from else 0,
                        FOREVER if one.valid_until is None else int(one.valid_until.timestamp()), one.source, one.line,
                    )
                    for one in joined(prefix, before + leases, since)
                ]  # fmt: skip
                if before:
                    connection.execute("DELETE FROM lease WHERE prefix = ?", (prefix,))
                connection.executemany("INSERT INTO lease VALUES (?, ?, ?, ?, ?, ?)", after)

        yield from self._after(take, since)

    def _after(self, take: Callable[[sqlite3.Connection], None], since: datetime) -> Iterator[Assignment]:
        try:
            with contextlib.closing(self._opened()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    take(connection)
                    connection.execute("DELETE FROM lease WHERE until < ?", (int(since.timestamp()),))
                    connection.execute("COMMIT")
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                for prefix, who, begin, until, source, line in connection.execute(
                    "SELECT prefix, who, begin, until, source, line FROM lease WHERE until > begin ORDER BY prefix, begin"
                ):
                    start = _moment(begin) if begin else None
                    yield Assignment(prefix, who, start, _end(until), None, source, line)
        except (sqlite3.Error, OSError) as error:
            raise ConfigurationError(f"history_file: {self._path}: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        connection.executescript(_SCHEMA)
        return connection

    def _take(self, connection: sqlite3.Connection, present: dict[str, Held], source: str, now: int) -> None:
        (last,) = connection.execute("SELECT coalesce(max(at), 0) FROM reading").fetchone()
        changed: list[tuple[int, int]] = []
        # The last that is known of each address; SQLite gives the other columns of the row with the maximum.
        for row, prefix, who, _, until in connection.execute(
            "SELECT rowid, prefix, who, max(begin), until FROM lease GROUP BY prefix"
        ):
            held = present.get(prefix)
            if held is not None and held.who == who and held.begin <= until:
                if held.until != until:
                    changed.append((held.until, row))
                del present[prefix]
            elif held is not None:
                changed.append((min(until, held.begin), row))
            elif until > last:
                # Given back, or over, at some time since the last reading; the latest is taken.
                changed.append((min(until, now), row))
        connection.executemany("UPDATE lease SET until = ? WHERE rowid = ?", changed)
        connection.executemany(
            "INSERT INTO lease VALUES (?, ?, ?, ?, ?, 0)",
            ((prefix, held.who, held.begin, held.until, source) for prefix, held in present.items()),
        )
        connection.execute("DELETE FROM reading")
        connection.execute("INSERT INTO reading VALUES (?)", (now,))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _end(seconds: int) -> datetime | None:
    return None if seconds >= FOREVER else _moment(seconds)
