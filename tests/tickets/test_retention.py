# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Old months, closed tickets and reports go; statistics, open tickets and what comes in again stay."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from observations import observation, store_of

from abusehandler.tickets import retention, rollups
from abusehandler.tickets.database import Database
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import Outcome, ReportStore
from abusehandler.tickets.retention import RetentionSettings

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)
THREE_MONTHS = RetentionSettings(events_months=3)


def seen(at: str, **other: Any) -> dict[str, Any]:
    return observation(time_source=f"{at}T10:00:00+00:00", **other)


@pytest.fixture
def filled(database: Database) -> Database:
    store_of(database).store(
        [
            seen("2026-05-01"),
            seen("2026-07-31", source_ip="192.0.2.2"),
            seen("2026-08-01"),
            seen("2026-11-01"),
            seen("2001-01-01"),
        ]
    )
    return database


def months(database: Database) -> list[str]:
    rows = database.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass ORDER BY 1"
    )
    return [row[0].removeprefix("events_") for row in rows]


def test_old_months_go_whole_and_the_statistics_stay(filled: Database) -> None:
    dropped = retention.apply(filled, THREE_MONTHS, NOW)
    assert dropped.months == ["events_2026_05", "events_2026_07"]
    assert (dropped.events, dropped.tickets, dropped.put_off) == (3, 0, [])
    assert months(filled) == ["2026_08", "2026_11", "other"]
    assert filled.fetch("SELECT count(*) FROM events") == [(2,)]
    assert filled.fetch("SELECT sum(events)::integer FROM daily_events") == [(5,)]
    store_of(filled).store([seen("2026-07-30", source_ip="192.0.2.3")])
    rollups.refresh(filled)
    assert filled.fetch("SELECT sum(events)::integer FROM daily_events") == [(5,)]
    assert filled.fetch("SELECT change FROM audit_trail WHERE actor = 'retention'") == [
        ("3 events and 0 withdrawn ones dropped",)
    ]


def test_again_does_nothing(filled: Database) -> None:
    retention.apply(filled, THREE_MONTHS, NOW)
    assert not retention.apply(filled, THREE_MONTHS, NOW)


def test_dry_run_tells_the_same_and_changes_nothing(filled: Database) -> None:
    dry = retention.apply(filled, THREE_MONTHS, NOW, dry_run=True)
    assert len(months(filled)) == 5
    wet = retention.apply(filled, THREE_MONTHS, NOW)
    assert (dry.months, dry.events) == (wet.months, wet.events)


def test_nothing_is_dropped_where_nothing_is_said(filled: Database) -> None:
    assert not retention.apply(filled, RetentionSettings(), NOW)


def test_month_that_is_being_read_waits_for_the_next_run(
    filled: Database, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PATIENCE", "50ms")
    reader = Database(dsn)
    with reader.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM events_2026_05")
        dropped = retention.apply(filled, THREE_MONTHS, NOW)
    reader.close()
    assert "events_2026_05 is being read" in dropped.put_off
    assert filled.fetch("SELECT count(*) FROM events_2026_05") == [(1,)]
    assert "events_2026_05" in retention.apply(filled, THREE_MONTHS, NOW).months


def test_late_event_of_a_dropped_month_is_stored_whoever_stores_it(filled: Database) -> None:
    """The first output still takes the month for there, the second one asks for it anew."""
    first, second = store_of(filled), store_of(filled)
    first.store([seen("2026-05-02")])
    retention.apply(filled, THREE_MONTHS, NOW)
    first.store([seen("2026-05-03")])
    second.store([seen("2026-05-04")])
    assert filled.fetch("SELECT count(*) FROM events_other") == [(2,)]
    assert retention.apply(filled, THREE_MONTHS, NOW).events == 2


def test_closed_tickets_go_when_their_events_are_gone(filled: Database) -> None:
    """Ticket 2 has lost its only event; ticket 1 still has some."""
    filled.fetch("UPDATE tickets SET state = 'closed', state_at = '2026-08-10Z'")
    filled.fetch("INSERT INTO notices (customer_id, state) VALUES ('C1', 'addressed'), ('C1', 'addressed')")
    filled.fetch(
        "INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of) "
        "VALUES (1, 2, 0, 1, 1, false), (2, 1, 0, 1, 1, false), (2, 2, 0, 1, 1, false)"
    )
    settings = RetentionSettings(events_months=3, closed_tickets_days=90)
    (gone,) = filled.fetch("SELECT id FROM tickets WHERE resource = '192.0.2.2'")[0]
    assert gone in (1, 2)
    dropped = retention.apply(filled, settings, NOW)
    assert dropped.tickets == 1
    assert filled.fetch("SELECT count(*) FROM tickets WHERE id = %s", (gone,)) == [(0,)]
    assert filled.fetch("SELECT count(*) FROM notices") in ([(1,)], [(2,)])
    assert filled.fetch("SELECT count(*) FROM notice_tickets WHERE ticket_id = %s", (gone,)) == [(0,)]
    assert filled.fetch("SELECT sum(opened)::integer FROM daily_tickets") == [(2,)]


def test_ticket_closed_lately_stays(filled: Database) -> None:
    filled.fetch("UPDATE tickets SET state = 'closed', state_at = '2026-11-10Z'")
    assert retention.apply(filled, RetentionSettings(events_months=3, closed_tickets_days=90), NOW).tickets == 0


def test_reports_go_with_their_evidence_but_not_at_once(database: Database, tmp_path: Path) -> None:
    evidence, reports = EvidenceStore(tmp_path), ReportStore(database)
    settings = RetentionSettings(reports_days=100)
    old, waiting, new = (
        reports.accept(evidence.keep(content), kind="mail", channel="m")[0] for content in (b"old", b"waiting", b"new")
    )
    reports.finish(old.id, Outcome("read", "x"))
    reports.finish(new.id, Outcome("read", "x"))
    database.fetch("UPDATE reports SET received_at = '2026-01-01Z' WHERE id <= 2")
    database.fetch("UPDATE reports SET received_at = '2026-11-20Z' WHERE id = 3")
    assert retention.apply(database, settings, NOW, evidence=evidence, dry_run=True).reports == 1
    dropped = retention.apply(database, settings, NOW, evidence=evidence)
    assert (dropped.reports, dropped.evidence) == (1, 0)
    assert not evidence.path(old.evidence).exists()
    assert evidence.read(waiting.evidence) == b"waiting"
    assert database.fetch("SELECT reports_from FROM retention_state") == [((NOW - timedelta(days=99)).date(),)]
    assert (tmp_path / "dropped" / f"{old.evidence}.gz").exists()
    # the same bytes were just coming in again, and their collector still saw the file
    reports.accept(evidence.keep(b"old"), kind="mail", channel="m")
    evidence.path(old.evidence).unlink()
    assert retention.apply(database, settings, NOW, evidence=evidence).evidence == 0
    assert evidence.read(old.evidence) == b"old"
    database.fetch("DELETE FROM reports WHERE evidence = %s", (new.evidence,))
    (tmp_path / "dropped" / f"{new.evidence}.gz").write_bytes(b"")
    assert retention.apply(database, settings, NOW, evidence=evidence).evidence == 1


@pytest.mark.parametrize(
    ("day", "months_back", "first"),
    [
        (date(2026, 11, 22), 3, date(2026, 8, 1)),
        (date(2026, 1, 31), 1, date(2025, 12, 1)),
        (date(2026, 2, 1), 14, date(2024, 12, 1)),
    ],
)
def test_months_before(day: date, months_back: int, first: date) -> None:
    assert retention._months_before(day, months_back) == first


def test_less_than_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is kept"):
        RetentionSettings(reports_days=0)


def test_what_stands_beside_goes_after_its_own_time(database: Database, tmp_path: Path) -> None:
    store_of(database).store([seen("2026-11-01")])
    for days in (10, 100):
        database.fetch(
            "WITH n AS (INSERT INTO notices (customer_id, state) VALUES ('C1', 'addressed') RETURNING id) "
            "INSERT INTO deliveries (notice_id, recipient, message_id, state, sent_at, mail) "
            "SELECT id, 'it@example.com', id || '@example.net', 'sent', %(at)s, 'Dear'::bytea FROM n",
            {"at": NOW - timedelta(days=days)},
        )
        database.fetch(
            "WITH a AS (INSERT INTO answers (kind, at, sender, sender_is, tied_by) VALUES ('reply', %(at)s, 'x@example.com', 'contact', "
            "'address') RETURNING id) INSERT INTO answer_files SELECT id, 1, 'a', 'b', 1, %(hash)s FROM a",
            {"at": NOW - timedelta(days=days), "hash": EvidenceStore(tmp_path).keep(b"file %d" % days).sha256},
        )
        database.fetch(
            "INSERT INTO audit_trail (at, actor, object, object_id, change) VALUES (%(at)s, 'a', 'ticket', '1', 'x'), (%(at)s, 'a', 'privacy', 'y', 'x')",
            {"at": NOW - timedelta(days=days)},
        )
    settings = RetentionSettings(mail_texts_days=30, answers_days=30, sessions_days=30, audit_days=30)
    evidence = EvidenceStore(tmp_path)
    dry = retention.apply(database, settings, NOW, evidence=evidence, dry_run=True)
    assert dry.beside == {"texts of mails": 1, "answers": 1, "lines of the audit trail": 1}
    assert retention.apply(database, settings, NOW, evidence=evidence).beside == dry.beside
    assert database.fetch("SELECT count(*), count(mail) FROM deliveries") == [(2, 1)]
    assert database.fetch("SELECT count(*) FROM answers") == [(1,)]
    assert database.fetch("SELECT count(*) FROM audit_trail WHERE object = 'privacy'") == [(2,)]
    assert sorted(path.name for path in (tmp_path / "dropped").iterdir()) == [
        f"{hashlib.sha256(b'file 100').hexdigest()}.gz"
    ]
