# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A link is one row however often it is named, belongs to one worker at a time, and is given up with a word about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from abusehandler.reports.mail.message import Authentication
from abusehandler.tickets.database import Database
from abusehandler.tickets.evidence import Kept
from abusehandler.tickets.links import PAUSES, Link, LinkStore
from abusehandler.tickets.queries import statements
from abusehandler.tickets.reports import Outcome, ReportRecord, ReportStore

URL = "https://dl.example.org/a"
LEASE = timedelta(minutes=5)


@pytest.fixture
def links(database: Database) -> LinkStore:
    return LinkStore(database)


@pytest.fixture
def reports(database: Database) -> ReportStore:
    return ReportStore(database)


def mail(reports: ReportStore, number: int = 1, reader: str = "links") -> ReportRecord:
    report, _ = reports.accept(Kept(f"{number:064x}", 100), kind="mail", channel="x")
    reports.finish(report.id, Outcome("read", reader, "links: 1"))
    return report


def due(database: Database) -> None:
    database.fetch("UPDATE report_links SET next_try = now() - interval '1 second'")


def claimed(links: LinkStore) -> Link:
    link = links.claim(LEASE)
    assert link is not None
    return link


def state(database: Database) -> tuple[str, int, str]:
    ((*row,),) = database.fetch("SELECT state, unread_parts, reason FROM reports ORDER BY id LIMIT 1")
    return row[0], row[1], row[2]


def test_link_named_by_two_mails_is_fetched_once(links: LinkStore, reports: ReportStore) -> None:
    for number in (1, 2, 2):
        links.note(mail(reports, number).id, [URL, URL])
    assert claimed(links).url == URL
    assert links.claim(LEASE) is None


def test_two_workers_at_once_get_two_links(
    links: LinkStore, reports: ReportStore, database: Database, dsn: str
) -> None:
    links.note(mail(reports).id, [URL, URL + "b"])
    other = Database(dsn)
    with database.transaction() as cursor:
        cursor.execute(statements("links")["claim"], {"lease": LEASE})
        ((_, _, first, _),) = cursor.fetchall()
        assert {first, claimed(LinkStore(other)).url} == {URL, URL + "b"}
        assert LinkStore(other).claim(LEASE) is None
    other.close()


def test_link_of_a_worker_that_died_is_given_out_again_when_its_lease_ends(
    links: LinkStore, reports: ReportStore, database: Database
) -> None:
    links.note(mail(reports).id, [URL])
    first = claimed(links)
    assert links.claim(LEASE) is None
    due(database)
    again = claimed(links)
    assert (again.id, again.attempts) == (first.id, 2)


def test_fetched_is_written_together_with_the_report(
    links: LinkStore, reports: ReportStore, database: Database
) -> None:
    links.note(mail(reports).id, [URL])
    link = claimed(links)
    feed, _ = reports.accept(Kept(f"{7:064x}", 100), kind="feed", channel="y", note=links.fetched(link))
    assert database.fetch("SELECT state, fetched_report_id FROM report_links") == [("fetched", feed.id)]
    due(database)
    assert links.claim(LEASE) is None


def test_failures_wait_longer_and_longer_and_end_with_a_word_on_the_mail(
    links: LinkStore, reports: ReportStore, database: Database
) -> None:
    links.note(mail(reports).id, [URL])
    pauses = []
    for _ in range(len(PAUSES) + 1):
        due(database)
        pauses.append(links.failed(claimed(links), "the server answers 404"))
    assert pauses == [*PAUSES, None]
    assert state(database) == ("unread", 1, "links: 1; a link could not be fetched: the server answers 404")
    assert database.fetch("SELECT part, reason, raw FROM unread_parts") == [
        ("link", "a link could not be fetched: the server answers 404", URL)
    ]
    due(database)
    assert links.claim(LEASE) is None


def test_mail_of_which_something_was_read_is_partly_read(
    links: LinkStore, reports: ReportStore, database: Database
) -> None:
    links.note(mail(reports, reader="free-text").id, [URL])
    assert links.failed(claimed(links), "too large", for_good=True) is None
    assert state(database)[:2] == ("partly", 1)


def test_one_link_of_two_that_fails_makes_it_partly_read(
    links: LinkStore, reports: ReportStore, database: Database
) -> None:
    links.note(mail(reports).id, [URL, URL + "b"])
    links.failed(claimed(links), "too large", for_good=True)
    assert state(database)[:2] == ("partly", 1)
    links.failed(claimed(links), "too large", for_good=True)
    assert state(database)[:2] == ("unread", 2)


def test_link_that_was_given_up_is_tried_anew_when_its_mail_is_read_again(
    links: LinkStore, reports: ReportStore
) -> None:
    report = mail(reports)
    links.note(report.id, [URL])
    links.failed(claimed(links), "too large", for_good=True)
    links.note(report.id, [URL])
    assert claimed(links).attempts == 1


def test_verdict_about_the_sender_is_kept_with_the_report(reports: ReportStore, database: Database) -> None:
    report = mail(reports)
    proven = Authentication(dkim=("example.org",), arc="example.com", believed=(("spf", "pass"),))
    reports.describe(report.id, sender="a@example.org", subject="x", authentication=proven, checked=False)
    assert reports.authentication(report.id) == Authentication(dkim=("example.org",), arc="example.com")
    reports.describe(report.id, sender="a@example.org", subject="y")
    assert database.fetch("SELECT subject, authentication FROM reports") == [
        ("y", {"checked": False, "dkim": ["example.org"], "arc": "example.com", "believed": {"spf": "pass"}})
    ]
    assert reports.authentication(99) == Authentication()
