# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A report that is read again: the same events change nothing, others take the place of the old ones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from abusehandler.tickets.evidence import Kept
from abusehandler.tickets.reports import Outcome, ReportStore
from abusehandler.tickets.rereading import Rereading, Withdrawn, mark
from tests.tickets.observations import observation, store_of, tickets_in

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.reports import ReportState

WRONG = {"time_source": "2026-11-20T10:00:00+00:00"}
RIGHT = {"time_source": "2026-11-20T08:00:00+00:00"}


class Reader:
    """What the bots do with a report: read it, store what comes of it, note the outcome."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = store_of(database)
        self.reports = ReportStore(database)
        self.rereading = Rereading(database)
        self.report, _ = self.reports.accept(Kept("ab" * 32, 10), kind="mail", channel="maildir")

    def events(
        self, reading: int, *events: dict[str, Any], enriched: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        made = []
        for event in events:
            one = {**event, "report.id": self.report.id, "report.mark": mark(event), **(enriched or {})}
            made.append(one if reading == 1 else {**one, "report.reading": reading})
        return made

    def read(
        self,
        reading: int,
        *events: dict[str, Any],
        state: ReportState = "read",
        stored: bool = True,
        enriched: dict[str, Any] | None = None,
    ) -> Withdrawn:
        self.reports.finish(self.report.id, Outcome(state, "free-text", events=len(events)))
        withdrawn = self.rereading.finish(self.report.id, reading, {mark(event) for event in events})
        if stored:
            self.store.store(self.events(reading, *events, enriched=enriched))
        return withdrawn

    def again(self) -> int:
        self.rereading.ask_again([self.report.id], actor="test", reason="mended")
        found = self.reports.find(self.report.id)
        assert found is not None
        return found.reading

    def audit(self) -> list[tuple[str, str]]:
        return [tuple(row) for row in self.database.fetch("SELECT object, change FROM audit_trail ORDER BY id")]  # type: ignore[misc]


@pytest.fixture
def reader(database: Database) -> Reader:
    return Reader(database)


def state_of(database: Database) -> list[Any]:
    return [
        tickets_in(database),
        database.fetch("SELECT id, at, fingerprint, ticket_id FROM events ORDER BY id"),
        database.fetch("SELECT count(*) FROM withdrawn_events"),
    ]


def test_the_same_reading_twice_changes_nothing(reader: Reader, database: Database) -> None:
    events = [observation(source_ip=f"192.0.2.{host}") for host in (1, 2, 3)]
    reader.read(1, *events)
    before = state_of(database)
    for _ in range(2):
        reading = reader.again()
        assert reader.read(reading, *events) == Withdrawn()
        assert state_of(database) == before


def test_corrected_event_takes_the_place_of_the_wrong_one_in_the_same_ticket(
    reader: Reader, database: Database
) -> None:
    reader.read(1, observation(**WRONG))
    assert reader.read(reader.again(), observation(**RIGHT)) == Withdrawn(events=1, tickets=1, emptied=1)
    (ticket,) = tickets_in(database)
    assert (ticket["id"], ticket["state"], ticket["event_count"]) == (1, "open", 1)
    assert ticket["first_seen"] == ticket["last_seen"]
    assert ticket["first_seen"].hour == 8
    assert database.fetch("SELECT at FROM withdrawn_events")[0][0].hour == 10
    assert ("ticket", "1 event(s) withdrawn, 0 left") in reader.audit()
    reader.rereading.close_emptied(timedelta())
    assert tickets_in(database)[0]["state"] == "open"


def test_event_about_another_address_empties_the_old_ticket_which_is_closed(reader: Reader, database: Database) -> None:
    reader.read(1, observation(source_ip="192.0.2.1"))
    reader.read(reader.again(), observation(source_ip="192.0.2.2"))
    old, new = tickets_in(database)
    assert (old["event_count"], old["notify_due"], new["resource"], new["event_count"]) == (0, None, "192.0.2.2", 1)
    assert reader.rereading.close_emptied(timedelta(hours=1)) == []
    assert reader.rereading.close_emptied(timedelta()) == [old["id"]]
    assert [ticket["state"] for ticket in tickets_in(database)] == ["closed", "open"]


def test_events_of_other_reports_in_the_ticket_stay(reader: Reader, database: Database) -> None:
    reader.read(1, observation(**WRONG), observation(time_source="2026-11-20T11:00:00+00:00"))
    other = observation(time_source="2026-11-20T09:00:00+00:00", report_id=99)
    reader.store.store([{**other, "report.mark": mark(other)}])
    assert reader.read(reader.again()) == Withdrawn(events=2, tickets=1)
    (ticket,) = tickets_in(database)
    assert (ticket["event_count"], ticket["first_seen"].hour, ticket["last_seen"].hour) == (1, 9, 9)


def test_reading_that_ends_unread_withdraws_nothing(reader: Reader, database: Database) -> None:
    reader.read(1, observation())
    before = state_of(database)
    assert reader.read(reader.again(), state="unread") == Withdrawn()
    assert state_of(database) == before


def test_reading_that_finds_no_report_withdraws_all(reader: Reader, database: Database) -> None:
    reader.read(1, observation())
    assert reader.read(reader.again(), state="not-a-report") == Withdrawn(events=1, tickets=1, emptied=1)


def test_events_still_under_way_from_the_old_reading_are_not_stored(reader: Reader, database: Database) -> None:
    reader.read(1, observation(**WRONG), stored=False)
    reader.read(reader.again(), observation(**RIGHT))
    reader.store.store(reader.events(1, observation(**WRONG)))
    (ticket,) = tickets_in(database)
    assert (ticket["event_count"], ticket["first_seen"].hour) == (1, 8)


def test_what_experts_add_today_makes_no_second_event(reader: Reader, database: Database) -> None:
    reader.read(1, observation(), enriched={"source.asn": 64496})
    before = state_of(database)
    reader.read(reader.again(), observation(), enriched={"source.asn": 64497})
    assert state_of(database) == before


def test_what_an_expert_added_and_the_reader_now_sees_itself_is_not_lost(reader: Reader, database: Database) -> None:
    reader.read(1, observation(), enriched={"source.asn": 64496})
    reading = reader.again()
    seen = {**observation(), "source.asn": 64496}
    # the new events come to the store before the end of the reading, as those of a large report do
    reader.store.store(reader.events(reading, seen))
    assert reader.read(reading, seen) == Withdrawn()
    (ticket,) = tickets_in(database)
    assert ticket["event_count"] == 1


def test_reading_that_is_finished_twice_after_a_crash_counts_once(reader: Reader, database: Database) -> None:
    reader.read(1, observation(**WRONG))
    reading = reader.again()
    reader.read(reading, observation(**RIGHT))
    before = state_of(database)
    assert reader.read(reading, observation(**RIGHT)) == Withdrawn()
    assert state_of(database) == before


def test_notice_about_nothing_but_withdrawn_events_is_withdrawn(reader: Reader, database: Database) -> None:
    reader.read(1, observation(**WRONG))
    database.fetch("INSERT INTO notices (customer_id, state) VALUES ('C1', 'held')")
    database.fetch("INSERT INTO notice_tickets VALUES (1, 1, 0, 1, 1, false)")
    assert reader.read(reader.again(), state="not-a-report").notices == 1
    assert database.fetch("SELECT state, reason <> '' FROM notices") == [("withdrawn", True)]


def test_only_reports_that_do_not_wait_anyway_are_asked_for_again(reader: Reader, database: Database) -> None:
    assert reader.rereading.ask_again([reader.report.id], actor="test", reason="") == []
    reader.read(1, observation())
    assert reader.rereading.ask_again([reader.report.id], actor="test", reason="mended") == [reader.report.id]
    assert database.fetch("SELECT state, reading FROM reports") == [("received", 2)]
    assert reader.audit() == [("report", "read again (reading 2)")]


def test_outcome_of_a_reading_that_is_overtaken_is_not_noted(reader: Reader, database: Database) -> None:
    reader.read(1, observation())
    reading = reader.again()
    # a reader that began before the question comes to its end after it
    reader.reports.finish(reader.report.id, Outcome("unread", "free-text"), reading=1)
    assert database.fetch("SELECT state FROM reports") == [("received",)]
    reader.reports.finish(reader.report.id, Outcome("read", "free-text"), reading=reading)
    assert database.fetch("SELECT state FROM reports") == [("read",)]


def test_choice(reader: Reader) -> None:
    choose = reader.rereading.choose
    assert [(report.id, state) for report, state in choose()] == [(1, "received")]
    assert choose([1], state="received", channel="maildir")
    assert not choose([2])
    assert not choose([])
    assert not choose(state="unread")
    assert not choose(since=reader.report.received_at + timedelta(seconds=1))
    assert not choose(until=reader.report.received_at)
    assert choose(since=reader.report.received_at)
