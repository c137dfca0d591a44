# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An IntelMQ with one IMAP collector, and a Dovecot with a mailbox for it."""

from __future__ import annotations

import imaplib
import itertools
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abusehandler.installer.dovecot import PASSWORD, TOKEN, USER, DovecotServer
from abusehandler.installer.services import until
from abusehandler.installer.tryout import TryOut
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOT = "abuse-imap-collector"
#: Short names for folders: sockets live in them.
_number = itertools.count(1)
#: Runs the bot, but dies by SIGKILL right after the n-th call of a step.
DYING_BOT = """
import importlib, os, signal, sys
where, step, left = sys.argv[1], sys.argv[2], [int(sys.argv[3])]
module, _, owner = where.rpartition(":")
owner = getattr(importlib.import_module(module), owner)
real = getattr(owner, step)
def dying(*words, **named):
    done = real(*words, **named)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
setattr(owner, step, dying)
sys.argv[1:] = ["abuse-imap-collector"]
from abusehandler.bots.collectors.imap import BOT
BOT.run()
"""


class ImapDesk(TryOut):
    """IntelMQ's folders, PostgreSQL and Redis, and a collector that a test starts, kills and starts again."""

    imap: DovecotServer
    process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        self.lay_out()
        self.postgres.start("fsync=off")
        self.postgres.make_database()
        self.redis.start()
        self.database = Database(self.postgres.dsn())
        upgrade(self.database)

    def begin(self, imap: DovecotServer, **parameters: Any) -> None:
        """A new mailbox, an empty database, and the collector's parameters."""
        self.imap = imap
        self.database.fetch("TRUNCATE reports, mailbox_mails CASCADE")
        client = self.redis.client()
        client.flushdb()
        client.close()
        self.secret("imap-password", PASSWORD)
        self.secret("imap-token", TOKEN)
        path = self.root / "etc/runtime.yaml"
        runtime = yaml.safe_load(path.read_text(encoding="utf-8"))
        runtime[BOT]["enabled"] = True
        runtime[BOT]["parameters"] = {
            "destination_queues": {"_default": ["mail-parser-queue"]}, "name": "Abuse mailbox", "host": "localhost",
            "port": imap.tls_port, "user": USER, "password_file": "etc/imap-password", "ca_file": str(imap.ca_file),
            "longest_wait": 1, **parameters,
        }  # fmt: skip
        path.write_text(yaml.safe_dump(runtime), encoding="utf-8")

    def secret(self, name: str, text: str) -> None:
        path = self.root / "etc" / name
        path.touch(mode=0o600)
        path.write_text(f"{text}\n", encoding="utf-8")

    def start_bot(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from abusehandler.bots.collectors.imap import BOT; BOT.run()", BOT],
            env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def stop_bot(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(120)
            self.process = None

    def die_after(self, where: str, step: str, calls: int = 1) -> None:
        """Runs the bot until it is killed in the named step."""
        done = subprocess.run(
            [sys.executable, "-c", DYING_BOT, where, step, str(calls)],
            env=self.environment(), capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, (done.returncode, done.stderr, self.log_text())

    def log_text(self) -> str:
        log = self.root / f"var/log/{BOT}.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def client(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.imap.port)
        client.login(USER, PASSWORD)
        return client

    def put(self, *mails: bytes, folder: str = "INBOX", flags: str = "") -> None:
        client = self.client()
        for mail in mails:
            assert client.append(folder, flags, "", mail)[0] == "OK"
        client.logout()

    def in_folder(self, folder: str = "INBOX", criteria: str = "ALL") -> int:
        client = self.client()
        try:
            if client.select(folder, readonly=True)[0] != "OK":
                return 0
            return len(client.search(None, criteria)[1][0].split())
        finally:
            client.logout()

    def reports(self) -> list[tuple[str, str, int]]:
        """Evidence, state and how often received, of all reports."""
        return [
            tuple(row) for row in self.database.fetch("SELECT evidence, state, times_received FROM reports ORDER BY id")
        ]  # type: ignore[misc]

    def queued(self) -> int:
        client = self.redis.client()
        try:
            return int(client.llen("mail-parser-queue"))
        finally:
            client.close()

    def wait_for(self, what: str, condition: Any) -> None:
        try:
            until(condition, what, seconds=120)
        except Exception as error:
            raise AssertionError(f"{error}\n{self.reports()}\n{self.log_text()[-3000:]}") from error


@pytest.fixture(scope="module")
def _imap_desk(server_folder: Path) -> Iterator[ImapDesk]:
    desk = ImapDesk(server_folder / "im")
    desk.open()
    yield desk
    desk.database.close()
    desk.remove()


@pytest.fixture
def dovecot(server_folder: Path) -> Iterator[DovecotServer]:
    missing = DovecotServer.missing()
    if missing:
        pytest.skip(missing)
    server = DovecotServer(server_folder / f"dv{next(_number)}")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def desk(_imap_desk: ImapDesk, dovecot: DovecotServer) -> Iterator[ImapDesk]:
    _imap_desk.begin(dovecot)
    log = _imap_desk.root / f"var/log/{BOT}.log"
    log.unlink(missing_ok=True)
    yield _imap_desk
    _imap_desk.stop_bot(signal.SIGKILL)
