# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler deliver`: the way in for a mail server.

As a pipe it takes one mail from standard input; with `--lmtp` it listens and takes many (RFC 2033). The mail is on disk and
recorded before the mail server is told so. With `--mbox` it imports an old mailbox. Exit codes are those of sysexits.h:
0 taken, 75 try again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError, ConfigurationError, EvidenceError
from abusehandler.reports.mailbox.mbox import is_mbox, mails
from abusehandler.tickets.database import Database
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import ReportStore

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from abusehandler.configuration import Configuration

EX_TEMPFAIL = 75
CHUNK = 1 << 20
LONGEST_LINE = 1 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel", default="pipe", help="name of the way by which mails come; a collector hands them on by this name"
    )
    parser.add_argument(
        "--lmtp", metavar="HOST:PORT", help="listen for a mail server instead of reading one mail from standard input"
    )
    parser.add_argument(
        "--mbox",
        metavar="FILE",
        type=Path,
        help="import all mails of an mbox file instead; what is here already is left out",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.mbox:
        return _import(Intake(load(), arguments.channel), arguments.mbox)
    try:
        configuration = load()
        intake = Intake(configuration, arguments.channel)
        if arguments.lmtp:
            return _listen(intake, arguments.lmtp)
        intake.take(iter(lambda: sys.stdin.buffer.read(CHUNK), b""))
    except Exception as error:
        # whatever is wrong here, a fault of ours included, the mail is good: with any other exit code the mail server
        # would send it back to the reporter
        print(f"abusehandler deliver: {_said(error)}", file=sys.stderr)
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

    def take_once(self, pieces: Iterator[bytes]) -> bool:
        """Stores one mail unless it is here; returns whether it was new. Raises as `take` does."""
        kept = self._evidence.keep(pieces)
        if self._reports.known(kept.sha256):
            return False
        return self._reports.accept(kept, kind="mail", channel=self._channel)[1]


def _import(intake: Intake, path: Path) -> int:
    """Takes the mails of an mbox file, which stays as it is; begun again after a crash it goes on where it was."""
    new = known = 0
    try:
        with path.open("rb") as file:
            if not is_mbox(file):
                raise AbusehandlerError(f"{path}: this is no mbox file; hand a single mail in on standard input")
            for pieces in mails(file):
                if intake.take_once(pieces):
                    new += 1
                else:
                    known += 1
    except OSError as error:
        raise AbusehandlerError(f"{path}: cannot be read: {error}") from error
    print(f"{new} mails imported, {known} were here before; {path} was not changed.")
    return 0


class LmtpHandler:
    """What aiosmtpd calls for each mail; runs in the event loop, one mail after the other."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        try:
            number = self._intake.take(envelope.original_content or envelope.content or b"")
            answer = f"250 2.0.0 stored as report {number}"
        except Exception as error:
            print(f"abusehandler deliver: {_said(error)}", file=sys.stderr)
            answer = "451 4.3.0 cannot be stored now, try again later"
        # RFC 2033, 4.2: one answer for each recipient, in the order of the RCPT commands
        return "\r\n".join([answer] * len(envelope.rcpt_tos))


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, (AbusehandlerError, OSError)) else f"{type(error).__name__}: {error}"


def _listen(intake: Intake, where: str) -> int:
    from aiosmtpd.lmtp import LMTP

    host, _, port = where.rpartition(":")
    if not port.isdecimal():
        raise ConfigurationError(f"--lmtp {where}: write HOST:PORT, for example localhost:2424")

    class LongLines(LMTP):
        # RFC 5321 allows 1000 bytes; mails with longer lines exist and are no reason to send a report back
        line_length_limit = LONGEST_LINE

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: LongLines(LmtpHandler(intake), data_size_limit=intake.largest, enable_SMTPUTF8=True, loop=loop),
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
