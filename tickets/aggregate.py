# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A batch of events becomes tickets and events in one transaction and a fixed number of statements."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2.errors

from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.incoming import EventRejected, Incoming, IncomingEvent, now_utc, storable
from abusehandler.tickets.queries import statements
from abusehandler.tickets.rereading import (
    Origin,
    finished_readings,
    is_superseded,
    known_from_earlier_readings,
    origin,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

#: Months that get a partition of their own when an event of theirs comes; older ones go to the default partition.
MONTHS_WITH_PARTITION = 24
#: How often a batch is begun again because another worker stored the same events or opened the same ticket.
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch came to. `known` events were stored before, `foreign` ones have no ticket."""

    events: int = 0
    known: int = 0
    foreign: int = 0
    tickets: int = 0


class _CrossedError(Exception):
    """Another worker was quicker; the transaction is rolled back and begun again."""


@dataclass(slots=True)
class _Sum:
    """What the new events of one ticket come to."""

    example: IncomingEvent
    count: int
    first: str
    last: str
    severity: int
    last_id: int = 0

    def add(self, event: IncomingEvent) -> None:
        self.count += 1
        if event.at < self.first:
            self.first = event.at
        elif event.at > self.last:
            self.last = event.at
        if event.severity > self.severity:
            self.severity = event.severity


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
        taken = [self._incoming.take(event) for event in events]
        origins = [origin(event) for event in events]
        self._make_months({event.at[:7] for event in taken} - self._months)
        customers = self._changed_customers(events)
        for _ in range(ATTEMPTS):
            try:
                stored: Stored = self._database.retrying(
                    lambda cursor: self._transaction(cursor, taken, origins, customers)
                )
            except (_CrossedError, psycopg2.errors.UniqueViolation):
                continue
            except Exception:
                # a backup may have been restored below us: what is remembered of the database counts no more
                self._customers.clear()
                raise
            self._customers.update(customers)
            return Stored(stored.events, len(events) - stored.events, stored.foreign, stored.tickets)
        raise Unavailable(f"{ATTEMPTS} times another worker was quicker; the batch is tried again later")

    def _transaction(
        self,
        cursor: Cursor,
        taken: Sequence[IncomingEvent],
        origins: Sequence[Origin | None],
        customers: Mapping[str, tuple[str, str]],
    ) -> Stored:
        """The statements of sql/batch.sql in their order."""
        sql = self._sql
        finished = finished_readings(cursor, origins)
        pairs = [pair for pair in zip(taken, origins, strict=True) if not is_superseded(pair[1], finished)]
        new = self._without_known(cursor, {event.fingerprint: event for event, _ in pairs})
        if finished:
            made = [(event.at, event.fingerprint, came) for event, came in pairs if came is not None]
            told_before = known_from_earlier_readings(cursor, made, {event.fingerprint for event in new})
            new = [event for event in new if event.fingerprint not in told_before]
        if not new:
            return Stored()
        if customers:
            names, languages = zip(*customers.values(), strict=True)
            cursor.execute(
                sql["known_customers"], {"ids": list(customers), "names": list(names), "languages": list(languages)}
            )
        sums: dict[str, _Sum] = {}
        for event in new:
            if event.key is None:
                continue
            known = sums.get(event.key)
            if known is None:
                sums[event.key] = _Sum(event, 1, event.at, event.at, event.severity)
            else:
                known.add(event)
        cursor.execute(sql["lock_tickets"], {"keys": list(sums)})
        tickets: dict[str | None, int] = dict(cursor.fetchall())
        cursor.execute(sql["number_events"], {"count": len(new)})
        numbers = [row[0] for row in cursor.fetchall()]
        for number, event in zip(numbers, new, strict=True):
            if event.key is not None:
                sums[event.key].last_id = number
        opened = self._open(cursor, {key: entry for key, entry in sums.items() if key not in tickets})
        self._continue(cursor, [(number, sums[str(key)]) for key, number in tickets.items()])
        tickets.update(opened)
        lines = [
            f"{number}\t{'' if event.key is None else tickets[event.key]}\t{event.line}\n"
            for number, event in zip(numbers, new, strict=True)
        ]
        cursor.copy_expert(sql["store_events"] + " WITH (NULL '')", io.StringIO("".join(lines)))
        return Stored(events=len(new), foreign=sum(event.key is None for event in new), tickets=len(tickets))

    def _without_known(self, cursor: Cursor, batch: Mapping[str, IncomingEvent]) -> list[IncomingEvent]:
        cursor.execute(
            self._sql["known_events"], {"ats": [event.at for event in batch.values()], "fingerprints": list(batch)}
        )
        known = {row[0] for row in cursor.fetchall()}
        # by time, so that ids grow with it, and in one order, so that two workers with the same events wait for each
        # other in one direction only
        return sorted(event for fingerprint, event in batch.items() if fingerprint not in known)

    def _open(self, cursor: Cursor, sums: Mapping[str, _Sum]) -> dict[str, int]:
        if not sums:
            return {}
        entries = list(sums.values())
        cursor.execute(
            self._sql["open_tickets"],
            {
                "keys": list(sums),
                "customers": [entry.example.customer for entry in entries],
                "resources": [entry.example.resource for entry in entries],
                "networks": [entry.example.network for entry in entries],
                "problems": [entry.example.problem for entry in entries],
                **_numbers(entries),
            },
        )
        opened = dict(cursor.fetchall())
        if len(opened) < len(sums):
            raise _CrossedError
        return opened

    def _continue(self, cursor: Cursor, tickets: Sequence[tuple[int, _Sum]]) -> None:
        if tickets:
            entries = [entry for _, entry in tickets]
            parameters = {
                "ids": [number for number, _ in tickets],
                "agains": [entry.example.due.again for entry in entries],
            }
            cursor.execute(self._sql["continue_tickets"], {**parameters, **_numbers(entries)})

    def _changed_customers(self, events: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
        if len(self._customers) > 200_000:
            self._customers.clear()
        changed: dict[str, tuple[str, str]] = {}
        for event in events:
            customer = event.get("customer.id")
            if customer and event.get("customer.match", "one") == "one":
                number = storable(str(customer))
                said = (
                    storable(str(event.get("customer.name") or "")),
                    storable(str(event.get("customer.language") or "")),
                )
                if self._customers.get(number) != said:
                    changed[number] = said
        return changed

    def _make_months(self, months: set[str]) -> None:
        """Partitions for months that are near enough, each in a transaction of its own, before the batch's."""
        now = now_utc()
        for month in sorted(months):
            age = (now.year - int(month[:4])) * 12 + now.month - int(month[5:7])
            if age <= MONTHS_WITH_PARTITION:
                moment = (f"{month}-01T00:00:00+00:00",)
                self._database.retrying(lambda cursor, at=moment: cursor.execute("SELECT make_events_month(%s)", at))
            self._months.add(month)


def _numbers(entries: Sequence[_Sum]) -> dict[str, list[Any]]:
    return {
        "severities": [entry.severity for entry in entries],
        "counts": [entry.count for entry in entries],
        "firsts": [entry.first for entry in entries],
        "lasts": [entry.last for entry in entries],
        "last_ids": [entry.last_id for entry in entries],
        "dues": [entry.example.due.first for entry in entries],
    }


__all__ = ["EventRejected", "Incoming", "Stored", "TicketStore"]
