# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which tickets become a notice, when, and of which kind: by the policy that holds when they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scripted_smtp import ScriptedSmtp
from sending import SendingDesk

from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.notice import Recipient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def desk(dsn: str) -> Iterator[Callable[..., SendingDesk]]:
    server = ScriptedSmtp()
    opened: list[SendingDesk] = []

    def make(rules: dict[str, Any] | None = None, **other: Any) -> SendingDesk:
        opened.append(SendingDesk(dsn, server, rules, **other))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
    server.stop()


def kinds(desk: SendingDesk) -> list[str]:
    return [row[0] for row in desk.rows("SELECT kind FROM notices ORDER BY id")]


def test_new_then_update(desk: Callable[..., SendingDesk]) -> None:
    mine = desk()
    mine.report()
    mine.sender.run()
    mine.report(hour=12)
    mine.sender.run()
    assert kinds(mine) == ["new", "update"]
    first, second = mine.mails()
    assert second["Subject"].startswith("Update: ")
    assert second["In-Reply-To"] == first["Message-ID"]


def test_hold_by_rule_keeps_only_those_tickets_back(desk: Callable[..., SendingDesk]) -> None:
    mine = desk({"rules": [{"problems": ["brute-force"], "hold": True}]})
    mine.report(source_ip="192.0.2.9")
    mine.report(source_ip="192.0.2.10", **{"classification.type": "phishing", "classification.identifier": None})
    mine.sender.run()
    assert mine.rows("SELECT state, count(*) FROM notices GROUP BY state ORDER BY state") == [
        ("addressed", 1),
        ("held", 1),
    ]
    assert len(mine.mails()) == 1


def test_reminder_while_the_customer_does_not_answer(desk: Callable[..., SendingDesk]) -> None:
    mine = desk({"default": {"reminder_days": [7, 14]}})
    mine.report()
    mine.sender.run()
    mine.pass_time("6 days")
    assert mine.sender.run().notices == 0
    mine.pass_time("1 day")
    assert mine.sender.run().notices == 1
    mine.pass_time("14 days")
    assert mine.sender.run().notices == 1
    mine.pass_time("100 days")
    assert mine.sender.run().notices == 0
    assert kinds(mine) == ["new", "reminder", "reminder"]
    reminder = mine.mails()[1]
    assert reminder["Subject"].startswith("Reminder: ")
    body = reminder.get_body(("plain",))
    assert body is not None
    assert "192.0.1.1" in body.get_content()


@pytest.mark.parametrize(
    "change", ["customer_state = 'working'", "state = 'resolved'", "state = 'closed'", "state = 'ignored'"]
)
def test_no_reminder_once_somebody_has_done_something(desk: Callable[..., SendingDesk], change: str) -> None:
    mine = desk({"default": {"reminder_days": [7]}})
    mine.report()
    mine.sender.run()
    mine.rows(f"UPDATE tickets SET {change}")
    mine.pass_time("8 days")
    assert mine.sender.run().notices == 0
    assert mine.rows("SELECT count(*) FROM tickets WHERE remind_due IS NOT NULL") == [(0,)]


def test_a_new_notice_begins_the_reminders_anew(desk: Callable[..., SendingDesk]) -> None:
    mine = desk({"default": {"reminder_days": [7]}})
    mine.report()
    mine.sender.run()
    mine.pass_time("5 days")
    mine.report(hour=12)
    mine.sender.run()
    mine.pass_time("5 days")
    assert mine.sender.run().notices == 0
    mine.pass_time("2 days")
    assert mine.sender.run().notices == 1
    assert kinds(mine) == ["new", "update", "reminder"]


def test_what_falls_due_in_quiet_hours_goes_when_they_are_over(desk: Callable[..., SendingDesk]) -> None:
    now = now_utc()
    begin, end = f"{(now.hour - 1) % 24}:00", f"{(now.hour + 2) % 24}:00"
    mine = desk({"default": {"quiet_hours": {"begin": begin, "end": end}}})
    mine.report()
    mine.rows("UPDATE tickets SET notify_due = now() - interval '1 minute'")
    assert mine.sender.run().notices == 0
    ((due,),) = mine.rows("SELECT notify_due FROM tickets")
    assert due.hour == (now.hour + 2) % 24
    assert due > now


def test_at_most_so_many_mails_a_day_and_then_all_in_one(desk: Callable[..., SendingDesk]) -> None:
    mine = desk({"default": {"most_per_day": 2}})
    for number in (1, 2):
        mine.report(source_ip=f"192.0.2.{number}")
        mine.sender.run()
    mine.report(source_ip="192.0.2.3")
    mine.report(source_ip="192.0.2.4")
    assert mine.sender.run().mails == 0
    assert mine.rows("SELECT count(*) FROM notices") == [(2,)]
    mine.pass_time("24 hours")
    assert mine.sender.run().sent == 1
    assert mine.rows("SELECT count(*) FROM notice_tickets WHERE notice_id = (SELECT max(id) FROM notices)") == [(2,)]


def test_limit_holds_for_an_address_that_two_customers_share(desk: Callable[..., SendingDesk]) -> None:
    mine = desk({"default": {"most_per_day": 1}})
    mine.contacts = {f"C{number}": [Recipient("shared@example.com")] for number in (1, 2, 3)}
    mine.report(customers=3)
    assert mine.sender.run().sent == 1
    mine.pass_time("25 hours")
    assert mine.sender.run().sent == 1
    mine.pass_time("25 hours")
    assert mine.sender.run().sent == 1
    assert len(mine.mails()) == 3


def test_policy_never_forgets_what_was_due(desk: Callable[..., SendingDesk]) -> None:
    desk().report()
    mine = desk({"rules": [{"customers": ["C1"], "when": "never"}]})
    assert mine.sender.run().notices == 0
    assert mine.sender.next_due() is None


def test_escalated_ticket_is_told_as_urgent_once(desk: Callable[..., SendingDesk]) -> None:
    mine = desk()
    mine.report()
    mine.sender.run()
    mine.rows("UPDATE tickets SET state = 'escalated', escalated_at = now(), notify_due = now()")
    mine.sender.run()
    mine.report(hour=13)
    mine.sender.run()
    assert kinds(mine) == ["new", "escalation", "update"]
    assert mine.mails()[1]["Subject"].startswith("Urgent: ")


def test_muted_ticket_waits_and_its_reminder_too(desk: Callable[..., SendingDesk]) -> None:
    mine = desk({"default": {"reminder_days": [1]}})
    mine.report(tickets=2)
    mine.sender.run()
    mine.report(tickets=2, hour=12)
    mine.rows(
        "INSERT INTO mutes (network, ends_at, reason, author) VALUES ('192.0.1.1', now() + interval '30 days', 'known', 'me')"
    )
    mine.sender.run()
    assert mine.rows("SELECT ticket_id FROM notice_tickets WHERE notice_id = 2") == [(2,)]
    mine.pass_time("2 days")
    mine.sender.run()
    assert mine.rows("SELECT count(*) FROM notice_tickets WHERE ticket_id = 1 AND kind = 'reminder'") == [(0,)]


def test_many_customers_are_prepared_together(desk: Callable[..., SendingDesk]) -> None:
    mine = desk(senders=3)
    mine.report(customers=150, tickets=2)
    report = mine.sender.run()
    assert (report.notices, report.sent) == (150, 150)
    assert len({mail["Message-ID"] for mail in mine.mails()}) == 150
    assert mine.server.connections == 3
