# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler user` and `portal` as a person types them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.cli import main
from abusehandler.portal.login import passwords
from abusehandler.tickets.desk.users import UserStore

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def configured(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "abusehandler.yaml"
    settings = {
        "organisation": {"name": "Example", "abuse_address": "abuse@example.net"},
        "database": {"dsn": dsn},
        "evidence": {"path": "evidence"},
        "customers": {"connector": "csv", "path": "customers.csv"},
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(path))
    return path


def typed(monkeypatch: pytest.MonkeyPatch, text: str, *words: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(text + "\n"))
    return main(["user", *words])


def test_the_first_administrator(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(monkeypatch, PASSWORD, "add", "Anna", "--role", "admin", "--password-stdin") == 0
    user = UserStore(database).find("anna")
    assert user is not None and user.role == "admin"
    assert passwords.is_right(PASSWORD, user.password_hash)
    assert main(["user", "list"]) == 0
    assert "anna" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words", "wrong"),
    [
        ("short", ["add", "anna", "--password-stdin"], "at least 12"),
        (PASSWORD, ["add", "anna", "--role", "tenant", "--password-stdin"], "needs an account"),
        (PASSWORD, ["add", "anna", "--account", "nobody", "--password-stdin"], "no account"),
        (PASSWORD, ["add", "an na", "--password-stdin"], "no login name"),
        (PASSWORD, ["add", "anna"], "--password-stdin"),
        (PASSWORD, ["password", "nobody", "--password-stdin"], "no user 'nobody'"),
    ],
)
def test_what_is_refused(
    text: str, words: list[str], wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(monkeypatch, text, *words) == 1
    assert wrong in capsys.readouterr().err


def test_password_role_and_disable(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, PASSWORD, "add", "anna", "--password-stdin")
    assert typed(monkeypatch, "another long password", "password", "anna", "--password-stdin") == 0
    assert main(["user", "role", "anna", "read-only"]) == 0
    assert main(["user", "disable", "anna"]) == 0
    user = UserStore(database).find("anna")
    assert user is not None and user.role == "read-only" and user.disabled_at is not None
    assert passwords.is_right("another long password", user.password_hash)


def test_the_portal_needs_its_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["portal"]) == 1
    assert "public_url" in capsys.readouterr().err
