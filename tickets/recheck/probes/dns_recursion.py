# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open DNS resolver: asks it, with "recursion desired", for a name that is not its own (RFC 1035, 4.1.1)."""

from __future__ import annotations

import secrets
import struct

from abusehandler.tickets.recheck.exchange import ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

_RECURSION_DESIRED = 0x0100
_ANSWER, _RECURSION_AVAILABLE = 0x8000, 0x0080
_CODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}


def question(name: str, number: int) -> bytes:
    """A query for the name's A record, without EDNS, so that the answer stays below 512 bytes."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.strip(".").split("."))
    return struct.pack("!6H", number, _RECURSION_DESIRED, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


def ask(target: Target, budget: Budget) -> Finding:
    number = secrets.randbelow(65536)
    answer = ask_udp(target, question(budget.dns_name, number), budget)
    if len(answer) < 12:
        return Finding.of("unclear", "answers, but not in DNS")
    said, flags, _, answers, _, _ = struct.unpack("!6H", answer[:12])
    if said != number or not flags & _ANSWER:
        return Finding.of("unclear", "answers, but not to our question")
    code = flags & 0x000F
    word = _CODES.get(code, f"code {code}")
    if not flags & _RECURSION_AVAILABLE or code == 5:
        return Finding.of("gone", f"answers {word}, recursion is not offered to strangers")
    if code in (0, 3) and (answers or code == 3):
        return Finding.of("there", f"looked {budget.dns_name} up for a stranger ({word}, {answers} records)")
    return Finding.of("unclear", f"offers recursion and answers {word}")


PROBE = Probe("dns-recursion", frozenset({"open-dns-resolver"}), "udp", 53, ask)
