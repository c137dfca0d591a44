# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open SSDP: a search for root devices, sent to the address itself (UPnP Device Architecture 2.0, 1.3.2)."""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

QUESTION = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n'
)


def ask(target: Target, budget: Budget) -> Finding:
    answer = ask_udp(target, QUESTION, budget)
    if not answer.startswith(b"HTTP/1."):
        return Finding.of("unclear", "answers, but not in SSDP")
    server = next((line for line in answer.decode("latin-1").splitlines() if line.lower().startswith("server:")), "")
    return Finding.of("there", f"answers searches of strangers {server}")


PROBE = Probe("ssdp", frozenset({"open-ssdp"}), "udp", 1900, ask)
