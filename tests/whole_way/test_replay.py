# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports read again by running bots: the same tickets, and what an older reader got wrong is put right."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from abusehandler.cli import main
from tests.whole_way.test_samples import assert_result, sent_mails

if TYPE_CHECKING:
    import pytest

    from tests.whole_way.conftest import Desk


def replay(desk: Desk, monkeypatch: pytest.MonkeyPatch, *choice: str) -> None:
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(desk.root / "etc/abusehandler.yaml"))
    assert main(["report", "replay", *choice, "--for-real"]) == 0
    desk.wait_for_result()


def picture(desk: Desk) -> list[Any]:
    """Tickets with their numbers and counts, events with theirs, mails sent."""
    return [
        desk.database.fetch("SELECT id, key, state, event_count, first_seen, last_seen FROM tickets ORDER BY id"),
        desk.database.fetch("SELECT id, at, fingerprint, ticket_id FROM events ORDER BY id"),
        desk.database.fetch("SELECT id, state, events, unread_parts, reason FROM reports ORDER BY id"),
        len(sent_mails(desk)),
    ]


def test_everything_read_again_gives_the_same_tickets_and_no_mail(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.up()
    before = picture(desk)
    for _ in range(2):
        replay(desk, monkeypatch, "--since", "2020-01-01")
        assert picture(desk) == before
    assert desk.database.fetch("SELECT DISTINCT reading FROM reports") == [(3,)]
    assert_result(desk)


def test_reports_whose_collector_runs_no_more_are_handed_on_by_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.up()
    before = picture(desk)
    # as if they had come, a while ago, by bots that were removed since
    desk.database.fetch("UPDATE reports SET channel = 'removed-collector'")
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(desk.root / "etc/abusehandler.yaml"))
    assert main(["report", "replay", "--channel", "removed-collector", "--for-real"]) == 0
    desk.database.fetch("UPDATE reports SET state_at = now() - interval '10 minutes' WHERE state = 'received'")
    desk.wait_for_result()
    assert picture(desk) == before


def test_what_an_older_reader_got_wrong_is_put_right(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.up()
    # the stored event of the brute-force mail becomes what a worse reader might have made of it
    ((report, ticket),) = desk.database.fetch(
        "UPDATE events SET fingerprint = gen_random_uuid(), "
        'data = data || \'{"report.mark": "0000000000000000", "time.source": "2026-01-01T00:00:00+00:00"}\' '
        "WHERE problem = 'brute-force' RETURNING report_id, ticket_id"
    )
    replay(desk, monkeypatch, str(report))
    assert_result(desk)
    ((number, marks),) = desk.database.fetch(
        "SELECT t.event_count, e.data ->> 'report.reading' FROM tickets t JOIN events e ON e.ticket_id = t.id WHERE t.id = %s",
        (ticket,),
    )
    assert (number, marks) == (1, "2")
    assert desk.count("withdrawn_events") == 1
    assert desk.count("audit_trail", f"object = 'ticket' AND object_id = '{ticket}'") == 1
    if os.environ.get("ABUSEHANDLER_SHOW"):
        main(["report", "show", str(report)])
