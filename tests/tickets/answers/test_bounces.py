# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounces mark the address, raise the case to the desk, and nobody can forge one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from abusehandler.tickets.answers import listing
from abusehandler.tickets.answers.addresses import bounce_address, reply_address
from abusehandler.tickets.answers.mail_addresses import refused, set_state
from abusehandler.tickets.database import Database
from abusehandler.tickets.notice import Delivery, Result
from abusehandler.tickets.outbox import Outbox
from tests.tickets.answers.sent_notices import PLAIN, Desk, bounce, reply, send

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


def test_bounce_to_the_signed_address_marks_the_recipient_and_raises_the_case(desk: Desk) -> None:
    sent = send(desk.database)
    taken = desk.take(bounce(bounce_address(sent.deliveries[0], desk.settings)))
    assert taken is not None
    assert taken.tickets == tuple(sent.tickets)
    assert desk.address("one@example.com") == "bouncing"
    assert desk.database.fetch("SELECT state, reason FROM notices")[0][0] == "no-contact"
    assert desk.column("SELECT unread FROM answer_tickets") == [True]
    changes = desk.database.fetch("SELECT object, object_id, change FROM audit_trail ORDER BY object")
    assert changes == [
        ("address", "one@example.com", "ok → bouncing"),
        ("delivery", str(sent.deliveries[0]), "came back"),
        ("notice", str(sent.id), "addressed → no-contact"),
        ("ticket", str(sent.tickets[0]), "notice came back"),
    ]


def test_bounce_that_returns_our_message_id_needs_no_signed_address(desk: Desk) -> None:
    desk.settings = PLAIN
    sent = send(desk.database)
    assert desk.take(bounce(message_id=sent.message_ids[0])) is not None
    assert desk.address("one@example.com") == "bouncing"
    assert desk.column("SELECT tied_by FROM answers") == ["message-id"]


def test_bounce_by_thread_headers(desk: Desk) -> None:
    sent = send(desk.database)
    raw = b"In-Reply-To: " + sent.message_ids[0].encode() + b"\r\n" + bounce()
    assert desk.take(raw) is not None
    assert desk.column("SELECT tied_by FROM answers") == ["thread"]
    assert desk.address("one@example.com") == "bouncing"


@pytest.mark.parametrize(
    "forged",
    [
        {"to": "abuse@example.net"},
        {"to": "abuse+d1.aaaaaaaaaaaaaaaa@example.net"},
        {"message_id": "<notice.1.ffffffffffffffff@example.net>"},
        {"to": "abuse+d1.@example.net", "message_id": "<1@example.net>"},
    ],
)
def test_forged_bounces_mark_nothing(desk: Desk, forged: dict[str, str]) -> None:
    send(desk.database)
    assert desk.take(bounce(**forged)) is None
    assert desk.address("one@example.com") == "ok"
    assert desk.column("SELECT count(*) FROM answers") == [0]


def test_a_tag_is_good_for_its_own_delivery_only_and_marks_its_own_recipient_only(desk: Desk) -> None:
    first, second = send(desk.database), send(desk.database, "C2", ("two@example.com",))
    mine = bounce_address(first.deliveries[0], desk.settings)
    stolen = mine.replace(f"+d{first.deliveries[0]}.", f"+d{second.deliveries[0]}.")
    assert desk.take(bounce(stolen, recipient="two@example.com")) is None
    # whatever the bounce says, it is about the mail whose address it came to
    taken = desk.take(bounce(mine, recipient="two@example.com", message_id=second.message_ids[0]))
    assert taken is not None
    assert taken.tickets == tuple(first.tickets)
    assert desk.address("two@example.com") == "ok"
    assert desk.address("one@example.com") == "ok"


def test_an_address_to_which_the_customer_forwards_says_nothing_about_his_own(desk: Desk) -> None:
    sent = send(desk.database)
    taken = desk.take(bounce(bounce_address(sent.deliveries[0], desk.settings), recipient="staff@example.org"))
    assert taken is not None
    assert desk.address("one@example.com") == "ok"
    assert desk.column("SELECT state FROM notices") == ["addressed"]
    assert desk.database.fetch("SELECT address, named, weight FROM delivery_news") == [
        ("one@example.com", "staff@example.org", "none")
    ]
    assert desk.column("SELECT unread FROM answer_tickets") == [True]


def test_delays_are_noted_and_the_desk_is_left_alone(desk: Desk) -> None:
    sent = send(desk.database)
    taken = desk.take(
        bounce(
            bounce_address(sent.deliveries[0], desk.settings), action="delayed", status="4.4.1", diagnostic="timeout"
        )
    )
    assert taken is not None
    assert taken.answer.kind == "delivery-news"
    assert desk.address("one@example.com") == "ok"
    assert desk.column("SELECT unread FROM answer_tickets") == [False]
    assert desk.column("SELECT action FROM delivery_news") == ["delayed"]


def test_full_mailboxes_are_counted_and_the_third_lost_mail_marks_the_address(desk: Desk) -> None:
    for number in range(1, 4):
        sent = send(desk.database)
        to = bounce_address(sent.deliveries[0], desk.settings)
        for _ in range(2):
            # two bounces of one mail count once
            desk.take(bounce(to, status="5.2.2", diagnostic="smtp; 552 5.2.2 mailbox full"))
        assert desk.column("SELECT bounces FROM mail_addresses") == [number]
        assert desk.address("one@example.com") == ("bouncing" if number == 3 else "ok")


def test_delivered_clears_what_was_before(desk: Desk) -> None:
    sent = send(desk.database)
    to = bounce_address(sent.deliveries[0], desk.settings)
    desk.take(bounce(to))
    assert desk.address("one@example.com") == "bouncing"
    desk.take(bounce(to, action="delivered", status="2.0.0", diagnostic="smtp; 250 ok"))
    assert desk.address("one@example.com") == "ok"
    assert desk.column("SELECT bounces FROM mail_addresses") == [0]


def test_notice_is_without_contact_only_when_nobody_is_left(desk: Desk) -> None:
    sent = send(desk.database, recipients=("one@example.com", "two@example.com"))
    desk.take(bounce(bounce_address(sent.deliveries[0], desk.settings)))
    assert desk.column("SELECT state FROM notices") == ["addressed"]
    # this one came to the reply address, and says itself which recipient it is about
    desk.take(bounce(reply_address(sent.id, desk.settings), recipient="Two@Example.com"))
    assert desk.address("two@example.com") == "bouncing"
    assert desk.column("SELECT state FROM notices") == ["no-contact"]


def test_same_bounce_read_again_or_come_twice_changes_nothing(desk: Desk) -> None:
    sent = send(desk.database)
    raw = bounce(bounce_address(sent.deliveries[0], desk.settings))
    first = desk.take(raw)
    audit = desk.column("SELECT count(*) FROM audit_trail")
    listing.mark_seen(desk.database, who="ada", tickets=sent.tickets)
    assert first is not None
    for again in (raw, b"Received: by another way\r\n" + raw):
        taken = desk.take(again)
        assert taken is not None
        assert taken.number == first.number
    assert desk.column("SELECT count(*) FROM delivery_news") == [1]
    assert desk.column("SELECT count(*) FROM audit_trail") == audit
    assert desk.column("SELECT unread FROM answer_tickets") == [False]


def test_ten_thousand_recipients_of_which_one_is_ours(desk: Desk) -> None:
    sent = send(desk.database)
    others = "\r\n\r\n".join(
        f"Final-Recipient: rfc822; u{n}@example.org\r\nAction: failed\r\nStatus: 5.1.1" for n in range(10_000)
    )
    desk.take(bounce(bounce_address(sent.deliveries[0], desk.settings), more=others + "\r\n"))
    assert desk.address("one@example.com") == "bouncing"
    assert desk.column("SELECT count(*) FROM delivery_news") == [21]
    assert desk.column("SELECT count(*) FROM mail_addresses") == [1]


def test_a_person_decides_over_bounces(desk: Desk) -> None:
    sent = send(desk.database)
    to = bounce_address(sent.deliveries[0], desk.settings)
    set_state(desk.database, "one@example.com", "blocked", author="ada", reason="wants no mail")
    desk.take(bounce(to, action="delivered", status="2.0.0"))
    desk.take(bounce(to))
    assert desk.address("one@example.com") == "blocked"
    assert set_state(desk.database, "One@example.com", "ok", author="ada", reason="he called") == "blocked"
    assert desk.database.fetch("SELECT state, bounces, set_by FROM mail_addresses") == [("ok", 0, "")]
    # a bounce after that counts again
    desk.take(bounce(to))
    assert desk.address("one@example.com") == "bouncing"


def test_refused_by_the_mail_server_at_once_is_a_bounce(desk: Desk) -> None:
    sent = send(desk.database)
    with desk.database.transaction() as cursor:
        assert (
            refused(cursor, sent.deliveries[0], "one@example.com", "550 5.1.1 no such user", actor="sender")
            == "bouncing"
        )
    shown = listing.address(desk.database, "ONE@example.com")
    assert shown is not None
    assert [row["status"] for row in shown["news"]] == ["5.1.1"]
    assert [row["change"] for row in shown["changes"]] == ["ok → bouncing"]


def test_the_outbox_tells_of_a_recipient_who_was_refused(desk: Desk) -> None:
    sent = send(desk.database)
    desk.database.fetch("UPDATE deliveries SET state = 'sending', leased_by = 'sender'")
    delivery = Delivery(sent.deliveries[0], sent.id, "one@example.com", "", sent.message_ids[0], 1)
    outbox = Outbox(desk.database, "sender", message_id_domain="example.net")
    outbox.step((delivery, Result("failed", "550 5.1.1 no such user")), None)
    assert desk.address("one@example.com") == "bouncing"
    assert desk.column("SELECT state FROM notices") == ["no-contact"]


def test_a_mail_server_that_refuses_everything_ends_no_address(desk: Desk) -> None:
    sent = send(desk.database)
    desk.database.fetch("UPDATE deliveries SET state = 'failed'")
    with desk.database.transaction() as cursor:
        assert refused(cursor, sent.deliveries[0], "one@example.com", "550 relay not permitted", actor="sender") == "ok"
    assert desk.column("SELECT state FROM notices") == ["no-contact"]
    assert desk.column("SELECT kind FROM desk_alerts") == ["no-contact"]


def test_many_bounces_at_once_count_each(desk: Desk, dsn: str, tmp_path: Path) -> None:
    mails = [
        bounce(bounce_address(send(desk.database).deliveries[0], desk.settings), status="5.2.2", diagnostic="full")
        for _ in range(12)
    ]
    failures: list[BaseException] = []

    def work(own: list[bytes]) -> None:
        database = Database(dsn)
        try:
            for raw in own:
                Desk(database, tmp_path).take(raw)
        except BaseException as error:
            failures.append(error)
        finally:
            database.close()

    workers = [threading.Thread(target=work, args=(mails[number::4],)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert desk.database.fetch("SELECT state, bounces FROM mail_addresses") == [("bouncing", 12)]


def test_a_reply_of_the_contact_himself_clears_bounces_when_it_is_proven(desk: Desk) -> None:
    from abusehandler.reports.mail.message import Authentication

    sent = send(desk.database)
    desk.take(bounce(bounce_address(sent.deliveries[0], desk.settings)))
    desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}"))
    assert desk.address("one@example.com") == "bouncing"
    desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}"), proven=Authentication(dkim=("example.com",)))
    assert desk.address("one@example.com") == "ok"
