# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""This TCP port answers: a connection is opened and closed, nothing is said (Telnet, SMB, RDP, FTP, VNC and others)."""

from __future__ import annotations

from abusehandler.tickets.recheck.exchange import connects
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

#: problem → the port where the service usually is; 0: only where the events name one
PORTS = {
    "exposed-telnet": 23, "exposed-smb": 445, "exposed-rdp": 3389, "exposed-ftp": 21, "exposed-vnc": 5900, "exposed-ssh": 22,
    "exposed-afp": 548, "exposed-nfs": 2049, "exposed-rsync": 873, "exposed-radmin": 4899, "exposed-x11": 6000,
    "exposed-adb": 5555, "exposed-cwmp": 7547, "exposed-winbox": 8291, "exposed-cisco-smart-install": 4786,
    "exposed-ipp": 631, "exposed-msrpc": 135, "exposed-msmq": 1801, "exposed-bgp": 179, "exposed-mysql": 3306,
    "exposed-postgresql": 5432, "open-epmd": 4369, "open-kubernetes": 6443, "open-zookeeper": 2181, "open-hadoop": 0,
    "open-database": 0, "exposed-database": 0, "open-message-broker": 0, "exposed-ip-kvm": 0, "exposed-ics": 0,
    "exposed-basic-auth": 0, "exposed-http": 0, "open-proxy": 0, "open-service": 0,
}  # fmt: skip


def ask(target: Target, budget: Budget) -> Finding:
    connects(target, budget)
    return Finding.of("there", "takes connections from outside")


PROBES = tuple(
    Probe(
        f"tcp-port-{port}" if port else "tcp-port",
        frozenset(name for name, of in PORTS.items() if of == port),
        "tcp",
        port,
        ask,
    )
    for port in sorted(set(PORTS.values()))
)
