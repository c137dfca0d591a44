# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The container files keep step with the program; the supervisor keeps all bots running."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abusehandler.configuration import load
from abusehandler.installer.container.portal_health import healthy
from abusehandler.installer.container.prepare import prepare
from abusehandler.installer.run_bot import running
from abusehandler.installer.setup.bot_units import bots
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.installer.services import RedisServer

SOURCE = Path(__file__).resolve().parents[2]
FOLDER = Path(str(resources.files("abusehandler.installer"))) / "container"
OURS = ("prepare", "bots", "portal", "lmtp", "metrics", "backup")


@pytest.fixture(scope="module")
def containerfile() -> str:
    return (FOLDER / "Containerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_every_folder_of_the_package_is_copied(containerfile: str) -> None:
    setup = (SOURCE / "setup.py").read_text(encoding="utf-8")
    folders = re.search(r"FOLDERS = \(([^)]*)\)|FOLDERS = \[([^\]]*)\]", setup)
    assert folders
    wanted = {"abusehandler", *re.findall(r'"([a-z_]+)"', folders[0])}
    assert wanted == set(re.findall(r"^COPY ([a-z_]+) \1$", containerfile, re.MULTILINE))
    ignore = (FOLDER / "Containerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {f"!{name}" for name in wanted} <= set(ignore)


def test_image_is_small_pinned_and_not_root(containerfile: str) -> None:
    stages = re.findall(r"^FROM (\S+)( AS build)?$", containerfile, re.MULTILINE)
    assert len(stages) == 2 and stages[0][0] == stages[1][0] and "slim" in stages[0][0]
    python = re.search(r"python:(\d+)\.(\d+)-", stages[0][0])
    assert python and (3, 10) <= (int(python[1]), int(python[2])) <= (3, 13)
    assert re.search(r"^USER 10001:10001$", containerfile, re.MULTILINE)
    assert "constraints.txt" in containerfile
    assert not re.search(r"(?i)(password|secret|api_key)=", containerfile)
    assert not re.search(r"^ADD |:latest|curl .*\| *sh", containerfile, re.MULTILINE)


def test_pg_dump_fits_the_server(containerfile: str, compose: dict[str, Any]) -> None:
    client = re.search(r"postgresql-client-(\d+)", containerfile)
    server = re.search(r"postgres:(\d+)", compose["services"]["postgres"]["image"])
    assert client and server and client[1] == server[1]


def test_services_are_confined_and_looked_after(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "healthcheck" in service, name
        assert "privileged" not in service and "docker.sock" not in str(service), name
        for port in service.get("ports", ()):
            assert name == "web" or port.startswith("127.0.0.1:"), port
        if name in OURS:
            assert service["user"] == "10001:10001", name
        else:
            assert re.search(r":\d", service["image"]), f"{name}: name a version"
    assert set(OURS) | {"postgres", "redis", "web"} == set(compose["services"])


def test_volumes_and_networks_are_declared(compose: dict[str, Any]) -> None:
    used = {
        volume.partition(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())
    }
    assert used == set(compose["volumes"])
    assert {name for service in compose["services"].values() for name in service.get("networks", ())} == set(
        compose["networks"]
    )
    assert compose["networks"]["inside"]["internal"] is True


def test_redis_keeps_what_the_installers_does(compose: dict[str, Any]) -> None:
    said = " ".join(compose["services"]["redis"]["command"])
    for line in (FOLDER.parent / "units/redis.conf").read_text(encoding="utf-8").splitlines():
        if line.startswith(("appendonly", "appendfsync", "maxmemory-policy")):
            assert f"--{line}" in said


def test_commands_and_modules_are_there(compose: dict[str, Any]) -> None:
    from abusehandler.cli import COMMANDS

    for name in OURS:
        command = compose["services"][name]["command"]
        if command[0] == "abusehandler":
            assert command[1] in COMMANDS
        else:
            assert command[:2] == ["python", "-m"]
            assert (FOLDER / (command[2].rpartition(".")[2] + ".py")).exists()


def test_compose_file_is_read_by_docker(compose: dict[str, Any]) -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no docker compose here")
    done = subprocess.run(
        ["docker", "compose", "-f", str(FOLDER / "compose.yaml"), "--profile", "*", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_image_can_be_built(tmp_path: Path) -> None:
    engine = next(
        (
            name
            for name in ("podman", "docker")
            if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True, check=False).returncode
        ),
        None,
    )
    if engine is None or not os.environ.get("ABUSEHANDLER_BUILD_IMAGE"):
        pytest.skip("no container engine runs here, or ABUSEHANDLER_BUILD_IMAGE is not set")
    subprocess.run(
        [engine, "build", "-f", str(FOLDER / "Containerfile"), "-t", "abusehandler-test", str(SOURCE)], check=True
    )


def test_prepare_writes_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    words = {
        "ABUSE_ADDRESS": "abuse@example.org",
        "ABUSE_PREFIXES": "192.0.2.0/24, 2001:db8::/32",
        "ABUSE_HOST": "abuse.example.org",
    }
    assert "abusehandler.yaml" in prepare(tmp_path, words)
    configuration = load(tmp_path / "etc/abusehandler.yaml")
    assert configuration.networks.prefixes == ("192.0.2.0/24", "2001:db8::/32")
    assert configuration.portal.public_url == "https://abuse.example.org" and configuration.notices.hold
    shipped = yaml.safe_load((resources.files("abusehandler.runtime") / "everything.yaml").read_text(encoding="utf-8"))
    runtime = yaml.safe_load((tmp_path / "etc/runtime.yaml").read_text(encoding="utf-8"))
    assert runtime.keys() >= shipped.keys()
    assert runtime["global"]["source_pipeline_host"] == "redis"
    before = {path: path.read_bytes() for path in (tmp_path / "etc").rglob("*") if path.is_file()}
    assert prepare(tmp_path, {}) == []
    assert before == {path: path.read_bytes() for path in (tmp_path / "etc").rglob("*") if path.is_file()}


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_supervisor_keeps_bots_running(tmp_path: Path, empty_dsn: str, redis_server: RedisServer) -> None:
    prepare(tmp_path, {"REDIS_HOST": redis_server.socket, "DATABASE_DSN": empty_dsn})
    path = tmp_path / "etc/runtime.yaml"
    runtime = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in [name for name in runtime if name not in ("global", "customer-expert", "abuse-timers")]:
        runtime[name]["enabled"] = False
    path.write_text(yaml.safe_dump(runtime), encoding="utf-8")
    database = Database(empty_dsn)
    upgrade(database)
    database.close()
    modules = {name: str(bot["module"]) for name, bot in bots(tmp_path).items()}
    assert len(modules) == 2

    def pid(name: str) -> int | None:
        return running(tmp_path, name, modules[name])

    supervisor = subprocess.Popen(
        [sys.executable, "-m", "abusehandler.installer.container.supervise"], env={**os.environ, "INTELMQ_ROOT_DIR": str(tmp_path)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until(lambda: all(pid(name) for name in modules))
        first = pid("customer-expert")
        assert first
        os.kill(first, signal.SIGKILL)
        until(lambda: pid("customer-expert") not in (None, first))
        numbers = [pid(name) for name in modules]
    finally:
        supervisor.terminate()
        said, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0
    assert "customer-expert failed (-9)" in said
    assert not any(Path(f"/proc/{number}").exists() for number in numbers)


def test_portal_that_is_away_is_not_healthy(tmp_path: Path) -> None:
    assert not healthy(str(tmp_path / "portal.sock"))
