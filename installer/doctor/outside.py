# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks of what reports come from and mails go to: mailboxes, Shadowserver's key, the mail server, the portal's certificate."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import urllib.parse
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from abusehandler.configuration.sending import smtp_settings
from abusehandler.errors import ConfigurationError
from abusehandler.installer.doctor.finding import critical, ok, unknown, warning
from abusehandler.reports.mailbox.imap import ImapFolder, ImapSettings, MailboxUnavailable
from abusehandler.tickets.mime import make_mail
from abusehandler.tickets.smtp import MailServer, MailServerUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from abusehandler.installer.doctor.examined import Examined
    from abusehandler.installer.doctor.finding import Finding

#: Seconds that a mail server or mailbox may take for each answer.
PATIENCE = 8.0
WARN_DAYS, LAST_DAYS = 21, 5
_SHADOWSERVER = "intelmq.bots.collectors.shadowserver.collector_reports_api"
_IMAP = "intelmq.bots.collectors.abusehandler.imap"
_MAILDIR = "intelmq.bots.collectors.abusehandler.maildir"
_FEED_FILES = "intelmq.bots.collectors.abusehandler.feed_files"
_LOCAL = ("localhost", "127.0.0.1", "::1")


def mailbox(examined: Examined) -> Iterator[Finding]:
    """Each mailbox that a bot reads lets us in; each Maildir and feed folder can be read and changed."""
    looked = False
    for bot_id, bot in examined.bots().items():
        module = bot.get("module")
        if module == _IMAP:
            looked = True
            yield _login(examined, bot_id, bot)
        elif module in (_MAILDIR, _FEED_FILES):
            looked = True
            name = examined.parameter(bot, "maildir" if module == _MAILDIR else "folder", "")
            folder = examined.root / str(name)
            parts = [folder / "new", folder / "cur"] if module == _MAILDIR else [folder]
            yield _folder(bot_id, folder, parts)
    if not looked:
        yield ok("no bot reads a mailbox or folder")


def _folder(bot_id: str, folder: Path, parts: list[Path]) -> Finding:
    for part in parts:
        if not part.is_dir():
            return critical(
                f"{bot_id}: {part} is not there",
                f"mkdir -p {part}, owned by the bots' user, or name the right folder in runtime.yaml",
            )
        if not os.access(part, os.R_OK | os.W_OK | os.X_OK):
            return critical(
                f"{bot_id}: {part} may not be read and changed by this user", f"give the bots' user rights on {part}"
            )
    return ok(f"{bot_id}: {folder} can be read")


def _login(examined: Examined, bot_id: str, bot: Mapping[str, Any]) -> Finding:
    def file(name: str) -> Path | None:
        value = examined.parameter(bot, name)
        return examined.root / str(value) if value else None

    settings = ImapSettings(
        host=str(examined.parameter(bot, "host", "")), user=str(examined.parameter(bot, "user", "")),
        port=int(examined.parameter(bot, "port", 0) or 0), security=examined.parameter(bot, "security", "tls"),
        folder=str(examined.parameter(bot, "folder", "INBOX")), processed_folder=str(examined.parameter(bot, "processed_folder", "") or ""),
        password_file=file("password_file"), token_file=file("token_file"), ca_file=file("ca_file"), timeout=PATIENCE,
    )  # fmt: skip
    folder = ImapFolder(settings)
    try:
        folder.open()
        return ok(f"{bot_id}: {settings.user} is let in at {settings.host}, folder {settings.folder}")
    except ConfigurationError as error:
        return critical(f"{bot_id}: {error}", f"mend the parameters of {bot_id} in runtime.yaml, see docs/mailboxes.md")
    except MailboxUnavailable as error:
        return critical(f"{bot_id}: {error}", "look at the mail server and the password; the mails wait there")
    finally:
        folder.close()


def shadowserver(examined: Examined) -> Iterator[Finding]:
    """The key of Shadowserver's API is filled in where its collector is enabled."""
    entries = [
        (bot_id, bot)
        for bot_id, bot in examined.runtime.items()
        if isinstance(bot, dict) and bot.get("module") == _SHADOWSERVER
    ]
    enabled = [(bot_id, bot) for bot_id, bot in entries if bot.get("enabled", True)]
    for bot_id, bot in enabled:
        lacking = [
            name
            for name in ("api_key", "secret")
            if str(examined.parameter(bot, name) or "fill-in") in ("fill-in", "your-key")
        ]
        if lacking:
            yield critical(
                f"{bot_id}: {' and '.join(lacking)} not filled in",
                "write those that Shadowserver gave you into runtime.yaml, or disable the bot",
            )
        else:
            yield ok(f"{bot_id}: key and secret are there")
    if not enabled:
        yield ok(
            "Shadowserver's API is not used"
            + (" (ask for a key at https://www.shadowserver.org/, it costs nothing)" if entries else "")
        )


def smtp(examined: Examined) -> Iterator[Finding]:
    """The mail server answers, with TLS and login as configured; on request a mail goes out."""
    settings = replace(smtp_settings(examined.configuration), timeout=PATIENCE)
    server = MailServer(settings)
    try:
        server.open()
        how = {"none": "without TLS", "starttls": "with STARTTLS", "tls": "with TLS"}[settings.security]
        yield ok(
            f"{settings.host}:{settings.port} answers {how}" + (f", {settings.user} is let in" if settings.user else "")
        )
        if settings.security == "none" and settings.host not in _LOCAL:
            yield warning(
                f"mails go to {settings.host} readable for everybody on the way",
                "set mail.smtp: security to starttls or tls",
            )
        if examined.test_mail_to:
            yield _test_mail(examined, server)
    except MailServerUnavailable as error:
        yield critical(
            str(error), "look at the mail server, and at mail.smtp of abusehandler.yaml; notices wait meanwhile"
        )
    except ConfigurationError as error:
        yield critical(str(error), "mend mail.smtp of abusehandler.yaml")
    finally:
        server.close()


def _test_mail(examined: Examined, server: MailServer) -> Finding:
    configuration, to = examined.configuration, examined.test_mail_to
    headers = [
        ("From", configuration.sender), ("To", to), ("Subject", "abusehandler doctor: test mail"),
        ("Date", format_datetime(examined.now)), ("Message-ID", f"<doctor-{secrets.token_hex(10)}@{configuration.message_id_domain}>"),
        ("Auto-Submitted", "auto-generated"),
    ]  # fmt: skip
    text = (
        "This mail was sent by 'abusehandler doctor --send-test-mail'.\n\n"
        "Look at its headers: Authentication-Results should say that SPF, DKIM and DMARC pass.\n"
    )
    result = server.send(configuration.sender, to, make_mail(headers, text))
    if result.state == "sent":
        return ok(f"a test mail to {to} was taken: {result.answer}")
    return critical(
        f"the test mail to {to} was not taken ({result.state}): {result.answer}", "see the mail server's log"
    )


def certificates(examined: Examined) -> Iterator[Finding]:
    """The portal's certificate, as people's browsers see it."""
    url = urllib.parse.urlsplit(examined.configuration.portal.public_url)
    if url.scheme != "https" or not url.hostname:
        yield ok("the portal has no public address with TLS")
        return
    yield _certificate(url.hostname, url.port or 443, examined.now)


def _certificate(host: str, port: int, now: datetime, context: ssl.SSLContext | None = None) -> Finding:
    mend = "renew it ('certbot renew'), and let nginx load it: systemctl reload nginx"
    try:
        with (
            socket.create_connection((host, port), timeout=PATIENCE) as plain,
            (context or ssl.create_default_context()).wrap_socket(plain, server_hostname=host) as session,
        ):
            words = (session.getpeercert() or {}).get("notAfter")
    except ssl.SSLCertVerificationError as error:
        return critical(f"{host}:{port}: browsers refuse its certificate: {error.verify_message}", mend)
    except (OSError, ValueError) as error:
        return unknown(
            f"{host}:{port} cannot be reached from here: {error}", "is nginx running? systemctl status nginx"
        )
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(words)), timezone.utc)
    left = end - now
    text = f"{host}:{port}: the certificate is good for {left.days} days"
    if left < timedelta(days=LAST_DAYS):
        return critical(text, mend)
    return warning(text, mend) if left < timedelta(days=WARN_DAYS) else ok(text)
