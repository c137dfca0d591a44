# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Puts a backup back: verified first, into an empty place unless told otherwise, the database in one transaction."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abusehandler.installer.backup import evidence_pool, postgres
from abusehandler.installer.backup.manifest import (
    DATABASE,
    EVIDENCE,
    BackupError,
    Manifest,
    SavedFile,
    read_manifest,
    sha256_of,
    write_whole,
)
from abusehandler.tickets.database import Database
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

PARTS = ("configuration", "evidence", "database")
MOST_TOLD = 20
#: PostgreSQL shows the connection of a program that has ended for a moment more.
JUST_ENDED_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where to: IntelMQ's root directory for configuration, the evidence folder, the database."""

    root: Path
    evidence: Path
    dsn: str


@dataclass
class Restored:
    """What was done. `left`: files that could not be written, with why."""

    configuration: int = 0
    evidence: int = 0
    tickets: int = 0
    in_doubt: int = 0
    left: list[str] = field(default_factory=list)


def verify(folder: Path, *, thorough: bool = True) -> Manifest:
    """Reads the backup and compares all SHA-256; without `thorough` raw reports are only looked for.

    Raises BackupError that names what is missing or damaged.
    """
    manifest = read_manifest(folder)
    faults = []
    for file in manifest.files:
        path = folder / file.path
        try:
            if path.stat().st_size != file.size or sha256_of(path) != file.sha256:
                faults.append(f"{path} is not what was saved")
        except OSError as error:
            faults.append(f"{path}: {error.strerror}")
    if not faults:
        pool = folder.parent / EVIDENCE
        known = {fault.split()[1] for fault in manifest.faults if fault.startswith("evidence ")}
        for sha256 in evidence_pool.read_list(folder):
            path = evidence_pool.place(pool, sha256)
            if not path.is_file():
                faults.append(f"{path} is missing")
            elif thorough and sha256 not in known and not evidence_pool.is_whole(path, sha256):
                faults.append(f"{path} is damaged")
    if faults:
        more = f"\n… and {len(faults) - MOST_TOLD} more" if len(faults) > MOST_TOLD else ""
        raise BackupError(f"{folder} is not whole:\n" + "\n".join(faults[:MOST_TOLD]) + more + "\ntake another backup")
    return manifest


def require_place(manifest: Manifest, folder: Path, target: Target, parts: Collection[str], *, replace: bool) -> None:
    """Raises BackupError if something would be overwritten without `replace`, or is in use."""
    if "database" in parts:
        _require_free_database(target.dsn, replace=replace)
    if replace:
        return
    if "configuration" in parts:
        differing = [
            path
            for file in manifest.configuration()
            if _differs(path := _target_path(target, file), folder / file.path)
        ]
        if differing:
            names = ", ".join(str(path) for path in differing[:5]) + (" …" if len(differing) > 5 else "")
            raise BackupError(f"these files are there and differ from the backup: {names}; write --replace to overwrite them, "
                              "or --only database --only evidence to leave the configuration as it is")  # fmt: skip


def _require_free_database(dsn: str, *, replace: bool) -> None:
    database = Database(dsn, application="abusehandler restore")
    try:
        deadline = time.monotonic() + JUST_ENDED_SECONDS
        while True:
            ((tables, others),) = database.fetch(statements("restore")["state"])
            if not others or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if others:
            raise BackupError(
                f"{others} other programs are connected to the database: stop bots and portal first "
                "(systemctl stop abusehandler.target, or intelmqctl stop)"
            )
        if tables and not replace:
            raise BackupError(f"the database is not empty ({tables} tables); write --replace to drop what it holds")
    finally:
        database.close()


def restore(folder: Path, target: Target, parts: Collection[str], *, replace: bool) -> Restored:
    """Configuration, evidence, then the database. Call `verify` and `require_place` before. Raises BackupError, OSError."""
    manifest, done = read_manifest(folder), Restored()
    if "configuration" in parts:
        for file in manifest.configuration():
            _put(target, folder, file, done, replace=replace)
    if "evidence" in parts:
        pool = folder.parent / EVIDENCE
        for sha256 in evidence_pool.read_list(folder):
            path = evidence_pool.place(target.evidence, sha256)
            if path.is_file() and evidence_pool.is_whole(path, sha256):
                continue
            evidence_pool.copy(evidence_pool.place(pool, sha256), path)
            done.evidence += 1
    if "database" in parts:
        _restore_database(folder, target.dsn)
        done.tickets, done.in_doubt = _after(target.dsn, manifest)
    return done


def _target_path(target: Target, file: SavedFile) -> Path:
    # an absolute one stays where it was
    return target.root / file.target


def _differs(path: Path, saved: Path) -> bool:
    try:
        return path.read_bytes() != saved.read_bytes()
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _put(target: Target, folder: Path, file: SavedFile, done: Restored, *, replace: bool) -> None:
    path = _target_path(target, file)
    if path.exists() and not _differs(path, folder / file.path):
        return
    if path.exists() and not replace:
        raise BackupError(f"{path} is there and differs; write --replace to overwrite it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (folder / file.path).read_bytes(), file.mode & 0o770)
        done.configuration += 1
    except OSError as error:
        done.left.append(f"{path}: {error.strerror}; it lies in {folder / file.path}, copy it as root")


def _restore_database(folder: Path, dsn: str) -> None:
    """One transaction drops what is there and makes what was saved: it holds the old or the new whole, never a mixture."""
    version = postgres.server_version(dsn)
    variables = postgres.environment(dsn)
    reader = postgres.program("pg_restore", version, newer=False)
    writer = postgres.program("psql", version, newer=True)
    script = subprocess.Popen(
        [str(reader), "--no-owner", "--no-privileges", "--exit-on-error", "--file=-", str(folder / DATABASE)],
        env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    psql = subprocess.Popen(
        [str(writer), "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-"],
        env=variables, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert (
        script.stdout is not None and psql.stdin is not None and script.stderr is not None and psql.stderr is not None
    )
    try:
        psql.stdin.write(
            b"SET client_min_messages = warning;\nBEGIN;\n" + statements("restore")["clear"].encode() + b";\n"
        )
        while piece := script.stdout.read(1 << 20):
            psql.stdin.write(piece)
        # commit only what was read to its end
        whole = script.wait() == 0
        psql.stdin.write(b"\nCOMMIT;\n" if whole else b"\nROLLBACK;\n")
        psql.stdin.close()
    except BrokenPipeError:
        whole = True
    finally:
        script.stdout.close()
        with suppress(BrokenPipeError):
            psql.stdin.close()
    said = psql.stderr.read().decode("utf-8", "replace")
    code = psql.wait()
    if script.poll() is None:
        script.terminate()
    read_said = script.stderr.read().decode("utf-8", "replace")
    script.wait()
    script.stderr.close()
    psql.stderr.close()
    if code or not whole:
        raise BackupError(f"the database was left as it was: {postgres.last_words(said or read_said)}")


def _after(dsn: str, manifest: Manifest) -> tuple[int, int]:
    """What was about to be sent when the backup was made may have been sent since: it is in doubt, not sent again unasked."""
    database = Database(dsn, application="abusehandler restore")
    words = {
        "why": f"restored from the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC; it may have been sent after that"
    }
    try:
        with database.transaction() as cursor:
            cursor.execute(statements("restore")["doubt"], words)
            in_doubt = cursor.rowcount
            cursor.execute(statements("restore")["doubt_reporter_mails"], words)
            cursor.execute("ANALYZE")
            cursor.execute("SELECT count(*) FROM tickets")
            (tickets,) = cursor.fetchone() or (0,)
    finally:
        database.close()
    return int(tickets), in_doubt
