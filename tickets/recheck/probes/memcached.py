# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open memcached: asks for its version, over UDP with the frame header or over TCP.

https://github.com/memcached/memcached/blob/master/doc/protocol.txt
"""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import ask_tcp, ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

_PROBLEMS = frozenset({"open-memcached"})
#: request 1, datagram 0 of 1
_FRAME = bytes([0, 1, 0, 0, 0, 1, 0, 0])


def ask_by_udp(target: Target, budget: Budget) -> Finding:
    return _finding(ask_udp(target, _FRAME + b"version\r\n", budget)[8:])


def ask_by_tcp(target: Target, budget: Budget) -> Finding:
    return _finding(ask_tcp(target, b"version\r\n", budget, lambda said: b"\n" in said))


def _finding(said: bytes) -> Finding:
    line = said[:100].decode("ascii", "replace")
    if line.startswith("VERSION "):
        return Finding.of("there", f"answers strangers: {line}")
    if line.startswith(("ERROR", "CLIENT_ERROR", "SERVER_ERROR")):
        return Finding.of("gone", f"answers, but does nothing for strangers: {line}")
    return Finding.of(
        "unclear", f"answers, but not as memcached: {line}" if line else "takes connections, says nothing"
    )


PROBES = (
    Probe("memcached-tcp", _PROBLEMS, "tcp", 11211, ask_by_tcp),
    Probe("memcached-udp", _PROBLEMS, "udp", 11211, ask_by_udp),
)
