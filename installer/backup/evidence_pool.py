# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The raw reports of all backups in one folder: each is copied once, and goes when no backup needs it any more."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abusehandler.installer.backup.manifest import EVIDENCE, EVIDENCE_LIST, BackupError, backups, sync_folder
from abusehandler.tickets.retention import ASIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}\.gz")
CHUNK = 1 << 20


@dataclass
class Copied:
    """What a run did. `listed`: SHA-256 of all that belongs to the backup."""

    listed: list[str] = field(default_factory=list)
    new: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)


def stored(folder: Path) -> Iterator[Path]:
    """The files of an evidence folder; last what retention has moved aside: it may move some between dump and copy."""
    for first in _folders(folder):
        for second in _folders(first):
            with os.scandir(second) as entries:
                names = [entry.name for entry in entries if _NAME.fullmatch(entry.name)]
            yield from (second / name for name in sorted(names))
    if (folder / ASIDE).is_dir():
        yield from sorted(path for path in (folder / ASIDE).iterdir() if _NAME.fullmatch(path.name))


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if len(path.name) == 2 and path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def place(pool: Path, sha256: str) -> Path:
    """Where a raw report lies below a folder."""
    return pool / sha256[:2] / sha256[2:4] / f"{sha256}.gz"


def add(source: Path, pool: Path) -> Copied:
    """Copies what the pool does not hold; each new file is read whole and its SHA-256 compared with its name."""
    done = Copied()
    seen: set[str] = set()
    touched: set[Path] = set()
    for path in stored(source):
        sha256 = path.name[:64]
        if sha256 in seen:
            continue
        target = place(pool, sha256)
        try:
            size = target.stat().st_size
        except FileNotFoundError:
            try:
                size, whole = copy(path, target)
            except FileNotFoundError:
                # retention took it in this moment
                continue
            done.new += 1
            touched.add(target.parent)
            if not whole:
                done.damaged.append(sha256)
        seen.add(sha256)
        done.bytes += size
    for folder in touched:
        sync_folder(folder)
    done.listed = sorted(seen)
    return done


def copy(source: Path, target: Path) -> tuple[int, bool]:
    """Copies one file, on disk when it returns; its size, and whether its content has the SHA-256 of its name.

    Raises OSError.
    """
    with source.open("rb") as file:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        with temporary.open("wb") as out:
            while piece := file.read(CHUNK):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    size = temporary.stat().st_size
    whole = is_whole(temporary, target.name[:64])
    temporary.chmod(0o640)
    temporary.replace(target)
    return size, whole


def is_whole(path: Path, sha256: str) -> bool:
    """Whether the file's content, unpacked, has this SHA-256."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as stream:
            while piece := stream.read(CHUNK):
                digest.update(piece)
    except (OSError, EOFError, zlib.error):
        return False
    return digest.hexdigest() == sha256


def read_list(folder: Path) -> list[str]:
    """The raw reports that a backup needs. Raises BackupError."""
    try:
        found = (folder / EVIDENCE_LIST).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"{folder / EVIDENCE_LIST}: {error}") from None
    if not all(re.fullmatch(r"[0-9a-f]{64}", each) for each in found):
        raise BackupError(f"{folder / EVIDENCE_LIST}: holds something else than SHA-256")
    return found


def drop_unneeded(place_of_backups: Path, also: Iterable[str] = ()) -> int:
    """Removes raw reports that no backup in the folder names; returns how many. `also`: those that stay besides."""
    needed = set(also)
    for folder in backups(place_of_backups):
        needed.update(read_list(folder))
    count = 0
    for path in list(stored(place_of_backups / EVIDENCE)):
        if path.name[:64] not in needed:
            path.unlink(missing_ok=True)
            count += 1
    return count
