# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""NTP control queries: asks for the system variables (mode 6, READVAR; RFC 9327, 3)."""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

#: version 2, mode 6; operation READVAR (2), sequence 1, association 0
QUESTION = bytes([0x16, 0x02, 0x00, 0x01]) + bytes(8)
_RESPONSE, _ERROR = 0x80, 0x40


def ask(target: Target, budget: Budget) -> Finding:
    answer = ask_udp(target, QUESTION, budget)
    if len(answer) < 12 or answer[0] & 0x07 != 6 or not answer[1] & _RESPONSE:
        return Finding.of("unclear", "answers, but not in NTP mode 6")
    if answer[1] & _ERROR:
        return Finding.of("gone", "answers mode 6 with an error, and tells nothing")
    return Finding.of("there", f"tells its variables to strangers: {answer[12:120].decode('ascii', 'replace')}")


PROBE = Probe("ntp-mode6", frozenset({"open-ntp"}), "udp", 123, ask)
