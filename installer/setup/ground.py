# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ground: packages, the account of the bots, folders, the commands on the PATH."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import re
import time
from importlib import resources
from typing import TYPE_CHECKING

from abusehandler.installer.setup.layout import USER
from abusehandler.installer.setup.system import BOTS, ROOT, SHARED, Owner, SetupError, System

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from abusehandler.installer.setup.answers import Answers

#: With less than this, a disk counts as full.
FULL_BYTES = 20e6
COMMANDS = ("abusehandler", "intelmqctl", "intelmqdump")
#: How long another program may be installing packages.
DPKG_LOCK_SECONDS = 600
#: What apt-get and dpkg say then.
LOCKED = re.compile("locked by|get lock|to lock|acquire")


def unit_text(name: str) -> str:
    """A file of installer/units/."""
    return resources.files("abusehandler.installer").joinpath("units").joinpath(name).read_text(encoding="utf-8")


class Packages:
    """What the distribution brings: PostgreSQL, Redis, and for the portal nginx."""

    name = "packages"

    def __init__(self, system: System, answers: Answers) -> None:
        self.system = system
        wanted = {"postgres": "postgresql", "redis-server": "redis-server", "openssl": "openssl"}
        if answers.web.host_name and answers.web.tls != "proxy":
            wanted["nginx"] = "nginx"
        if answers.web.host_name and answers.web.tls == "certbot":
            wanted["certbot"] = "certbot"
        self.wanted = wanted

    def _lacking(self) -> list[str]:
        return [
            package
            for program, package in self.wanted.items()
            if not (self._postgres() if program == "postgres" else self.system.has(program))
        ]

    def _postgres(self) -> bool:
        return any(self.system.layout.at("/usr/lib/postgresql").glob("*/bin/postgres"))

    def missing(self) -> list[str]:
        if not self.system.real:
            return []
        cut_off = ["set up packages that were left half way"] if self._half_set_up() else []
        return cut_off + [f"install {package}" for package in self._lacking()]

    def _half_set_up(self) -> bool:
        """Whether a run of apt-get was cut off, by us or by others; then a server may be there and have no data yet."""
        states = self.system.run("dpkg-query", "-W", "-f", "${db:Status-Status}\n", check=False).stdout.split()
        return not {"unpacked", "half-configured", "triggers-awaited", "triggers-pending"}.isdisjoint(states)

    def apply(self) -> None:
        quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}
        if self._half_set_up():
            done = self._patiently("dpkg", "--configure", "-a", environment=quiet)
            if done.returncode:
                # what is unpacked may lack what it depends on
                done = self.system.run("apt-get", "install", "--fix-broken", "-y", "-q", check=False, environment=quiet)
            if done.returncode:
                raise SetupError(f"dpkg --configure -a says:\n{done.stderr.strip()[-1500:]}\nMend it and start again.")
        if lacking := self._lacking():
            self._install(lacking, quiet)

    def _patiently(self, *command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Runs it again while another one holds the lock: the dpkg of the run that was cut off, or unattended-upgrades."""
        deadline = time.monotonic() + DPKG_LOCK_SECONDS
        while True:
            done = self.system.run(*command, check=False, environment=environment)
            if not done.returncode or not LOCKED.search(done.stderr) or time.monotonic() > deadline:
                return done
            time.sleep(5)

    def _install(self, lacking: list[str], quiet: dict[str, str]) -> None:
        update = self._patiently("apt-get", "update", "-q", environment=quiet)
        done = self.system.run(
            "apt-get", "-o", f"DPkg::Lock::Timeout={DPKG_LOCK_SECONDS}", "install", "--fix-broken", "-y", "-q",
            "--no-install-recommends", *lacking,
            check=False, environment=quiet,
        )  # fmt: skip
        if done.returncode:
            raise SetupError(
                f"apt-get could not install {' '.join(lacking)}:\n{(update.stderr + done.stderr).strip()[-1500:]}\n"
                "Is the network there, are /etc/apt/sources.list and its folder right? Mend it and start again."
            )
        if "redis-server" in lacking and self.system.systemd:
            # it came with our package and nobody else uses it: ours is another one
            self.system.run("systemctl", "disable", "--now", "redis-server", check=False)


class Account:
    """The user `intelmq`, under which all of this runs."""

    name = "account"

    def __init__(self, system: System) -> None:
        self.system = system

    def missing(self) -> list[str]:
        if not self.system.real:
            return []
        try:
            pwd.getpwnam(USER)
        except KeyError:
            return [f"add the system user {USER}"]
        return []

    def apply(self) -> None:
        self.system.run(
            "useradd", "--system", "--user-group", "--home-dir", str(self.system.layout.state), "--no-create-home",
            "--shell", "/usr/sbin/nologin", USER,
        )  # fmt: skip


class Folders:
    """Configuration, data, logs, sockets, and IntelMQ's root directory made of links to them."""

    name = "folders"

    def __init__(self, system: System) -> None:
        self.system = system
        at = system.layout
        # the sticky bit: bots and IntelMQ Manager may add and replace files of theirs, but none of root's
        self.folders: dict[Path, tuple[Owner, int]] = {
            at.program: (ROOT, 0o755),
            at.intelmq: (ROOT, 0o755),
            at.intelmq / "var": (ROOT, 0o755),
            at.etc: (SHARED, 0o1770),
            at.etc / "manager": (BOTS, 0o750),
            at.secrets: (SHARED, 0o750),
            at.state: (SHARED, 0o1771),
            at.shipped: (ROOT, 0o700),
            at.state / "bots": (BOTS, 0o750),
            at.state / "evidence": (BOTS, 0o750),
            at.state / "feeds": (BOTS, 0o770),
            at.state / "customers": (BOTS, 0o750),
            at.state / "redis": (BOTS, 0o700),
            at.state / "maildir": (BOTS, 0o770),
            at.state / "maildir" / "new": (BOTS, 0o770),
            at.state / "maildir" / "cur": (BOTS, 0o770),
            at.state / "maildir" / "tmp": (BOTS, 0o770),
            at.log: (SHARED, 0o1770),
            at.run: (BOTS, 0o755),
            at.run / "bots": (BOTS, 0o750),
            # the bots add backups of theirs; what upgrades save there is root's and cannot be exchanged
            at.backups: (SHARED, 0o1770),
        }
        self.links = {
            at.intelmq / "etc": at.etc,
            at.intelmq / "var/lib": at.state,
            at.intelmq / "var/log": at.log,
            at.intelmq / "var/run": at.run / "bots",
        }
        self.files = {
            at.at("/etc/tmpfiles.d/abusehandler.conf"): unit_text("tmpfiles.conf"),
            at.at("/etc/logrotate.d/abusehandler"): unit_text("logrotate.conf"),
        }

    def missing(self) -> list[str]:
        lines = [
            f"folder {path}" if not path.is_dir() else f"owner and mode of {path}"
            for path, (owner, mode) in self.folders.items()
            if not path.is_dir() or self.system.permissions_differ(path, owner, mode)
        ]
        lines += [
            f"link {link} to {target}"
            for link, target in self.links.items()
            if not link.is_symlink() or link.readlink() != target
        ]
        return lines + [
            f"file {path}" for path, text in self.files.items() if self.system.differs(path, text, ROOT, 0o644)
        ]

    def apply(self) -> None:
        for path, (owner, mode) in self.folders.items():
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                raise SetupError(f"{path} is there and is no folder; move it away and start again")
            path.mkdir(parents=True, exist_ok=True)
            self.system.permit(path, owner, mode)
        for link, target in self.links.items():
            if link.is_symlink():
                link.unlink()
            elif link.exists():
                raise SetupError(f"{link} is there and should be a link to {target}; move it away and start again")
            link.symlink_to(target)
        for path, text in self.files.items():
            self.system.write(path, text)


class CommandsOnPath:
    """`abusehandler`, `intelmqctl` and `intelmqdump` in /usr/local/bin, with the right user and environment."""

    name = "commands"

    def __init__(self, system: System) -> None:
        self.system = system
        folder = system.layout.at("/usr/local/bin")
        self.files = {folder / name: unit_text("command.sh").replace("@NAME@", name) for name in COMMANDS}

    def missing(self) -> list[str]:
        for path in self.files:
            text = self.system.read(path)
            if text is not None and "/opt/abusehandler/" not in text:
                raise SetupError(
                    f"{path} is there and is not ours: another installation of IntelMQ? Move it away and start again."
                )
        return [f"file {path}" for path, text in self.files.items() if self.system.differs(path, text, ROOT, 0o755)]

    def apply(self) -> None:
        for path, text in self.files.items():
            self.system.write(path, text, ROOT, 0o755)


def room_for(error: BaseException, system: System) -> str:
    """What to say of full disks where they are the reason of a failure; else empty."""
    at = system.layout
    folders = [at.at(path) for path in ("/", "/var", "/opt", "/tmp", "/var/lib/postgresql")]  # noqa: S108
    free: dict[int, tuple[int, Path]] = {}
    for folder in (*folders, at.state, at.shipped, at.log, at.backups):
        with contextlib.suppress(OSError):
            status = os.statvfs(folder)
            free.setdefault(folder.stat().st_dev, (status.f_bavail * status.f_frsize, folder))
    full = [
        f"{size / 1e6:.0f} MB are free on the disk of {folder}" for size, folder in free.values() if size < FULL_BYTES
    ]
    if not full and os.strerror(errno.ENOSPC) not in str(error):
        return ""
    return "\nThe disk is full: make room. " + "; ".join(full)


def require_space(folder: Path, gigabytes: float = 1.0) -> None:
    """Raises SetupError if the disk is nearly full."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize / 1e9
    if free < gigabytes:
        raise SetupError(f"{folder}: {free:.1f} GB are free, {gigabytes:.0f} GB are needed; make room and start again")
