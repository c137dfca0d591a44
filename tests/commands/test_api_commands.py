# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler token` and `webhook` as a person types them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.cli import main
from abusehandler.tickets.desk import api_tokens
from abusehandler.tickets.desk.users import UserStore

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database


@pytest.fixture(autouse=True)
def configured(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "abusehandler.yaml"
    settings = {
        "organisation": {"name": "Example", "abuse_address": "abuse@example.net"},
        "networks": {"prefixes": ["192.0.2.0/24"]},
        "database": {"dsn": dsn},
        "evidence": {"path": "evidence"},
        "customers": {"connector": "csv", "path": "customers.csv"},
        "webhooks": {"allowed_networks": ["10.1.2.3/32"]},
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(path))


def test_a_token_is_made_listed_and_revoked(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    UserStore(database).add("billing", "desk", author="test")
    assert main(["token", "add", "billing", "--name", "invoices", "--scope", "read", "--scope", "reports:in"]) == 0
    text = capsys.readouterr().out.strip()
    token = api_tokens.find(database, text)
    assert token is not None
    assert token.scopes == {"read", "reports:in"}
    assert main(["token", "list", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["login"], row["name"], row["scopes"]) == ("billing", "invoices", "read reports:in")
    assert main(["token", "revoke", str(row["id"]), "99"]) == 0
    assert "not there" in capsys.readouterr().out
    assert api_tokens.find(database, text) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [(["nobody", "--name", "x"], "there is no user"), (["billing", "--name", " "], "needs a name"),
     (["billing", "--name", "x", "--account", "lost"], "no account"), (["billing", "--name", "x", "--days", "-1"], "--days")],
)  # fmt: skip
def test_what_is_wrong_with_a_token_is_said(
    database: Database, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    UserStore(database).add("billing", "desk", author="test")
    assert main(["token", "add", "--scope", "read", *words]) == 1
    assert said in capsys.readouterr().err


def test_a_token_ends_with_its_user(database: Database) -> None:
    users = UserStore(database)
    user = users.add("billing", "desk", author="test")
    text = api_tokens.make(database, user, "x", ["read"], days=None, author="test")
    users.disable(user, True, author="test")
    assert api_tokens.find(database, text) is None


def test_a_webhook_from_add_to_remove(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["webhook", "add", "http://10.1.2.3/hook", "--on", "ticket.opened"]) == 0
    assert "secret whsec_" in capsys.readouterr().out
    assert main(["webhook", "test", "1"]) == 0
    assert main(["webhook", "deliveries", "1", "--state", "waiting", "--json"]) == 0
    assert '"webhook.test"' in capsys.readouterr().out
    for verb in ("retry", "enable", "remove"):
        assert main(["webhook", verb, "1"]) == 0
    assert main(["webhook", "test", "1"]) == 1


@pytest.mark.parametrize("url", ["http://example.com/", "https://127.0.0.1/", "https://192.0.2.9/", "nothing"])
def test_a_webhook_to_where_nothing_may_go_is_refused(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert main(["webhook", "add", url]) == 1
    assert capsys.readouterr().err
