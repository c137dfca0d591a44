# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler answer` and `abusehandler address` as a person types them."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abusehandler.cli import main
from abusehandler.configuration import load
from abusehandler.configuration.answering import answer_settings
from abusehandler.errors import ConfigurationError
from abusehandler.tickets.answers.addresses import bounce_address
from tests.tickets.answers.sent_notices import Desk as Answers
from tests.tickets.answers.sent_notices import bounce, reply, send

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database


class Desk:
    """Runs commands against one abusehandler.yaml."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys

    def configure(self, **sections: Any) -> None:
        right = {
            "organisation": {"name": "Example", "abuse_address": "abuse@example.net"},
            "evidence": {"path": "evidence"},
            "customers": {"connector": "csv", "path": "customers.csv"},
        }
        self.path.write_text(yaml.safe_dump({**right, **sections}), encoding="utf-8")

    def __call__(self, *words: str) -> tuple[int, str]:
        code = main(words)
        captured = self._capsys.readouterr()
        return code, captured.out + captured.err


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    desk = Desk(tmp_path / "abusehandler.yaml", capsys)
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(desk.path))
    desk.configure(mail={"answer_secret_file": "answer-secret"})
    return desk


def test_new_secret_can_be_read_by_its_owner_alone_and_is_not_lost(desk: Desk) -> None:
    path = desk.path.parent / "answer-secret"
    assert desk("answer", "new-secret")[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = answer_settings(load())
    code, said = desk("answer", "new-secret")
    assert (code, "--renew" in said) == (1, True)
    assert desk("answer", "new-secret", "--renew")[0] == 0
    second = answer_settings(load())
    assert second.secrets[1:] == first.secrets
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (None, 0, "there is no such file.*abusehandler answer new-secret"),
        ("x" * 40, 0o644, "others may read.*chmod 600"),
        ("short\n", 0o600, "line 1: a secret of 5 characters.*new-secret"),
        ("# nothing\n", 0o600, "no secret stands in it"),
    ],
)
def test_a_secret_that_is_none_is_refused_with_advice(desk: Desk, content: str | None, mode: int, message: str) -> None:
    path = desk.path.parent / "answer-secret"
    if content is not None:
        path.write_text(content, encoding="utf-8")
        path.chmod(mode)
    with pytest.raises(ConfigurationError, match=message):
        answer_settings(load())


def test_without_a_file_mail_goes_out_with_the_plain_sender(desk: Desk) -> None:
    desk.configure()
    assert bounce_address(7, answer_settings(load())) == "abuse@example.net"
    code, said = desk("answer", "new-secret")
    assert (code, "answer_secret_file" in said) == (1, True)


def test_answers_and_addresses(desk: Desk, database: Database, dsn: str, tmp_path: Path) -> None:
    desk.configure(database={"dsn": dsn})
    answers = Answers(database, tmp_path / "evidence")
    sent = send(database)
    answers.take(bounce(message_id=sent.message_ids[0]))
    answers.take(reply(f"In-Reply-To: {sent.message_ids[0]}", body="Closed\x1b[31m it.\r\n\r\n> quoted"))

    code, said = desk("answer", "list", "--unread", "--json")
    rows = [json.loads(line) for line in said.splitlines()]
    assert code == 0
    assert [(row["kind"], row["unread"], row["ticket"]) for row in rows] == [
        ("reply", True, sent.tickets[0]),
        ("bounce", True, sent.tickets[0]),
    ]

    code, said = desk("answer", "show", str(rows[0]["answer"]))
    assert code == 0
    assert "    Closed [31m it." in said
    assert "quoted" not in said
    assert f"{sent.tickets[0]}" in said

    assert "5.1.1" in desk("address", "show", "one@example.com")[1]
    assert "bouncing" in desk("address", "list")[1]
    assert (
        desk("address", "set", "ONE@example.com", "ok", "--reason", "new mail server")[1]
        == "one@example.com: bouncing → ok\n"
    )
    assert "(none)" in desk("address", "list")[1]
    assert desk("answer", "seen", str(rows[0]["answer"]), str(rows[1]["answer"]))[1] == "2 answers were unread.\n"
    assert "(none)" in desk("answer", "list", "--unread")[1]


def test_what_is_not_there_is_said(desk: Desk, dsn: str) -> None:
    desk.configure(database={"dsn": dsn})
    assert desk("answer", "show", "77")[0] == 1
    assert desk("address", "show", "nobody@example.com")[0] == 1
    code, said = desk("address", "set", "no address", "ok", "--reason", "x")
    assert (code, "is not a mail address" in said) == (1, True)
