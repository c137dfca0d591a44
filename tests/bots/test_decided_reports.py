# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a person decided at the desk goes the way of every report, and outlives a new reading."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from desk_of_test import configure

from abusehandler.bots.collectors.maildir import BOT as MAILDIR
from abusehandler.bots.parsers.mail import BOT as MAIL
from abusehandler.tickets import decisions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from abusehandler.tickets.database import Database

UNCLEAR = (
    b"From: x@example.org\nTo: abuse@example.net\nSubject: hello\nMessage-ID: <2@example.org>\n\nPlease call me back.\n"
)


def handed_on(etc: Path, dsn: str, make_bot: Callable[..., Any], queues: redis.Redis) -> None:
    """Collector and parser once, as if they ran."""
    make_bot(MAILDIR, maildir="maildir").process()
    for text in reversed(queues.lrange("next-queue", 0, -1)):
        queues.lpush("test-queue", text)
    queues.delete("next-queue")
    make_bot(MAIL).process()


def test_accepted_events_are_sent_instead_of_reading(
    etc: Path, dsn: str, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    configure(etc, database={"dsn": dsn})
    for name in ("maildir/new", "maildir/cur"):
        (etc.parent / name).mkdir(parents=True)
    (etc.parent / "maildir/new/1.mail").write_bytes(UNCLEAR)
    handed_on(etc, dsn, make_bot, queues)
    ((number, state),) = database.fetch("SELECT id, state FROM reports")
    assert state != "read"
    event = {"classification.type": "brute-force", "source.ip": "192.0.2.7"}
    decisions.decide(database, number, "corrected", author="anna", reason="rang them", events=[event])
    queues.delete("next-queue")
    handed_on(etc, dsn, make_bot, queues)
    (sent,) = [json.loads(text) for text in queues.lrange("next-queue", 0, -1)]
    assert sent["source.ip"] == "192.0.2.7"
    assert sent["report.reader"] == "person"
    assert sent["report.reading"] == 2
    assert database.fetch("SELECT state, reader, events, reason FROM reports") == [
        ("read", "person", 1, "corrected by anna: rang them")
    ]
    assert decisions.latest(database, number) is not None


def test_a_filed_report_stays_filed_when_it_is_read_again(
    etc: Path, dsn: str, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    configure(etc, database={"dsn": dsn})
    for name in ("maildir/new", "maildir/cur"):
        (etc.parent / name).mkdir(parents=True)
    (etc.parent / "maildir/new/1.mail").write_bytes(UNCLEAR)
    handed_on(etc, dsn, make_bot, queues)
    ((number,),) = database.fetch("SELECT id FROM reports")
    decisions.decide(database, number, "rejected", author="anna")
    database.fetch("UPDATE reports SET state = 'received', reading = 2")
    handed_on(etc, dsn, make_bot, queues)
    assert database.fetch("SELECT state, reason FROM reports") == [("not-a-report", "rejected by anna")]
