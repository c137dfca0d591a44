# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler config show` tells no secret; `config check` looks at the files that abusehandler.yaml names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abusehandler.cli import main
from abusehandler.configuration.secrets import MASK, _masked

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "abusehandler.yaml"
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(file))
    return file


def write(path: Path, **sections: Any) -> None:
    right: dict[str, Any] = {
        "organisation": {"name": "Example", "abuse_address": "abuse@example.net"},
        "evidence": {"path": "evidence"},
        "customers": {"connector": "csv", "path": "customers.csv"},
    }
    path.write_text(yaml.safe_dump({**right, **sections}), encoding="utf-8")


def test_show_masks_secrets(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        path,
        database={"dsn": "dbname=x user=desk password='it\\'s s3cret' host=db.example.net"},
        customers={"connector": "http-json", "url": "https://desk:s3cret@crm.example.net/api", "headers": {"X-Api-Key": "s3cret"},
                   "chain": [{"token": "s3cret", "token_file": "crm-token"}]},
    )  # fmt: skip
    assert main(["config", "show"]) == 0
    said = capsys.readouterr().out
    assert "s3cret" not in said
    shown = yaml.safe_load(said)
    assert shown["customers"]["url"] == f"https://desk:{MASK}@crm.example.net/api"
    assert shown["customers"]["chain"] == [{"token": MASK, "token_file": "crm-token"}]
    assert shown["database"]["dsn"].startswith(f"dbname=x user=desk password={MASK}")
    assert shown["organisation"]["abuse_address"] == "abuse@example.net"


def test_masking_of_evil_text_is_quick() -> None:
    begin = time.process_time()
    for text in (
        "password=" * 12_000,
        "a://" * 25_000,
        "password='" + "\\" * 100_000,
        "a" * 100_000,
        "x://" + "a:" * 50_000,
    ):
        _masked(text, "url")
    assert time.process_time() - begin < 2


def test_secrets_and_files_are_looked_at(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        path,
        mail={"smtp": {"host": "localhost", "user": "desk", "password_file": "smtp-password"}, "templates": "away"},
    )
    assert main(["config", "check"]) == 1
    said = capsys.readouterr()
    assert "smtp-password" in said.err and "mail.templates" in said.err and "2 faults" in said.out
    secret = path.parent / "smtp-password"
    secret.write_text("x\n", encoding="ascii")
    secret.chmod(0o644)
    (path.parent / "away").mkdir()
    assert main(["config", "check"]) == 1
    assert f"chmod 600 {secret}" in capsys.readouterr().err
    secret.chmod(0o600)
    assert main(["config", "check"]) == 0


def test_rules_and_customers_are_looked_at(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path.parent / "rules.yaml").write_text("no_such_rule: 1\n", encoding="utf-8")
    write(path, customers={"connector": "csv", "path": "customers.csv", "delimitter": ";"})
    assert main(["config", "check"]) == 1
    said = capsys.readouterr().err
    assert "no_such_rule" in said and "delimitter" in said
