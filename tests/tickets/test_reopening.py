# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An event about a ticket that was resolved or closed: it comes back, is followed by another, or takes what is late."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from observations import observation, store_of

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.aggregate import TicketStore
    from abusehandler.tickets.database import Database

CLOSED_AT = "2026-11-10T00:00:00+00:00"


@pytest.fixture
def store(database: Database) -> TicketStore:
    """Holds one ticket, opened on the 1st of November."""
    store = store_of(database, rules=Rules.load(None, Catalogue.load()))
    store.store([observation(time_source="2026-11-01T10:00:00+00:00")])
    return store


def end(database: Database, state: str, at: str = CLOSED_AT, number: int = 1) -> None:
    database.fetch("UPDATE tickets SET state = %s, state_at = %s, notify_due = NULL WHERE id = %s", (state, at, number))


def seen(at: str, **other: Any) -> dict[str, Any]:
    return observation(time_source=f"2026-11-{at}+00:00" if len(at) < 15 else at, **other)


def tickets(database: Database) -> list[tuple[Any, ...]]:
    return database.fetch("SELECT state, event_count, relapses, follows FROM tickets ORDER BY id")


@pytest.mark.parametrize("state", ["resolved", "closed"])
def test_observed_again_it_comes_back_and_says_why(store: TicketStore, database: Database, state: str) -> None:
    end(database, state)
    database.fetch("UPDATE tickets SET customer_state = 'resolved', close_check = 'infinity'")
    stored = store.store([seen("12T10:00:00")])
    assert stored.reopened == 1
    assert tickets(database) == [("open", 2, 1, None)]
    assert database.fetch(
        "SELECT customer_state, notify_due IS NOT NULL, state_at > now() - interval '1 minute' FROM tickets"
    ) == [("open", True, True)]
    assert database.fetch("SELECT actor, object_id, change, reason FROM audit_trail") == [
        (
            "intake",
            "1",
            "reopened",
            f"observed again at 2026-11-12T10:00:00Z, after it was {state} at 2026-11-10T00:00:00Z",
        )
    ]


def test_timers_look_again_at_a_ticket_that_was_closed(store: TicketStore, database: Database) -> None:
    end(database, "closed")
    database.fetch("UPDATE tickets SET close_check = '2026-11-09'")
    store.store([seen("12T10:00:00")])
    assert database.fetch("SELECT close_check > now() FROM tickets") == [(True,)]


@pytest.mark.parametrize("state", ["resolved", "closed"])
def test_late_event_counts_and_changes_nothing_else(store: TicketStore, database: Database, state: str) -> None:
    end(database, state)
    assert store.store([seen("09T10:00:00"), seen("10T00:00:00")]).reopened == 0
    assert tickets(database) == [(state, 3, 0, None)]
    assert database.fetch("SELECT last_seen, notify_due, state_at FROM tickets") == [
        (datetime(2026, 11, 10, tzinfo=timezone.utc), None, datetime(2026, 11, 10, tzinfo=timezone.utc))
    ]
    assert database.fetch("SELECT count(*) FROM audit_trail") == [(0,)]


def test_after_the_time_for_reopening_a_new_ticket_follows(store: TicketStore, database: Database) -> None:
    end(database, "closed", "2026-10-01T00:00:00+00:00")
    store.store([seen("12T10:00:00"), seen("12T11:00:00")])
    assert tickets(database) == [("closed", 1, 0, None), ("open", 2, 0, 1)]


def test_one_batch_with_late_and_new_events(store: TicketStore, database: Database) -> None:
    end(database, "closed", "2026-09-01T00:00:00+00:00")
    store.store([seen("2026-08-20T10:00:00+00:00"), seen("12T11:00:00")])
    assert tickets(database) == [("closed", 2, 0, None), ("open", 1, 0, 1)]
    assert database.fetch("SELECT t.state, e.at FROM events e JOIN tickets t ON t.id = e.ticket_id ORDER BY e.at")[
        0
    ] == (
        "closed",
        datetime(2026, 8, 20, 10, tzinfo=timezone.utc),
    )


def test_of_several_closed_tickets_the_last_one_counts(store: TicketStore, database: Database) -> None:
    end(database, "closed", "2026-09-01T00:00:00+00:00")
    store.store([seen("02T10:00:00")])
    end(database, "closed", number=2)
    store.store([seen("12T10:00:00")])
    assert [row[0] for row in tickets(database)] == ["closed", "open"]


def test_relapse_is_told_after_the_pause_for_updates(store: TicketStore, database: Database) -> None:
    end(database, "closed")
    database.fetch("UPDATE tickets SET notified_at = now()")
    store.store([seen("12T10:00:00")])
    assert database.fetch("SELECT notify_due >= notified_at FROM tickets") == [(True,)]


def test_ignored_ticket_stays_ignored(store: TicketStore, database: Database) -> None:
    end(database, "ignored")
    store.store([seen("12T10:00:00")])
    assert tickets(database) == [("ignored", 2, 0, None)]


def rules(tmp_path: Path, text: str) -> Rules:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return Rules.load(path, Catalogue.load())


def test_rules_say_how_long_a_closed_ticket_can_come_back(
    store: TicketStore, database: Database, tmp_path: Path
) -> None:
    always_new = rules(tmp_path, "problems:\n  brute-force:\n    reopen_within_days: 0\n")
    end(database, "closed")
    store_of(database, rules=always_new).store([seen("12T10:00:00")])
    assert tickets(database) == [("closed", 1, 0, None), ("open", 1, 0, 1)]


def merge(database: Database, source: int, into: int) -> None:
    """As tickets/merging.py does."""
    database.fetch("UPDATE tickets SET state = 'closed', merged_into = %s WHERE id = %s", (into, source))
    database.fetch(
        "INSERT INTO merged_keys (key, ticket_id, merged_from) SELECT key, %s, id FROM tickets WHERE id = %s",
        (into, source),
    )


def test_events_of_a_merged_ticket_go_to_the_other(store: TicketStore, database: Database) -> None:
    store.store([seen("02T10:00:00", source_ip="192.0.2.2")])
    merge(database, 1, 2)
    store.store([seen("12T10:00:00"), seen("12T10:00:00", source_ip="192.0.2.2")])
    assert tickets(database) == [("closed", 1, 0, None), ("open", 3, 0, None)]


def test_events_of_a_merged_ticket_reopen_the_other(store: TicketStore, database: Database) -> None:
    store.store([seen("02T10:00:00", source_ip="192.0.2.2")])
    merge(database, 1, 2)
    end(database, "closed", number=2)
    store.store([seen("12T10:00:00"), seen("12T11:00:00", source_ip="192.0.2.2")])
    assert tickets(database) == [("closed", 1, 0, None), ("open", 3, 1, None)]


def test_events_of_a_merged_ticket_find_the_successor_of_the_other(store: TicketStore, database: Database) -> None:
    store.store([seen("02T10:00:00", source_ip="192.0.2.2")])
    merge(database, 1, 2)
    end(database, "closed", "2026-09-01T00:00:00+00:00", number=2)
    store.store([seen("12T10:00:00", source_ip="192.0.2.2")])
    store.store([seen("12T10:00:00")])
    assert tickets(database) == [("closed", 1, 0, None), ("closed", 1, 0, None), ("open", 2, 0, 2)]


def test_tickets_of_a_batch_are_told_to_the_timers(store: TicketStore, database: Database) -> None:
    store.store([seen("12T10:00:00"), seen("12T10:00:00", source_ip="192.0.2.2")])
    assert [sorted(row[0]) for row in database.fetch("SELECT tickets FROM touched_tickets ORDER BY id")] == [
        [1],
        [1, 2],
    ]


def test_severity_that_a_person_or_a_rule_has_set_stays(store: TicketStore, database: Database) -> None:
    database.fetch("UPDATE tickets SET severity_fixed = 1, severity = 1")
    store.store([seen("12T10:00:00", severity="critical")])
    assert database.fetch("SELECT severity FROM tickets") == [(1,)]
    database.fetch("UPDATE tickets SET severity_fixed = NULL, severity_floor = 3, severity = 3")
    store.store([seen("12T11:00:00", severity="low")])
    assert database.fetch("SELECT severity FROM tickets") == [(3,)]
