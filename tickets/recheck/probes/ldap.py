# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open LDAP over UDP: reads one attribute of the root entry, as everybody may (CLDAP; RFC 4512, 5.1, RFC 4511)."""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import ask_tcp, ask_udp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target


def _ber(kind: int, content: bytes) -> bytes:
    return bytes([kind, len(content)]) + content


#: base search of "", one entry, one second, (objectClass=*), attribute supportedLDAPVersion
_SEARCH = _ber(
    0x63,
    _ber(0x04, b"") + b"\x0a\x01\x00" + b"\x0a\x01\x00" + b"\x02\x01\x01" + b"\x02\x01\x01" + b"\x01\x01\x00"
    + _ber(0x87, b"objectClass") + _ber(0x30, _ber(0x04, b"supportedLDAPVersion")),
)  # fmt: skip
QUESTION = _ber(0x30, b"\x02\x01\x07" + _SEARCH)
_PROBLEMS = frozenset({"open-ldap"})


def ask_by_udp(target: Target, budget: Budget) -> Finding:
    return _finding(ask_udp(target, QUESTION, budget))


def ask_by_tcp(target: Target, budget: Budget) -> Finding:
    return _finding(ask_tcp(target, QUESTION, budget, lambda said: len(said) > 10))


def _finding(answer: bytes) -> Finding:
    # LDAPMessage with our number, then SearchResultEntry (0x64) or SearchResultDone (0x65)
    head = answer[:16]
    if not head.startswith(b"\x30") or b"\x02\x01\x07" not in head:
        return Finding.of("unclear", "answers, but not in LDAP")
    if head.partition(b"\x02\x01\x07")[2].startswith(b"\x64"):
        return Finding.of("there", "tells strangers about itself")
    return Finding.of("gone", "answers, but tells strangers nothing")


PROBES = (
    Probe("ldap-udp", _PROBLEMS, "udp", 389, ask_by_udp),
    Probe("ldap-tcp", _PROBLEMS, "tcp", 389, ask_by_tcp),
)
