# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/rules.md: each example is right, each command runs as it stands there, and each key is told of."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abusehandler.cli import main
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.aggregate import TicketStore
from abusehandler.tickets.incoming import Incoming, now_utc
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.rules import Rules
from abusehandler.tickets.rules.model import EscalationRule, KeySettings, LifeTimes, MuteRule

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^\$ abusehandler (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_is_right(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    Rules.load(tmp_path / "rules.yaml")


@pytest.mark.parametrize("model", [LifeTimes, KeySettings, EscalationRule, MuteRule])
def test_each_key_is_told_of(model: Any) -> None:
    assert [name for name in model.model_fields if name not in PAGE] == []


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dsn: str, database: Database) -> Path:
    """A store with tickets 1 to 5 of customer C1, and the page's examples as draft.yaml."""
    (tmp_path / "abusehandler.yaml").write_text(
        yaml.safe_dump(
            {
                "organisation": {"name": "Example", "abuse_address": "abuse@example.net"},
                "evidence": {"path": "evidence"},
                "customers": {"connector": "csv", "path": "customers.csv"},
                "database": {"dsn": dsn},
            }
        ),
        encoding="utf-8",
    )
    (tmp_path / "draft.yaml").write_text("".join(EXAMPLES[:1]), encoding="utf-8")
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(tmp_path / "abusehandler.yaml"))
    monkeypatch.chdir(tmp_path)
    store = TicketStore(database, Incoming(Catalogue.load(), NoticeSchedule(policy="at-once")))
    for number in range(1, 6):
        store.store(
            [
                {
                    "classification.type": "brute-force", "time.source": now_utc().isoformat(), "feed.name": "Example Feed",
                    "source.ip": f"192.0.2.{number}", "source.port": port, "customer.id": "C1", "customer.match": "one",
                }
                for port in (22, 80)
            ]
        )  # fmt: skip
    assert database.fetch("SELECT array_agg(id ORDER BY id) FROM tickets") == [([1, 2, 3, 4, 5],)]
    return tmp_path


def test_each_command_runs(desk: Path, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(COMMANDS) > 25
    for command in COMMANDS:
        code = main(shlex.split(command))
        said = capsys.readouterr()
        assert (code, said.err) == (0, ""), command
        assert said.out
        if "--json" in command:
            for line in said.out.splitlines():
                json.loads(line)
    assert database.fetch("SELECT id, state, merged_into FROM tickets WHERE id < 6 ORDER BY id") == [
        (1, "closed", 3), (2, "closed", 3), (3, "escalated", None), (4, "open", None), (5, "open", None),
    ]  # fmt: skip


def test_refused_ticket_is_explained_and_the_exit_code_says_so(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ticket", "close", "1", "99", "--reason", "over", "--as", "anna"]) == 1
    said = capsys.readouterr().out
    assert "there is no such ticket" in said
    assert "abusehandler ticket undo 1" in said
    assert main(["ticket", "close", "1", "--reason", "over", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tickets"] == [
        {"ticket": 1, "result": "unchanged", "why": "it was so already"}
    ]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("ticket list --state opne", "write one of open"),
        ("ticket list --after 12", "for example high:1234"),
        ("ticket list --prefix 192.0.2.1/24", "not an address"),
        ("ticket list --older-than 3x", "write for example 7d, 2026-12-31"),
        ("ticket mute 1 --until tomorrow --reason x", "2026-12-31"),
        ("ticket mute 1 --until 2020-01-01 --reason x", "has passed"),
        ("ticket split 1 --reason x", "name what to cut out"),
        ("ticket show 99", "no ticket 99"),
        ("ticket undo 99", "no action 99"),
        ("mute add --until 7d --reason x", "everything is refused"),
        ("mute add --problem brute-forc --until 7d --reason x", "not a problem of the catalogue"),
        ("mute end 99", "no mute 99"),
        ("rules --file nowhere.yaml check", "no such file"),
        ("rules times brute-forc", "not a problem of the catalogue"),
        ("rules try --days 0", "from 1 to 366"),
    ],
)
def test_wrong_words_are_explained(desk: Path, capsys: pytest.CaptureFixture[str], command: str, words: str) -> None:
    assert main(shlex.split(command)) == 1
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
