# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""From one release to the next, and back by itself when a check fails. Run by the new release, called by upgrade.sh.

Until the point of no return nothing comes in (collectors are down, `abusehandler deliver` asks the mail server to wait) and
nothing goes out (notices and timers are down), so that database, queues and configuration can be put back as they were
without losing a report or telling a customer twice.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler import __version__
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.installer.setup import bot_units
from abusehandler.installer.setup.answers import load_answers
from abusehandler.installer.setup.configuration import require_right_configuration
from abusehandler.installer.setup.ground import require_space, room_for
from abusehandler.installer.setup.layout import DATABASE, USER
from abusehandler.installer.setup.order import all_steps
from abusehandler.installer.setup.services import DatabaseServer, Queues
from abusehandler.installer.setup.steps import run_steps
from abusehandler.installer.setup.system import BOTS, ROOT, SHARED, SetupError, System
from abusehandler.installer.setup.units import Running, intelmq_faults, require_running, start, stop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.installer.setup.three_way import Choice

#: The one output that only stores; all others write to somebody or act by the clock, and start last.
STORING = "intelmq.bots.outputs.abusehandler.tickets"
#: What the doctor is asked: all that an upgrade can break and that needs neither the outside world nor all bots.
EXAMINED = ("versions", "permissions", "disk", "database", "partitions", "redis", "evidence")


def criticals(system: System) -> set[str]:
    """What the doctor of the release in use finds critical, `check: message`; empty where it has no doctor."""
    words = [word for check in EXAMINED for word in ("--only", check)]
    done = system.ours("abusehandler", "doctor", "--json", *words, check=False)
    try:
        checks = json.loads(done.stdout)["checks"]
        return {
            f"{check['name']}: {finding['message']}"
            for check in checks
            for finding in check["findings"]
            if finding["state"] == "critical"
        }
    except (ValueError, KeyError, TypeError):
        return set()


class Upgrade:
    """The way from the old release to the new one."""

    def __init__(self, system: System, old: Path, new: Path) -> None:
        self.system = system
        self.old, self.new = old, new
        at = system.layout
        self.marker = at.program / "upgrading"
        #: Gone after a boot; the units start while the marker is there only if this is there, too.
        self.under_way = at.at("/run/abusehandler-upgrade")
        self.saved = at.backups / f"before-upgrade-{datetime.now(timezone.utc):%Y%m%d%H%M%S}"
        self.queues = Queues(system)
        self.before: set[str] = set()

    def prepare(self) -> None:
        """Stops everything and saves configuration, database and queues as they stand then. Raises SetupError."""
        self._require_room()
        # servers that the steps below need, and whose absence is no fault of the new release
        run_steps([DatabaseServer(self.system)], self.system)
        self.before = criticals(self.system)
        say("stopping the bots; mail servers are asked to wait")
        self._mark(saved=False)
        stop(self.system)
        say(f"saving configuration, database and queues to {self.saved}")
        # root's, all of it: what root unpacks again must not have passed through the hands of a bot
        self.system.permit(self.system.layout.backups, SHARED, 0o1770)
        self.saved.mkdir(mode=0o700)
        self.system.permit(self.saved, SHARED, 0o750)
        at = self.system.layout
        configuration, dump, queues = (
            self.saved / name for name in ("configuration.tar", "database.dump", "redis.tar")
        )
        for path, owner in ((configuration, ROOT), (dump, BOTS), (queues, ROOT)):
            self.system.write(path, b"", owner, 0o600)
        self.system.run("tar", "-C", str(at.root), "-cpf", str(configuration), *self._configuration())
        self.system.run("pg_dump", "-Fc", "-Z1", "-f", str(dump), DATABASE, user=USER)
        self.system.permit(dump, SHARED, 0o640)
        self.queues.stop()
        self.system.run("tar", "-C", str(at.state), "-cpf", str(queues), "redis")
        self.queues.start()
        self._mark(saved=True)

    def _mark(self, *, saved: bool) -> None:
        """Tells `abusehandler deliver` to ask for patience, and a later run what to put back after a power failure."""
        self.system.write(self.under_way, "")
        self.system.write(
            self.marker, json.dumps({"old": str(self.old), "saved": str(self.saved) if saved else ""}) + "\n"
        )

    def unmark(self) -> None:
        """Mail servers may deliver again, and units start as ever."""
        self.marker.unlink(missing_ok=True)
        self.under_way.unlink(missing_ok=True)

    @classmethod
    def unfinished(cls, system: System) -> Upgrade | None:
        """An upgrade that ended in the middle of it all; None if there was none."""
        upgrade = cls(system, system.layout.current.resolve(), system.layout.current.resolve())
        text = system.read(upgrade.marker)
        if text is None:
            return None
        told = json.loads(text)
        upgrade.old = Path(told["old"])
        upgrade.saved = Path(told["saved"]) if told["saved"] else upgrade.saved
        return upgrade

    def _configuration(self) -> list[str]:
        at = self.system.layout
        paths = [at.etc, at.shipped, *at.units.glob("abusehandler*")]
        return [str(path.relative_to(at.root)) for path in paths if path.exists()]

    def _require_room(self) -> None:
        size = self.system.run(
            "psql", "-qAtX", "-d", DATABASE, "-c", f"SELECT pg_database_size('{DATABASE}')", user=USER
        ).stdout.strip()  # fmt: skip
        self.system.layout.backups.mkdir(parents=True, exist_ok=True)
        # a compressed dump is smaller than the database with its indexes; the queues come to it
        require_space(self.system.layout.backups, 0.5 + int(size) / 2e9)

    def change(self, choice: Choice | None) -> None:
        """Switches to the new release: configuration merged, tables changed, all checked, the working bots started.

        Raises AbusehandlerError if anything does not work; `back` puts things right then.
        """
        say(f"switching to {self.new.name}")
        switch(self.system, self.new)
        answers = load_answers(self.system.layout.answers)
        # with nobody to ask, the operator's values stay and the conflicts are in install.log
        wanted: Choice | None = choice or (None if sys.stdin.isatty() else "keep")
        for step in all_steps(self.system, answers, wanted, start=False):
            run_steps([step], self.system)
        say("checking")
        require_right_configuration(self.system)
        self.system.ours("abusehandler", "db", "status")
        self.system.ours("abusehandler", "rules", "check")
        if faults := intelmq_faults(self.system):
            raise SetupError("intelmqctl check does not agree:\n" + "\n".join(faults))
        if faults := sorted(criticals(self.system) - self.before):
            raise SetupError("the doctor finds what was not there before:\n" + "\n".join(faults))
        # with systemd, enabling new bots may have started them: nothing acts before the check is over
        stop(self.system)
        working, _ = self._bots()
        start(self.system, working)
        require_running(self.system, working)

    def _bots(self) -> tuple[list[str], list[str]]:
        """Bots that only work on what is queued; and those by which something comes in or goes out."""
        working: list[str] = []
        others: list[str] = []
        for name, bot in bot_units.bots(self.system.layout.intelmq).items():
            storing = bot.get("group") in ("Parser", "Expert") or bot.get("module") == STORING
            (working if storing else others).append(name)
        return working, others

    def go_on(self) -> None:
        """The point of no return: collectors, notices, timers and portal start, mail servers may deliver again."""
        self.unmark()
        _, others = self._bots()
        start(self.system, others)
        if self.system.systemd:
            self.system.run("systemctl", "start", "abusehandler.target", "abusehandler-units.timer")
            if load(self.system.layout.etc / "abusehandler.yaml").portal.public_url:
                self.system.run("systemctl", "restart", "abusehandler-portal.service", check=False)
        require_running(self.system, others)

    def back(self) -> None:
        """Puts the old release, configuration, database and queues back, and starts what ran before."""
        at = self.system.layout
        stop(self.system)
        self.queues.stop()
        say("putting the old release, configuration, database and queues back")
        switch(self.system, self.old)
        for path in (at.etc, at.shipped):
            for entry in path.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
        for unit in at.units.glob("abusehandler*"):
            shutil.rmtree(unit) if unit.is_dir() else unit.unlink()
        self.system.run("tar", "-C", str(at.root), "-xpf", str(self.saved / "configuration.tar"))
        shutil.rmtree(at.state / "redis")
        self.system.run("tar", "-C", str(at.state), "-xpf", str(self.saved / "redis.tar"))
        for link in at.units.glob("*.wants/abusehandler*"):
            if not link.exists():
                # a unit that only the new release has
                link.unlink()
        self._database_back()
        if self.system.systemd:
            self.system.run("systemctl", "daemon-reload")
        self.queues.start()
        self.unmark()
        start_all(self.system)
        left = Running(self.system).down(bot_units.bots(at.intelmq))
        say(f"back at {self.old.name}" + (f"; these bots do not run: {', '.join(left)}" if left else "; all bots run"))

    def _database_back(self) -> None:
        # into a new database first: the changed one is dropped only when the old one is whole
        restored = f"{DATABASE}_restored"
        self.system.run("dropdb", "--if-exists", restored, user="postgres")
        self.system.run("createdb", "--owner", USER, "--template", "template0", "--encoding", "UTF8", "--locale", "C.UTF-8",
                        restored, user="postgres")  # fmt: skip
        # everything belongs to the role that restores; a dump of a cluster that was once PostgreSQL 14 also names others
        self.system.run(
            "pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", "-d", restored,
            str(self.saved / "database.dump"), user=USER,
        )  # fmt: skip
        self.system.run("dropdb", "--if-exists", "--force", DATABASE, user="postgres")
        self.system.run(
            "psql", "-qX", "-c", f"ALTER DATABASE {restored} RENAME TO {DATABASE}", "postgres", user="postgres"
        )

    def keep_two(self) -> None:
        """Of what upgrades saved, the last two stay."""
        for path in sorted(self.system.layout.backups.glob("before-upgrade-*"))[:-2]:
            shutil.rmtree(path)


def switch(system: System, release: Path) -> None:
    """Makes a release the one in use, in one step."""
    link = system.layout.program / "current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(release)
    link.replace(system.layout.current)


def start_all(system: System) -> None:
    """Starts what `stop` has stopped: bots, portal, timer."""
    start(system, bot_units.bots(system.layout.intelmq))
    if system.systemd:
        system.run("systemctl", "start", "abusehandler.target", "abusehandler-units.timer", check=False)


def say(text: str) -> None:
    with contextlib.suppress(OSError):
        # a terminal that is gone is no reason to leave anything undone
        print(f"-- {text}", flush=True)


def complain(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _interrupted(number: int, _frame: object) -> None:
    """A signal must not leave the desk half way: the upgrade goes back."""
    if number == signal.SIGHUP:
        # the terminal is gone, and the next word said to it would be an error that hides this one
        with contextlib.suppress(OSError):
            log = os.open(System().layout.log / "install.log", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
            for said in (sys.stdout, sys.stderr):
                os.dup2(log, said.fileno())
    raise KeyboardInterrupt(f"signal {number}")


def _undisturbed(system: System) -> None:
    """From here to the end no signal counts: going back, and what comes after the point of no return, is done whole."""
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        # a handler and not SIG_IGN, which the servers that we start would inherit
        signal.signal(number, lambda _number, _frame: None)
    # nor does the terminal's Ctrl-C reach tar and pg_restore
    system.detached = True


def go_back_from_unfinished(system: System) -> int:
    """Puts right what an upgrade that was cut off has left; 0 if there is nothing or it worked."""
    upgrade = Upgrade.unfinished(system)
    if upgrade is None:
        return 0
    say("an earlier upgrade was cut off")
    if upgrade.saved.exists():
        upgrade.back()
    else:
        # it had changed nothing yet
        upgrade.queues.start()
        upgrade.unmark()
        start_all(system)
    system.log("an upgrade that was cut off was put right")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="old", type=Path)
    parser.add_argument("--to", dest="new", type=Path)
    parser.add_argument("--unfinished", action="store_true", help="only put right what was cut off")
    parser.add_argument("--keep", action="store_const", const="keep", dest="choice")
    parser.add_argument("--take", action="store_const", const="take", dest="choice")
    arguments = parser.parse_args(argv)
    system = System()
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _interrupted)
    if arguments.unfinished:
        _undisturbed(system)
        try:
            return go_back_from_unfinished(system)
        except (AbusehandlerError, OSError, ValueError) as error:
            complain(f"\nupgrade.sh stopped: {error}\nSee docs/upgrade.md, 'By hand'.")
            return 2
    system.log(f"upgrade from {arguments.old.name} to {arguments.new.name}")
    upgrade = Upgrade(system, arguments.old, arguments.new)
    try:
        upgrade.prepare()
    except (AbusehandlerError, OSError, KeyboardInterrupt) as error:
        _undisturbed(system)
        system.log(f"stopped: {error}")
        complain(
            f"\nupgrade.sh stopped before anything was changed: {error or 'it was stopped'}{room_for(error, system)}"
        )
        upgrade.queues.start()
        upgrade.unmark()
        start_all(system)
        return 1
    try:
        upgrade.change(arguments.choice)
        _undisturbed(system)
    except (AbusehandlerError, OSError, KeyboardInterrupt) as error:
        _undisturbed(system)
        system.log(f"the upgrade failed: {error}")
        complain(f"\nthe upgrade failed: {error or 'it was stopped'}{room_for(error, system)}\n")
        try:
            upgrade.back()
        except (AbusehandlerError, OSError) as second:
            system.log(f"going back failed: {second}")
            complain(
                f"\ngoing back failed, too: {second}{room_for(second, system)}\n"
                f"All that is needed is in {upgrade.saved}: docs/upgrade.md, 'By hand'."
            )
            return 2
        complain(f"Nothing was lost; what was saved is in {upgrade.saved}.")
        return 1
    try:
        upgrade.go_on()
    except (AbusehandlerError, OSError) as error:
        system.log(f"after the upgrade: {error}")
        complain(f"\nupgraded to {__version__}, but: {error}\nSee docs/upgrade.md, 'A bot that does not stay up'.")
        return 1
    upgrade.keep_two()
    system.log(f"upgraded to {arguments.new.name}")
    say(f"upgraded to {__version__} ({arguments.new.name}); what was before is in {upgrade.saved}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
