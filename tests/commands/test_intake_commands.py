# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler ticket why`, `db retention` and `db statistics` as a person types them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.cli import main
from tests.tickets.observations import hours_ago, observation, store_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abusehandler.tickets.database import Database


@pytest.fixture
def command(
    tmp_path: Path, dsn: str, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Runs a command over a store with two tickets, of now and of two years ago."""
    path = tmp_path / "abusehandler.yaml"
    settings = {
        "organisation": {"name": "Example", "abuse_address": "abuse@example.net"}, "evidence": {"path": "evidence"},
        "customers": {"connector": "csv", "path": "customers.csv"}, "database": {"dsn": dsn},
        "retention": {"events_months": 12, "closed_tickets_days": 30, "reports_days": 30},
    }  # fmt: skip
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(path))
    store = store_of(database)
    store.store([observation(time_source=hours_ago(24 * 700), source_ip="192.0.2.9", customer_reason="\x1b[31mred")])
    store.store([observation(time_source=hours_ago(1))])

    def run(*words: str) -> tuple[int, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def test_why_in_words_and_as_data(command: Callable[..., tuple[int, str]]) -> None:
    code, said = command("ticket", "why", "2")
    assert code == 0
    assert "belonged to customer C1" in said
    assert "it opened ticket 2" in said
    told = json.loads(command("ticket", "why", "2", "--json")[1])
    assert told["ticket"]["how"] == "opened"
    assert {word["part"] for word in told["words"]} >= {
        "event",
        "report",
        "customer",
        "fingerprint",
        "key",
        "ticket",
        "notices",
    }


def test_why_keeps_control_characters_from_the_terminal(command: Callable[..., tuple[int, str]]) -> None:
    assert "\x1b" not in command("ticket", "why", "1")[1]
    assert "\x1b" not in command("ticket", "why", "1", "--json")[1]


def test_why_of_no_event(command: Callable[..., tuple[int, str]]) -> None:
    code, said = command("ticket", "why", "4711")
    assert code == 1
    assert "there is no event 4711" in said


def test_retention_dry_and_done(command: Callable[..., tuple[int, str]], database: Database) -> None:
    database.fetch("UPDATE tickets SET state = 'closed', state_at = now() - interval '100 days' WHERE id = 1")
    code, said = command("db", "retention", "--dry-run")
    assert code == 0
    assert "1 events in 1 months" in said
    assert "would be dropped" in said
    assert database.fetch("SELECT count(*) FROM events") == [(2,)]
    told = json.loads(command("db", "retention", "--json")[1])
    assert (told["events"], told["tickets"], told["dry_run"]) == (1, 1, False)
    assert database.fetch("SELECT count(*) FROM events") == [(1,)]
    assert database.fetch("SELECT id FROM tickets") == [(2,)]


def test_statistics(command: Callable[..., tuple[int, str]]) -> None:
    code, said = command("db", "statistics", "--days", "7")
    assert code == 0
    assert "opened            2" in said
    told = json.loads(command("db", "statistics", "--json")[1])
    assert (told["opened"], told["relapse_rate"], told["told"]["number"]) == (2, 0.0, 0)
