# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A batch of events becomes tickets and events in one transaction and a fixed number of statements."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.incoming import EventRejected, Incoming, now_utc
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abusehandler.tickets.database import Database
    from psycopg2.extensions import cursor as Cursor

#: Months that get a partition of their own when an event of theirs comes; older ones go to the default partition.
MONTHS_WITH_PARTITION = 24
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch came to. `known` events were stored before, `foreign` ones have no ticket."""

    events: int = 0
    known: int = 0
    foreign: int = 0
    tickets: int = 0


class TicketStore:
    """Takes batches of events. One for each process; any number of processes on one database."""

    def __init__(self, database: Database, incoming: Incoming) -> None:
        self._database = database
        self._incoming = incoming
        self._months: set[str] = set()
        self._customers: dict[str, tuple[str, str]] = {}
        self._sql = statements("batch")

    def store(self, events: Sequence[Mapping[str, Any]]) -> Stored:
        """Stores the events and returns after the commit.

        Doing it again changes nothing. Raises EventRejected if an event lacks what it must have: nothing of the batch
        is stored then, and the caller sends its events one by one. Raises Unavailable when the database is away.
        """
        if not events:
            return Stored()
        self._incoming.begin(now_utc())
        lines = []
        months = set()
        for event in events:
            month, line = self._incoming.row(event)
            months.add(month)
            lines.append(line)
        self._make_months(months - self._months)
        text = "".join(lines)
        customers = self._changed_customers(events)
        for _ in range(ATTEMPTS):
            stored: Stored | None = self._database.retrying(
                lambda cursor: self._transaction(cursor, text, len(lines), customers)
            )
            if stored is not None:
                self._customers.update(customers)
                return stored
        raise RuntimeError("tickets were closed faster than events could be added; the batch is tried again later")

    def _transaction(
        self, cursor: Cursor, text: str, count: int, customers: Mapping[str, tuple[str, str]]
    ) -> Stored | None:
        """The statements of sql/batch.sql in their order; None if a ticket was closed in between (nothing is stored)."""
        sql = self._sql
        cursor.execute(sql["make_table"])
        if customers:
            names, languages = zip(*customers.values(), strict=True)
            cursor.execute(
                sql["known_customers"], {"ids": list(customers), "names": list(names), "languages": list(languages)}
            )
        cursor.copy_expert(sql["copy_in"], io.StringIO(text))
        cursor.execute(sql["drop_known"])
        known = cursor.rowcount
        if known == count:
            return Stored(known=known)
        cursor.execute(sql["open_tickets"])
        opened = cursor.rowcount
        cursor.execute(sql["lock_tickets"])
        cursor.execute(sql["count_homeless"])
        (homeless,) = cursor.fetchone() or (0,)
        if homeless:
            cursor.connection.rollback()
            return None
        cursor.execute(sql["store_events"])
        added, changed, foreign = cursor.fetchone() or (0, 0, 0)
        if opened and changed < opened:
            cursor.execute(sql["drop_empty"])
        return Stored(events=added, known=count - added, foreign=foreign, tickets=changed)

    def _changed_customers(self, events: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
        if len(self._customers) > 200_000:
            self._customers.clear()
        changed: dict[str, tuple[str, str]] = {}
        for event in events:
            customer = event.get("customer.id")
            if customer and event.get("customer.match", "one") == "one":
                said = (str(event.get("customer.name") or ""), str(event.get("customer.language") or ""))
                if self._customers.get(customer) != said:
                    changed[customer] = said
        return changed

    def _make_months(self, months: set[str]) -> None:
        """Partitions for months that are near enough, each in a transaction of its own, before the batch's."""
        now = now_utc()
        for month in sorted(months):
            age = (now.year - int(month[:4])) * 12 + now.month - int(month[5:7])
            if age <= MONTHS_WITH_PARTITION:
                self._database.fetch("SELECT make_events_month(%s)", (f"{month}-01T00:00:00+00:00",))
            self._months.add(month)


__all__ = ["EventRejected", "Incoming", "Stored", "TicketStore"]
