# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The mail parser takes answers to their tickets and reads everything else as ever."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from desk_of_test import configure

from abusehandler.bots.collectors.maildir import BOT as MAILDIR
from abusehandler.bots.parsers.mail import BOT as MAIL
from tests.tickets.answers.sent_notices import Sent, reply, send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from abusehandler.tickets.database import Database

SAID = "we saw SSH brute force attacks from 192.0.2.%d against our server on 2026-11-20 10:00 UTC."
QUOTE = (
    "\r\n\r\nOn Friday, Example <abuse@example.net> wrote:\r\n> 192.0.2.77 attacked a server with SSH brute force.\r\n"
)


@pytest.fixture
def desk(etc: Path, dsn: str) -> Path:
    """A configured box; the path is IntelMQ's root directory."""
    configure(
        etc,
        database={"dsn": dsn},
        mail={"trusted_hosts": ["mx.example.net"]},
        answers={"acknowledge": True, "outcome": True},
    )
    for name in ("maildir/new", "maildir/cur"):
        (etc.parent / name).mkdir(parents=True)
    return etc.parent


@pytest.fixture
def read(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> Callable[[bytes], tuple[Any, ...]]:
    """Brings one mail in and reads it; returns what its record says and the number of events sent on."""

    def work(content: bytes) -> tuple[Any, ...]:
        (desk / "maildir/new/1.mail").write_bytes(content)
        make_bot(MAILDIR, "collector", maildir="maildir", destination_queues={"_default": ["parser-queue"]}).process()
        before = queues.llen("next-queue")
        make_bot(MAIL, "parser").process()
        ((state, reader, reason, proposal),) = database.fetch(
            "SELECT state, reader, reason, proposal FROM reports ORDER BY id DESC LIMIT 1"
        )
        return state, reader, reason, proposal, queues.llen("next-queue") - before

    return work


@pytest.fixture
def sent(database: Database) -> Sent:
    sent = send(database)
    database.fetch("UPDATE tickets SET resource = '192.0.2.77', network = '192.0.2.77'")
    return sent


def test_reply_is_filed_with_its_tickets_and_makes_no_event(read: Callable[..., Any], sent: Sent) -> None:
    state, reader, reason, proposal, events = read(reply(f"In-Reply-To: {sent.message_ids[0]}", body="Fixed." + QUOTE))
    assert (state, reader, proposal, events) == ("not-a-report", "answers", None, 0)
    assert f"ticket {sent.tickets[0]}" in reason


def test_reply_about_the_address_of_the_ticket_makes_no_proposal(read: Callable[..., Any], sent: Sent) -> None:
    state, *_ = read(reply(f"In-Reply-To: {sent.message_ids[0]}", body=SAID % 77 + QUOTE))
    assert state == "not-a-report"


def test_reply_that_reports_another_address_waits_for_a_person_too(
    read: Callable[..., Any], sent: Sent, database: Database
) -> None:
    state, _, reason, proposal, events = read(reply(f"In-Reply-To: {sent.message_ids[0]}", body=SAID % 78 + QUOTE))
    assert (state, events) == ("unread", 0)
    assert "192.0.2.78" in reason
    assert [each["event"]["source.ip"] for each in proposal] == ["192.0.2.78"]
    assert database.fetch("SELECT kind FROM answers") == [("reply",)]


def test_a_stranger_s_reply_about_the_ticket_s_own_address_waits_for_a_person_too(
    read: Callable[..., Any], sent: Sent
) -> None:
    # whoever got a notice can write its Message-ID into his spam; his victim answers that spam, and tells us
    state, _, reason, _, _ = read(
        reply(f"In-Reply-To: {sent.message_ids[0]}", sender="victim@example.org", body=SAID % 77)
    )
    assert state == "unread"
    assert "192.0.2.77" in reason


def test_a_message_id_like_ours_hides_no_report(read: Callable[..., Any], sent: Sent) -> None:
    invented = "<notice.1.ffffffffffffffff@example.net>"
    state, _, reason, proposal, events = read(
        reply(f"In-Reply-To: {invented}", sender="soc@example.org", body="Hello,\r\n" + SAID % 78)
    )
    assert (state, events) == ("unread", 0)
    assert "not known here" in reason
    assert proposal
    spam = f"From: x@example.com\r\nMessage-ID: {invented}\r\nSubject: Buy\r\n\r\nBuy this."
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nSpam.\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n"
        f"User-Agent: Example/1\r\nSource-IP: 192.0.2.78\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{spam}\r\n--b--"
    )
    content_type = 'Content-Type: multipart/report; report-type=feedback-report; boundary="b"'
    state, _, _, _, events = read(reply("MIME-Version: 1.0", content_type, sender="fbl@example.org", body=body))
    assert (state, events) == ("read", 1)


def test_reporters_are_noted_for_an_acknowledgement_only_when_they_report(
    read: Callable[..., Any], sent: Sent, database: Database
) -> None:
    proven = "Authentication-Results: mx.example.net; dmarc=pass header.from=example.org"
    date = f"Date: {formatdate()}"
    state, *_ = read(reply(proven, date, sender="soc@example.org", body="Hello,\r\n" + SAID % 79))
    assert state == "read"
    read(reply(proven, date, f"In-Reply-To: {sent.message_ids[0]}", sender="two@example.org"))
    read(reply(date, sender="three@example.org", body="Hello,\r\n" + SAID % 80))
    planned = database.fetch("SELECT recipient, kind, state FROM reporter_mails ORDER BY kind")
    assert planned == [("soc@example.org", "acknowledgement", "waiting"), ("soc@example.org", "outcome", "planned")]


def test_check_names_a_secret_that_is_missing(desk: Path, etc: Path, dsn: str) -> None:
    configure(etc, database={"dsn": dsn}, mail={"answer_secret_file": "nowhere"})
    found = MAIL.check({})
    assert found is not None
    assert "abusehandler answer new-secret" in json.dumps(found)
