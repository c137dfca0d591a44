# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The record of each report: once for the same bytes, handed on once, and what came of it."""

from __future__ import annotations

from typing import Literal

import pytest

from abusehandler.reports.reading import BadPart
from abusehandler.tickets.database import Database
from abusehandler.tickets.evidence import Kept
from abusehandler.tickets.reports import PARTS_KEPT, Outcome, ReportStore


@pytest.fixture
def reports(database: Database) -> ReportStore:
    return ReportStore(database)


def kept(number: int = 1) -> Kept:
    return Kept(f"{number:064x}", 100)


def record(database: Database, *columns: str) -> tuple[object, ...]:
    ((*row,),) = database.fetch(f"SELECT {', '.join(columns)} FROM reports")
    return tuple(row)


def test_same_bytes_are_the_same_report(reports: ReportStore, database: Database) -> None:
    first, new = reports.accept(kept(), kind="mail", channel="maildir", name="1.eml")
    again, new_again = reports.accept(kept(), kind="mail", channel="pipe")
    assert (new, new_again) == (True, False)
    assert again.id == first.id
    assert again.channel == "maildir"
    assert record(database, "times_received", "state", "name") == (2, "received", "1.eml")


def given_out(reports: ReportStore, limit: int = 100, kind: Literal["mail", "feed"] = "mail") -> list[int]:
    with reports.handing_on(["maildir"], kind=kind, limit=limit) as waiting:
        return [report.id for report in waiting]


def test_report_is_handed_on_once_oldest_first(reports: ReportStore, database: Database) -> None:
    numbers = [reports.accept(kept(number), kind="mail", channel="maildir")[0].id for number in (1, 2, 3)]
    reports.accept(kept(4), kind="mail", channel="pipe")
    assert given_out(reports, limit=2) == numbers[:2]
    assert given_out(reports) == numbers[2:]
    assert given_out(reports) == []
    assert database.fetch("SELECT state FROM reports ORDER BY id") == [("queued",)] * 3 + [("received",)]


def test_report_that_could_not_be_sent_is_handed_on_again(reports: ReportStore) -> None:
    report, _ = reports.accept(kept(), kind="mail", channel="maildir")
    with pytest.raises(OSError, match="no queue"), reports.handing_on(["maildir"], kind="mail"):
        raise OSError("no queue")
    assert given_out(reports) == [report.id]


def test_two_collectors_do_not_hand_on_the_same_report(reports: ReportStore, dsn: str) -> None:
    reports.accept(kept(), kind="mail", channel="maildir")
    other = Database(dsn)
    with reports.handing_on(["maildir"], kind="mail") as waiting:
        assert len(waiting) == 1
        assert given_out(ReportStore(other)) == []
    other.close()


def test_report_whose_own_collector_is_gone_is_handed_on_by_one_of_its_kind(
    reports: ReportStore, database: Database
) -> None:
    report, _ = reports.accept(kept(), kind="mail", channel="removed")
    assert given_out(reports) == []
    database.fetch("UPDATE reports SET state_at = now() - interval '1 hour'")
    assert given_out(reports, kind="feed") == []
    assert given_out(reports) == [report.id]


def test_report_received_again_is_not_queued_again(reports: ReportStore) -> None:
    first, _ = reports.accept(kept(), kind="mail", channel="maildir")
    reports.queued([first])
    reports.accept(kept(), kind="mail", channel="maildir")
    assert given_out(reports) == []


def test_queued_late_does_not_overwrite_what_a_quick_reader_noted(reports: ReportStore, database: Database) -> None:
    report, _ = reports.accept(kept(), kind="mail", channel="maildir")
    reports.finish(report.id, Outcome("read", "arf"))
    reports.queued([report])
    assert record(database, "state") == ("read",)


def test_finish_notes_what_came_of_it_and_a_second_reading_replaces_it(
    reports: ReportStore, database: Database
) -> None:
    report, _ = reports.accept(kept(), kind="feed", channel="files")
    bad = [BadPart("too few columns", "rows.csv", 7, "a,b"), BadPart("no address", "rows.csv", 9, "x")]
    reports.finish(report.id, Outcome("partly", "shadowserver", "2 rows", events=5, unread_parts=2), bad)
    assert record(database, "state", "events", "unread_parts", "reason") == ("partly", 5, 2, "2 rows")
    assert database.fetch("SELECT number, line, reason, raw FROM unread_parts ORDER BY number") == [
        (1, 7, "too few columns", "a,b"),
        (2, 9, "no address", "x"),
    ]
    reports.finish(report.id, Outcome("read", "shadowserver", events=7))
    assert record(database, "state", "events", "unread_parts", "reason") == ("read", 7, 0, "")
    assert database.fetch("SELECT * FROM unread_parts") == []


def test_unreadable_parts_are_kept_up_to_a_number_and_a_size(reports: ReportStore, database: Database) -> None:
    report, _ = reports.accept(kept(), kind="feed", channel="files")
    bad = [BadPart("r" * 5000, "rows.csv", line, "x" * 100_000) for line in range(PARTS_KEPT + 10)]
    reports.finish(report.id, Outcome("unread", "shadowserver", unread_parts=len(bad)), bad)
    assert database.fetch("SELECT count(*), max(length(reason)), max(length(raw)) FROM unread_parts") == [
        (PARTS_KEPT, 500, 4000)
    ]
    assert record(database, "unread_parts") == (PARTS_KEPT + 10,)


def test_text_that_postgresql_does_not_take_is_kept_without_it(reports: ReportStore, database: Database) -> None:
    odd = "nul\0 and half \ud800"
    report, _ = reports.accept(kept(), kind="mail", channel="maildir", name=odd, feed=odd, sender=odd, subject=odd)
    reports.describe(report.id, sender=odd, subject=odd)
    proposal = [{"event": {"extra.text": odd, "odd\0key": [odd, 1 << 70]}}]
    reports.finish(report.id, Outcome("unread", "freetext", odd, proposal=proposal), [BadPart(odd, odd, 1, odd)])
    shown = "nul and half ?"
    assert record(database, "name", "feed", "sender", "subject", "reason") == (shown,) * 5
    assert record(database, "proposal") == ([{"event": {"extra.text": shown, "oddkey": [shown, str(1 << 70)]}}],)


def test_find(reports: ReportStore) -> None:
    report, _ = reports.accept(kept(), kind="mail", channel="maildir", name="1.eml", feed="Abuse mailbox")
    assert reports.find(report.id) == report
    assert reports.find(report.id + 1) is None
