# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open MQTT broker: connects without a name and password (MQTT 3.1.1, 3.1 and 3.2)."""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import ask_tcp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

#: protocol level 4, clean session, 10 seconds, empty client name
QUESTION = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"


def ask(target: Target, budget: Budget) -> Finding:
    said = ask_tcp(target, QUESTION, budget, lambda said: len(said) >= 4)
    if said[:2] != b"\x20\x02" or len(said) < 4:
        return Finding.of("unclear", "takes connections, but does not answer as an MQTT broker")
    if said[3] == 0:
        return Finding.of("there", "lets strangers in without a password")
    return Finding.of("gone", f"refuses strangers (code {said[3]})")


PROBE = Probe("mqtt", frozenset({"open-mqtt"}), "tcp", 1883, ask)
