# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler deliver`: the way in for a mail server.

As a pipe it takes one mail from standard input; with `--lmtp` it listens and takes many (RFC 2033). The mail is on disk and
recorded before the mail server is told so. Exit codes are those of sysexits.h: 0 taken, 75 try again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Any

from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError, EvidenceError
from abusehandler.tickets.database import Database
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import ReportStore

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from abusehandler.configuration import Configuration

EX_TEMPFAIL = 75
CHUNK = 1 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel", default="pipe", help="name of the way by which mails come; a collector hands them on by this name"
    )
    parser.add_argument(
        "--lmtp", metavar="HOST:PORT", help="listen for a mail server instead of reading one mail from standard input"
    )


def run(arguments: argparse.Namespace) -> int:
    try:
        configuration = load()
        intake = Intake(configuration, arguments.channel)
        if arguments.lmtp:
            return _listen(intake, arguments.lmtp)
        intake.take(iter(lambda: sys.stdin.buffer.read(CHUNK), b""))
    except (AbusehandlerError, OSError) as error:
        # whatever is wrong here, the mail is good: the mail server keeps it and tries again
        print(f"abusehandler deliver: {error}", file=sys.stderr)
        return EX_TEMPFAIL
    return 0


class Intake:
    """Stores mails of one channel."""

    def __init__(self, configuration: Configuration, channel: str) -> None:
        self._evidence = EvidenceStore(configuration.evidence.path)
        self._reports = ReportStore(Database(configuration.database.dsn, application="abusehandler deliver"))
        self._channel = channel
        self.largest = configuration.mailbox.max_mail_bytes

    def take(self, pieces: Iterator[bytes] | bytes) -> int:
        """Stores one mail and returns the number of its report. Raises EvidenceError or Unavailable if it cannot."""
        kept = self._evidence.keep(pieces)
        if kept.size == 0:
            raise EvidenceError("there was no mail on standard input")
        report, _ = self._reports.accept(kept, kind="mail", channel=self._channel)
        return report.id


class LmtpHandler:
    """What aiosmtpd calls for each mail; runs in the event loop, one mail after the other."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        try:
            number = self._intake.take(envelope.original_content or envelope.content)
        except (AbusehandlerError, OSError) as error:
            print(f"abusehandler deliver: {error}", file=sys.stderr)
            return "451 4.3.0 cannot be stored now, try again later"
        return f"250 2.0.0 stored as report {number}"


def _listen(intake: Intake, where: str) -> int:
    from aiosmtpd.lmtp import LMTP

    host, _, port = where.rpartition(":")

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: LMTP(LmtpHandler(intake), data_size_limit=intake.largest, enable_SMTPUTF8=True, loop=loop),
            host or "localhost",
            int(port),
        )
        done = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, done.set)
        print(
            f"abusehandler deliver: listening for LMTP on {host or 'localhost'}:{server.sockets[0].getsockname()[1]}",
            file=sys.stderr,
            flush=True,
        )
        await done.wait()
        server.close()
        with contextlib.suppress(asyncio.CancelledError):
            await server.wait_closed()

    asyncio.run(serve())
    return 0
