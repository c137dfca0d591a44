# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open multicast DNS: asks, by unicast, which kinds of services there are (RFC 6762, 5.5; RFC 6763, 9)."""

from __future__ import annotations

import struct

from abusehandler.tickets.recheck.exchange import ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

_NUMBER = 0x6168
_NAME = b"\x09_services\x07_dns-sd\x04_udp\x05local\0"
QUESTION = struct.pack("!6H", _NUMBER, 0, 1, 0, 0, 0) + _NAME + struct.pack("!2H", 12, 1)


def ask(target: Target, budget: Budget) -> Finding:
    answer = ask_udp(target, QUESTION, budget)
    if len(answer) < 12 or not answer[2] & 0x80:
        return Finding.of("unclear", "answers, but not in DNS")
    if not int.from_bytes(answer[6:8], "big"):
        return Finding.of("unclear", "answers in DNS, but tells of no services")
    return Finding.of("there", "answers questions from outside its own network")


PROBE = Probe("mdns", frozenset({"open-mdns"}), "udp", 5353, ask)
