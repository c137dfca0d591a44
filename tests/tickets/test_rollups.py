# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Statistics by day: right after late events, withdrawals and tickets that come back, and cheap to bring up to date."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from observations import observation, store_of

from abusehandler.tickets import rollups
from abusehandler.tickets.database import Database
from abusehandler.tickets.desk import analytics
from abusehandler.tickets.desk.scope import EVERYTHING
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.rereading import Rereading, mark

if TYPE_CHECKING:
    from abusehandler.tickets.aggregate import TicketStore


@pytest.fixture
def store(database: Database) -> TicketStore:
    return store_of(database)


def seen(day: int, **other: Any) -> dict[str, Any]:
    return observation(time_source=f"2026-11-{day:02}T10:00:00+00:00", **other)


def event_days(database: Database) -> dict[date, int]:
    return dict(database.fetch("SELECT day, sum(events)::integer FROM daily_events GROUP BY day ORDER BY day"))  # type: ignore[arg-type]


def test_events_are_counted_by_the_day_they_were_observed(store: TicketStore, database: Database) -> None:
    store.store(
        [seen(1), seen(1, source_ip="192.0.2.2"), seen(3), seen(3, customer_match="none", source_ip="192.0.2.9")]
    )
    rollups.refresh(database)
    assert event_days(database) == {date(2026, 11, 1): 2, date(2026, 11, 3): 2}
    assert database.fetch(
        "SELECT problem, severity, feed, customer_match, events FROM daily_events WHERE day = '2026-11-03' ORDER BY customer_match"
    ) == [("brute-force", 3, "Example Feed", "none", 1), ("brute-force", 3, "Example Feed", "one", 1)]
    assert database.fetch("SELECT customer_id, sum(events)::integer FROM daily_customers GROUP BY 1") == [("C1", 3)]


def test_only_touched_days_are_made_anew(store: TicketStore, database: Database) -> None:
    store.store([seen(1), seen(2)])
    assert rollups.refresh(database).event_days == 2
    assert rollups.refresh(database).event_days == 0
    store.store([seen(1, source_ip="192.0.2.2")])
    assert rollups.refresh(database).event_days == 1
    assert event_days(database) == {date(2026, 11, 1): 2, date(2026, 11, 2): 1}


def test_withdrawn_events_are_taken_off(store: TicketStore, database: Database) -> None:
    event = seen(1)
    store.store([{**event, "report.mark": mark(event)}])
    rollups.refresh(database)
    database.fetch(
        "INSERT INTO reports (evidence, kind, channel, size, state, reading) VALUES (%s, 'mail', 'x', 1, 'read', 2)",
        ("ab" * 32,),
    )
    Rereading(database).finish(1, 2, set())
    rollups.refresh(database)
    assert event_days(database) == {}
    assert rollups.rates(database).opened == 0


def test_rates_of_a_period(store: TicketStore, database: Database) -> None:
    store.store([seen(1, source_ip=f"192.0.2.{host}") for host in range(1, 11)])
    database.fetch("UPDATE tickets SET opened_at = now() - interval '3 days'")
    database.fetch("UPDATE tickets SET state = 'resolved', state_at = opened_at + interval '1 day' WHERE id <= 4")
    database.fetch("UPDATE tickets SET relapses = 2 WHERE id = 5")
    database.fetch("UPDATE tickets SET merged_into = 1, state = 'closed' WHERE id = 10")
    database.fetch("INSERT INTO notices (customer_id, state) VALUES ('C1', 'addressed')")
    database.fetch(
        "INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of) "
        "SELECT 1, id, 0, 10, 1, false FROM tickets WHERE id <= 8"
    )
    database.fetch(
        "INSERT INTO deliveries (notice_id, recipient, message_id, state, sent_at) "
        "VALUES (1, 'a@example.net', 'x', 'sent', now() - interval '3 days' + interval '2 hours')"
    )
    database.fetch("UPDATE tickets SET notified_at = now() WHERE id <= 8")
    rollups.refresh(database)
    rates = rollups.rates(database, days=7)
    assert (rates.opened, rates.relapsed, rates.relapses, rates.followed) == (9, 1, 2, 0)
    assert rates.relapse_rate == pytest.approx(1 / 9)
    assert rates.told.number == 8
    assert rates.told.mean is not None
    assert abs(rates.told.mean - timedelta(hours=2)) < timedelta(minutes=1)
    assert rates.told.typical is not None
    assert timedelta(hours=1) < rates.told.typical < timedelta(hours=4)
    assert (rates.ended.number, rates.ended.mean) == (4, timedelta(days=1))
    assert rollups.rates(database, days=7, problem="scanner").opened == 0
    assert rollups.rates(database, until=now_utc().date() - timedelta(days=10), days=5).told.typical is None


def test_first_notice_of_an_old_ticket_counts_when_it_goes_out(store: TicketStore, database: Database) -> None:
    store.store([seen(1)])
    database.fetch("UPDATE tickets SET opened_at = now() - interval '20 days', state_at = now() - interval '20 days'")
    rollups.refresh(database)
    database.fetch("UPDATE rollup_state SET through = now() + interval '1 hour'")
    assert rollups.refresh(database).ticket_days == 0
    database.fetch("UPDATE rollup_state SET through = now()")
    database.fetch("INSERT INTO notices (customer_id, state) VALUES ('C1', 'addressed')")
    database.fetch(
        "INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of) VALUES (1, 1, 0, 1, 1, false)"
    )
    database.fetch(
        "INSERT INTO deliveries (notice_id, recipient, message_id, state, sent_at) VALUES (1, 'a@example.net', 'x', 'sent', now())"
    )
    database.fetch("UPDATE tickets SET notified_at = now()")
    rollups.refresh(database)
    assert rollups.rates(database).told.number == 1


def test_work_of_a_day(store: TicketStore, database: Database) -> None:
    store.store([seen(1)])
    for change in ("open → resolved", "reopened", "closed", "closed → open", "customer state open → resolved"):
        database.fetch(
            "INSERT INTO audit_trail (actor, object, object_id, change) VALUES ('x', 'ticket', '1', %s)", (change,)
        )
    rollups.refresh(database)
    assert database.fetch("SELECT opened, closed, resolved, reopened, notices, mails, failed FROM daily_work") == [
        (1, 1, 1, 2, 0, 0, 0)
    ]


def reader_days(database: Database) -> list[tuple[object, ...]]:
    return database.fetch(
        "SELECT day, reader, reports, read, partly, unread, filed, events FROM daily_readers ORDER BY day, reader"
    )


def test_readers_by_the_day_on_which_reports_came(database: Database) -> None:
    database.fetch(
        "INSERT INTO reports (evidence, kind, channel, size, received_at, state, reader, events) "
        "SELECT md5('a' || n) || md5('b' || n), 'mail', 'x', 1, '2026-11-01T23:30:00Z'::timestamptz + n % 2 * interval '1 hour', "
        "(ARRAY['read', 'read', 'partly', 'unread', 'not-a-report', 'received'])[1 + n % 6], "
        "CASE WHEN n % 6 = 5 THEN '' ELSE 'reader-' || n % 3 END, 10 FROM generate_series(0, 11) n"
    )
    assert rollups.refresh(database).report_days == 2
    first, second = date(2026, 11, 1), date(2026, 11, 2)
    assert reader_days(database) == [
        (first, "reader-0", 2, 2, 0, 0, 0, 20), (first, "reader-1", 2, 0, 0, 0, 2, 20), (first, "reader-2", 2, 0, 2, 0, 0, 20),
        (second, "reader-0", 2, 0, 0, 2, 0, 20), (second, "reader-1", 2, 2, 0, 0, 0, 20),
    ]  # fmt: skip
    # what waited is read, and a day of which reports were dropped stays as it is
    database.fetch("UPDATE reports SET state = 'read', reader = 'reader-2', state_at = now() WHERE state = 'received'")
    database.fetch("UPDATE retention_state SET reports_from = '2026-11-02'")
    database.fetch("DELETE FROM reports WHERE received_at < '2026-11-02'")
    rollups.refresh(database)
    assert reader_days(database)[3:] == [
        (second, "reader-0", 2, 0, 0, 2, 0, 20), (second, "reader-1", 2, 2, 0, 0, 0, 20), (second, "reader-2", 2, 2, 0, 0, 0, 20)
    ]  # fmt: skip
    assert len(reader_days(database)) == 6
    found = {
        row["reader"]: (row["reports"], row["yield"], row["reports_before"], row["yield_before"])
        for row in analytics.table(database, EVERYTHING, "readers", analytics.Period(second, second))
    }
    assert found == {
        "reader-0": (2, 10.0, 2, 10.0), "reader-1": (2, 10.0, 2, 10.0), "reader-2": (2, 10.0, 2, 10.0),
    }  # fmt: skip


def test_two_at_once_one_does_it(store: TicketStore, database: Database, dsn: str) -> None:
    store.store([seen(1)])
    other = Database(dsn)
    with other.transaction() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (rollups.LOCK,))
        assert rollups.refresh(database).busy
    other.close()
    assert rollups.refresh(database).event_days == 1
