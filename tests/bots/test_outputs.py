# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""From events to tickets to mails, by the bots themselves."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from desk_of_test import configure, dumped
from intelmq.lib.exceptions import PipelineError

from abusehandler.bots.experts.customer import BOT as CUSTOMER
from abusehandler.bots.outputs.notices import BOT as NOTICES
from abusehandler.bots.outputs.tickets import BOT as TICKETS
from abusehandler.tickets.outbox import Outbox, Recipient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from abusehandler.installer.services import SmtpSink
    from abusehandler.tickets.database import Database


def event(number: int = 1, **other: Any) -> dict[str, Any]:
    return {
        "__type": "Event",
        "classification.type": "brute-force",
        "source.ip": f"192.0.2.{number}",
        "time.source": "2026-11-20T10:00:00+00:00",
        "time.observation": "2026-11-20T11:00:00+00:00",
        "feed.name": "Feed",
        **other,
    }


def of_customer(number: int = 1, customer: str = "C1") -> dict[str, Any]:
    return event(number, **{"customer.id": customer, "customer.match": "one"})


def put(queues: redis.Redis, *messages: dict[str, Any]) -> None:
    for message in messages:
        queues.lpush("test-queue", json.dumps(message))


@pytest.fixture
def desk(etc: Path, dsn: str, smtp_sink: SmtpSink) -> Path:
    configure(etc, database={"dsn": dsn}, mail={"smtp": {"host": "127.0.0.1", "port": smtp_sink.port}})
    return etc


def dry(bot: Any) -> Any:
    """As `intelmqctl run BOT process --dryrun` makes it."""
    bot.send_message = lambda *_, **__: None
    bot.acknowledge_message = lambda *_, **__: None
    return bot


def test_customer_expert_answers_for_each_address(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis
) -> None:
    put(
        queues,
        event(1),
        event(200),
        event(1, **{"source.ip": "198.51.100.1"}),
        event(1, **{"source.ip": "2001:db8::5"}),
    )
    make_bot(CUSTOMER).process()
    found = [json.loads(text) for text in reversed(queues.lrange("next-queue", 0, -1))]
    assert [message.get("customer.id") for message in found] == ["C1", "C2", None, "C6"]
    assert [message["customer.match"] for message in found] == ["one", "one", "none", "one"]
    assert found[0]["customer.name"] == "Customer One"


def test_ticket_output_stores_a_batch_and_acknowledges(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    put(queues, *(of_customer(number) for number in range(1, 51)))
    make_bot(TICKETS, destination_queues={}).process()
    assert database.fetch("SELECT count(*) FROM tickets") == [(50,)]
    assert queues.llen("test-queue-internal") == 0


def test_bad_event_is_dumped_alone_and_the_batch_is_stored(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, tmp_path: Path
) -> None:
    broken = [
        {**of_customer(90), "classification.type": ""},
        {**of_customer(91), "source.port": "not a number"},
        {**of_customer(92), "time.source": "20"},
    ]
    put(
        queues,
        *(of_customer(number) for number in range(1, 11)),
        *broken,
        *(of_customer(number) for number in range(11, 21)),
    )
    bot = make_bot(TICKETS, destination_queues={})
    while queues.llen("test-queue") + queues.llen("test-queue-internal"):
        bot.process()
    assert database.fetch("SELECT count(*) FROM events") == [(20,)]
    assert len(dumped(tmp_path)) == 3


def test_database_away_keeps_the_events_in_the_queue(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, tmp_path: Path
) -> None:
    put(queues, of_customer(1), of_customer(2))
    bot = make_bot(TICKETS, destination_queues={})
    database.fetch("ALTER TABLE tickets RENAME TO gone")
    for _ in range(2):
        with pytest.raises(PipelineError):
            bot.process()
    assert dumped(tmp_path) == []
    database.fetch("ALTER TABLE gone RENAME TO tickets")
    bot.process()
    assert database.fetch("SELECT count(*) FROM tickets") == [(2,)]


def test_dry_run_of_the_ticket_output_stores_nothing(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    put(queues, of_customer())
    dry(make_bot(TICKETS, destination_queues={})).process()
    for table in ("events", "tickets", "customers"):
        assert database.fetch(f"SELECT count(*) FROM {table}") == [(0,)]


def test_notice_output_mails_what_is_due(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, smtp_sink: SmtpSink
) -> None:
    put(queues, of_customer(1), of_customer(2), of_customer(200, "C2"))
    make_bot(TICKETS, destination_queues={}).process()
    make_bot(NOTICES, "mailer", destination_queues={}).idle()
    mails = [path.read_text(encoding="utf-8") for path in smtp_sink.mails.glob("*.eml")]
    assert sorted(line for mail in mails for line in mail.splitlines() if line.startswith("X-Envelope-To:")) == [
        "X-Envelope-To: one@example.com",
        "X-Envelope-To: two@example.com",
    ]
    assert database.fetch("SELECT DISTINCT state FROM deliveries") == [("sent",)]


def test_notice_output_reads_changed_rules_by_itself(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, smtp_sink: SmtpSink
) -> None:
    put(queues, of_customer(1))
    intake = make_bot(TICKETS, destination_queues={})
    intake.process()
    mailer = make_bot(NOTICES, "mailer", destination_queues={})
    (desk / "rules.yaml").write_text("notices: {default: {hold: true}}", encoding="utf-8")
    mailer.work()
    assert database.fetch("SELECT state FROM notices") == [("held",)]
    (desk / "rules.yaml").write_text("notices: {default: {hold: perhaps}}", encoding="utf-8")
    put(queues, of_customer(200, "C2"))
    intake.process()
    mailer.work()
    assert database.fetch("SELECT state FROM notices") == [("held",), ("held",)]
    assert list(smtp_sink.mails.glob("*.eml")) == []


def waiting_mail(database: Database, me: str) -> Outbox:
    """One mail that a sender of this name has in hand."""
    outbox = Outbox(database, me, message_id_domain="example.net")
    outbox.prepare()
    outbox.address(lambda _: [Recipient("one@example.com")])
    (delivery,) = outbox.lease()
    outbox.step(None, delivery)
    return outbox


def test_making_the_bot_beside_the_one_that_sends_changes_nothing(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    """`intelmqctl run notice-output ...` makes a second bot of that name; the mail in the first one's hand stays its own."""
    import socket

    put(queues, of_customer(1))
    make_bot(TICKETS, destination_queues={}).process()
    waiting_mail(database, f"{socket.gethostname()}/mailer")
    bot = dry(make_bot(NOTICES, "mailer", destination_queues={}))
    queues.lpush("mailer-queue", json.dumps(event()))
    bot.process()
    assert database.fetch("SELECT state FROM deliveries") == [("sending",)]


def test_bot_that_starts_again_finds_what_it_left_in_doubt(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, smtp_sink: SmtpSink
) -> None:
    import socket

    put(queues, of_customer(1))
    make_bot(TICKETS, destination_queues={}).process()
    waiting_mail(database, f"{socket.gethostname()}/mailer")
    make_bot(NOTICES, "mailer", destination_queues={}).idle()
    assert database.fetch("SELECT state FROM deliveries") == [("in-doubt",)]
    assert list(smtp_sink.mails.glob("*.eml")) == []


def test_mail_server_away_is_a_pipeline_error_and_the_mails_wait(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, smtp_sink: SmtpSink
) -> None:
    put(queues, of_customer(1))
    make_bot(TICKETS, destination_queues={}).process()
    smtp_sink.stop()
    bot = make_bot(NOTICES, "mailer", destination_queues={})
    with pytest.raises(PipelineError, match="the mails wait"):
        bot.idle()
    smtp_sink.start()
    bot.idle()
    assert database.fetch("SELECT state, attempts FROM deliveries") == [("sent", 1)]


def test_database_of_an_older_program_is_told_at_the_start(
    desk: Path, make_bot: Callable[..., Any], database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    database.fetch("DELETE FROM schema_versions WHERE number > 0")
    with pytest.raises(ValueError, match="Bot shutdown"):
        make_bot(TICKETS, destination_queues={})
    assert "abusehandler db upgrade" in capfd.readouterr().err


def test_log_level_of_the_shared_configuration_is_that_of_our_bots(make_bot: Callable[..., Any], etc: Path) -> None:
    assert make_bot(CUSTOMER).logger.level != logging.WARNING
    configure(etc, log_level="WARNING")
    assert make_bot(CUSTOMER).logger.level == logging.WARNING
