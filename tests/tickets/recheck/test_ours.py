# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which addresses may be asked: ours, and nothing that stands for this machine or for many."""

from __future__ import annotations

import pytest

from abusehandler.tickets.recheck.asking import RecheckRules
from abusehandler.tickets.recheck.ours import Ours
from abusehandler.tickets.recheck.probe import Target
from abusehandler.tickets.recheck.probes import probe_for, probes
from abusehandler.tickets.recheck.running import look

OURS = Ours.of(["192.0.2.0/24", "2001:db8::/32", "10.0.0.0/8"])


@pytest.mark.parametrize("address", ["192.0.2.1", "192.0.2.254", "2001:db8::1", "10.1.2.3"])
def test_ours_may_be_asked(address: str) -> None:
    assert OURS.allow(address)


@pytest.mark.parametrize(
    "address",
    [
        "192.0.3.1", "198.51.100.7", "2001:db9::1", "127.0.0.1", "::1", "::", "0.0.0.0", "169.254.169.254", "224.0.0.1",
        "255.255.255.255", "192.0.2.0", "192.0.2.255", "::ffff:192.0.2.1", "fe80::1%eth0", "2001:db8::1%lo", "64:ff9b::c000:201",
        "192.0.2.1 ", "0xC0000201", "3221225985", "192.000.002.001", "localhost", "example.com", "", "192.0.2.1/24", "192.0.2.1\n",
    ],
)  # fmt: skip
def test_nothing_else_may(address: str) -> None:
    assert not OURS.allow(address)


def test_even_a_network_of_everything_leaves_this_machine_out() -> None:
    everything = Ours.of(["0.0.0.0/0", "::/0"])
    assert everything.allow("203.0.113.5")
    for address in ("127.0.0.1", "127.8.8.8", "::1", "169.254.169.254", "fe80::1", "ff02::1", "::ffff:127.0.0.1"):
        assert not everything.allow(address)


def test_without_networks_nothing_is_asked() -> None:
    assert not Ours.of([]).allow("192.0.2.1")


def test_the_guard_stands_before_the_socket() -> None:
    probe = probes()["redis"]
    asked = []

    def ask(target: Target, _budget: object) -> object:
        asked.append(target)
        raise AssertionError("a packet would have been sent")

    spy = type(probe)(probe.name, probe.problems, probe.transport, probe.port, ask)  # type: ignore[arg-type]
    assert look(Target("127.0.0.1", 6379, "tcp"), spy, RecheckRules(enabled=True, ours=OURS)).verdict == "failed"
    assert look(Target("192.0.2.1", 6379, "tcp"), spy, RecheckRules(enabled=False, ours=OURS)).verdict == "failed"
    assert asked == []


def test_each_problem_of_the_issue_has_its_probe() -> None:
    for problem, name in (
        ("open-dns-resolver", "dns-recursion"), ("open-ntp-monitor", "ntp-monlist"), ("open-ntp", "ntp-mode6"), ("open-snmp", "snmp"),
        ("open-memcached", "memcached-tcp"), ("open-ssdp", "ssdp"), ("open-portmapper", "portmapper-udp"), ("open-redis", "redis"),
        ("open-mongodb", "mongodb"), ("open-elasticsearch", "elasticsearch"), ("exposed-telnet", "tcp-port-23"),
        ("exposed-smb", "tcp-port-445"), ("exposed-rdp", "tcp-port-3389"), ("exposed-ftp", "tcp-port-21"), ("exposed-vnc", "tcp-port-5900"),
    ):  # fmt: skip
        found = probe_for(problem)
        assert found is not None, problem
        assert found.name == name
    assert probe_for("open-memcached", "udp") is probes()["memcached-udp"]
    assert probe_for("phishing") is None
    assert probe_for("open-redis", None, ("snmp",)) is None


def test_every_problem_of_a_probe_is_in_the_catalogue() -> None:
    from abusehandler.harmonization.catalogue import Catalogue

    known = Catalogue.load().problems
    assert {problem for probe in probes().values() for problem in probe.problems} <= known.keys()
