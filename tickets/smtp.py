# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Hands mails to the mail server: one connection for many mails, and a clear word about what became of each."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.outbox import Result

from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

#: A connection is renewed after this many mails; servers limit them (Postfix has no limit, Exim 1000, Exchange 20 and up).
MAILS_PER_CONNECTION = 500


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


class MailServer:
    """A connection that is opened when needed. Not for threads."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._session: smtplib.SMTP | None = None
        self._mails = 0

    def open(self) -> None:
        """Makes sure that there is a connection that answers. Raises MailServerUnavailable."""
        if self._session is not None and self._mails < MAILS_PER_CONNECTION:
            return
        self.close()
        settings = self._settings
        try:
            if settings.security == "tls":
                session: smtplib.SMTP = smtplib.SMTP_SSL(
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
            self._session = session
            session.ehlo_or_helo_if_needed()
            if settings.security == "starttls":
                session.starttls(context=self._tls())
                session.ehlo()
            if settings.user:
                session.login(settings.user, self._password())
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise MailServerUnavailable(
                f"mail server {settings.host}:{settings.port} (mail.smtp of abusehandler.yaml) takes no mail: {error}; the mails wait"
            ) from error
        self._mails = 0

    def send(self, sender: str, recipient: str, content: bytes) -> Result:
        """Hands one mail over. Never raises for what a server may do: the result says what is known.

        `waiting`: it was certainly not taken. `in-doubt`: the connection broke after the data had begun.
        """
        if self._session is None:
            return Result("waiting", "no connection to the mail server")
        self._mails += 1
        session = self._session
        try:
            code, answer = session.mail(sender, self._mail_options(session))
            if code == 250:
                code, answer = session.rcpt(recipient, ["NOTIFY=FAILURE,DELAY"] if session.has_extn("dsn") else [])
            if code not in (250, 251):
                session.rset()
                return _refused(code, answer)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Result("waiting", f"the connection broke before the mail was handed over: {error}")
        try:
            code, answer = session.data(content)
        except smtplib.SMTPDataError as error:
            return _refused(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Result("in-doubt", f"the mail server did not answer after the data: {error}")
        return Result("sent", f"{code} {_text(answer)}") if code == 250 else _refused(code, answer)

    def close(self) -> None:
        """Ends the connection, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            try:
                session.quit()
            except (OSError, smtplib.SMTPException):
                session.close()

    def _mail_options(self, session: smtplib.SMTP) -> list[str]:
        return ["RET=HDRS"] if session.has_extn("dsn") else []

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._settings.ca_file) if self._settings.ca_file else None)

    def _password(self) -> str:
        path = self._settings.password_file
        assert path is not None
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigurationError(f"{path}: others may read this password file; run: chmod 600 {path}")
            return path.read_text(encoding="utf-8").partition("\n")[0]
        except OSError as error:
            raise ConfigurationError(f"{path}: the password file cannot be read: {error}") from error


def _refused(code: int, answer: bytes | str) -> Result:
    return Result("failed" if 500 <= code < 600 else "waiting", f"{code} {_text(answer)}")


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
