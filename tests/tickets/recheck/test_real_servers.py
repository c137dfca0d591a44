# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The probes meet the servers that Debian ships, on loopback; a server that is not installed is skipped.

rpcbind and ntpd insist on their own ports, so they run in a network of their own (unshare), with a probe beside them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from abusehandler.installer.services import free_port
from tests.tickets.recheck.on_loopback import QUICK, looked, looked_when_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abusehandler.installer.services import RedisServer


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Programs that are stopped at the end."""
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for process in running:
        process.terminate()
        process.wait(timeout=60)


def start(started: list[subprocess.Popen[bytes]], *command: str) -> None:
    started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def test_memcached_over_both_ways(started: list[subprocess.Popen[bytes]]) -> None:
    port = free_port()
    start(started, program("memcached"), "-l", "127.0.0.1", "-p", str(port), "-U", str(port))
    assert looked_when_up("memcached-tcp", port).verdict == "there"
    assert looked_when_up("memcached-udp", port).verdict == "there"


def test_memcached_without_udp_is_mended(started: list[subprocess.Popen[bytes]]) -> None:
    port = free_port()
    start(started, program("memcached"), "-l", "127.0.0.1", "-p", str(port), "-U", "0")
    assert looked_when_up("memcached-tcp", port).verdict == "there"
    assert looked("memcached-udp", port).verdict == "gone"


@pytest.mark.parametrize(("community", "verdict"), [("public", "there"), ("not-so-public", "no-answer")])
def test_snmpd(started: list[subprocess.Popen[bytes]], tmp_path: Path, community: str, verdict: str) -> None:
    port = free_port()
    settings = tmp_path / "snmpd.conf"
    settings.write_text(
        f"rocommunity {community} 127.0.0.1\nrocommunity waiting 127.0.0.1\nagentaddress udp:127.0.0.1:{port}\n"
    )
    command = [program("snmpd"), "-f", "-C", "-c", str(settings), "-Lo", f"--persistentDir={tmp_path}"]
    start(started, *command)
    if verdict == "there":
        assert looked_when_up("snmp", port).verdict == "there"
    else:
        # it takes what it will not answer, so nothing tells when it is up
        assert looked("snmp", port, rules=QUICK).verdict in ("no-answer", "gone")


def test_dnsmasq_that_looks_up_for_strangers(started: list[subprocess.Popen[bytes]]) -> None:
    port = free_port()
    start(
        started, program("dnsmasq"), "-k", "-C", "/dev/null", f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces",
        "--no-resolv", "--address=/example.com/192.0.2.1", "--pid-file=", "--user=",
    )  # fmt: skip
    assert looked_when_up("dns-recursion", port).verdict == "there"
    assert looked("tcp-port", port).verdict == "there"


def test_dnsmasq_that_refuses(started: list[subprocess.Popen[bytes]]) -> None:
    port = free_port()
    start(
        started, program("dnsmasq"), "-k", "-C", "/dev/null", f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces",
        "--no-resolv", "--pid-file=", "--user=",
    )  # fmt: skip
    found = looked_when_up("dns-recursion", port, up=lambda finding: "REFUSED" in finding.detail)
    assert found.verdict in ("gone", "unclear")
    assert "REFUSED" in found.detail


def test_redis_with_and_without_a_password(redis_server: RedisServer) -> None:
    import redis

    port = free_port()
    client = redis.Redis(unix_socket_path=str(redis_server.socket))
    client.config_set("port", port)
    client.config_set("bind", "127.0.0.1")
    try:
        assert looked("redis", port).verdict == "there"
        client.config_set("requirepass", "a secret for this test")
        assert looked("redis", port).verdict == "gone"
        client.execute_command("AUTH", "a secret for this test")
        client.config_set("requirepass", "")
    finally:
        client.config_set("port", 0)
        client.close()
    assert looked("redis", port).verdict == "gone"


def in_own_network(program_line: str, wanted: dict[str, int], tmp_path: Path) -> dict[str, str]:
    """Runs a server in a network of its own, with a loopback only, and gives the verdicts of these probes (name: port)."""
    if shutil.which("unshare") is None or subprocess.run(
        ["unshare", "-rn", "sh", "-c", "ip link set lo up"], capture_output=True, check=False
    ).returncode:  # fmt: skip
        pytest.skip("this system allows no network of one's own (unshare -rn)")
    ask = tmp_path / "ask.py"
    ask.write_text(
        "import json, os, sys\nfrom tests.tickets.recheck.on_loopback import looked_when_up\n"
        "def alive(): return os.path.exists(f'/proc/{sys.argv[1]}')\n"
        f"print(json.dumps({{name: looked_when_up(name, port, alive=alive).verdict for name, port in {wanted!r}.items()}}))\n"
    )
    script = (
        f"ip link set lo up; {program_line} >/dev/null 2>&1 & server=$!; {sys.executable} {ask} $server; kill $server"
    )
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", script], capture_output=True, text=True, timeout=300, check=False,
        env={"PYTHONPATH": ".", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


def test_rpcbind(tmp_path: Path) -> None:
    found = in_own_network(f"{program('rpcbind')} -f -w", {"portmapper-udp": 111, "portmapper-tcp": 111}, tmp_path)
    if "there" not in found.values():
        pytest.skip("rpcbind does not run here without being root")
    assert found == {"portmapper-udp": "there", "portmapper-tcp": "there"}


def test_ntpd_that_tells_its_variables(tmp_path: Path) -> None:
    settings = tmp_path / "ntp.conf"
    settings.write_text("interface listen 127.0.0.1\nserver 127.127.1.0\nrestrict 127.0.0.1\n")
    found = in_own_network(f"{program('ntpd')} -n -c {settings}", {"ntp-mode6": 123}, tmp_path)
    assert found == {"ntp-mode6": "there"}
