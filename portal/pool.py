# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Connections to PostgreSQL for the requests that run at the same time: a few, lent out one request at a time."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from abusehandler.tickets.database import Database, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A request that waited so many seconds for a connection is told to come again.
PATIENCE = 5.0


class Pool:
    """Lends `Database` objects, each to one thread at a time. The last one used is lent first, so idle ones stay idle."""

    def __init__(self, dsn: str, size: int) -> None:
        self._dsn = dsn
        self._free: queue.LifoQueue[Database | None] = queue.LifoQueue()
        self._closed = threading.Event()
        for _ in range(size):
            self._free.put(None)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A database for the length of the block. Raises Unavailable when all stay busy, or the server is away."""
        try:
            lent = self._free.get(timeout=PATIENCE)
        except queue.Empty:
            raise Unavailable("all connections to the database are busy; try again in a moment") from None
        database = lent
        if database is None:
            database = Database(self._dsn, application="abusehandler portal")
        try:
            yield database
        finally:
            if self._closed.is_set():
                database.close()
            self._free.put(database)

    def close(self) -> None:
        """Closes what is free now, and what is lent when it comes back."""
        self._closed.set()
        free = []
        while True:
            try:
                free.append(self._free.get_nowait())
            except queue.Empty:
                break
        for database in free:
            if database is not None:
                database.close()
            self._free.put(None)
