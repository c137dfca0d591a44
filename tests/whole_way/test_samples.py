# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The samples of the try-out through running bots: the result, a second start, and bots killed at any moment."""

from __future__ import annotations

import email
import email.policy
import os
import random
import signal
from typing import TYPE_CHECKING

import pytest

from abusehandler.installer import samples

if TYPE_CHECKING:
    from tests.whole_way.conftest import Desk

#: customer, resource, problem, events: what the samples must come to, however they got there.
TICKETS = [
    ("C-1001", "192.0.2.10", "open-dns-resolver", 1),
    ("C-1001", "192.0.2.11", "open-ntp-monitor", 1),
    ("C-1002", "192.0.2.21", "open-dns-resolver", 1),
    ("C-1002", "192.0.2.22", "infected-system", 2),
    ("C-1002", "192.0.2.23", "spam", 1),
    ("C-1002", "2001:db8:10::/64", "exposed-ssh", 1),
    ("C-1003", "192.0.2.40", "open-dns-resolver", 1),
    ("C-1003", "192.0.2.41", "infected-system", 1),
    ("C-1003", "192.0.2.42", "compromised-website", 1),
    ("C-1003", "192.0.2.43", "brute-force", 1),
    ("C-1003", "2001:db8:20::/64", "open-ntp-monitor", 1),
    ("C-1003", "2001:db8:20:1::/64", "exposed-ssh", 1),
]
REPORT_STATES = {"read": 6, "partly": 1, "unread": 1}
CONTACTS = {"it@alder.example.org", "admin@birch.example.org", "abuse@cedar.example.org"}


def feed(desk: Desk) -> None:
    samples.write("feeds", desk.root / "var/lib/feeds")
    samples.write("mails", desk.root / "var/lib/maildir/new")


def assert_result(desk: Desk) -> None:
    found = desk.database.fetch("SELECT customer_id, resource, problem, event_count FROM tickets ORDER BY 1, 2, 3")
    assert sorted(found) == sorted(TICKETS)
    assert desk.count("events") == sum(ticket[3] for ticket in TICKETS) + 1
    assert desk.count("events", "ticket_id IS NULL AND customer_match = 'none'") == 1
    assert dict(desk.database.fetch("SELECT state, count(*) FROM reports GROUP BY state")) == REPORT_STATES
    assert desk.under_way(desk.database) == {}


def sent_mails(desk: Desk) -> list[email.message.EmailMessage]:
    parsed = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in desk.sink.mails.glob("*.eml")
    ]
    return [mail for mail in parsed if isinstance(mail, email.message.EmailMessage)]


def test_samples_become_tickets_and_notices_and_a_second_start_changes_nothing(desk: Desk) -> None:
    desk.up()
    assert_result(desk)
    mails = sent_mails(desk)
    assert {mail["To"] for mail in mails} == CONTACTS
    assert desk.count("deliveries", "state = 'sent'") == len(mails)
    for mail in mails:
        others = {ticket[1] for ticket in TICKETS if f"contact of {ticket[0]}" != mail["To"]}
        own = {
            resource for (resource,) in desk.database.fetch(
                "SELECT t.resource FROM tickets t JOIN notice_tickets n ON n.ticket_id = t.id JOIN deliveries d USING (notice_id) "
                "WHERE d.recipient = %s", (mail["To"],))
        }  # fmt: skip
        text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert all(resource in text for resource in own)
        assert not any(f"{resource}\n" in text for resource in others - own)
    desk.up()
    assert_result(desk)
    assert len(sent_mails(desk)) == len(mails)


def test_the_unread_mail_and_the_bad_row_wait_with_their_reasons(desk: Desk) -> None:
    desk.up()
    ((subject, reason),) = desk.database.fetch("SELECT subject, reason FROM reports WHERE state = 'unread'")
    assert subject == "something is wrong"
    assert reason
    ((line, why),) = desk.database.fetch("SELECT line, reason FROM unread_parts")
    assert line == 3
    assert "not a time" in why


@pytest.mark.parametrize("seed", [1, 2])
def test_bots_killed_at_any_moment_and_started_again_come_to_the_same_result(desk: Desk, seed: int) -> None:
    dice = random.Random(seed)
    # else it would be the machine's speed that decides how many notices a customer gets
    desk.hold_notices()
    desk.intelmqctl("start")
    feed(desk)

    def kill(number: int) -> None:
        # an event in the life of the desk, not a time: kill as soon as something is under way
        pids = desk.bot_pids()
        for bot in dice.sample(sorted(pids), k=number):
            try:
                os.kill(pids[bot], signal.SIGKILL)
            except ProcessLookupError:
                continue
        desk.intelmqctl("start", check=False)

    for _ in range(4):
        kill(3)
    desk.wait_for_result()
    assert sent_mails(desk) == []
    desk.make_due()
    for _ in range(2):
        kill(len(desk.bot_pids()))
    desk.wait_for_result()
    assert_result(desk)
    assert {mail["To"] for mail in sent_mails(desk)} == CONTACTS
    identities = [mail["Message-ID"] for mail in sent_mails(desk)]
    notices = desk.count("deliveries")
    assert desk.count("deliveries", "state = 'sent'") == notices == len(CONTACTS)
    # a mail that a kill left in doubt was sent again under the same Message-ID (rule in_doubt: resend)
    assert len(set(identities)) == notices
