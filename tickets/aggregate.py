# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A batch of events becomes tickets and events, each thousand in one transaction and a fixed number of statements."""

from __future__ import annotations

import io
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2.errors

from abusehandler.tickets.array_literal import plain_array, text_array
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.incoming import EventRejected, Incoming, IncomingEvent, now_utc, storable
from abusehandler.tickets.placing import Place, Sum, place_events
from abusehandler.tickets.queries import statements
from abusehandler.tickets.rereading import (
    finished_readings,
    is_superseded,
    known_from_earlier_readings,
    origin,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.placing import Target

#: Months that get a partition of their own when an event of theirs comes; older ones go to the default partition.
MONTHS_WITH_PARTITION = 24
#: How often a batch is begun again because another worker stored the same events or opened the same ticket.
ATTEMPTS = 20
#: Events in one transaction at most.
TRANSACTION = 1000
#: So many bytes go to PostgreSQL at once.
COPY_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch came to. `known` events were stored before, `foreign` ones have no ticket; `reopened` tickets are
    those that were resolved or closed."""

    events: int = 0
    known: int = 0
    foreign: int = 0
    tickets: int = 0
    reopened: int = 0

    def and_also(self, other: Stored) -> Stored:
        """What both came to. A ticket that had events in both counts twice."""
        return Stored(
            self.events + other.events, self.known + other.known, self.foreign + other.foreign,
            self.tickets + other.tickets, self.reopened + other.reopened,
        )  # fmt: skip


class _CrossedError(Exception):
    """Another worker was quicker; the transaction is rolled back and begun again."""


class TicketStore:
    """Takes batches of events. One for each process; any number of processes on one database.

    While `store` runs, it alone uses the database, from a thread of its own.
    """

    def __init__(self, database: Database, incoming: Incoming) -> None:
        self._database = database
        self._incoming = incoming
        self._months: set[str] = set()
        self._customers: dict[str, tuple[str, str]] = {}
        self._sql = statements("batch")
        self._writer: ThreadPoolExecutor | None = None

    def use(self, incoming: Incoming) -> None:
        """From now on events are taken by these rules."""
        self._incoming = incoming

    def store(self, events: Sequence[Mapping[str, Any]]) -> Stored:
        """Stores the events and returns after the commit; many events in several transactions, one after the other.

        Doing it again changes nothing. Raises EventRejected if an event lacks what it must have: it and what stands
        behind it may not be stored then, and the caller sends the events one by one. Raises Unavailable when the
        database is away.
        """
        pieces = [events[start : start + TRANSACTION] for start in range(0, len(events), TRANSACTION)]
        if len(pieces) < 2:
            return self._commit(events, self._take(events)) if events else Stored()
        # while PostgreSQL works on one piece, this thread takes the next one
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "store")
        stored = Stored()
        under_way: Future[Stored] | None = None
        try:
            for piece in pieces:
                taken = self._take(piece)
                if under_way is not None:
                    stored = stored.and_also(under_way.result())
                under_way = self._writer.submit(self._commit, piece, taken)
            assert under_way is not None
            return stored.and_also(under_way.result())
        finally:
            if under_way is not None:
                wait([under_way])

    def _take(self, events: Sequence[Mapping[str, Any]]) -> list[IncomingEvent]:
        self._incoming.begin(now_utc())
        return [self._incoming.take(event) for event in events]

    def _commit(self, events: Sequence[Mapping[str, Any]], taken: Sequence[IncomingEvent]) -> Stored:
        self._make_months({event.at[:7] for event in taken} - self._months)
        customers = self._changed_customers(events)
        for _ in range(ATTEMPTS):
            try:
                stored: Stored = self._database.retrying(
                    lambda cursor: self._transaction(cursor, events, taken, customers)  # noqa: B023 - called at once
                )
            except psycopg2.errors.ForeignKeyViolation:
                # a backup may have been restored below us: what is remembered of the database counts no more
                if not self._customers:
                    raise
                self._customers.clear()
                customers = self._changed_customers(events)
                continue
            except (_CrossedError, psycopg2.errors.UniqueViolation):
                continue
            except Exception:
                self._customers.clear()
                raise
            self._customers.update(customers)
            return Stored(stored.events, len(events) - stored.events, stored.foreign, stored.tickets, stored.reopened)
        raise Unavailable(f"{ATTEMPTS} times another worker was quicker; the batch is tried again later")

    def _transaction(
        self,
        cursor: Cursor,
        events: Sequence[Mapping[str, Any]],
        taken: Sequence[IncomingEvent],
        customers: Mapping[str, tuple[str, str]],
    ) -> Stored:
        """The statements of sql/batch.sql in their order."""
        new = self._new(cursor, events, taken)
        if not new:
            return Stored()
        if customers:
            self._write_customers(cursor, customers)
        places = self._lock(cursor, {event.key for event in new if event.key is not None})
        targets, sums = place_events(new, places, self._incoming.rules)
        cursor.execute(self._sql["number_events"], {"count": len(new)})
        numbers = [row[0] for row in cursor.fetchall()]
        for number, target in zip(numbers, targets, strict=True):
            if target is not None:
                sums[target].last_id = number
        opened = self._open(cursor, {target: entry for target, entry in sums.items() if isinstance(target, str)})
        reopened = self._continue(cursor, [entry for target, entry in sums.items() if isinstance(target, int)])
        if sums:
            touched = plain_array(opened[target] if isinstance(target, str) else target for target in sums)
            cursor.execute(self._sql["touch_tickets"], {"ids": touched})
        tickets: dict[Target | None, int | str] = {
            None: "",
            **{number: number for number in sums if isinstance(number, int)},
        }
        tickets.update(opened)
        lines = [
            f"{number}\t{tickets[target]}\t{event.line}"
            for number, target, event in zip(numbers, targets, new, strict=True)
        ]
        cursor.copy_expert(self._sql["store_events"], io.BytesIO("".join(lines).encode()), COPY_BYTES)
        return Stored(events=len(new), foreign=targets.count(None), tickets=len(sums), reopened=reopened)

    def _new(
        self, cursor: Cursor, events: Sequence[Mapping[str, Any]], taken: Sequence[IncomingEvent]
    ) -> list[IncomingEvent]:
        """The events that are not stored yet, by time, so that ids grow with it, and in one order, so that two workers
        with the same events wait for each other in one direction only."""
        finished = finished_readings(cursor, {event.get("report.id") for event in events})
        if not finished:
            return self._without_known(cursor, {event.fingerprint: event for event in taken})
        pairs = [(event, origin(told)) for event, told in zip(taken, events, strict=True)]
        pairs = [pair for pair in pairs if not is_superseded(pair[1], finished)]
        new = self._without_known(cursor, {event.fingerprint: event for event, _ in pairs})
        made = [(event.at, event.fingerprint, came) for event, came in pairs if came is not None]
        told_before = known_from_earlier_readings(cursor, made, {event.fingerprint for event in new})
        return [event for event in new if event.fingerprint not in told_before]

    def _without_known(self, cursor: Cursor, batch: Mapping[str, IncomingEvent]) -> list[IncomingEvent]:
        cursor.execute(
            self._sql["known_events"],
            {"ats": plain_array(event.at for event in batch.values()), "fingerprints": plain_array(batch)},
        )
        known = {row[0] for row in cursor.fetchall()}
        return sorted(event for fingerprint, event in batch.items() if fingerprint not in known)

    def _lock(self, cursor: Cursor, keys: Collection[str]) -> dict[str, Place]:
        """The tickets of these keys that are there, open ones or what was before."""
        cursor.execute(self._sql["lock_tickets"], {"keys": plain_array(keys)})
        places = {key: Place.of(ticket, state, since) for key, ticket, state, since in cursor.fetchall()}
        missing = [key for key in keys if key not in places]
        if not missing:
            return places
        cursor.execute(self._sql["earlier_tickets"], {"keys": plain_array(missing)})
        earlier = dict(cursor.fetchall())
        if not earlier:
            return places
        cursor.execute(self._sql["lock_earlier_tickets"], {"ids": plain_array(set(earlier.values()))})
        known = {place.ticket: place for place in places.values()}
        for ticket, state, since, merged_into in cursor.fetchall():
            if merged_into is not None:
                raise _CrossedError
            known.setdefault(ticket, Place.of(ticket, state, since))
        if not known.keys() >= set(earlier.values()):
            raise _CrossedError
        places.update({key: known[ticket] for key, ticket in earlier.items()})
        return places

    def _open(self, cursor: Cursor, sums: Mapping[str, Sum]) -> dict[str, int]:
        if not sums:
            return {}
        entries = list(sums.values())
        examples = [entry.example for entry in entries]
        cursor.execute(
            self._sql["open_tickets"],
            {
                "keys": plain_array(sums),
                "customers": text_array(example.customer for example in examples),
                "resources": text_array(example.resource for example in examples),
                "networks": plain_array(example.network for example in examples),
                "problems": text_array(example.problem for example in examples),
                "feeds": text_array(example.feed for example in examples),
                "follows": plain_array(entry.follows for entry in entries),
                **_numbers(entries),
            },
        )
        opened = dict(cursor.fetchall())
        if len(opened) < len(sums):
            raise _CrossedError
        return opened

    def _continue(self, cursor: Cursor, entries: Sequence[Sum]) -> int:
        """Adds to tickets that are there; returns how many of them it reopened."""
        if not entries:
            return 0
        ids = [entry.place.ticket for entry in entries if entry.place is not None]
        again = [entry for entry in entries if entry.relapse]
        cursor.execute(
            self._sql["continue_tickets"],
            {
                "ids": plain_array(ids),
                "agains": plain_array(f"{entry.due.again.total_seconds()}s" for entry in entries),
                "relapses": plain_array(entry.relapse for entry in entries),
                **_numbers(entries),
            },
        )
        if again:
            cursor.execute(
                self._sql["audit_relapses"],
                {
                    "ids": plain_array(entry.place.ticket for entry in again if entry.place is not None),
                    "reasons": text_array(entry.why_again() for entry in again),
                },
            )
        return len(again)

    def _write_customers(self, cursor: Cursor, customers: Mapping[str, tuple[str, str]]) -> None:
        names, languages = zip(*customers.values(), strict=True)
        cursor.execute(
            self._sql["known_customers"],
            {"ids": text_array(customers), "names": text_array(names), "languages": text_array(languages)},
        )

    def _changed_customers(self, events: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
        if len(self._customers) > 200_000:
            self._customers.clear()
        changed: dict[str, tuple[str, str]] = {}
        known = self._customers.get
        for event in events:
            get = event.get
            customer = get("customer.id")
            if customer and get("customer.match", "one") == "one":
                number = storable(str(customer))
                said = (storable(str(get("customer.name") or "")), storable(str(get("customer.language") or "")))
                if known(number) != said:
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


def _numbers(entries: Sequence[Sum]) -> dict[str, str]:
    written: dict[int, str] = {}

    def due(entry: Sum) -> str:
        # a batch has few different ones
        text = written.get(id(entry.due))
        if text is None:
            first = entry.due.first
            text = written[id(entry.due)] = "NULL" if first is None else first.isoformat()
        return text

    return {
        "severities": plain_array(entry.severity for entry in entries),
        "counts": plain_array(entry.count for entry in entries),
        "firsts": plain_array(entry.first for entry in entries),
        "lasts": plain_array(entry.last for entry in entries),
        "last_ids": plain_array(entry.last_id for entry in entries),
        "dues": plain_array(map(due, entries)),
    }


__all__ = ["EventRejected", "Incoming", "Stored", "TicketStore"]
