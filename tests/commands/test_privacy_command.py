# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler privacy` as a person types it: nothing goes before --yes and a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.cli import main
from tests.tickets.observations import observation, store_of

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database


@pytest.fixture
def _box(tmp_path: Path, dsn: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "organisation": {"name": "Example", "abuse_address": "abuse@example.net"}, "evidence": {"path": "evidence"},
        "customers": {"connector": "csv", "path": "customers.csv"}, "database": {"dsn": dsn},
    }  # fmt: skip
    (tmp_path / "abusehandler.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(tmp_path / "abusehandler.yaml"))
    store_of(database).store([observation(), observation(source_ip="192.0.2.2", customer_id="C2")])


@pytest.mark.usefixtures("_box")
def test_report_preview_and_erasure(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["privacy", "report", "C1"]) == 0
    assert "Tickets" in capsys.readouterr().out
    assert main(["privacy", "report", "C1", "--json"]) == 0
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert kinds == ["customer", "ticket", "event"]
    assert main(["privacy", "erase", "C1"]) == 0
    assert "Nothing was changed" in capsys.readouterr().out
    assert main(["privacy", "erase", "C1", "--yes"]) == 1
    assert "say why" in capsys.readouterr().err
    assert database.fetch("SELECT count(*) FROM tickets") == [(2,)]
    assert main(["privacy", "erase", "C1", "--yes", "--reason", "asked on 20 November"]) == 0
    assert "privacy erased-" in capsys.readouterr().out
    assert database.fetch("SELECT customer_id FROM tickets") == [("C2",)]
    assert main(["privacy", "pseudonymise", "192.0.2.2", "--yes", "--reason", "asked"]) == 0
    assert database.fetch("SELECT resource FROM tickets") == [("192.0.2.0/24",)]
