# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which bots have a unit, which should, and which run outside of systemd."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from abusehandler.errors import ConfigurationError
from abusehandler.installer.run_bot import running

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.installer.setup.system import System

UNIT = re.compile(r"^abusehandler-bot@([A-Za-z0-9-]+)\.service$")


@dataclass(frozen=True, slots=True)
class Plan:
    """What `units sync` would do: bots by their ids in runtime.yaml."""

    enable: tuple[str, ...]
    disable: tuple[str, ...]
    take_over: tuple[str, ...]

    def lines(self) -> list[str]:
        return [
            *(f"enable and start {bot}" for bot in self.enable),
            *(f"stop and disable {bot}, which runtime.yaml does not enable" for bot in self.disable),
            *(f"take {bot} over, which intelmqctl has started" for bot in self.take_over),
        ]


def bots(root: Path) -> dict[str, dict[str, Any]]:
    """The enabled bots of runtime.yaml under IntelMQ's root directory. Raises ConfigurationError."""
    path = root / "etc" / "runtime.yaml"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = {str(name): dict(bot) for name, bot in found.items() if name != "global"}
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}; see 'intelmqctl check'") from None
    for name in entries:
        if not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise ConfigurationError(f"{path}: {name}: a bot's name has letters, digits and hyphens only; rename it")
    return {
        name: bot
        for name, bot in entries.items()
        if bot.get("enabled", True) and bot.get("run_mode", "continuous") == "continuous"
    }


def enabled_units(units: Path) -> set[str]:
    """The bots whose unit is enabled, told from the links that systemd makes."""
    folder = units / "abusehandler.target.wants"
    if not folder.is_dir():
        return set()
    return {match[1] for path in folder.iterdir() if (match := UNIT.match(path.name))}


def plan(system: System) -> Plan:
    """Compares runtime.yaml with the units. A bot that was stopped with `intelmqctl stop` is left alone until the next start."""
    wanted = bots(system.layout.intelmq)
    known = enabled_units(system.layout.units)
    strays = []
    if system.systemd:
        for name, bot in wanted.items():
            if name in known and running(system.layout.intelmq, name, str(bot.get("module"))) is not None:
                state = system.run(
                    "systemctl", "is-active", f"abusehandler-bot@{name}.service", check=False
                ).stdout.strip()
                if state not in ("active", "activating", "reloading", "deactivating"):
                    strays.append(name)
    return Plan(
        tuple(name for name in wanted if name not in known), tuple(sorted(known - wanted.keys())), tuple(strays)
    )


def sync(system: System, *, start: bool = True) -> Plan:
    """Does what `plan` says, and returns it; without `start` units are enabled and nothing is started."""
    todo = plan(system)
    names = {name: f"abusehandler-bot@{name}.service" for name in (*todo.enable, *todo.disable, *todo.take_over)}
    if not system.systemd:
        _by_links(system, todo, names)
        return todo
    if todo.disable:
        system.run("systemctl", "disable", "--now", *(names[name] for name in todo.disable))
    if todo.enable:
        system.run("systemctl", "enable", *(names[name] for name in todo.enable))
    starting = [names[name] for name in (*todo.enable, *todo.take_over)]
    if start and starting:
        system.run("systemctl", "start", *starting)
    return todo


def _by_links(system: System, todo: Plan, names: dict[str, str]) -> None:
    # what `systemctl enable` does, for a machine whose systemd does not run now
    folder = system.layout.units / "abusehandler.target.wants"
    folder.mkdir(parents=True, exist_ok=True)
    for name in todo.enable:
        (folder / names[name]).symlink_to("/etc/systemd/system/abusehandler-bot@.service")
    for name in todo.disable:
        (folder / names[name]).unlink(missing_ok=True)
