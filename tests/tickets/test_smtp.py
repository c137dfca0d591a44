# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What becomes of a mail, whatever the mail server does: sent, waiting, failed, or in doubt, and never an exception."""

from __future__ import annotations

import shutil
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from scripted_smtp import DROP, HANG, ScriptedSmtp, certificate

from abusehandler.errors import ConfigurationError
from abusehandler.installer.services import free_port
from abusehandler.tickets import smtp
from abusehandler.tickets.smtp import MailServer, MailServerUnavailable, SmtpSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAIL = b"Subject: test\r\n\r\nFirst line\r\n.second line with a dot\r\n..third\r\n"
#: So long is waited for a server that has fallen silent; one that answers must be able to do so in less.
SILENCE = 3
FROM, TO = "abuse@example.net", "customer@example.com"


@pytest.fixture
def server() -> Iterator[ScriptedSmtp]:
    scripted = ScriptedSmtp()
    yield scripted
    scripted.stop()


def client(server: ScriptedSmtp, **other: Any) -> MailServer:
    return MailServer(SmtpSettings(**{"host": "127.0.0.1", "port": server.port, "timeout": 60, **other}))


def hand_over(server: ScriptedSmtp, recipient: str = TO, **other: Any) -> tuple[str, str]:
    mine = client(server, **other)
    mine.open()
    result = mine.send(FROM, recipient, MAIL)
    mine.close()
    return result.state, result.answer


def test_mail_arrives_as_it_was_written(server: ScriptedSmtp) -> None:
    assert hand_over(server) == ("sent", "250 taken")
    ((recipient, content),) = server.mails
    assert TO in recipient
    assert content == MAIL


def test_mail_without_a_last_line_end_gets_one(server: ScriptedSmtp) -> None:
    mine = client(server)
    mine.open()
    assert mine.send(FROM, TO, b"Subject: x\r\n\r\nno end").state == "sent"
    assert server.mails[0][1] == b"Subject: x\r\n\r\nno end\r\n"
    mine.close()


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize(("answer", "state"), [("451 4.3.0 later", "waiting"), ("550 5.1.1 never", "failed")])
def test_refusal_says_whether_to_try_again(server: ScriptedSmtp, where: str, answer: str, state: str) -> None:
    server.says = {where: answer}
    if where == "MAIL" and state == "failed":
        # our own address is refused: that is for the operator to mend, and no fault of the recipient
        state, answer = "waiting", f"the sender {FROM} is refused: {answer}"
    assert hand_over(server) == (state, answer)
    assert server.mails == []


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA", "END"])
def test_next_mail_goes_out_after_a_refusal(server: ScriptedSmtp, where: str) -> None:
    server.says = {where: ["550 5.1.1 never"]}
    mine = client(server)
    mine.open()
    assert mine.send(FROM, TO, MAIL).state == ("waiting" if where == "MAIL" else "failed")
    mine.open()
    assert mine.send(FROM, TO, MAIL).state == "sent"
    assert server.connections == 1
    mine.close()


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("how", [DROP, HANG])
def test_connection_lost_before_the_data_means_not_sent(server: ScriptedSmtp, where: str, how: str) -> None:
    server.says = {where: how}
    state, answer = hand_over(server, timeout=SILENCE)
    assert state == "waiting"
    assert "before the mail was handed over" in answer


@pytest.mark.parametrize("how", [DROP, HANG])
def test_connection_lost_after_the_data_means_doubt(server: ScriptedSmtp, how: str) -> None:
    server.says = {"END": how}
    state, answer = hand_over(server, timeout=SILENCE)
    assert state == "in-doubt"
    assert "did not answer after the data" in answer


def test_after_a_break_the_next_mail_gets_a_new_connection(server: ScriptedSmtp) -> None:
    server.says = {"END": [DROP]}
    mine = client(server)
    mine.open()
    assert mine.send(FROM, TO, MAIL).state == "in-doubt"
    assert mine.send(FROM, TO, MAIL).state == "waiting"
    mine.open()
    assert mine.send(FROM, TO, MAIL).state == "sent"
    assert server.connections == 2
    mine.close()


def test_connection_that_the_server_closed_while_idle_is_found_out_before_a_mail_suffers(
    server: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "IDLE_SECONDS", 0)
    server.says = {"NOOP": [DROP]}
    mine = client(server)
    mine.open()
    assert mine.send(FROM, TO, MAIL).state == "sent"
    mine.open()
    assert mine.send(FROM, TO, MAIL).state == "sent"
    assert server.connections == 2
    mine.close()


def test_many_mails_share_a_connection_and_it_is_renewed(server: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "MAILS_PER_CONNECTION", 3)
    mine = client(server)
    for _ in range(7):
        mine.open()
        assert mine.send(FROM, TO, MAIL).state == "sent"
    assert server.connections == 3
    mine.close()


def test_server_that_is_not_there_is_an_outage() -> None:
    port = free_port()
    with pytest.raises(MailServerUnavailable, match=f"127.0.0.1:{port} .*mails wait"):
        MailServer(SmtpSettings("127.0.0.1", port, timeout=1)).open()


@pytest.mark.parametrize("says", [{"CONNECT": "554 no"}, {"CONNECT": DROP}, {"CONNECT": HANG}, {"EHLO": DROP}])
def test_server_that_does_not_want_to_talk_is_an_outage(server: ScriptedSmtp, says: dict[str, str]) -> None:
    server.says = says
    with pytest.raises(MailServerUnavailable):
        client(server, timeout=0.3).open()


def test_delivery_notification_is_asked_for_where_the_server_knows_it(server: ScriptedSmtp) -> None:
    server.extensions = ("DSN",)
    hand_over(server)
    assert any("RET=HDRS" in command for command in server.commands)
    assert any("NOTIFY=FAILURE,DELAY" in command for command in server.commands)


def test_domain_with_umlauts_is_written_in_ascii(server: ScriptedSmtp) -> None:
    assert hand_over(server, "abuse@bücher.example")[0] == "sent"
    assert "abuse@xn--bcher-kva.example" in server.mails[0][0]


@pytest.mark.parametrize(
    "address",
    ["jürgen@example.com", "a@b.example\r\nRCPT TO:<x@example.com>", "two words@example.com", "no-at", "a@\udcff"],
)
def test_address_that_no_server_takes_fails_at_once(server: ScriptedSmtp, address: str) -> None:
    state, _ = hand_over(server, address)
    assert state == "failed"
    assert server.mails == []


def test_answer_with_odd_bytes_is_no_accident(server: ScriptedSmtp) -> None:
    server.says = {"RCPT": "550 büro geschlossen"}
    assert hand_over(server) == ("failed", "550 büro geschlossen")


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


@pytest.fixture
def encrypted(server: ScriptedSmtp, tmp_path: Path) -> Path:
    """A server with STARTTLS; the path is that of its certificate."""
    path, key = certificate(tmp_path)
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(path, key)
    server.extensions = ("STARTTLS", "AUTH PLAIN")
    return path


@needs_openssl
def test_starttls_with_a_certificate_authority_of_ones_own(server: ScriptedSmtp, encrypted: Path) -> None:
    assert hand_over(server, host="localhost", security="starttls", ca_file=encrypted)[0] == "sent"
    assert "STARTTLS" in server.commands


@needs_openssl
def test_tls_from_the_first_byte(server: ScriptedSmtp, encrypted: Path) -> None:
    server.implicit_tls = True
    assert hand_over(server, host="localhost", security="tls", ca_file=encrypted)[0] == "sent"


@needs_openssl
@pytest.mark.parametrize("how", ["unknown authority", "other name", "none offered"])
def test_wrong_certificate_is_an_outage_and_no_mail_goes_out_in_clear(
    server: ScriptedSmtp, encrypted: Path, tmp_path: Path, how: str
) -> None:
    settings: dict[str, Any] = {"host": "localhost", "security": "starttls", "ca_file": encrypted}
    if how == "unknown authority":
        settings["ca_file"] = None
    elif how == "other name":
        settings["host"] = "127.0.0.1"
    else:
        server.extensions = ()
    mine = client(server, **settings)
    for _ in range(2):
        with pytest.raises(MailServerUnavailable):
            mine.open()
        assert mine.send(FROM, TO, MAIL).state == "waiting"
    assert server.mails == []


def test_login(server: ScriptedSmtp, tmp_path: Path) -> None:
    server.extensions = ("AUTH PLAIN",)
    password = tmp_path / "password"
    password.write_text("secret\nanother line\n", encoding="utf-8")
    password.chmod(0o600)
    assert hand_over(server, user="desk", password_file=password)[0] == "sent"
    assert "AUTH PLAIN AGRlc2sAc2VjcmV0" in server.commands


def test_refused_login_is_an_outage(server: ScriptedSmtp, tmp_path: Path) -> None:
    server.extensions = ("AUTH PLAIN",)
    server.says = {"AUTH": "535 no"}
    password = tmp_path / "password"
    password.write_text("wrong", encoding="utf-8")
    password.chmod(0o600)
    with pytest.raises(MailServerUnavailable, match="535"):
        client(server, user="desk", password_file=password).open()


@pytest.mark.parametrize("fault", ["readable by others", "missing"])
def test_wrong_password_file_never_leads_to_mail_without_login(
    server: ScriptedSmtp, tmp_path: Path, fault: str
) -> None:
    """A session left open without login would have every mail refused for good with 530."""
    server.extensions = ("AUTH PLAIN",)
    password = tmp_path / "password"
    if fault != "missing":
        password.write_text("secret", encoding="utf-8")
        password.chmod(0o644)
    mine = client(server, user="desk", password_file=password)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=str(password)):
            mine.open()
        assert mine.send(FROM, TO, MAIL).state == "waiting"
    assert server.mails == []
