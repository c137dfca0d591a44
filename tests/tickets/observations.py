# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events as the customer expert hands them to the store, and a store to put them in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.installer.services import until
from abusehandler.tickets.aggregate import TicketStore
from abusehandler.tickets.incoming import Incoming, now_utc
from abusehandler.tickets.policy import NoticeSchedule

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

AT_ONCE = NoticeSchedule(settle=timedelta(), again=timedelta(), policy="at-once")


def hours_ago(hours: float) -> str:
    """A time in the form of IntelMQ's events."""
    return (now_utc() - timedelta(hours=hours)).replace(microsecond=0).isoformat()


def observation(**other: Any) -> dict[str, Any]:
    """An event of customer C1; `source_ip="..."` changes `source.ip`, None takes a field away."""
    event: dict[str, Any] = {
        "__type": "Event",
        "classification.type": "brute-force",
        "classification.identifier": "ssh",
        "source.ip": "192.0.2.1",
        "time.source": "2026-11-20T10:00:00+00:00",
        "time.observation": "2026-11-20T11:00:00+00:00",
        "feed.name": "Example Feed",
        "report.id": 1,
        "report.evidence": "ab" * 32,
        "customer.id": "C1",
        "customer.match": "one",
        "customer.name": "Customer One",
    }
    for name, value in other.items():
        key = name.replace("_", ".", 1)
        if value is None:
            event.pop(key, None)
        else:
            event[key] = value
    return event


def store_of(database: Database, schedule: NoticeSchedule = AT_ONCE, **settings: Any) -> TicketStore:
    """A store with the package's catalogue."""
    return TicketStore(database, Incoming(Catalogue.load(), schedule, **settings))


def others_are_gone(database: Database) -> None:
    """Waits until no other session works in this database: a killed program's last statement goes on for a while."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    until(lambda: database.fetch(others) == [(0,)], "the end of other sessions")


def tickets_in(database: Database) -> list[dict[str, Any]]:
    """All tickets in the order of their numbers."""
    names = (
        "id", "customer_id", "resource", "problem", "severity", "state", "event_count", "first_seen", "last_seen",
        "relapses", "notify_due",
    )  # fmt: skip
    rows = database.fetch(f"SELECT {', '.join(names)} FROM tickets ORDER BY id")
    return [dict(zip(names, row, strict=True)) for row in rows]
