# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Servers that Debian does not ship, or that nobody runs any more, as the bytes that they say; and hostile ones."""

from __future__ import annotations

import random
import struct
import time

import pytest

from abusehandler.installer.services import free_port
from abusehandler.tickets.recheck.probe import Budget, Finding
from abusehandler.tickets.recheck.probes import probes
from tests.tickets.recheck.on_loopback import RULES, answering, looked

MONLIST = bytes([0xD7, 0x00, 0x03, 0x2A]) + struct.pack("!2H", 6, 72) + bytes(432)
NO_MONLIST = bytes([0x97, 0x00, 0x03, 0x2A]) + struct.pack("!2H", 0x4000, 0)
SSDP = b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nSERVER: Linux UPnP/1.0 Example/1.0\r\n\r\n"


def mongo(document: bytes) -> bytes:
    body = struct.pack("<I", 0) + b"\0" + document
    return struct.pack("<4i", 16 + len(body), 9, 1, 2013) + body


CASES = [
    ("ntp-monlist", MONLIST, "there"),
    ("ntp-monlist", NO_MONLIST, "gone"),
    ("ntp-mode6", bytes([0x16, 0xC2]) + bytes(10), "gone"),
    ("ssdp", SSDP, "there"),
    ("dns-recursion", bytes(12), "unclear"),
    ("memcached-tcp", b"ERROR\r\n", "gone"),
    ("mongodb", mongo(b"\x30\0\0\0\x04databases\0\x05\0\0\0\0\x01ok\0" + bytes(9)), "there"),
    ("mongodb", mongo(b"\x30\0\0\0\x01ok\0" + bytes(8) + b"\x02errmsg\0\x05\0\0\0auth\0\0"), "gone"),
    ("elasticsearch", b'HTTP/1.1 200 OK\r\n\r\n{"name": "a", "cluster_name": "b"}', "there"),
    ("elasticsearch", b"HTTP/1.1 401 Unauthorized\r\n\r\n{}", "gone"),
    ("elasticsearch", b"HTTP/1.1 200 OK\r\n\r\n<h1>hello</h1>", "unclear"),
    ("couchdb", b'HTTP/1.1 200 OK\r\n\r\n["_replicator"]', "there"),
    ("couchdb", b"HTTP/1.1 401 Unauthorized\r\n\r\n{}", "gone"),
    ("docker", b'HTTP/1.1 200 OK\r\n\r\n{"ApiVersion": "1.43"}', "there"),
    ("docker", b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", "gone"),
    ("ldap-udp", b"\x30\x1a\x02\x01\x07\x64\x15\x04\x00\x30\x11" + bytes(17), "there"),
    ("ldap-tcp", b"\x30\x0c\x02\x01\x07\x65\x07\x0a\x01\x00\x04\x00\x04\x00", "gone"),
    ("netbios", struct.pack("!6H", 0x6168, 0x8400, 0, 1, 0, 0) + bytes(60), "there"),
    ("mdns", struct.pack("!6H", 0x6168, 0x8400, 1, 1, 0, 0) + bytes(60), "there"),
    ("mdns", struct.pack("!6H", 0x6168, 0x8005, 1, 0, 0, 0), "unclear"),
    ("coap", bytes([0x70, 0x00, 0x61, 0x68]), "there"),
    ("mqtt", b"\x20\x02\x00\x00", "there"),
    ("mqtt", b"\x20\x02\x00\x05", "gone"),
    ("chargen", b"!\"#$%&'()*+,-./0123456789", "there"),
    ("qotd", b"Whoever asks gets an answer.", "there"),
    ("portmapper-udp", struct.pack("!6I", 0x61626834, 1, 0, 0, 0, 0), "there"),
    ("portmapper-udp", struct.pack("!6I", 0x61626834, 1, 1, 1, 5, 0), "gone"),
    ("redis", b"-DENIED Redis is running in protected mode\r\n", "gone"),
]


@pytest.mark.parametrize(("name", "answer", "verdict"), CASES)
def test_what_is_found(name: str, answer: bytes, verdict: str) -> None:
    with answering(probes()[name].transport, answer) as port:
        assert looked(name, port).verdict == verdict


@pytest.mark.parametrize("name", sorted(name for name in probes() if not name.startswith("tcp-port")))
@pytest.mark.parametrize(
    "answer", [b"", b"\0", b"\xff" * 11, random.Random(3000).randbytes(3000), b"A" * 60_000, b"\r\n" * 500]
)
def test_a_hostile_answer_is_a_finding(name: str, answer: bytes) -> None:
    with answering(probes()[name].transport, answer) as port:
        finding = looked(name, port)
    assert finding.detail.isprintable()
    assert len(finding.detail) <= 300


def test_a_server_that_trickles_does_not_hold_the_probe() -> None:
    rules = type(RULES)(enabled=True, ours=RULES.ours, budget=Budget(seconds=3))
    with answering("tcp", b"HTTP/1.1 200 OK\r\n" * 100, trickle=0.1) as port:
        before = time.monotonic()
        finding = looked("elasticsearch", port, rules=rules)
        # not a measurement: the server would go on for three minutes
        assert time.monotonic() - before < 100
    assert finding.verdict == "unclear"


def test_no_more_is_read_than_the_budget_allows() -> None:
    rules = type(RULES)(enabled=True, ours=RULES.ours, budget=Budget(seconds=30, bytes=100))
    with answering("tcp", b"+PONG " + b"x" * 1_000_000) as port:
        assert looked("redis", port, rules=rules) == Finding("there", "takes commands without a password")


def test_where_nothing_listens_it_is_gone() -> None:
    port = free_port()
    assert looked("tcp-port", port).verdict == "gone"
    assert looked("snmp", port).verdict == "gone"


def test_a_banner_cannot_bring_line_ends() -> None:
    assert Finding.of("there", "a\nb\x00c\u202ed" + "x" * 1000).detail.startswith("a b c d")
