# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler notice`: what an operator does with notices, and what is written down of it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abusehandler.cli import main
from abusehandler.tickets.incoming import now_utc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tickets"))
from scripted_smtp import DROP, ScriptedSmtp
from sending import SendingDesk

if TYPE_CHECKING:
    from collections.abc import Iterator

CUSTOMERS = (
    "id,name,email,prefixes\nC1,Customer One,c1@example.com,192.0.1.0/24\nC2,Customer Two,c2@example.com,192.0.2.0/24\n"
)


@pytest.fixture
def server() -> Iterator[ScriptedSmtp]:
    scripted = ScriptedSmtp()
    yield scripted
    scripted.stop()


@pytest.fixture
def desk(dsn: str, server: ScriptedSmtp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SendingDesk]:
    (tmp_path / "customers.csv").write_text(CUSTOMERS, encoding="utf-8")
    settings = {
        "organisation": {"name": "Example Networks", "abuse_address": "abuse@example.net"},
        "database": {"dsn": dsn},
        "evidence": {"path": str(tmp_path / "evidence")},
        "customers": {"connector": "csv", "path": "customers.csv", "state_path": str(tmp_path / "state")},
    }
    (tmp_path / "abusehandler.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(tmp_path / "abusehandler.yaml"))
    opened = SendingDesk(dsn, server)
    yield opened
    opened.close()


def said(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    """What a command prints with --json."""
    capsys.readouterr()
    assert main(["notice", *words, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def both_report(desk: SendingDesk) -> None:
    """A ticket of C1, then one of C2: tickets and notices are numbered in this order."""
    desk.report()
    desk.report(customer_id="C2", source_ip="192.0.2.1")


def test_list_shows_notices_and_their_mails(desk: SendingDesk, capsys: pytest.CaptureFixture[str]) -> None:
    both_report(desk)
    desk.sender.run()
    rows = said(capsys, "list")
    assert [(row["notice"], row["customer"], row["kind"], row["mail"]) for row in rows] == [
        (2, "C2", "new", "sent"),
        (1, "C1", "new", "sent"),
    ]
    assert [row["notice"] for row in said(capsys, "list", "--customer", "C1")] == [1]
    assert [row["notice"] for row in said(capsys, "list", "--before", "2")] == [1]
    assert said(capsys, "list", "--state", "failed") == []


def test_show_prints_the_mail_exactly_as_it_was_sent(
    desk: SendingDesk, server: ScriptedSmtp, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    desk.report()
    desk.sender.run()
    assert main(["notice", "show", "1", "--raw"]) == 0
    assert capsysbinary.readouterr().out == server.mails[0][1]
    assert main(["notice", "show", "1"]) == 0
    shown = capsysbinary.readouterr().out.decode()
    assert "Subject: Password guessing at 192.0.1.1 [#1]" in shown
    assert "[notice-1.csv, text/csv]" in shown
    assert main(["notice", "show", "99"]) == 1


def test_preview_sends_nothing_and_leaves_nothing(
    desk: SendingDesk, server: ScriptedSmtp, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.report(tickets=2)
    before = desk.rows("SELECT xmin, notify_due, notified_at FROM tickets ORDER BY id")
    (whole,) = said(capsys, "preview", "--customer", "C1")
    assert whole["recipients"] == ["c1@example.com"]
    assert "2 security problems" in whole["raw"]
    (german,) = said(capsys, "preview", "1", "--language", "de")
    assert "Guten Tag Customer One" in german["raw"]
    assert desk.rows("SELECT xmin, notify_due, notified_at FROM tickets ORDER BY id") == before
    assert desk.rows("SELECT count(*) FROM notices") == [(0,)]
    assert server.mails == []


def test_send_tells_now_whatever_is_due(desk: SendingDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.report()
    desk.rows("UPDATE tickets SET notify_due = NULL")
    assert [row["notice"] for row in said(capsys, "send", "1", "--reason", "asked by phone", "--author", "ann")] == [1]
    assert desk.sender.run().sent == 1
    assert desk.rows("SELECT actor, change, reason FROM audit_trail") == [("ann", "sent by a person", "asked by phone")]
    assert said(capsys, "send", "--customer", "C1")[0]["notice"] == 2
    assert main(["notice", "send", "77"]) == 1
    assert main(["notice", "send"]) == 1


def test_hold_release_and_withdraw(desk: SendingDesk, server: ScriptedSmtp, capsys: pytest.CaptureFixture[str]) -> None:
    both_report(desk)
    server.says = {"RCPT": "451 4.2.0 later"}
    desk.sender.run()
    fixed = desk.rows("SELECT message_id FROM deliveries WHERE notice_id = 1")
    assert said(capsys, "hold", "1", "2", "--reason", "look first")[0]["result"] == "held"
    assert said(capsys, "hold", "1", "--reason", "look first")[0]["result"] == "unchanged"
    server.says = {}
    desk.pass_time("1 day")
    assert desk.sender.run().mails == 0

    assert said(capsys, "release", "1") == [{"notice": 1, "result": "released"}]
    assert said(capsys, "withdraw", "2", "--reason", "a mistake")[0]["result"] == "withdrawn"
    assert desk.sender.run().sent == 1
    assert desk.rows("SELECT message_id FROM deliveries WHERE state = 'sent'") == fixed
    assert said(capsys, "release", "2")[0]["result"] == "unchanged"


def test_retry_of_failed_mails_and_of_notices_without_contact(
    desk: SendingDesk, server: ScriptedSmtp, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.contacts.pop("C2")
    both_report(desk)
    server.says = {"RCPT": ["550 5.7.1 no"]}
    desk.sender.run()
    assert [row["notice"] for row in said(capsys, "list", "--state", "failed")] == [1]
    assert [row["notice"] for row in said(capsys, "list", "--state", "no-contact")] == [2, 1]
    from abusehandler.tickets.notice import Recipient

    desk.contacts["C2"] = [Recipient("c2@example.com")]
    assert {row["result"] for row in said(capsys, "retry", "1", "2")} == {"tried again"}
    assert desk.sender.run().sent == 2


@pytest.mark.parametrize("how", ["--sent", "--resend"])
def test_doubt_is_resolved_by_a_person(
    desk: SendingDesk, server: ScriptedSmtp, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    desk.report()
    server.says = {"END": [DROP]}
    desk.sender.run()
    assert main(["notice", "resolve-doubt", how]) == 1
    (resolved,) = said(capsys, "resolve-doubt", "1", how)
    assert resolved["result"] == ("sent" if how == "--sent" else "waiting")
    assert said(capsys, "resolve-doubt", "--all", how) == []
    desk.sender.run()
    assert desk.rows("SELECT state FROM deliveries") == [("sent",)]
    assert len(server.mails) == (how == "--resend")


def test_answer_of_the_desk(
    desk: SendingDesk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both_report(desk)
    desk.sender.run()
    monkeypatch.setattr(sys, "stdin", io.StringIO("Thank you.\nPlease look at port 22."))
    assert said(capsys, "answer", "C1", "1")[0]["notice"] == 3
    desk.sender.run()
    mail = desk.mails()[-1]
    assert mail["To"] == "c1@example.com"
    assert mail["Auto-Submitted"] is None
    assert mail["In-Reply-To"] == desk.mails()[0]["Message-ID"]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Please look at port 22." in body.get_content()

    monkeypatch.setattr(sys, "stdin", io.StringIO("Not for you"))
    assert main(["notice", "answer", "C1", "2"]) == 1
    assert desk.rows("SELECT count(*) FROM notices") == [(3,)]


def test_mails_cannot_move_the_cursor_of_a_terminal(desk: SendingDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.report(**{"malware.name": "\x1b[2J\x1b]0;x\x07"})
    desk.sender.run()
    assert now_utc()
    for words in (["show", "1"], ["preview", "1"], ["list"]):
        assert main(["notice", *words]) == 0
        assert "\x1b" not in capsys.readouterr().out
