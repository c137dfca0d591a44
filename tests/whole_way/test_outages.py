# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the bots need goes away and comes back: they wait, say so, and go on by themselves; nobody starts them again."""

from __future__ import annotations

import itertools
import resource
import sys
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks._fed_desk import CUSTOMERS, MAILER, FedDesk, wait_until

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tickets"))
from scripted_smtp import HANG, ScriptedSmtp

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 256
#: Short names for folders: sockets live in them.
_number = itertools.count(1)


@pytest.fixture
def desk(server_folder: Path, request: pytest.FixtureRequest) -> Iterator[FedDesk]:
    options = getattr(request, "param", {})
    desk = FedDesk(server_folder / f"o{next(_number)}", **options)
    try:
        desk.open()
        yield desk
    finally:
        desk.close()


def assert_all_went_on(desk: FedDesk) -> None:
    desk.settle()
    assert desk.ended() == {}
    assert desk.broken_promises() == []
    assert desk.number("SELECT count(*) FROM deliveries WHERE state = 'sent'") >= CUSTOMERS


def until_log(desk: FedDesk, bot: str, *words: str) -> None:
    wait_until(
        lambda: any(word in desk.log(bot) for word in words),
        lambda: f"{words} in the log of {bot}:\n{desk.log(bot)[-1500:]}",
        300,
    )


def test_postgresql_and_then_redis_away(desk: FedDesk) -> None:
    desk.start_all()
    desk.feed(ROWS)
    wait_until(lambda: desk.number("SELECT count(*) FROM events") == ROWS, "the first events", 300)

    desk.postgres.stop()
    desk.feed(ROWS)
    until_log(desk, "feed-file-collector", "PostgreSQL", "connection to server")
    desk.postgres.start()
    assert_all_went_on(desk)

    desk.redis.stop()
    desk.feed(ROWS)
    until_log(desk, "customer-expert", "Pipeline failed", "Connection")
    desk.redis.start()
    assert_all_went_on(desk)
    assert desk.fed == 3 * ROWS


def test_mail_server_away(desk: FedDesk) -> None:
    desk.sink.stop()
    desk.start_all()
    desk.feed(ROWS)
    until_log(desk, MAILER, "refused", "mail server")
    assert desk.number("SELECT count(*) FROM deliveries WHERE state = 'sent'") == 0
    desk.sink.start()
    assert_all_went_on(desk)


def test_mail_server_falls_silent_after_the_data(server_folder: Path) -> None:
    server = ScriptedSmtp({"END": HANG})
    desk = FedDesk(server_folder / "silent", smtp_port=server.port, smtp_seconds=3)
    try:
        desk.open()
        desk.start_all()
        desk.feed(ROWS)
        wait_until(
            lambda: desk.number("SELECT count(*) FROM deliveries WHERE state = 'in-doubt'") > 0, "a mail in doubt", 300
        )
        server.says.clear()
        desk.settle()
        states = dict(desk.rows("SELECT message_id, state FROM deliveries"))
        arrived = [str(BytesHeaderParser().parsebytes(content)["Message-ID"]).strip() for _, content in server.mails]
        # those it was silent about may have arrived; none of them goes out a second time without a word
        assert len(states) == CUSTOMERS
        assert set(states.values()) == {"sent", "in-doubt"}
        assert len(arrived) == len(set(arrived))
        assert {identity for identity, state in states.items() if state == "sent"} <= set(arrived) <= set(states)
        assert "doubt" in desk.log(MAILER)
    finally:
        desk.close()
        server.stop()


def test_disk_full_under_the_evidence(desk: FedDesk) -> None:
    """A limit on the size of files stands for the full disk: writing fails in the same place."""
    desk.start("feed-file-collector")
    wait_until(lambda: desk.works("feed-file-collector"), "the collector", 300)
    collector = desk.bots["feed-file-collector"].pid
    resource.prlimit(collector, resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
    desk.feed(8000)
    until_log(desk, "feed-file-collector", "File too large")
    assert desk.number("SELECT count(*) FROM reports") == 0
    resource.prlimit(collector, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    desk.start("shadowserver-parser", "customer-expert", "ticket-output", MAILER)
    assert_all_went_on(desk)
    assert not list((desk.root / "var/lib/evidence/incoming").iterdir())


@pytest.mark.parametrize("desk", [{"mailers": 8}], indirect=True)
def test_any_number_of_mailers_sends_the_notices_of_one(desk: FedDesk) -> None:
    desk.start("feed-file-collector", "shadowserver-parser", "customer-expert", "ticket-output")
    expected: set[tuple[str, str, int]] = set()
    for round_number, mailers in enumerate((1, 2, 4, 8), 1):
        desk.feed(ROWS)
        wait_until(
            lambda fed=desk.fed: desk.number("SELECT count(*) FROM events") == fed,  # type: ignore[misc]
            "the events",
            300,
        )
        desk.start(*desk.mailers[:mailers])
        desk.settle()
        for mailer in desk.mailers[:mailers]:
            # what the others had done before it was up: before that, SIGTERM ends a program as it ends any other
            wait_until(lambda mailer=mailer: desk.works(mailer), mailer, 300)  # type: ignore[misc]
            desk.bots[mailer].terminate()
            assert desk.bots.pop(mailer).wait(120) == 0
        assert desk.broken_promises() == []
        # one mail for each customer, with all that is new, however many senders there were
        assert desk.number("SELECT count(*) FROM deliveries") == round_number * CUSTOMERS
        expected = {(f"contact{number // 4}@example.org", f"192.0.2.{number}", round_number) for number in range(ROWS)}
        assert desk.told() == expected
