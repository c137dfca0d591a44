# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler selfhelp` and `recheck` as a person types them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.cli import main
from abusehandler.tickets.selfhelp_links import LinkTerms, open_link
from tests.tickets.observations import hours_ago, observation, store_of

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database


@pytest.fixture(autouse=True)
def configured(dsn: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticket 1 of customer C1 about an open DNS resolver, at an address that nobody has."""
    settings = {
        "organisation": {"name": "Example", "abuse_address": "abuse@example.net"}, "database": {"dsn": dsn},
        "evidence": {"path": "evidence"}, "customers": {"connector": "csv", "path": "customers.csv"},
        "portal": {"public_url": "https://abuse.example.net"},
    }  # fmt: skip
    (tmp_path / "abusehandler.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(tmp_path / "abusehandler.yaml"))
    seen = observation(
        classification_type="vulnerable-system",
        classification_identifier="open-dns-resolver",
        source_port=53,
        time_source=hours_ago(1),
    )
    store_of(database).store([seen])


def test_a_link_is_made_shown_once_and_ended(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selfhelp", "link", "--ticket", "1", "--as", "anna"]) == 0
    address = capsys.readouterr().out.strip()
    token = address.removeprefix("https://abuse.example.net/help/").removesuffix("/1")
    link = open_link(database, token, LinkTerms())
    assert link is not None and (link.customer, link.ticket) == ("C1", 1)
    assert main(["selfhelp", "list", "--json"]) == 0
    told = capsys.readouterr().out
    assert json.loads(told)["made_for"] == "anna on the command line"
    assert token not in told
    assert main(["selfhelp", "revoke", "--customer", "C1", "--as", "anna", "--reason", "wrong person"]) == 0
    assert "1 links ended" in capsys.readouterr().out
    assert open_link(database, token, LinkTerms()) is None


def test_who_does_not_exist_gets_no_link(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selfhelp", "link", "--ticket", "99"]) == 1
    assert main(["selfhelp", "link", "--customer", "C99"]) == 1
    assert "C99" in capsys.readouterr().err


def test_probes_are_listed_and_checks_are_off(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recheck", "probes", "--json"]) == 0
    assert "dns-recursion" in {row["probe"] for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert main(["recheck", "ticket", "1"]) == 1
    assert "that can be checked from outside" in capsys.readouterr().err


def test_an_account_gets_colour_logo_and_words(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database.fetch("INSERT INTO accounts (id, name) VALUES ('acme', 'Acme')")
    logo = tmp_path / "logo.svg"
    logo.write_text("<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>")
    words = ["--text", "footer:en=Acme Ltd", "--text", "footer:de=Acme GmbH"]
    assert main(["selfhelp", "brand", "acme", "--colour", "#0f7b6c", "--logo", str(logo), *words]) == 0
    assert main(["selfhelp", "brand", "acme", "--text", "footer:de="]) == 0
    assert database.fetch("SELECT colour, logo_type, texts FROM accounts") == [
        ("#0f7b6c", "image/svg+xml", {"footer": {"en": "Acme Ltd"}})
    ]
    logo.write_bytes(b"<html><svg></svg></html>")
    for wrong in (
        ["--logo", str(logo)],
        ["--colour", "red"],
        ["--text", "imprint=x"],
        ["--logo", str(tmp_path / "none")],
    ):
        assert main(["selfhelp", "brand", "acme", *wrong]) == 1
    assert main(["selfhelp", "brand", "nobody", "--colour", ""]) == 1
    capsys.readouterr()
