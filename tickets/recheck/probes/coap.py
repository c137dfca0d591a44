# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open CoAP: an empty message that must be answered, the protocol's own ping (RFC 7252, 4.3)."""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

#: version 1, confirmable, no token; code 0.00; message 0x6168
QUESTION = bytes([0x40, 0x00, 0x61, 0x68])


def ask(target: Target, budget: Budget) -> Finding:
    answer = ask_udp(target, QUESTION, budget)
    if len(answer) >= 4 and answer[0] >> 6 == 1 and answer[2:4] == QUESTION[2:4]:
        return Finding.of("there", "answers strangers")
    return Finding.of("unclear", "answers, but not in CoAP")


PROBE = Probe("coap", frozenset({"open-coap"}), "udp", 5683, ask)
