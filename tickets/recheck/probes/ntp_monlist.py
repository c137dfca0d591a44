# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""NTP monitor list: a private request (mode 7, MON_GETLIST_1), to which old ntpd tells all its clients (CVE-2013-5211)."""

from __future__ import annotations

import struct

from abusehandler.tickets.recheck.exchange import ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

#: version 2, mode 7; implementation XNTPD (3), request MON_GETLIST_1 (42), padded as ntpdc does
QUESTION = bytes([0x17, 0x00, 0x03, 0x2A]) + bytes(44)


def ask(target: Target, budget: Budget) -> Finding:
    answer = ask_udp(target, QUESTION, budget)
    if len(answer) < 8 or answer[0] & 0x07 != 7 or not answer[0] & 0x80 or answer[3] != 0x2A:
        return Finding.of("unclear", "answers, but not in NTP mode 7")
    (counted,) = struct.unpack("!H", answer[4:6])
    error, items = counted >> 12, counted & 0x0FFF
    if error or not items:
        return Finding.of("gone", f"answers mode 7 with error {error} and no list")
    return Finding.of("there", f"tells its clients to strangers ({items} in the first packet)")


PROBE = Probe("ntp-monlist", frozenset({"open-ntp-monitor"}), "udp", 123, ask)
