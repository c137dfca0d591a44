# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the API leaves to bots: reports handed on to a reader, messages of webhooks sent."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from desk_of_test import configure
from test_outputs import of_customer, put

from abusehandler.bots.collectors.delivered import BOT as DELIVERED
from abusehandler.bots.outputs.tickets import BOT as TICKETS
from abusehandler.bots.outputs.webhooks import BOT as WEBHOOKS
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import API_CHANNEL, ReportStore
from abusehandler.tickets.webhooks.store import WebhookStore
from abusehandler.tickets.webhooks.target import Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import redis

    from abusehandler.tickets.database import Database


@pytest.fixture
def desk(etc: Path, dsn: str) -> Path:
    configure(etc, database={"dsn": dsn}, webhooks={"allowed_networks": ["127.0.0.1/32"]})
    return etc


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_reports_of_the_api_are_handed_on_at_once(desk: Path, make_bot: Callable[..., Any], database: Database) -> None:
    bot = make_bot(DELIVERED, channel="pipe")
    bot.process()
    kept = EvidenceStore(desk / "var/evidence").keep(b"Subject: by API\n\nx")
    report, _ = ReportStore(database).accept(kept, kind="mail", channel=API_CHANNEL)
    bot._longest_wait = 60
    bot.process()
    assert database.fetch("SELECT state FROM reports WHERE id = %s", (report.id,)) == [("queued",)]


def test_the_bot_tells_of_a_new_ticket(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, receiver: tuple[str, list[bytes]]
) -> None:
    url, got = receiver
    WebhookStore(database).add(url, ["ticket.opened"], Reach.of(["127.0.0.1/32"], []), author="anna")
    put(queues, of_customer())
    make_bot(TICKETS, destination_queues={}).process()
    bot = make_bot(WEBHOOKS, "webhooks", destination_queues={})
    bot.idle()
    assert len(got) == 1
    assert b'"type": "ticket.opened"' in got[0]
    bot._next = 0
    bot.idle()
    assert len(got) == 1


def test_a_wrong_network_is_told_by_check(desk: Path) -> None:
    assert WEBHOOKS.check({"longest_wait": 5}) is None
    configure(desk, webhooks={"allowed_networks": ["10.0.0.1/8"]})
    (fault,) = WEBHOOKS.check({}) or []
    assert "is not a network" in fault[1]
