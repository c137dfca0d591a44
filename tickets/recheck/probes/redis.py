# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open Redis: PING, which a server with a password answers with NOAUTH. https://redis.io/docs/latest/commands/ping/"""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import ask_tcp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target


def ask(target: Target, budget: Budget) -> Finding:
    said = ask_tcp(target, b"PING\r\n", budget, lambda said: b"\n" in said)
    line = said[:100].decode("ascii", "replace")
    if line.startswith("+PONG"):
        return Finding.of("there", "takes commands without a password")
    if line.startswith(("-NOAUTH", "-DENIED", "-NOPERM", "-WRONGPASS")):
        return Finding.of("gone", f"wants a password: {line}")
    return Finding.of("unclear", f"answers, but not as Redis: {line}" if line else "takes connections, says nothing")


PROBE = Probe("redis", frozenset({"open-redis"}), "tcp", 6379, ask)
