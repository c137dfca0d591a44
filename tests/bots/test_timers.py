# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The timers as a bot: rules from the file beside abusehandler.yaml, taken up when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from desk_of_test import configure
from test_outputs import of_customer, put

from abusehandler.bots.outputs.tickets import BOT as TICKETS
from abusehandler.bots.outputs.timers import BOT as TIMERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from abusehandler.tickets.database import Database


@pytest.fixture
def desk(etc: Path, dsn: str) -> Path:
    configure(etc, database={"dsn": dsn})
    return etc


def look(bot: Any) -> None:
    bot._next = 0
    bot.idle()


def test_ticket_of_last_month_is_closed_by_the_bot(
    desk: Path, make_bot: Callable[..., Any], queues: redis.Redis, database: Database
) -> None:
    put(queues, of_customer())
    make_bot(TICKETS, destination_queues={}).process()
    database.fetch(
        "UPDATE tickets SET opened_at = now() - interval '9 days', state_at = opened_at, last_seen = opened_at, "
        "close_check = now(), notify_due = NULL"
    )
    (desk / "rules.yaml").write_text("problems: {brute-force: {close_after_days: 30}}", encoding="utf-8")
    bot = make_bot(TIMERS, "timers", destination_queues={})
    bot.process()
    assert database.fetch("SELECT state FROM tickets") == [("open",)]
    (desk / "rules.yaml").write_text("problems: {brute-force: {close_after_days: 8}}", encoding="utf-8")
    database.fetch("UPDATE timer_marks SET at = now() - interval '1 hour'")
    database.fetch(
        "UPDATE tickets SET opened_at = now() - interval '9 days', state_at = now() - interval '9 days', last_seen = now() - interval '9 days'"
    )
    look(bot)
    assert database.fetch("SELECT state FROM tickets") == [("closed",)]


def test_wrong_rules_are_told_once_and_the_last_right_ones_go_on(
    desk: Path, make_bot: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    rules = desk / "rules.yaml"
    rules.write_text("defaults: {close_after_days: 3}", encoding="utf-8")
    bot = make_bot(TIMERS, "timers", destination_queues={})
    rules.write_text("defaults: {close_after_day: 3}", encoding="utf-8")
    for _ in range(2):
        look(bot)
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) == 1
    assert "write 'close_after_days'" in told[0]
    rules.write_text("defaults: {close_after_days: 4}", encoding="utf-8")
    look(bot)
    assert bot.box.rules.last().file.defaults.close_after_days == 4


def test_check_tells_faults_of_the_rules(desk: Path) -> None:
    assert TIMERS.check({}) is None
    (desk / "rules.yaml").write_text("mutes: [{name: x}]", encoding="utf-8")
    found = TIMERS.check({})
    assert found is not None
    assert any("rules.yaml, line 1: mutes.0.until: is missing" in text for _, text in found)
