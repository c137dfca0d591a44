# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open SNMP: asks for the uptime (sysUpTime.0, RFC 3418) with the community "public" (RFC 3416)."""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target


def _ber(kind: int, content: bytes) -> bytes:
    return bytes([kind, len(content)]) + content


_OID = _ber(0x06, bytes([0x2B, 6, 1, 2, 1, 1, 3, 0]))
_PDU = _ber(
    0xA0,
    _ber(0x02, b"\x2a\x17") + _ber(0x02, b"\0") + _ber(0x02, b"\0") + _ber(0x30, _ber(0x30, _OID + b"\x05\0")),
)
#: version 2c, GetRequest
QUESTION = _ber(0x30, _ber(0x02, b"\x01") + _ber(0x04, b"public") + _PDU)


def ask(target: Target, budget: Budget) -> Finding:
    answer = ask_udp(target, QUESTION, budget)
    if not answer.startswith(b"\x30") or b"\x04\x06public\xa2" not in answer[:40]:
        return Finding.of("unclear", "answers, but not in SNMP")
    return Finding.of("there", 'answers to strangers with the community "public"')


PROBE = Probe("snmp", frozenset({"open-snmp"}), "udp", 161, ask)
