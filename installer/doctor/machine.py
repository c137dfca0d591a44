# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks of the machine: versions, room on disks, clock, who may read what."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import subprocess
import sys
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler import __version__
from abusehandler.configuration import configuration_path
from abusehandler.configuration.secrets import named_secrets
from abusehandler.installer.doctor.finding import critical, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.installer.doctor.examined import Examined
    from abusehandler.installer.doctor.finding import Finding

OLDEST_POSTGRESQL = 13
#: BLMOVE, with which batches are taken from queues, came with 6.2.
OLDEST_REDIS = (6, 2)
#: Below these shares of free space or inodes, and below these bytes where a disk is small.
LITTLE, VERY_LITTLE = 0.10, 0.03
VERY_LITTLE_BYTES = 500_000_000
#: Seconds that clocks may differ; customers are looked up by the time of the event.
CLOCK_SLACK = 5.0
_SECRET_WORDS = ("api_key", "secret", "password", "token")


def versions(examined: Examined) -> Iterator[Finding]:
    """Python, IntelMQ, PostgreSQL, Redis."""
    python = platform.python_version()
    if (3, 10) <= sys.version_info[:2] <= (3, 13):
        yield ok(f"abusehandler {__version__}, Python {python}")
    else:
        yield warning(f"Python {python} is not one that abusehandler is tested with", "use Python 3.10 to 3.13")
    intelmq = metadata.version("intelmq")
    if intelmq.startswith("3.5."):
        yield ok(f"IntelMQ {intelmq}")
    else:
        yield critical(
            f"IntelMQ {intelmq}: the bots need 3.5", "install with installer/constraints.txt, see docs/install.md"
        )
    with examined.database() as database:
        ((number, words),) = database.fetch(
            "SELECT current_setting('server_version_num')::int, current_setting('server_version')"
        )
    if int(number) // 10000 < OLDEST_POSTGRESQL:
        yield critical(f"PostgreSQL {words} is too old", f"upgrade to {OLDEST_POSTGRESQL} or newer (pg_upgradecluster)")
    else:
        yield ok(f"PostgreSQL {words}")
    with examined.queues() as client:
        redis_version = str(client.info("server").get("redis_version", "0"))
    numbers = tuple(int(part) for part in redis_version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST_REDIS:
        yield critical(f"Redis {redis_version} is too old", "upgrade to 6.2 or newer, or use Valkey")
    else:
        yield ok(f"Redis {redis_version}")


def disk(examined: Examined) -> Iterator[Finding]:
    """Space and inodes of the folders that grow; one line for each file system."""
    folders = {"evidence": examined.configuration.evidence.path, "logs": examined.root / "var" / "log",
               "state": examined.state}  # fmt: skip
    with examined.database() as database:
        ((local, data),) = database.fetch(
            "SELECT inet_server_addr() IS NULL, (SELECT setting FROM pg_settings WHERE name = 'data_directory')"
        )
    if local and data:
        folders["database"] = Path(data)
    backups = examined.configuration.backup.path
    if backups.exists():
        folders["backups"] = backups
    seen: dict[int, list[tuple[str, Path]]] = {}
    for name, folder in folders.items():
        there = _existing(folder)
        if there is not None:
            seen.setdefault(there.stat().st_dev, []).append((name, there))
    for entries in seen.values():
        yield _room(", ".join(name for name, _ in entries), entries[0][1])


def _existing(folder: Path) -> Path | None:
    """The folder, or the nearest above it that this user can see."""
    for path in (folder, *folder.parents):
        try:
            path.stat()
        except OSError:
            continue
        return path
    return None


def _room(names: str, folder: Path) -> Finding:
    status = os.statvfs(folder)
    free, total = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    share = free / total if total else 1.0
    inodes = status.f_favail / status.f_files if status.f_files else 1.0
    text = f"{names}: {free / 1e9:.1f} GB ({share:.0%}) and {inodes:.0%} of the inodes are free on the disk of {folder}"
    mend = (
        "make room, or set retention in abusehandler.yaml ('abusehandler db retention --dry-run' tells what that drops)"
    )
    if free < VERY_LITTLE_BYTES or inodes < VERY_LITTLE:
        return critical(text, mend)
    if (share < LITTLE and free < 20e9) or inodes < LITTLE:
        return warning(text, mend)
    return ok(text)


def clock(examined: Examined) -> Iterator[Finding]:
    """Whether this machine's clock is right: against the database's, and by what keeps time here."""
    mend = "apt-get install chrony (or systemd-timesyncd): events are matched to customers by their time"
    with examined.database() as database:
        ((there,),) = database.fetch("SELECT clock_timestamp()")
    apart = abs((datetime.now(timezone.utc) - there).total_seconds())
    if apart > CLOCK_SLACK:
        yield critical(f"this clock and the database's are {apart:.0f} seconds apart", mend)
    else:
        yield ok(f"this clock and the database's agree ({apart:.1f} s)")
    state = _synchronised()
    if state is None:
        yield ok("no chrony or timedatectl here to ask (in a container the host keeps the time)")
    elif state:
        yield ok("the clock is synchronised")
    else:
        yield warning("the clock is not synchronised", mend)


def _synchronised() -> bool | None:
    for command, good in ((["chronyc", "-n", "tracking"], "Leap status     : Normal"),
                          (["timedatectl", "show", "-p", "NTPSynchronized", "--value"], "yes")):  # fmt: skip
        if shutil.which(command[0]) is None:
            continue
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        except (OSError, subprocess.SubprocessError):
            continue
        if done.returncode == 0:
            return good in done.stdout
    return None


def permissions(examined: Examined) -> Iterator[Finding]:
    """Secrets are their owner's alone; configuration cannot be changed by everybody; evidence can be written."""
    secrets = list(secret_files(examined))
    wrong = 0
    for path, forbidden in secrets:
        fault = _secret_fault(path, forbidden)
        if fault is not None:
            wrong += 1
            yield fault
    for path in (configuration_path(), examined.runtime_path, examined.configuration.rules.path):
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if mode & stat.S_IWOTH:
            wrong += 1
            yield critical(f"{path}: everybody on this machine may change it", f"chmod o-w {path}")
    if not wrong:
        yield ok(f"{len(secrets)} files with secrets are their owner's alone")
    yield from _folders(examined)


def _folders(examined: Examined) -> Iterator[Finding]:
    evidence = examined.configuration.evidence.path
    for name, folder in (("evidence", evidence), ("logs", examined.root / "var" / "log"), ("state", examined.state)):
        if not folder.is_dir():
            yield critical(f"{name}: {folder} is not there", f"mkdir -p {folder}, owned by the user of the bots")
        elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            yield critical(
                f"{name}: {folder} cannot be written by user {_user()}", f"chown it to the bots' user: {folder}"
            )
        elif name == "evidence" and folder.stat().st_mode & stat.S_IROTH and folder.stat().st_mode & stat.S_IXOTH:
            yield warning(f"evidence: everybody on this machine may read {folder}", f"chmod 750 {folder}")
        else:
            yield ok(f"{name}: {folder} can be written")


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())


def _secret_fault(path: Path, forbidden: int) -> Finding | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return critical(f"{path}: there is no such file, but the configuration names it", "write it, mode 0600")
    except OSError as error:
        return critical(f"{path}: {error.strerror}", "let the bots' user read it")
    if status.st_mode & forbidden:
        return critical(f"{path}: others may read this secret (mode {status.st_mode & 0o777:04o})", f"chmod 600 {path}")
    if not os.access(path, os.R_OK):
        return critical(f"{path}: user {_user()} cannot read it", f"chown {_user()} {path}")
    return None


def secret_files(examined: Examined) -> Iterator[tuple[Path, int]]:
    """Files that hold a secret, and the mode bits that they must not have: those that abusehandler.yaml and bot parameters
    name, and runtime.yaml if it holds one.
    """
    found = dict.fromkeys(named_secrets(examined.configuration), 0o077)
    base = configuration_path().resolve().parent
    # connectors take a file that the group may read, too
    found.update(dict.fromkeys((base / word for word in _named_in_dict(examined.configuration.customers)), 0o007))
    for bot in examined.bots().values():
        for key in ("password_file", "token_file"):
            value = (bot.get("parameters") or {}).get(key)
            if value:
                found[examined.root / str(value)] = 0o077
    if _holds_secret(examined.runtime):
        found[examined.runtime_path] = 0o077
    yield from found.items()


def _named_in_dict(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and str(key).endswith(("password_file", "token_file", "secret_file", "key_file")):
                yield inner
            else:
                yield from _named_in_dict(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_in_dict(inner)


def _holds_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return any(
            (isinstance(inner, str) and inner not in ("", "fill-in") and any(word in str(key) for word in _SECRET_WORDS)
             and not str(key).endswith("_file")) or _holds_secret(inner)
            for key, inner in value.items()
        )  # fmt: skip
    return isinstance(value, list) and any(_holds_secret(inner) for inner in value)
