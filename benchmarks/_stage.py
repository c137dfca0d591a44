# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The stage of a benchmark: servers of its own, an IntelMQ root directory, bots as processes, and the clock.

IntelMQ's bots and PostgreSQL refuse root, so root goes on as another user by `installer/test.sh run`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent


def arguments(about: str, configure: Callable[[argparse.ArgumentParser], None] | None = None) -> argparse.Namespace:
    """The command line that all benchmarks share; leaves root behind, and finds an environment where this one lacks IntelMQ."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="small amounts: shows that it runs, not how fast")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object on standard output")
    if configure:
        configure(parser)
    parsed = parser.parse_args()
    require_environment(ordinary_user=True)
    return parsed


def require_environment(*, ordinary_user: bool = False) -> None:
    """Starts this program again by `installer/test.sh run` where packages are missing, or root is not wanted."""
    if (ordinary_user and os.geteuid() == 0) or importlib.util.find_spec("intelmq") is None:
        script = Path(sys.argv[0]).resolve()
        os.execvp(
            "bash", ["bash", str(ROOT / "installer" / "test.sh"), "run", str(script.relative_to(ROOT)), *sys.argv[1:]]
        )


def say(text: str) -> None:
    """A line of progress, on standard error."""
    print(f"-- {text}", file=sys.stderr, flush=True)


def finish(figures: Mapping[str, Any]) -> None:
    """Ends a benchmark: the machine and the figures as one JSON object."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    print(json.dumps({"machine": machine, **figures}, indent=2))


#: As docs/grow.md has them.
POSTGRES_SETTINGS = ("shared_buffers=512MB", "max_wal_size=4GB", "checkpoint_timeout=15min")


class Stage:
    """Servers and bots for the time of a benchmark; use it as a context."""

    def __init__(self) -> None:
        from abusehandler.installer.services import PostgresServer, RedisServer

        self.folder = Path(tempfile.mkdtemp(prefix="ahb-"))
        self.root = self.folder / "intelmq"
        self.postgres = PostgresServer(self.folder / "pg")
        self.redis = RedisServer(self.folder / "rd")
        self._bots: dict[str, subprocess.Popen[bytes]] = {}
        self._modules: dict[str, str] = {}

    def __enter__(self) -> Stage:
        for name in ("etc", "var/log", "var/run", "var/lib/bots"):
            (self.root / name).mkdir(parents=True)
        self.postgres.start(*POSTGRES_SETTINGS)
        self.redis.start()
        self.client = self.redis.client()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_bots()
        self.client.close()
        self.redis.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def configure(
        self, bots: Mapping[str, Mapping[str, Any]], configuration: Mapping[str, Any], customers: str
    ) -> None:
        """Writes runtime.yaml (`bots`: id → module and parameters), harmonization.conf, abusehandler.yaml, customers.csv."""
        from abusehandler.harmonization.fields import merge_file

        etc = self.root / "etc"
        runtime: dict[str, Any] = {
            "global": {
                "source_pipeline_host": self.redis.socket,
                "destination_pipeline_host": self.redis.socket,
                "statistics_host": self.redis.socket,
                "logging_path": str(self.root / "var/log"),
                "logging_level": "INFO",
                "error_retry_delay": 1,
            }
        }
        for bot, definition in bots.items():
            group = definition["module"].split(".")[2].removesuffix("s").capitalize()
            runtime[bot] = {
                "module": definition["module"], "group": group, "name": bot, "description": bot, "enabled": True,
                "run_mode": "continuous", "parameters": definition.get("parameters", {}),
            }  # fmt: skip
            self._modules[bot] = definition["module"]
        (etc / "runtime.yaml").write_text(yaml.safe_dump(runtime), encoding="utf-8")
        shutil.copyfile(
            Path(str(resources.files("intelmq"))) / "etc" / "harmonization.conf", etc / "harmonization.conf"
        )
        merge_file(etc / "harmonization.conf")
        (etc / "customers.csv").write_text(customers, encoding="utf-8")
        (etc / "abusehandler.yaml").write_text(yaml.safe_dump(dict(configuration)), encoding="utf-8")

    def start_bots(self, *bots: str) -> None:
        """Starts bots and returns when each of them waits for a message."""
        self._spawn(bots)
        self.wait(lambda: self._blocked() >= len(self._bots), "the bots to wait for messages", 60)

    def use_program(self, bot: str, program: Path) -> None:
        """Starts the bot by this program instead of its module's."""
        self._modules[bot] = str(program)

    def start_collector(self, bot: str) -> None:
        """Starts a bot that waits for nothing."""
        self._spawn([bot])

    def _spawn(self, bots: Sequence[str]) -> None:
        environment = {**os.environ, "INTELMQ_ROOT_DIR": str(self.root), "PYTHONWARNINGS": "ignore"}
        for bot in bots:
            program = Path(sys.executable).parent / self._modules[bot]
            log = (self.root / "var/log" / f"{bot}.out").open("wb")
            with log:
                self._bots[bot] = subprocess.Popen([str(program), bot], env=environment, stdout=log, stderr=log)

    def _blocked(self) -> int:
        for bot, process in self._bots.items():
            if process.poll() is not None:
                log = self.root / "var/log" / f"{bot}.log"
                raise RuntimeError(f"{bot} ended:\n{log.read_text(encoding='utf-8')[-3000:] if log.exists() else ''}")
        return sum(
            entry["cmd"] in ("blmove", "brpoplpush") for entry in self.client.client_list() if "b" in entry["flags"]
        )

    def stop_bots(self) -> dict[str, float]:
        """Stops the bots; returns the most memory that each used, in MB."""
        peaks = {bot: peak_memory(process.pid) for bot, process in self._bots.items()}
        for process in self._bots.values():
            process.terminate()
        for process in self._bots.values():
            process.wait(timeout=60)
        self._bots.clear()
        return peaks

    def pid(self, bot: str) -> int:
        return self._bots[bot].pid

    def push(self, queue: str, messages: Sequence[bytes]) -> None:
        """Puts messages into a queue, oldest first, and makes them visible all at once."""
        for start in range(0, len(messages), 1000):
            self.client.lpush("benchmark-prepared", *messages[start : start + 1000])
        self.client.rename("benchmark-prepared", queue)

    def drain(self, queue: str) -> list[bytes]:
        """Takes all messages of a queue out of Redis, oldest first."""
        messages: list[bytes] = list(reversed(self.client.lrange(queue, 0, -1)))
        self.client.delete(queue)
        return messages

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 1800) -> None:
        """Looks every few milliseconds until the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited {seconds:.0f} seconds for {what}")
            time.sleep(0.005)

    @contextlib.contextmanager
    def clock(self) -> Iterator[list[float]]:
        """Measures the seconds of its block; the list holds them afterwards."""
        seconds: list[float] = []
        start = time.perf_counter()
        yield seconds
        seconds.append(time.perf_counter() - start)


def peak_memory(pid: int) -> float:
    """The most resident memory that the process has had, in MB."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    return 0.0
