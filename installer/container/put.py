# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`put NAME < FILE` in a container: a file of the operator comes in whole, readable by the bots and nobody else.

`docker compose cp` makes files root's, which the bots then cannot read, and a large report shows up before it is complete.
"""

from __future__ import annotations

import getpass
import io
import os
import signal
import sys
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import yaml

from abusehandler.configuration import load
from abusehandler.configuration.faults import faults
from abusehandler.errors import AbusehandlerError, ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = """usage: put NAME < FILE
  NAME   abusehandler.yaml, runtime.yaml, rules.yaml, customers.csv or another file of /etc/abusehandler
         secrets/NAME   a secret of its own, for example secrets/imap-password
         feeds/NAME     a report file for the feeds folder"""
PIECE = 1 << 20
#: Configuration and customer files; reports may be larger.
MAX_BYTES = 256 << 20
SUPERVISOR = b"abusehandler.installer.container.supervise"


def place_of(root: Path, name: str) -> tuple[Path, int]:
    """Where a name is put under IntelMQ's root directory, and with which mode. Raises ConfigurationError."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or any(part.startswith(".") for part in parts):
        raise ConfigurationError(f"{name!r} is no name of a file; write for example abusehandler.yaml\n{USAGE}")
    if parts[0] == "feeds":
        if len(parts) != 2:
            raise ConfigurationError(f"{name}: write feeds/ and the file's name")
        return root / "var/lib/feeds" / parts[1], 0o640
    secret = parts[0] == "secrets" or name == "runtime.yaml"  # the Shadowserver key stands in it
    return root / "etc" / Path(*parts), 0o600 if secret else 0o640


def put(root: Path, name: str, source: IO[bytes]) -> list[str]:
    """Writes what comes from `source`, checked first; returns what a person should know.

    Raises ConfigurationError if the file is wrong, and then leaves what was there; OSError if it cannot be written.
    """
    path, mode = place_of(root, name)
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            size = 0
            while piece := source.read(PIECE):
                size += len(piece)
                if size > MAX_BYTES and not name.startswith("feeds/"):
                    raise ConfigurationError(f"{name}: larger than {MAX_BYTES >> 20} MB")
                file.write(piece)
            file.flush()
            os.fsync(handle)
        if not size:
            raise ConfigurationError(f"{name}: nothing came in; write: put {name} < FILE")
        try:
            told = _checked(root, name, temporary)
        except ConfigurationError as error:
            raise ConfigurationError(str(error).replace(str(temporary), name)) from None
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return told


def _checked(root: Path, name: str, path: Path) -> list[str]:
    if name == "abusehandler.yaml":
        return faults(load(path))
    if name == "rules.yaml":
        Rules.load(path, Catalogue.load(load(root / "etc/abusehandler.yaml").reading.catalogue))
    elif name == "runtime.yaml":
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}: not YAML: {error}") from None
        if not isinstance(found, dict) or not all(isinstance(bot, dict) for bot in found.values()):
            raise ConfigurationError(f"{path}: must hold one section for each bot, see 'intelmqctl check'")
    elif name.startswith("secrets/") and not path.read_bytes().split(b"\n")[0].strip():
        raise ConfigurationError(f"{path}: the first line is empty; it must hold the secret")
    return []


def reload_bots(processes: Path = Path("/proc")) -> bool:
    """Tells the supervisor of this container, if it runs, that the bots shall read their configuration again."""
    for path in processes.glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            if words[1:3] == [b"-m", SUPERVISOR]:
                os.kill(int(path.parent.name), signal.SIGHUP)
                return True
        except OSError:
            continue
    return False


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 2
    name, root = arguments[0], Path(os.environ.get("INTELMQ_ROOT_DIR") or "/opt/intelmq")
    try:
        if sys.stdin.isatty() and name.startswith("secrets/"):
            place_of(root, name)
            told = put(root, name, io.BytesIO(getpass.getpass(f"{name}: ").encode() + b"\n"))
        else:
            told = put(root, name, sys.stdin.buffer)
    except (AbusehandlerError, OSError) as error:
        print(f"put: {error}", file=sys.stderr)
        return 1
    for line in told:
        print(f"put: {line}", file=sys.stderr)
    print(f"put: wrote {name}")
    if not name.startswith("feeds/") and reload_bots():
        print("put: the bots read their configuration again" + _portal(name))
    return 0


def _portal(name: str) -> str:
    return "; the portal does when it is restarted" if name == "abusehandler.yaml" else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
