# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a folder to events: evidence first, nothing lost, nothing twice, and what cannot be read waits with its reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from desk_of_test import configure, dumped
from intelmq.lib.exceptions import PipelineError

from abusehandler.bots.collectors.delivered import BOT as DELIVERED
from abusehandler.bots.collectors.feed_files import BOT as FEED_FILES
from abusehandler.bots.collectors.maildir import BOT as MAILDIR
from abusehandler.bots.parsers.mail import BOT as MAIL
from abusehandler.bots.parsers.shadowserver import BOT as SHADOWSERVER
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import ReportStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from abusehandler.tickets.database import Database

PROSE = b"From: soc@example.org\nTo: abuse@example.net\nSubject: brute force from 192.0.2.7\nMessage-ID: <1@example.org>\n\
Date: Fri, 20 Nov 2026 10:00:00 +0000\n\nHello, the address 192.0.2.7 tried to guess SSH passwords on 2026-11-20 09:30 UTC.\n"
FEED = b'"timestamp","ip","port","protocol","asn","geo","tag"\n"2026-11-20 03:04:05","192.0.2.8","53","udp","64496","AT","dns"\n'


@pytest.fixture
def desk(etc: Path, dsn: str) -> Path:
    """A configured box; the path is IntelMQ's root directory."""
    configure(etc, database={"dsn": dsn})
    for name in ("maildir/new", "maildir/cur", "feeds"):
        (etc.parent / name).mkdir(parents=True)
    return etc.parent


def reports(database: Database) -> list[tuple[Any, ...]]:
    return database.fetch("SELECT state, events, reason FROM reports ORDER BY id")


def events(queues: redis.Redis) -> list[dict[str, Any]]:
    return [json.loads(text) for text in reversed(queues.lrange("next-queue", 0, -1))]


def test_maildir_is_taken_with_evidence_first(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    (desk / "maildir/new/1.mail").write_bytes(PROSE)
    (desk / "maildir/new/.hidden").write_bytes(b"half")
    make_bot(MAILDIR, maildir="maildir").process()
    assert [path.name for path in (desk / "maildir/cur").iterdir()] == ["1.mail:2,S"]
    assert [path.name for path in (desk / "maildir/new").iterdir()] == [".hidden"]
    (message,) = events(queues)
    assert message["__type"] == "Report"
    assert EvidenceStore(desk / "var/evidence").read(message["report.evidence"]) == PROSE
    assert reports(database) == [("queued", 0, "")]


def test_same_mail_again_is_not_handed_on_again(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    bot = make_bot(MAILDIR, maildir="maildir")
    for name in ("1.mail", "2.mail"):
        (desk / "maildir/new" / name).write_bytes(PROSE)
        bot.process()
    assert len(events(queues)) == 1
    assert len(list((desk / "maildir/cur").iterdir())) == 2


def test_report_recorded_before_a_crash_is_handed_on_afterwards(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    kept = EvidenceStore(desk / "var/evidence").keep(PROSE)
    ReportStore(database).accept(kept, kind="mail", channel="test")
    make_bot(MAILDIR, maildir="maildir").process()
    assert len(events(queues)) == 1


def test_full_disk_leaves_the_mail_where_it_is(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    (desk / "maildir/new/1.mail").write_bytes(PROSE)
    (desk / "var").mkdir()
    (desk / "var/evidence").write_bytes(b"a file is in the way")
    bot = make_bot(MAILDIR, maildir="maildir")
    with pytest.raises(PipelineError, match="evidence"):
        bot.process()
    assert (desk / "maildir/new/1.mail").exists()
    assert reports(database) == []
    (desk / "var/evidence").unlink()
    bot.process()
    assert len(events(queues)) == 1


@pytest.mark.parametrize(("kind", "place"), [(MAILDIR, "maildir/new/1.mail"), (FEED_FILES, "feeds/1.csv")])
def test_dry_run_of_a_collector_changes_nothing(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, kind: type, place: str
) -> None:
    (desk / place).write_bytes(PROSE)
    bot = make_bot(kind, maildir="maildir", folder="feeds")
    bot.send_message = lambda *_, **__: None
    bot.acknowledge_message = lambda *_, **__: None
    bot.process()
    assert (desk / place).exists()
    assert reports(database) == []
    assert events(queues) == []


def test_delivered_mail_is_handed_on_at_once_also_after_the_database_was_away(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    bot = make_bot(DELIVERED, channel="pipe")
    bot._longest_wait = 60
    store, evidence = ReportStore(database), EvidenceStore(desk / "var/evidence")
    bot.process()
    store.accept(evidence.keep(b"mail 1"), kind="mail", channel="pipe")
    bot.process()
    assert len(events(queues)) == 1
    ((name,),) = database.fetch("SELECT current_database()")
    database.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", (name,)
    )
    with pytest.raises(PipelineError):
        bot.process()
    bot.process()
    store.accept(evidence.keep(b"mail 2"), kind="mail", channel="pipe")
    bot.process()
    assert len(events(queues)) == 2


def read_through(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, content: bytes, kind: type, file: str
) -> Any:  # fmt: skip
    """Puts a report into a parser's queue as a collector does, and lets the parser read it."""
    kept = EvidenceStore(desk / "var/evidence").keep(content)
    report, _ = ReportStore(database).accept(kept, kind="mail", channel="x", name=file)
    bot = make_bot(kind)
    queues.lpush(
        "test-queue", json.dumps({"__type": "Report", "report.id": report.id, "report.evidence": report.evidence})
    )
    return bot


def test_mail_becomes_events(desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database) -> None:
    read_through(desk, make_bot, queues, database, PROSE, MAIL, "1.eml").process()
    (event,) = events(queues)
    assert event["source.ip"] == "192.0.2.7"
    assert event["classification.type"] == "brute-force"
    assert event["report.id"] == 1
    assert [row[:2] for row in reports(database)] == [("read", 1)]


def test_feed_becomes_events(desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database) -> None:
    read_through(desk, make_bot, queues, database, FEED, SHADOWSERVER, "2026-11-20-scan_dns-example.csv").process()
    (event,) = events(queues)
    assert event["source.ip"] == "192.0.2.8"
    assert [row[:2] for row in reports(database)] == [("read", 1)]


@pytest.mark.parametrize("kind", [MAIL, SHADOWSERVER])
def test_dry_run_of_a_parser_changes_nothing(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, kind: type
) -> None:
    bot = read_through(desk, make_bot, queues, database, PROSE, kind, "1.eml")
    before = database.fetch("SELECT r.*, xmin FROM reports r")
    bot.send_message = lambda *_, **__: None
    bot.acknowledge_message = lambda *_, **__: None
    bot.process()
    assert database.fetch("SELECT r.*, xmin FROM reports r") == before
    assert events(queues) == []


def test_reader_that_fails_leaves_an_unread_report_and_the_next_mail_is_read(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    real = MAIL.read_report

    def fails_once(self: Any, message: Any, report: Any) -> Any:
        if report.id == 1:
            raise ZeroDivisionError("nobody thought of this")
        return real(self, message, report)

    monkeypatch.setattr(MAIL, "read_report", fails_once)
    bot = read_through(desk, make_bot, queues, database, b"Subject: 1\n\nodd", MAIL, "1.eml")
    bot.process()
    assert reports(database) == [("unread", 0, "the reader failed: ZeroDivisionError: nobody thought of this")]
    assert len(dumped(tmp_path)) == 1
    read_through(desk, lambda _: bot, queues, database, PROSE, MAIL, "2.eml").process()
    assert len(events(queues)) == 1


@pytest.mark.parametrize("damage", ["missing", "cut", "no gzip"])
@pytest.mark.parametrize("kind", [MAIL, SHADOWSERVER])
def test_damaged_evidence_is_one_unread_report_and_stops_nobody(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, kind: type, damage: str
) -> None:
    evidence = EvidenceStore(desk / "var/evidence")
    evidence.keep(b"another report, which is there")
    content = FEED + b"#" * 1000
    path = evidence.path(evidence.keep(content).sha256)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:40] if damage == "cut" else b"no gzip")
    kept = path.name.removesuffix(".gz")
    database.fetch("INSERT INTO reports (evidence, kind, channel, size) VALUES (%s, 'feed', 'x', 1)", (kept,))
    bot = make_bot(kind)
    queues.lpush("test-queue", json.dumps({"__type": "Report", "report.id": 1, "report.evidence": kept}))
    bot.process()
    assert queues.llen("test-queue-internal") == 0
    ((state, _, reason),) = reports(database)
    assert state == "unread"
    assert reason


def test_evidence_folder_that_is_not_there_is_an_outage(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, tmp_path: Path
) -> None:
    bot = read_through(desk, make_bot, queues, database, PROSE, MAIL, "1.eml")
    (desk / "var/evidence").rename(desk / "var/unmounted")
    with pytest.raises(PipelineError, match="evidence"):
        bot.process()
    assert dumped(tmp_path) == []
    (desk / "var/unmounted").rename(desk / "var/evidence")
    bot.process()
    assert len(events(queues)) == 1


def test_report_inside_the_message_of_a_stock_collector_becomes_evidence(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    from base64 import b64encode

    bot = make_bot(SHADOWSERVER)
    message = {"__type": "Report", "raw": b64encode(FEED).decode(), "extra.file_name": "2026-11-20-scan_dns-example.csv",
               "feed.name": "Shadowserver", "time.observation": "2026-11-20T11:00:00+00:00"}  # fmt: skip
    for _ in range(2):
        queues.lpush("test-queue", json.dumps(message))
        bot.process()
    assert len(reports(database)) == 1
    assert [event["source.ip"] for event in events(queues)] == ["192.0.2.8"] * 2
