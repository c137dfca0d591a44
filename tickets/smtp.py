# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Hands mails to the mail server: one connection for many mails, and a clear word about what became of each."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abusehandler.secret_files import secret_line
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.mime import ascii_address
from abusehandler.tickets.notice import Result

if TYPE_CHECKING:
    from pathlib import Path

#: A connection is renewed after this many mails; servers limit them (Postfix has no limit, Exim 1000, Exchange 20 and up).
MAILS_PER_CONNECTION = 500
#: A connection unused for so long is asked whether it still stands, before a mail is marked as being sent.
IDLE_SECONDS = 20
_LEADING_DOT = re.compile(rb"(?m)^\.")


class MailServerUnavailable(Unavailable):
    """The mail server cannot be reached or refuses to talk; the mails wait."""


@dataclass(frozen=True)
class SmtpSettings:
    """How to reach the server; `timeout` in seconds for each answer."""

    host: str
    port: int = 25
    security: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    timeout: float = 30
    hello_name: str = ""
    #: Ask for a receipt of each delivery, not only for news of failure and delay (RFC 3461, 4.1).
    receipts: bool = False


class MailServer:
    """A connection that is opened when needed. Not for threads."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._session: smtplib.SMTP | None = None
        self._mails = 0
        self._used = 0.0

    def open(self) -> None:
        """Makes sure that there is a connection that answers. Raises MailServerUnavailable, or ConfigurationError for a
        password file that is wrong.
        """
        if self._session is not None and self._mails < MAILS_PER_CONNECTION and self._answers(self._session):
            return
        self.close()
        settings = self._settings
        session: smtplib.SMTP | None = None
        try:
            if settings.security == "tls":
                session = smtplib.SMTP_SSL(
                    settings.host,
                    settings.port,
                    settings.hello_name or None,
                    timeout=settings.timeout,
                    context=self._tls(),
                )
            else:
                session = smtplib.SMTP(
                    settings.host, settings.port, settings.hello_name or None, timeout=settings.timeout
                )
            session.ehlo_or_helo_if_needed()
            if settings.security == "starttls":
                session.starttls(context=self._tls())
                session.ehlo()
            if settings.user:
                session.login(settings.user, self._password())
        except BaseException as error:
            # a session without TLS or login must not be used by the next mail
            if session is not None:
                session.close()
            if not isinstance(error, (OSError, smtplib.SMTPException)):
                raise
            raise MailServerUnavailable(
                f"mail server {settings.host}:{settings.port} (mail.smtp of abusehandler.yaml) takes no mail: {error}; the mails wait"
            ) from error
        self._session = session
        self._mails = 0
        self._used = time.monotonic()

    def _answers(self, session: smtplib.SMTP) -> bool:
        """Servers close a connection that was idle for some minutes; better found out before than by a mail."""
        if time.monotonic() - self._used < IDLE_SECONDS:
            return True
        try:
            return session.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def send(self, sender: str, recipient: str, content: bytes, envelope_id: str = "") -> Result:
        """Hands one mail over; `content` has CRLF line ends. Never raises for what a server may do: the result says what is known.

        `waiting`: it was certainly not taken. `in-doubt`: the connection broke after the data had begun. `envelope_id`
        comes back in delivery status notifications (RFC 3461, 4.4), where the server knows them.
        """
        if self._session is None:
            return Result("waiting", "no connection to the mail server", ours=True)
        address = ascii_address(recipient)
        if address is None:
            return Result("failed", f"the address {recipient} holds characters that mail addresses cannot have here")
        self._mails += 1
        session = self._session
        try:
            refused = self._begin(session, sender, address, envelope_id)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            # ValueError: an address or answer that is no ASCII
            self.close()
            return Result("waiting", f"the connection broke before the mail was handed over: {error}", ours=True)
        finally:
            self._used = time.monotonic()
        if refused is not None:
            return refused
        try:
            session.send(_LEADING_DOT.sub(b"..", content) + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"))
            code, answer = session.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Result("in-doubt", f"the mail server did not answer after the data: {error}")
        if code == 250:
            return Result("sent", f"{code} {_text(answer)}")
        return self._refused(code, answer)

    def _begin(self, session: smtplib.SMTP, sender: str, address: str, envelope_id: str) -> Result | None:
        """All up to the data, in one go where the server takes that (RFC 2920); the refusal, or None to go on."""
        dsn = session.has_extn("dsn")
        commands = [
            f"MAIL FROM:<{sender}>" + (f" RET=HDRS{' ENVID=' + _xtext(envelope_id) if envelope_id else ''}" if dsn else ""),
            f"RCPT TO:<{address}>" + (f" NOTIFY={self._news()} ORCPT=rfc822;{_xtext(address)}" if dsn else ""),
            "DATA",
        ]  # fmt: skip
        together = session.has_extn("pipelining")
        if together:
            session.send("".join(f"{command}\r\n" for command in commands).encode("ascii"))
        refusal: Result | None = None
        for number, command in enumerate(commands):
            if not together:
                session.send(f"{command}\r\n".encode("ascii"))
            code, answer = session.getreply()
            if code == 354 and number == 2:
                if refusal is not None:
                    # it wants data although it has refused: an empty mail for nobody (RFC 2920, 3.1)
                    session.send(b".\r\n")
                    session.getreply()
                break
            if refusal is None and code not in (250, 251, 252):
                refusal = self._refused(code, answer, sender if number == 0 else "")
                if not together or self._session is None:
                    break
        if refusal is not None and self._session is not None:
            session.rset()
        return refusal

    def _refused(self, code: int, answer: bytes | str, sender: str = "") -> Result:
        text = f"{code} {_text(answer)}"
        if code in (421, -1):
            # RFC 5321, 3.8: the server shuts down, whatever the mail
            self.close()
            return Result("waiting", text, ours=True)
        if sender and 500 <= code < 600:
            # the sender is refused, not the recipient: the operator mends it and the mails go out
            return Result("waiting", f"the sender {sender} is refused: {text}", ours=True)
        if code in (530, 535):
            return Result("waiting", f"the mail server wants TLS or a login first (mail.smtp): {text}", ours=True)
        return Result("failed" if 500 <= code < 600 else "waiting", text, ours=bool(sender))

    def _news(self) -> str:
        return "SUCCESS,FAILURE,DELAY" if self._settings.receipts else "FAILURE,DELAY"

    def close(self) -> None:
        """Ends the connection, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            try:
                session.quit()
            except (OSError, smtplib.SMTPException):
                session.close()

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._settings.ca_file) if self._settings.ca_file else None)

    def _password(self) -> str:
        path = self._settings.password_file
        assert path is not None
        return secret_line(path, "the mail server's password")


def _xtext(text: str) -> str:
    """RFC 3461, 4: what is not a plain visible character becomes `+` and two hexadecimal digits."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else "".join(f"+{b:02X}" for b in c.encode()) for c in text)[
        :100
    ]


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
