# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a backup holds: names, sizes, SHA-256 and modes of its files, and where it came from."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from abusehandler.errors import AbusehandlerError

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
NAME = "manifest.json"
#: Below the folder of backups: the raw reports of all of them.
EVIDENCE = "evidence"
DATABASE = "database.dump"
CONFIGURATION = "configuration"
EVIDENCE_LIST = "evidence.txt"
MAX_BYTES = 50_000_000


class BackupError(AbusehandlerError):
    """A backup could not be made, is not whole, or may not be put where it should go."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One file of a backup. `path` is relative to the backup; `target` where it stood: relative to IntelMQ's root
    directory, or absolute.
    """

    path: str
    size: int
    sha256: str
    mode: int
    target: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """`evidence_count` and `evidence_bytes` (as stored) tell how many raw reports the backup needs."""

    made_at: datetime
    host: str
    version: str
    schema: int
    postgresql: int
    root: str
    evidence_count: int
    evidence_bytes: int
    files: tuple[SavedFile, ...]
    faults: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Written last: its presence says that the backup is whole."""
        words = {"format": FORMAT, **asdict(self), "made_at": self.made_at.isoformat(timespec="seconds")}
        write_whole(folder / NAME, json.dumps(words, indent=1).encode())

    def configuration(self) -> Iterator[SavedFile]:
        return (file for file in self.files if file.target)


def read_manifest(folder: Path) -> Manifest:
    """Raises BackupError for a folder that is no backup or one of a newer program."""
    path = folder / NAME
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BackupError(f"{path}: too large for a manifest")
        words: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if words.pop("format") != FORMAT:
            raise BackupError(f"{path}: made by a newer program; restore it with that one")
        files = tuple(SavedFile(**entry) for entry in words.pop("files"))
        made = datetime.fromisoformat(words.pop("made_at")).astimezone(timezone.utc)
        manifest = Manifest(made_at=made, files=files, faults=tuple(words.pop("faults")), **words)
    except FileNotFoundError:
        raise BackupError(f"{folder} holds no {NAME}: it is no backup, or one that was never finished") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{path} cannot be read: {error}; take another backup") from None
    for file in files:
        inner = PurePosixPath(file.path)
        if inner.is_absolute() or ".." in inner.parts or ".." in PurePosixPath(file.target).parts:
            raise BackupError(f"{path}: {file.path!r} leads out of the backup; it was tampered with")
    return manifest


def backups(folder: Path) -> list[Path]:
    """The whole backups in a folder, the oldest first."""
    return sorted(path.parent for path in folder.glob(f"abusehandler-*/{NAME}"))


def find(place: Path) -> Path:
    """The backup that a person means: its folder, its manifest, or the newest in a folder of backups."""
    place = place.expanduser().resolve()
    if place.name == NAME:
        return place.parent
    if (place / NAME).is_file():
        return place
    found = backups(place)
    if not found:
        raise BackupError(f"{place} holds no backup; name a folder that 'abusehandler backup --to' wrote to")
    return found[-1]


def sha256_of(path: Path) -> str:
    """Of the file as it lies there."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """The file appears under its name with all its content, on disk, or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was named in it is on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
