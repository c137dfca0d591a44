# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes a backup: the database's snapshot first, then evidence, which is only ever added to, then configuration and keys."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel

from abusehandler import __version__
from abusehandler.configuration import configuration_path
from abusehandler.installer.backup import evidence_pool, postgres
from abusehandler.installer.backup.manifest import (
    CONFIGURATION,
    DATABASE,
    EVIDENCE,
    EVIDENCE_LIST,
    BackupError,
    Manifest,
    SavedFile,
    backups,
    sha256_of,
    sync_folder,
    write_whole,
)
from abusehandler.installer.doctor.keeping import BACKUP_NOTE
from abusehandler.tickets.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.configuration import Configuration

#: A file of the configuration is not larger; what is, is told as a fault.
LARGEST_FILE = 200_000_000
MOST_FILES = 20_000
MOST_TOLD = 50


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it: the folder, its manifest, how many raw reports were new, how many old backups went."""

    folder: Path
    manifest: Manifest
    new_evidence: int
    dropped: int


def make(configuration: Configuration, root: Path, place: Path, keep: int) -> Made:
    """A backup in a new folder below `place`; of all there `keep` stay. Raises BackupError; then nothing counts as made."""
    with _alone(place):
        now = datetime.now(timezone.utc)
        folder = place / f"abusehandler-{now:%Y%m%dT%H%M%SZ}"
        part = place / f".{folder.name}.part"
        for left in place.glob(".abusehandler-*.part"):
            shutil.rmtree(left, ignore_errors=True)
        try:
            part.mkdir(mode=0o700)
            manifest, new = _fill(part, configuration, root, place / EVIDENCE, now)
            manifest.write(part)
            part.rename(folder)
            sync_folder(place)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            raise BackupError(f"{place}: {error}; make room, or name another folder with --to") from error
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        dropped = _drop_old(place, keep)
    _note(root, folder, manifest)
    return Made(folder, manifest, new, dropped)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Only one backup at a time writes to the folder, which is its owner's alone."""
    before = os.umask(0o077)
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (place / ".lock").open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise BackupError(f"another backup is writing to {place}; wait for its end") from None
            yield
    except PermissionError as error:
        raise BackupError(
            f"{place}: {error.strerror}; let this user write there, or name another folder with --to"
        ) from None
    finally:
        os.umask(before)


def _fill(part: Path, configuration: Configuration, root: Path, pool: Path, now: datetime) -> tuple[Manifest, int]:
    dsn, faults = configuration.database.dsn, list[str]()
    version = postgres.server_version(dsn)
    dump = part / DATABASE
    postgres.run(
        [str(postgres.program("pg_dump", version, newer=True)), "--format=custom", "--no-password", "--no-owner", "--no-privileges",
         f"--file={dump}"],
        postgres.environment(dsn),
    )  # fmt: skip
    copied = evidence_pool.add(configuration.evidence.path, pool)
    faults += [f"evidence {one} is damaged; it was copied as it is" for one in copied.damaged[:MOST_TOLD]]
    schema, lacking = _database_facts(dsn, set(copied.listed))
    faults += [f"evidence {one} is named by the database and is not there" for one in lacking]
    write_whole(part / EVIDENCE_LIST, "".join(f"{one}\n" for one in copied.listed).encode())
    files = [_saved(part, dump), _saved(part, part / EVIDENCE_LIST)]
    for number, (source, target) in enumerate(_configuration_files(configuration, root, faults)):
        if number >= MOST_FILES:
            faults.append(f"more than {MOST_FILES} configuration files; the rest was left out")
            break
        inner = (
            part
            / CONFIGURATION
            / (target.lstrip("/") if not target.startswith("/") else "outside/" + target.lstrip("/"))
        )
        try:
            content, mode = _content(source), source.stat().st_mode & 0o777
        except (OSError, BackupError) as error:
            faults.append(f"{source} was left out: {error}")
            continue
        inner.parent.mkdir(parents=True, exist_ok=True)
        write_whole(inner, content)
        files.append(_saved(part, inner, mode, target))
    manifest = Manifest(
        made_at=now, host=socket.gethostname(), version=__version__, schema=schema, postgresql=version, root=str(root),
        evidence_count=len(copied.listed), evidence_bytes=copied.bytes, files=tuple(files), faults=tuple(faults),
    )  # fmt: skip
    return manifest, copied.new


def _content(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_FILE:
        raise BackupError(f"larger than {LARGEST_FILE} bytes")
    return path.read_bytes()


def _saved(part: Path, path: Path, mode: int = 0o600, target: str = "") -> SavedFile:
    return SavedFile(str(path.relative_to(part)), path.stat().st_size, sha256_of(path), mode, target)


def _database_facts(dsn: str, kept: set[str]) -> tuple[int, list[str]]:
    """The schema's number, and raw reports that the database names but that were not found."""
    database = Database(dsn, application="abusehandler backup")
    lacking: list[str] = []
    try:
        ((schema,),) = database.fetch("SELECT max(number) FROM schema_versions")
        connection = database.connection()
        # on the server's side: a million names need not be here at once
        with connection, connection.cursor(name="evidence") as cursor:
            cursor.itersize = 20_000
            cursor.execute("SELECT evidence FROM reports")
            for (one,) in cursor:
                if one not in kept and len(lacking) < MOST_TOLD and not _came_later(database, dsn, one):
                    lacking.append(one)
    finally:
        database.close()
    return int(schema or 0), lacking


def _came_later(database: Database, dsn: str, sha256: str) -> bool:
    """Whether the report was received in the last minutes: it is not in the dump either, or its file came meanwhile."""
    other = Database(dsn, application="abusehandler backup")
    try:
        rows = other.fetch("SELECT received_at > now() - interval '1 hour' FROM reports WHERE evidence = %s", (sha256,))
    finally:
        other.close()
    return not rows or bool(rows[0][0])


def _configuration_files(configuration: Configuration, root: Path, faults: list[str]) -> Iterator[tuple[Path, str]]:
    """Files and where they belong: all of etc/, small state, and what abusehandler.yaml names elsewhere."""
    seen: set[Path] = set()
    for name in ("etc", "var/lib/customers", "var/lib/bots"):
        if not (root / name).is_dir():
            continue
        for folder, _, names in os.walk(root / name, onerror=lambda error: faults.append(f"left out: {error}")):
            for each in sorted(names):
                path = Path(folder) / each
                if path.is_file() and not each.startswith(".abusehandler"):
                    seen.add(path.resolve())
                    yield path, str(path.relative_to(root))
    state = root / "var/lib/state.json"
    if state.is_file():
        yield state, "var/lib/state.json"
    base = configuration_path()
    named = [
        base,
        *_paths_in(configuration),
        *(base.resolve().parent / word for word in _words_in(configuration.customers)),
    ]
    for path in named:
        if path.is_file() and path.resolve() not in seen:
            seen.add(path.resolve())
            yield path, str(path.absolute())
        elif path.is_dir() and path not in (configuration.evidence.path, configuration.backup.path):
            for inner in sorted(path.rglob("*"))[:MOST_FILES]:
                if inner.is_file() and inner.resolve() not in seen:
                    seen.add(inner.resolve())
                    yield inner, str(inner.absolute())


def _paths_in(section: BaseModel) -> Iterator[Path]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _paths_in(value)
        elif isinstance(value, Path):
            yield value


def _words_in(value: Any) -> Iterator[str]:
    """Words of the customers: section that may name files; directories (state_path) are not followed."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and str(key).endswith(("path", "file")) and key != "state_path":
                yield inner
            elif not isinstance(inner, str):
                yield from _words_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _words_in(inner)


def _drop_old(place: Path, keep: int) -> int:
    old = backups(place)[:-keep]
    for folder in old:
        # without its manifest it counts no more, whatever happens to the rest
        with suppress(FileNotFoundError):
            (folder / "manifest.json").unlink()
        shutil.rmtree(folder, ignore_errors=True)
    if old:
        evidence_pool.drop_unneeded(place)
    return len(old)


def _note(root: Path, folder: Path, manifest: Manifest) -> None:
    """For 'abusehandler doctor' and metrics."""
    words = {"folder": str(folder), "made_at": manifest.made_at.isoformat(), "faults": list(manifest.faults[:MOST_TOLD]),
             "bytes": sum(file.size for file in manifest.files) + manifest.evidence_bytes}  # fmt: skip
    with suppress(OSError):
        write_whole(root / "var/lib" / BACKUP_NOTE, orjson.dumps(words), 0o640)
