# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The answers: from a file with errors that name the line, from a terminal with questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.errors import ConfigurationError
from abusehandler.installer.setup.answers import Answers, as_text, kept_answers, load_answers, missing_files
from abusehandler.installer.setup.layout import Layout
from abusehandler.installer.setup.questions import ask_all
from abusehandler.installer.setup.system import System

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """organisation: {name: Example Networks, abuse_address: abuse@example.net}
networks: {prefixes: [192.0.2.0/24], asns: [64496]}
administrator: {mail: noc@example.net}
"""


def from_text(folder: Path, text: str) -> Answers:
    path = folder / "answers.yaml"
    path.write_text(text, encoding="utf-8")
    return load_answers(path)


def test_the_shortest_file_there_is(tmp_path: Path) -> None:
    answers = from_text(tmp_path, GOOD)
    assert answers.pipeline == "everything"
    assert answers.mailbox.kind == "later"
    assert answers.web.host_name == ""


def test_answers_survive_being_kept(tmp_path: Path) -> None:
    answers = from_text(
        tmp_path, GOOD + "mailbox: {kind: imap, host: imap.example.net, user: abuse, password_file: secret}\n"
    )
    assert answers.mailbox.password_file == tmp_path / "secret"
    (tmp_path / "kept.yaml").write_text(as_text(answers), encoding="utf-8")
    assert load_answers(tmp_path / "kept.yaml") == answers


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("pipelin: mail\n", r"answers.yaml, line 4: pipelin is not a key of this file; write 'pipeline'"),
        ("mailbox: {kind: imap}\n", r"line 4: mailbox: an IMAP mailbox needs host, user and password_file"),
        ("web: {host_name: abuse}\n", r"line 4: web.host_name: write a full host name"),
        ("web: {host_name: a.example, tls: own}\n", r"line 4: web: tls is 'own', so certificate and key"),
        ("shadowserver: {api_key_file: key}\n", r"line 4: shadowserver: api_key_file and secret_file belong together"),
        ("smtp: {host: mx.example.org, user: me}\n", r"line 4: smtp: a login without encryption is refused"),
        ("customers: {file: a.csv, connector: {connector: csv}}\n", r"line 4: customers: file and connector are both set"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_line_and_key(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        from_text(tmp_path, GOOD + more)


def test_a_network_with_host_bits_is_corrected(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"line 2: networks.prefixes.*write 192.0.2.0/24"):
        from_text(tmp_path, GOOD.replace("192.0.2.0/24", "192.0.2.1/24"))


def test_networks_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name your prefixes or AS numbers"):
        from_text(tmp_path, GOOD.replace("prefixes: [192.0.2.0/24], asns: [64496]", "domains: [example.net]"))


def test_a_secret_that_was_kept_need_not_be_where_it_was(tmp_path: Path) -> None:
    system = System(Layout(tmp_path / "root"))
    answers = from_text(
        tmp_path,
        GOOD + "smtp: {host: mx.example.org, security: tls, user: me, password_file: gone}\n",
    )
    assert missing_files(answers, system) == [f"smtp.password_file: {tmp_path}/gone: there is no such file"]
    kept = system.layout.secrets / "smtp-password"
    kept.parent.mkdir(parents=True)
    kept.write_text("secret\n", encoding="utf-8")
    assert missing_files(answers, system) == []
    assert kept_answers(answers, system).smtp.password_file == kept


def test_questions_with_a_slip_or_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = iter([
        "Example Networks", "no address", "abuse@example.net", "Europe/Vienna", "192.0.2.1/24", "AS64496, 192.0.2.0/24 2001:db8::/32",
        "/no/such/file", "", "yes", "key of the API", "secret of the API", "imap", "imap.example.net", "abuse", "password of the mailbox",
        "", "noc@example.net", "abuse", "abuse.example.net", "proxy",
    ])  # fmt: skip
    answers = ask_all(tmp_path, lambda _question: next(said))
    assert answers.organisation.time_zone == "Europe/Vienna"
    assert answers.networks.asns == (64496,)
    assert answers.networks.prefixes == ("192.0.2.0/24", "2001:db8::/32")
    assert answers.mailbox.password_file is not None
    assert answers.mailbox.password_file.read_text(encoding="utf-8") == "password of the mailbox\n"
    assert answers.mailbox.password_file.stat().st_mode & 0o777 == 0o600
    assert "password of the mailbox" not in as_text(answers)
    assert answers.web.host_name == "abuse.example.net"
    shown = capsys.readouterr().out
    assert "192.0.2.1/24 has host bits set" in shown
    assert "There is no file /no/such/file" in shown


def test_without_a_terminal_a_file_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(ConfigurationError, match="use --answers FILE"):
        ask_all(tmp_path)
