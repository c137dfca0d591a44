# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open NetBIOS name service: asks for the table of names (node status, RFC 1002, 4.2.17)."""

from __future__ import annotations

import struct

from abusehandler.tickets.recheck.exchange import ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

_NUMBER = 0x6168
#: the name "*", in the first-level encoding
QUESTION = struct.pack("!6H", _NUMBER, 0, 1, 0, 0, 0) + b"\x20CK" + b"A" * 30 + b"\0" + struct.pack("!2H", 0x21, 1)


def ask(target: Target, budget: Budget) -> Finding:
    answer = ask_udp(target, QUESTION, budget)
    if len(answer) < 12 or struct.unpack("!2H", answer[:4])[0] != _NUMBER or not answer[2] & 0x80:
        return Finding.of("unclear", "answers, but not as a NetBIOS name service")
    return Finding.of("there", "tells its names to strangers")


PROBE = Probe("netbios", frozenset({"open-netbios"}), "udp", 137, ask)
