# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler units sync|list`: systemd's units follow runtime.yaml."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError
from abusehandler.installer.run_bot import running
from abusehandler.installer.setup import bot_units
from abusehandler.installer.setup.system import System

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="sync|list")
    about = "enable and start the bots that runtime.yaml enables, disable others, take over what intelmqctl has started"
    sync = verbs.add_parser("sync", help=about, description=about)
    sync.add_argument("--dry-run", action="store_true", help="only say what would be done")
    sync.add_argument("--quiet", action="store_true", help="no word when there is nothing to do")
    verbs.add_parser("list", help="the bots of runtime.yaml, their units and processes")


def run(arguments: argparse.Namespace) -> int:
    system = System()
    if not (system.layout.units / "abusehandler-bot@.service").exists():
        raise AbusehandlerError("the units are not installed: this is for servers set up by installer/install.sh")
    if arguments.verb == "list":
        known = bot_units.enabled_units(system.layout.units)
        for name, bot in bot_units.bots(system.layout.intelmq).items():
            number = running(system.layout.intelmq, name, str(bot.get("module")))
            print(f"{name:<32} {'unit' if name in known else 'no unit':<8} {number or 'does not run'}")
        return 0
    if os.geteuid() != 0 and not arguments.dry_run:
        raise AbusehandlerError("units are root's: sudo abusehandler units sync")
    todo = bot_units.plan(system) if arguments.dry_run else bot_units.sync(system)
    if not system.systemd:
        print("systemd does not run here: units are enabled for the next boot, start the bots with 'intelmqctl start'.")
    for line in todo.lines():
        print(("would " if arguments.dry_run else "") + line)
    if not todo.lines() and not arguments.quiet:
        print("the units are as runtime.yaml says.")
    return 0
