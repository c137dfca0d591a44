# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open portmapper: calls the procedure that does nothing (NULL, RFC 1833 and RFC 5531), over UDP or TCP."""

from __future__ import annotations

import struct

from abusehandler.tickets.recheck.exchange import ask_tcp, ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

_PROBLEMS = frozenset({"open-portmapper"})
_NUMBER = 0x61626834
#: call, RPC version 2, program 100000 version 2, procedure 0, no credentials
QUESTION = struct.pack("!10I", _NUMBER, 0, 2, 100000, 2, 0, 0, 0, 0, 0)


def ask_by_udp(target: Target, budget: Budget) -> Finding:
    return _finding(ask_udp(target, QUESTION, budget))


def ask_by_tcp(target: Target, budget: Budget) -> Finding:
    framed = struct.pack("!I", 0x80000000 | len(QUESTION)) + QUESTION
    return _finding(ask_tcp(target, framed, budget, lambda said: len(said) >= 28)[4:])


def _finding(answer: bytes) -> Finding:
    if len(answer) < 12 or struct.unpack("!2I", answer[:8]) != (_NUMBER, 1):
        return Finding.of("unclear", "answers, but not in RPC")
    accepted = struct.unpack("!I", answer[8:12])[0] == 0
    if accepted:
        return Finding.of("there", "answers calls of strangers")
    return Finding.of("gone", "answers, but denies calls of strangers")


PROBES = (
    Probe("portmapper-udp", _PROBLEMS, "udp", 111, ask_by_udp),
    Probe("portmapper-tcp", _PROBLEMS, "tcp", 111, ask_by_tcp),
)
