# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a mail with a link to the events of the file behind it; and who signed a mail is known from its record."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from desk_of_test import configure, dumped
from intelmq.lib.exceptions import PipelineError
from scripted_dns import ScriptedDns, key_pair, signed
from scripted_web import Answer, ScriptedWeb

from abusehandler.bots.collectors.links import BOT as LINKS
from abusehandler.bots.parsers.mail import BOT as MAIL
from abusehandler.bots.parsers.shadowserver import BOT as SHADOWSERVER
from abusehandler.reports.mail.txt_lookup import TxtRecords
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import ReportStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import redis

    from abusehandler.tickets.database import Database

PROSE = b"From: soc@example.org\nTo: abuse@example.net\nSubject: brute force from 192.0.2.7\nMessage-ID: <1@example.org>\n\
Date: Fri, 20 Nov 2026 10:00:00 +0000\n\nHello, the address 192.0.2.7 tried to guess SSH passwords on 2026-11-20 09:30 UTC.\n"
FEED = b'"timestamp","ip","port","protocol","asn","geo","tag"\n"2026-11-20 03:04:05","192.0.2.8","53","udp","64496","AT","dns"\n'
NAME = "2026-11-20-scan_dns-example.csv"


@pytest.fixture
def web() -> Iterator[ScriptedWeb]:
    with ScriptedWeb() as running:
        yield running


@pytest.fixture
def desk(etc: Path, dsn: str, web: ScriptedWeb) -> Path:
    configure(etc, database={"dsn": dsn}, mailbox={"link_prefixes": [f"{web.url}/r/"], "max_link_bytes": 100_000})
    return etc.parent


@pytest.fixture
def hand_in(desk: Path, queues: redis.Redis, database: Database) -> Callable[[bytes], int]:
    """Records a mail and puts it into the mail parser's queue."""

    def deliver(content: bytes) -> int:
        kept = EvidenceStore(desk / "var/evidence").keep(content)
        report, _ = ReportStore(database).accept(kept, kind="mail", channel="x")
        message = {"__type": "Report", "report.id": report.id, "report.evidence": report.evidence}
        queues.lpush("mail-queue", json.dumps(message))
        return report.id

    return deliver


def linking(*urls: str) -> bytes:
    lines = "".join(f"  {url}\n" for url in urls)
    return (
        "From: Daily Reports <reports@example.org>\nTo: abuse@example.net\nSubject: Report for your networks\n"
        f"Date: Fri, 20 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.org>\n\nReady for download:\n{lines}"
    ).encode()


def states(database: Database) -> list[tuple[Any, ...]]:
    return database.fetch("SELECT kind, state, reader, reason FROM reports ORDER BY id")


def links(database: Database) -> list[tuple[Any, ...]]:
    return database.fetch("SELECT state, attempts, fetched_report_id FROM report_links ORDER BY id")


def events(queues: redis.Redis) -> list[dict[str, Any]]:
    return [json.loads(text) for text in reversed(queues.lrange("next-queue", 0, -1))]


def zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize("packed", [False, True])
def test_report_behind_a_link_becomes_events(
    web: ScriptedWeb, make_bot: Callable[..., Any], queues: redis.Redis, database: Database,
    hand_in: Callable[[bytes], int], packed: bool,
) -> None:  # fmt: skip
    content = zipped(NAME, FEED) if packed else FEED
    name = NAME + ".zip" if packed else NAME
    web.answers["/r/AbC?dEf"] = Answer(content, headers={"Content-Disposition": f'attachment; filename="{name}"'})
    hand_in(linking(f"{web.url}/r/AbC?dEf"))
    make_bot(MAIL, "mail").process()
    assert states(database) == [("mail", "read", "links", "links: 1")]
    collector = make_bot(LINKS, "links", destination_queues={"_default": ["feed-queue"]}, provider="Shadowserver")
    collector.process()
    collector.process()
    assert web.asked() == ["/r/AbC?dEf"]
    assert links(database) == [("fetched", 1, 2)]
    (message,) = [json.loads(text) for text in queues.lrange("feed-queue", 0, -1)]
    assert (message["report.id"], message["extra.file_name"]) == (2, name)
    make_bot(SHADOWSERVER, "feed").process()
    (event,) = events(queues)
    assert (event["source.ip"], event["report.id"], event["feed.provider"]) == ("192.0.2.8", 2, "Shadowserver")
    assert states(database)[1][:2] == ("feed", "read")


def test_file_is_there_once_when_the_collector_dies_before_it_is_recorded(
    desk: Path, web: ScriptedWeb, make_bot: Callable[..., Any], queues: redis.Redis, database: Database,
    hand_in: Callable[[bytes], int], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    web.answers[f"/r/{NAME}"] = Answer(FEED)
    hand_in(linking(f"{web.url}/r/{NAME}"))
    make_bot(MAIL, "mail").process()
    collector = make_bot(LINKS, "links")
    with monkeypatch.context() as dying:
        dying.setattr(ReportStore, "accept", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            collector.process()
    assert links(database) == [("waiting", 1, None)]
    collector.process()
    assert len(web.requests) == 1, "the link is still leased"
    database.fetch("UPDATE report_links SET next_try = now()")
    collector.process()
    assert links(database) == [("fetched", 2, 2)]
    assert len(states(database)) == 2
    assert len(events(queues)) == 1


def test_file_that_was_recorded_is_handed_on_after_a_crash(
    web: ScriptedWeb, make_bot: Callable[..., Any], queues: redis.Redis, database: Database,
    hand_in: Callable[[bytes], int], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    web.answers[f"/r/{NAME}"] = Answer(FEED)
    hand_in(linking(f"{web.url}/r/{NAME}"))
    make_bot(MAIL, "mail").process()
    collector = make_bot(LINKS, "links")
    with monkeypatch.context() as dying:
        dying.setattr(LINKS, "hand_on", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            collector.process()
    assert events(queues) == []
    collector.process()
    collector.process()
    assert len(events(queues)) == 1
    assert len(web.requests) == 1


def test_failures_do_not_hold_up_the_others(
    desk: Path, web: ScriptedWeb, make_bot: Callable[..., Any], queues: redis.Redis, database: Database,
    hand_in: Callable[[bytes], int],
) -> None:  # fmt: skip
    web.answers["/r/large"] = Answer(b"x" * 100_001)
    web.answers["/r/away"] = Answer(status=302, headers={"Location": "https://example.com/r/x"})
    web.answers[f"/r/{NAME}"] = Answer(FEED)
    for name in ("large", "away", "missing", NAME):
        hand_in(linking(f"{web.url}/r/{name}"))
        make_bot(MAIL, "mail").process()
    make_bot(LINKS, "links").process()
    assert [state for state, _, _ in links(database)] == ["failed", "failed", "waiting", "fetched"]
    assert [row[1] for row in states(database)] == ["unread", "unread", "read", "read", "queued"]
    assert "larger than mailbox.max_link_bytes (100000)" in states(database)[0][3]
    assert "https://example.com/r/x" in states(database)[1][3]
    assert len(events(queues)) == 1
    incoming = list((desk / "var/evidence/incoming").iterdir())
    assert incoming == []


def test_full_disk_is_an_outage_and_no_failure_of_the_link(
    desk: Path, web: ScriptedWeb, make_bot: Callable[..., Any], database: Database, hand_in: Callable[[bytes], int]
) -> None:
    web.answers[f"/r/{NAME}"] = Answer(FEED)
    hand_in(linking(f"{web.url}/r/{NAME}"))
    make_bot(MAIL, "mail").process()
    (desk / "var/evidence").rename(desk / "var/gone")
    (desk / "var/evidence").write_bytes(b"a file is in the way")
    collector = make_bot(LINKS, "links")
    with pytest.raises(PipelineError, match="evidence"):
        collector.process()
    (desk / "var/evidence").unlink()
    (desk / "var/gone").rename(desk / "var/evidence")
    database.fetch("UPDATE report_links SET next_try = now()")
    collector.process()
    assert links(database) == [("fetched", 2, 2)]


def test_nothing_is_fetched_unless_it_is_configured(
    etc: Path, dsn: str, web: ScriptedWeb, make_bot: Callable[..., Any], database: Database,
    hand_in: Callable[[bytes], int],
) -> None:  # fmt: skip
    hand_in(linking(f"{web.url}/r/{NAME}"))
    make_bot(MAIL, "mail").process()
    configure(etc, database={"dsn": dsn})
    make_bot(LINKS, "links").process()
    assert web.requests == []
    hand_in(linking(f"{web.url}/r/another"))
    make_bot(MAIL, "mail").process()
    assert [row[1] for row in states(database)] == ["unread", "unread"]
    assert len(links(database)) == 1
    assert "link_prefixes" in str(LINKS.check({}))


def test_signature_is_verified_when_a_mail_is_read_and_kept_when_its_key_is_gone(
    make_bot: Callable[..., Any],
    queues: redis.Redis,
    database: Database,
    hand_in: Callable[[bytes], int],
    tmp_path: Path,
) -> None:
    record, private = key_pair()
    with ScriptedDns() as server:
        server.records["key._domainkey.example.org"] = record
        bot = make_bot(MAIL, "mail")
        bot._dns = TxtRecords(nameservers=["127.0.0.1"], port=server.port)
        number = hand_in(signed(PROSE, b"example.org", private))
        bot.process()
        verdict = {"checked": True, "dkim": ["example.org"], "arc": "", "believed": {}}
        assert database.fetch("SELECT authentication FROM reports") == [(verdict,)]
        server.records.clear()
        bot._dns = TxtRecords(nameservers=["127.0.0.1"], port=server.port)
        database.fetch("UPDATE reports SET reading = 2")
        hand_in(signed(PROSE, b"example.org", private))
        queues.delete("mail-queue")
        queues.lpush("mail-queue", json.dumps({"__type": "Report", "report.id": number}))
        bot.process()
        assert database.fetch("SELECT authentication FROM reports WHERE id = 1") == [(verdict,)]
        assert len(server.asked) == 2
    assert dumped(tmp_path, "mail") == []


def test_dns_that_is_away_says_so_in_the_record(
    make_bot: Callable[..., Any], database: Database, hand_in: Callable[[bytes], int]
) -> None:
    _, private = key_pair()
    bot = make_bot(MAIL, "mail")
    bot._dns = TxtRecords(nameservers=["127.0.0.1"], port=1)
    hand_in(signed(PROSE, b"example.org", private))
    bot.process()
    ((verdict, state),) = database.fetch("SELECT authentication, state FROM reports")
    assert verdict["checked"] is False
    assert verdict["dkim"] == []
    assert state == "read"


def test_signatures_are_not_looked_at_if_that_is_configured(etc: Path, dsn: str, make_bot: Callable[..., Any]) -> None:
    configure(etc, database={"dsn": dsn}, mailbox={"verify_signatures": False})
    assert make_bot(MAIL, "mail")._dns is None
