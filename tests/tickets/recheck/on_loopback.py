# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Probes that may ask this machine: loopback is allowed only here, by networks that are handed in."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from abusehandler.installer.services import until
from abusehandler.tickets.recheck.asking import RecheckRules
from abusehandler.tickets.recheck.ours import Ours
from abusehandler.tickets.recheck.probe import Budget, Finding, Target
from abusehandler.tickets.recheck.probes import probes
from abusehandler.tickets.recheck.running import look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPBACK = Ours(Ours.of(["127.0.0.0/8", "::1/128"]).networks, never=())
#: As patient as a busy machine needs; a server that says nothing is waited for as long.
RULES = RecheckRules(enabled=True, ours=LOOPBACK, budget=Budget(seconds=30))
QUICK = RecheckRules(enabled=True, ours=LOOPBACK, budget=Budget(seconds=1))


def looked(name: str, port: int, address: str = "127.0.0.1", rules: RecheckRules = RULES) -> Finding:
    """What this probe finds there."""
    probe = probes()[name]
    return look(Target(address, port, probe.transport), probe, rules)


def something_listens(finding: Finding) -> bool:
    return finding.verdict not in ("gone", "no-answer", "failed")


def looked_when_up(
    name: str, port: int, up: Callable[[Finding], bool] = something_listens, alive: Callable[[], bool] = lambda: True
) -> Finding:
    """The same for a server that has just been started: asks until it is `up`, or not `alive` any more."""
    until(lambda: up(looked(name, port, rules=QUICK)) or not alive(), name)
    return looked(name, port)


@contextlib.contextmanager
def answering(transport: str, answer: bytes, *, trickle: float = 0) -> Iterator[int]:
    """A port that gives this answer to whatever is asked; with `trickle` one byte at a time, so many seconds apart."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        if transport == "tcp":
            sock.listen(5)
        stop = threading.Event()

        def serve() -> None:
            with contextlib.suppress(OSError):
                if transport == "udp":
                    _, asker = sock.recvfrom(65536)
                    sock.sendto(answer[:60000], asker)
                    return
                connection, _ = sock.accept()
                with connection:
                    connection.settimeout(60)
                    connection.recv(65536)
                    if not trickle:
                        connection.sendall(answer)
                        return
                    for place in range(len(answer)):
                        if stop.wait(trickle):
                            return
                        connection.sendall(answer[place : place + 1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(sock.getsockname()[1])
        stop.set()
        # wakes a server that nobody asked
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=60)
