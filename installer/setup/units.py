# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""systemd's units: files, which are enabled, and all bots running; without systemd the bots are started by intelmqctl."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from typing import TYPE_CHECKING

from abusehandler.cli import COMMANDS
from abusehandler.configuration import load
from abusehandler.installer.run_bot import end, running
from abusehandler.installer.setup import bot_units
from abusehandler.installer.setup.ground import unit_text
from abusehandler.installer.setup.system import ROOT, SetupError, System

if TYPE_CHECKING:
    from collections.abc import Iterable

ALWAYS = ("abusehandler-bot@.service", "abusehandler.target", "abusehandler-portal.service", "abusehandler-metrics.service",
          "abusehandler-unfinished.service", "abusehandler-units.service", "abusehandler-units.timer")  # fmt: skip
#: How long a bot must stay up to count as running; IntelMQ's own check waits half a second and misses failures in init().
SETTLED_SECONDS = 6.0


class UnitFiles:
    """Files, and what starts at boot."""

    name = "units (systemd)"

    def __init__(self, system: System, *, start: bool = True) -> None:
        self.system = system
        self.start = start
        names = list(ALWAYS)
        for command in ("backup", "doctor"):
            if command in COMMANDS:
                names += [f"abusehandler-{command}.service", f"abusehandler-{command}.timer"]
        self.texts = {system.layout.units / name: unit_text(name) for name in names}
        self.starting = [name for name in names if name.endswith((".timer", ".target"))]

    def _links(self) -> dict[str, str]:
        """Link that `systemctl enable` makes → unit."""
        wants = {name: "timers.target" if name.endswith(".timer") else "multi-user.target" for name in self.starting}
        if load(self.system.layout.etc / "abusehandler.yaml").portal.public_url:
            wants["abusehandler-portal.service"] = "abusehandler.target"
        wants["abusehandler-redis.service"] = wants["abusehandler-unfinished.service"] = "multi-user.target"
        return {f"{target}.wants/{name}": name for name, target in wants.items()}

    def missing(self) -> list[str]:
        units = self.system.layout.units
        lines = [f"file {path}" for path, text in self.texts.items() if self.system.differs(path, text, ROOT, 0o644)]
        if not (self.system.layout.etc / "abusehandler.yaml").exists():
            return [*lines, "enable the units"]
        lines += [f"enable {name}" for link, name in self._links().items() if not (units / link).is_symlink()]
        if self.system.untold("systemd"):
            lines.append("reload systemd")
        return lines + bot_units.plan(self.system).lines()

    def apply(self) -> None:
        with self.system.telling("systemd"):
            self._apply()

    def _apply(self) -> None:
        for path, text in self.texts.items():
            self.system.write(path, text)
        for link, name in self._links().items():
            path = self.system.layout.units / link
            if not path.is_symlink():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(f"/etc/systemd/system/{name}")
        if self.system.systemd:
            self.system.run("systemctl", "daemon-reload")
            self.system.run("systemctl", "start", *(name for name in self.starting if name.endswith(".timer")))
        bot_units.sync(self.system, start=self.start)


class Running:
    """The bots run, and the portal."""

    name = "bots"

    def __init__(self, system: System) -> None:
        self.system = system

    def missing(self) -> list[str]:
        if not self.system.real:
            return []
        lines = [f"start {name}" for name in self.down(bot_units.bots(self.system.layout.intelmq))]
        if self.system.systemd and self._portal() and self._portal_state() != "active":
            lines.append("start the portal")
        return lines

    def apply(self) -> None:
        start(self.system, bot_units.bots(self.system.layout.intelmq))
        if self.system.systemd and self._portal():
            self.system.run("systemctl", "start", "abusehandler.target", "abusehandler-portal.service")
        require_running(self.system, bot_units.bots(self.system.layout.intelmq))

    def _portal(self) -> bool:
        return bool(load(self.system.layout.etc / "abusehandler.yaml").portal.public_url)

    def _portal_state(self) -> str:
        return self.system.run("systemctl", "is-active", "abusehandler-portal.service", check=False).stdout.strip()

    def down(self, wanted: Iterable[str]) -> list[str]:
        modules = bot_units.bots(self.system.layout.intelmq)
        return [
            name for name in wanted if running(self.system.layout.intelmq, name, str(modules[name]["module"])) is None
        ]


def start(system: System, names: Iterable[str]) -> None:
    """Starts these bots: by systemd, or where it does not run by intelmqctl."""
    names = list(names)
    if system.systemd:
        system.run("systemctl", "reset-failed", "abusehandler-bot@*.service", check=False)
        if names:
            system.run("systemctl", "start", *(f"abusehandler-bot@{name}.service" for name in names))
        return
    if set(names) == set(bot_units.bots(system.layout.intelmq)):
        system.ours("intelmqctl", "start", check=False)
        return
    for name in names:
        system.ours("intelmqctl", "start", name, check=False)


def stop(system: System) -> None:
    """Stops the portal and all bots, however they were started; each bot's messages stay in its queue."""
    if system.systemd:
        system.run("systemctl", "stop", "abusehandler-units.timer", "abusehandler.target", check=False)
        system.run("systemctl", "stop", "abusehandler-bot@*.service", "abusehandler-portal.service", check=False)
    root = system.layout.intelmq
    modules = bot_units.bots(root)
    left = {name: number for name, bot in modules.items() if (number := running(root, name, str(bot["module"])))}
    for number in left.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGTERM)
    for name, number in left.items():
        if running(root, name, str(modules[name]["module"])) == number:
            end(number, root, name, str(modules[name]["module"]))


def require_running(system: System, names: Iterable[str]) -> None:
    """Raises SetupError with the end of its log if a bot does not stay up."""
    names = list(names)
    time.sleep(SETTLED_SECONDS)
    for name in Running(system).down(names):
        path = system.layout.log / f"{name}.log"
        lines = (system.read(path) or "it has no log").splitlines()[-8:]
        raise SetupError(f"the bot {name} does not stay up; the end of {path}:\n" + "\n".join(lines))


def intelmq_faults(system: System) -> list[str]:
    """What `intelmqctl check` finds; its exit code says nothing about the bots' own checks, so its words are read."""
    done = system.ours("intelmqctl", "--type", "json", "check", check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        # it broke down itself; the last line of Python's traceback says why
        return [" ".join((done.stdout + done.stderr).strip().splitlines()[-1:])[-500:] or "it said nothing"]
    return [f"{level}: {text}" for level, text in _said(found) if level in ("error", "critical")]


def _said(found: object) -> list[tuple[str, str]]:
    if isinstance(found, list):
        if len(found) == 2 and all(isinstance(part, str) for part in found):
            return [(found[0], found[1])]
        return [line for part in found for line in _said(part)]
    if isinstance(found, dict):
        return [line for part in found.values() for line in _said(part)]
    return []
