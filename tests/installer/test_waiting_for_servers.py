# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What try-out and tests lean on: a port that stays one's own, and a count that misses nothing that moves."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from abusehandler.installer.services import free_port
from abusehandler.installer.tryout import TryOut

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.installer.services import RedisServer
    from abusehandler.tickets.database import Database

ASKING = "from abusehandler.installer.services import free_port; print(*(free_port() for _ in range(100)))"


def test_no_two_programs_are_given_the_same_port() -> None:
    programs = [
        subprocess.Popen([sys.executable, "-W", "ignore", "-c", f"{ASKING}; input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(3)
    ]  # fmt: skip
    try:
        given = []
        for program in programs:
            assert program.stdout is not None
            given += program.stdout.readline().split()
    finally:
        for program in programs:
            program.communicate(b"\n")
    assert len(set(given)) == len(given) == 300


def test_a_port_is_given_that_somebody_may_listen_on() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port), 60):
        assert port < 32_768
    # and again, when the server was away
    socket.create_server(("127.0.0.1", port)).close()


class _MovesMeanwhile(TryOut):
    """A message leaves its queue for the database after the database was looked at, the first time."""

    moved = False

    def _counted(self, database: Database) -> dict[str, int]:
        found = super()._counted(database)
        if not self.moved:
            self.moved = True
            database.fetch("INSERT INTO reports (evidence, kind, channel, size, state) VALUES (%s, 'mail', 'x', 1, 'queued')", ("ab" * 32,))  # fmt: skip
        return found


def test_what_moves_while_it_is_counted_is_counted_again(
    tmp_path: Path, database: Database, redis_server: RedisServer
) -> None:
    desk = _MovesMeanwhile(tmp_path)
    desk.redis = redis_server
    (desk.root / "var/lib/feeds").mkdir(parents=True)
    (desk.root / "var/lib/maildir/new").mkdir(parents=True)
    assert desk.under_way(database) == {"reports": 1}
    database.fetch("DELETE FROM reports")
    with_message = redis_server.client()
    with_message.lpush("some-queue-internal", "x")
    assert desk.under_way(database) == {"messages": 1}
    with_message.delete("some-queue-internal")
    with_message.close()
    assert desk.under_way(database) == {}
