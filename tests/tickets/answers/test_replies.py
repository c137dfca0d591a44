# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Replies come to the tickets of their notice, and to no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.reports.mail.message import Authentication
from abusehandler.tickets.answers import listing
from abusehandler.tickets.answers.addresses import AnswerSettings, Target, bounce_address, reply_address, signed_address
from tests.tickets.answers.sent_notices import PLAIN, Desk, lines, notice_mail, reply, send

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database

PROVEN = Authentication(dkim=("example.com",))


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


def answers(desk: Desk) -> list[tuple[object, ...]]:
    return desk.database.fetch("SELECT kind, sender_is, proven, tied_by, said FROM answers ORDER BY id")


def test_reply_to_the_signed_address_becomes_a_note_on_all_tickets_of_the_notice(desk: Desk) -> None:
    sent = send(desk.database, tickets=3)
    body = "Closed.\n\nOn Friday, Example <abuse@example.net> wrote:\n> Your address 192.0.2.1 attacks."
    taken = desk.take(reply(to=reply_address(sent.id, desk.settings).upper(), body=body), proven=PROVEN)
    assert taken is not None
    assert taken.tickets == tuple(sent.tickets)
    assert answers(desk) == [("reply", "contact", True, "address", "Closed.")]
    (row,) = listing.of_ticket(desk.database, sent.tickets[0])
    assert (row["author"], row["who"], row["text"], row["unread"], row["warning"]) == (
        "one@example.com",
        "contact",
        "Closed.",
        True,
        "",
    )
    assert desk.column("SELECT whole_text FROM answers")[0].endswith("192.0.2.1 attacks.")


@pytest.mark.parametrize(
    "header", ["In-Reply-To: {}", "References: <1@example.com> {}", "References: {} <later@example.com>"]
)
def test_reply_by_thread_headers(desk: Desk, header: str) -> None:
    desk.settings = PLAIN
    sent = send(desk.database)
    taken = desk.take(reply(header.format(sent.message_ids[0])))
    assert taken is not None
    assert taken.tickets == tuple(sent.tickets)


def test_other_mails_are_none_of_ours(desk: Desk) -> None:
    sent = send(desk.database)
    foreign = sent.message_ids[0].replace("@example.net", "@example.org")
    for raw in (
        reply(),
        reply(f"In-Reply-To: {foreign}"),
        reply("In-Reply-To: <1@example.net>"),
        reply(to="abuse+n1.aaaaaaaaaaaaaaaa@example.net"),
    ):
        assert desk.take(raw) is None
    assert answers(desk) == []


def test_our_own_notice_come_back_whole_is_no_answer(desk: Desk) -> None:
    first, second = send(desk.database), send(desk.database)
    raw = lines(
        "From: abuse@example.net",
        "To: one@example.com",
        f"Message-ID: {second.message_ids[0]}",
        f"References: {first.message_ids[0]}",
    )
    assert desk.take(raw) is None


def test_a_stranger_s_reply_is_kept_and_marked(desk: Desk) -> None:
    sent = send(desk.database)
    send(desk.database, "C2", ("two@example.com",))
    # a contact of another customer is a stranger here
    for sender in ("mallory@example.org", "two@example.com"):
        desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}", sender=sender))
    assert [row[1] for row in answers(desk)] == ["stranger", "stranger"]
    assert desk.column("SELECT DISTINCT warning FROM answers") == ["the sender is no contact of this customer"]


def test_an_answer_goes_to_the_notice_of_its_address_whatever_its_thread_says(desk: Desk) -> None:
    mine, foreign = send(desk.database), send(desk.database, "C2", ("two@example.com",))
    taken = desk.take(
        reply(
            f"In-Reply-To: {foreign.message_ids[0]}", to=f"abuse@example.net, {reply_address(mine.id, desk.settings)}"
        )
    )
    assert taken is not None
    assert taken.tickets == tuple(mine.tickets)


def test_a_tag_cannot_be_moved_to_another_notice_or_another_kind(desk: Desk) -> None:
    send(desk.database)
    send(desk.database, "C2", ("two@example.com",))
    good = reply_address(1, desk.settings)
    for bad in (
        good.replace("+n1.", "+n2."),
        good.replace("+n1.", "+d1."),
        good.replace("+n1.", "+r1."),
        good.replace("+n1.", "+n01."),
    ):
        assert desk.take(reply(to=bad)) is None


def test_reply_to_the_bounce_address_is_a_reply_to_its_notice(desk: Desk) -> None:
    sent = send(desk.database)
    taken = desk.take(reply(to=bounce_address(sent.deliveries[0], desk.settings)))
    assert taken is not None
    assert taken.answer.kind == "reply"


def test_attachments_become_evidence(desk: Desk) -> None:
    sent = send(desk.database)
    raw = reply(
        f"In-Reply-To: {sent.message_ids[0]}", 'Content-Type: multipart/mixed; boundary="b"',
        body="--b\r\n\r\nSee the log.\r\n--b\r\nContent-Type: text/plain; name=router.log\r\nContent-Disposition: attachment\r\n\r\nport closed\r\n--b--",
    )  # fmt: skip
    taken = desk.take(raw)
    assert taken is not None
    ((name, size, sha256),) = desk.database.fetch("SELECT name, size, evidence FROM answer_files")
    assert (name, size) == ("router.log", 11)
    assert desk.evidence.read(sha256) == b"port closed"
    shown = listing.answer(desk.database, taken.number)
    assert shown is not None
    assert [row["name"] for row in shown["files"]] == ["router.log"]


@pytest.mark.parametrize(
    ("working", "sender", "proven", "state"),
    [
        (True, "one@example.com", True, "working"),
        (False, "one@example.com", True, "open"),
        (True, "mallory@example.org", True, "open"),
        (True, "one@example.com", False, "open"),
    ],
)
def test_a_contact_s_reply_may_say_that_he_works_on_it(
    desk: Desk, working: bool, sender: str, proven: bool, state: str
) -> None:
    desk.reply_means_working = working
    sent = send(desk.database)
    desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}", sender=sender), proven=PROVEN if proven else None)
    assert desk.column("SELECT customer_state FROM tickets") == [state]


def test_reply_to_a_closed_ticket_reopens_nothing_but_shows(desk: Desk) -> None:
    desk.reply_means_working = True
    sent = send(desk.database)
    desk.database.fetch("UPDATE tickets SET state = 'closed'")
    desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}"), proven=PROVEN)
    assert desk.database.fetch("SELECT state, customer_state FROM tickets") == [("closed", "open")]
    assert [row["ticket"] for row in listing.answers(desk.database, unread=True)] == sent.tickets


def test_out_of_office_is_filed(desk: Desk) -> None:
    sent = send(desk.database)
    taken = desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}", "Auto-Submitted: auto-replied"))
    assert taken is not None
    assert taken.answer.kind == "auto-reply"
    assert desk.column("SELECT unread FROM answer_tickets") == [False]
    assert listing.answers(desk.database, unread=True) == []


def test_mail_of_our_own_is_no_reply(desk: Desk) -> None:
    sent = send(desk.database)
    assert desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}", sender="abuse@example.net")) is None


def test_seen_by_somebody(desk: Desk) -> None:
    sent = send(desk.database, tickets=2)
    taken = desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}"))
    assert taken is not None
    assert listing.mark_seen(desk.database, who="ada", tickets=[sent.tickets[0]]) == [taken.number]
    assert desk.column("SELECT unread FROM answer_tickets ORDER BY ticket_id") == [False, True]
    assert listing.mark_seen(desk.database, who="ada", answers=[taken.number]) == [taken.number]
    assert listing.mark_seen(desk.database, who="ada", answers=[taken.number]) == []


def test_read_again_with_a_better_reader_keeps_one_answer(desk: Desk) -> None:
    sent = send(desk.database)
    raw = reply(f"In-Reply-To: {sent.message_ids[0]}")
    desk.take(raw)
    desk.database.fetch("UPDATE answers SET said = 'badly read', kind = 'auto-reply'")
    desk.take(raw)
    assert [row[:2] + row[4:] for row in answers(desk)] == [("reply", "contact", "We have closed the port.")]


def test_texts_that_the_database_cannot_hold(desk: Desk) -> None:
    sent = send(desk.database)
    desk.take(
        reply(
            f"In-Reply-To: {sent.message_ids[0]}",
            body="zero \0 and a half \udc80".encode("utf-8", "surrogateescape").decode("latin-1"),
        )
    )
    assert desk.column("SELECT count(*) FROM answers") == [1]


def test_a_flood_of_answers_is_kept_and_calls_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abusehandler.tickets.answers.store.ANSWERS_A_DAY", 3)
    sent = send(desk.database)
    for _ in range(5):
        desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}"))
    assert desk.column("SELECT unread FROM answer_tickets ORDER BY answer_id") == [True, True, True, False, False]
    assert desk.column("SELECT count(*) FROM audit_trail") == [3]


def holding(mail: bytes, *headers: str, feedback: bool = False, to: str = "abuse@example.net") -> bytes:
    """A mail with another one attached; as a feedback report (RFC 5965) or just so."""
    status = "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n" if feedback else ""
    body = f"{status}--b\r\nContent-Type: message/rfc822\r\n\r\n{mail.decode()}\r\n--b--"
    return reply('Content-Type: multipart/mixed; boundary="b"', *headers, sender="soc@example.org", to=to, body=body)


def test_a_complaint_about_our_notice_shows_at_its_tickets(desk: Desk) -> None:
    sent = send(desk.database)
    tagged = notice_mail(sent.message_ids[0], subject="[EXTERNAL] Security problem")
    taken = desk.take(holding(tagged, feedback=True))
    assert taken is not None
    assert (taken.answer.kind, taken.tickets) == ("complaint", tuple(sent.tickets))


@pytest.mark.parametrize("feedback", [True, False])
def test_spam_under_the_message_id_of_a_notice_is_still_reported(desk: Desk, feedback: bool) -> None:
    sent = send(desk.database)
    spam = notice_mail(sent.message_ids[0], subject="Buy this", text="Buy this.")
    assert desk.take(holding(spam, feedback=feedback)) is None
    assert (
        desk.take(holding(notice_mail("<spam@example.org>"), feedback=True, to=reply_address(sent.id, desk.settings)))
        is None
    )


def test_a_contact_may_send_the_notice_back_as_he_likes(desk: Desk) -> None:
    sent = send(desk.database)
    taken = desk.take(reply(body=f"What is this?\r\n\r\nMessage-ID: {sent.message_ids[0]}\r\nSubject: changed\r\n"))
    assert taken is not None
    assert taken.sender_is == "contact"


def test_answers_outlive_their_raw_mail(desk: Desk) -> None:
    sent = send(desk.database)
    desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}"))
    desk.database.fetch("DELETE FROM reports")
    assert [row["text"] for row in listing.of_ticket(desk.database, sent.tickets[0])] == ["We have closed the port."]


def test_merged_tickets_hand_their_answers_on(desk: Desk) -> None:
    sent = send(desk.database, tickets=2)
    target = send(desk.database)
    desk.database.fetch(
        "UPDATE tickets SET state = 'closed', merged_into = %s WHERE id = %s", (target.tickets[0], sent.tickets[1])
    )
    taken = desk.take(reply(f"In-Reply-To: {sent.message_ids[0]}"))
    assert taken is not None
    assert taken.tickets == (*sent.tickets, target.tickets[0])


def test_addresses_say_to_what_they_belong_and_nothing_else(desk: Desk) -> None:
    settings = AnswerSettings("abuse@example.net", (b"n" * 32, b"old secret, still good for checking"), delimiter="-")
    old = AnswerSettings("abuse@example.net", (b"old secret, still good for checking",), delimiter="-")
    from abusehandler.tickets.answers.addresses import target_of

    for kind in ("notice", "delivery"):
        target = Target(kind, 987654321012345678)
        address = signed_address(target, settings)
        assert len(address.partition("@")[0]) <= 64
        assert target_of(address.upper(), settings) == target
        assert target_of(signed_address(target, old), settings) == target
        assert target_of(address, old) is None
    assert reply_address(7, PLAIN) == "abuse@example.net"
    long = AnswerSettings("a" * 60 + "@example.net", (b"n" * 32,))
    assert reply_address(7, long) == long.sender
