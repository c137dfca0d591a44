# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""systemd's units, and that a bot which they start is one that intelmqctl knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.installer import run_bot
from abusehandler.installer.setup.ground import unit_text
from abusehandler.installer.tryout import TryOut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.installer.services import RedisServer

UNITS = Path(run_bot.__file__).parent / "units"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
BOT = "mail-parser"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_shut_in(name: str) -> None:
    lines = unit_text(name).splitlines()
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes"):
        assert line in lines
    assert ("User=intelmq" in lines) != (name in ("abusehandler-units.service", "abusehandler-unfinished.service"))


def test_the_bots_unit_restarts_after_a_failure_but_not_after_intelmqctl_stop() -> None:
    lines = unit_text("abusehandler-bot@.service").splitlines()
    assert "Restart=on-failure" in lines
    assert "PartOf=abusehandler.target" in lines
    assert "SystemCallFilter=@system-service" in lines


def test_the_doctors_unit_fails_for_what_is_critical_alone() -> None:
    # the exit codes of Nagios plugins: 1 warning, 2 critical, 3 unknown
    assert "SuccessExitStatus=1 3" in unit_text("abusehandler-doctor.service").splitlines()


def test_the_numbers_for_prometheus_are_served_on_loopback_unless_told_otherwise() -> None:
    text = unit_text("abusehandler-metrics.service")
    assert "LISTEN=127.0.0.1:9427" in text
    assert "WantedBy=abusehandler.target" in text
    assert "PartOf=abusehandler.target" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for path in UNITS.glob("abusehandler*"):
        # programs that are only on an installed machine
        text = path.read_text(encoding="utf-8").replace("/opt/abusehandler/current/venv/bin/", "/bin/true ")
        (tmp_path / path.name).write_text(text.replace("/usr/bin/redis-server", "/bin/true"), encoding="utf-8")
    (tmp_path / "abusehandler-bot@mail-parser.service").write_text(
        (tmp_path / "abusehandler-bot@.service").read_text(encoding="utf-8"), encoding="utf-8"
    )
    files = [str(path) for path in sorted(tmp_path.iterdir()) if "@." not in path.name]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", *files],
        capture_output=True, text=True, check=False, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}, timeout=300,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "abusehandler" in line and "Unit postgresql" not in line]
    assert said == []


@pytest.fixture
def desk(tmp_path: Path, dsn: str, redis_server: RedisServer) -> Iterator[TryOut]:
    """IntelMQ's root directory with the mail parser alone."""
    tryout = TryOut(tmp_path)
    tryout.lay_out()
    etc = tryout.root / "etc"
    runtime = yaml.safe_load((etc / "runtime.yaml").read_text(encoding="utf-8"))
    for key in ("source_pipeline_host", "destination_pipeline_host", "statistics_host"):
        runtime["global"][key] = redis_server.socket
    runtime = {"global": runtime["global"], BOT: runtime[BOT]}
    (etc / "runtime.yaml").write_text(yaml.safe_dump(runtime), encoding="utf-8")
    settings = yaml.safe_load((etc / "abusehandler.yaml").read_text(encoding="utf-8"))
    settings["database"]["dsn"] = dsn
    (etc / "abusehandler.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    yield tryout
    number = run_bot.running(tryout.root, BOT, runtime[BOT]["module"])
    if number is not None:
        run_bot.end(number, tryout.root, BOT, runtime[BOT]["module"], patience=5)


def started(desk: TryOut) -> subprocess.Popen[bytes]:
    """What the unit's ExecStart does."""
    command = [sys.executable, "-W", "ignore", "-m", "abusehandler.installer.run_bot", BOT]
    return subprocess.Popen(command, env=desk.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until_log(desk: TryOut, word: str, count: int = 1) -> None:
    path = desk.root / "var/log" / f"{BOT}.log"
    deadline = time.monotonic() + 300
    while not path.exists() or path.read_text(encoding="utf-8").count(word) < count:
        assert time.monotonic() < deadline, path.read_text(encoding="utf-8") if path.exists() else "no log"
        time.sleep(0.1)


def test_intelmqctl_sees_and_stops_a_bot_of_systemd(desk: TryOut) -> None:
    bot = started(desk)
    until_log(desk, "Bot initialization completed")
    assert "running" in desk.intelmqctl("status", BOT)
    assert run_bot.running(desk.root, BOT, "intelmq.bots.parsers.abusehandler.mail") == bot.pid
    # a second start finds it running and starts none
    desk.intelmqctl("start", BOT, check=False)
    assert run_bot.running(desk.root, BOT, "intelmq.bots.parsers.abusehandler.mail") == bot.pid
    desk.intelmqctl("stop", BOT, check=False)
    # systemd takes 0 for no failure, so the bot stays down
    assert bot.wait(120) == 0


def test_a_bot_that_intelmqctl_started_is_taken_over(desk: TryOut) -> None:
    desk.intelmqctl("start", BOT)
    until_log(desk, "Bot initialization completed")
    stray = run_bot.running(desk.root, BOT, "intelmq.bots.parsers.abusehandler.mail")
    assert stray is not None
    bot = started(desk)
    until_log(desk, "Bot initialization completed", 2)
    assert run_bot.running(desk.root, BOT, "intelmq.bots.parsers.abusehandler.mail") == bot.pid != stray
    bot.terminate()
    assert bot.wait(120) == 0


def test_a_bot_that_does_not_exist_is_explained(desk: TryOut) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "abusehandler.installer.run_bot", "no-such-bot"],
        env=desk.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == run_bot.EX_CONFIG
    assert "runtime.yaml: cannot tell what no-such-bot is" in done.stderr


@pytest.mark.parametrize("words", [[], ["../evil"], ["a", "b"]])
def test_only_a_bots_name_is_taken(words: list[str]) -> None:
    assert run_bot.main(words) == 2
