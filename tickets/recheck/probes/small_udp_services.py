# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""UDP services that anything at all answers for: CharGen (RFC 864) and Quote of the Day (RFC 865)."""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target


def ask(target: Target, budget: Budget) -> Finding:
    answer = ask_udp(target, b"\n", budget)
    return Finding.of("there", f"answers one byte with {len(answer)}")


PROBES = (
    Probe("chargen", frozenset({"open-chargen"}), "udp", 19, ask),
    Probe("qotd", frozenset({"open-qotd"}), "udp", 17, ask),
)
