# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The evidence folder: raw bytes of reports, stored once under their SHA-256, compressed, on disk before `keep` returns."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from abusehandler.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """What was stored: SHA-256 in hex, and the size in bytes before compression."""

    sha256: str
    size: int


class EvidenceStore:
    """Files `ab/cd/<sha256>.gz` below one folder. Many processes may write at once; a file is never seen half."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, content: bytes | Iterable[bytes]) -> Kept:
        """Stores the bytes, or the pieces of a stream, and returns when they are on disk.

        Raises EvidenceError (disk full, no permission): nothing is kept then, and the sender must not be told OK.
        """
        pieces = [content] if isinstance(content, bytes) else content
        digest = hashlib.sha256()
        size = 0
        temporary: Path | None = None
        try:
            waiting = self.folder / "incoming"
            waiting.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=waiting)
            temporary = Path(name)
            with os.fdopen(handle, "wb") as file:
                # mtime=0: the same content gives the same file
                with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=3, mtime=0, filename="") as packed:
                    for piece in pieces:
                        digest.update(piece)
                        size += len(piece)
                        packed.write(piece)
                file.flush()
                os.fsync(file.fileno())
            target = self.path(digest.hexdigest())
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(target)
                temporary = None
            # also where another process has just put it: its name may not be on disk yet
            for folder in (target.parent, target.parent.parent, self.folder):
                _sync_folder(folder)
        except OSError as error:
            raise EvidenceError(
                f"evidence cannot be stored in {self.folder}: {error}; make room or mend the permissions"
            ) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
        return Kept(digest.hexdigest(), size)

    def open(self, sha256: str) -> BinaryIO:
        """A stream of the original bytes. Raises EvidenceError if they are not there."""
        try:
            return cast("BinaryIO", cast("IO[bytes]", gzip.open(self.path(sha256), "rb")))
        except OSError as error:
            raise EvidenceError(
                f"evidence {sha256} cannot be read: {error}; restore it from the backup of {self.folder}"
            ) from error

    def read(self, sha256: str, limit: int = 1 << 30) -> bytes:
        """The original bytes. Raises EvidenceError if they are missing, damaged or longer than the limit."""
        try:
            with self.open(sha256) as stream:
                content = stream.read(limit + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise EvidenceError(
                f"evidence {sha256} is damaged: {error}; restore it from the backup of {self.folder}"
            ) from error
        if len(content) > limit:
            raise EvidenceError(f"evidence {sha256} is longer than {limit} bytes")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise EvidenceError(
                f"evidence {sha256} is damaged: its file holds something else; restore it from the backup of {self.folder}"
            )
        return content

    def find(self, sha256: str) -> Kept:
        """What is stored under this SHA-256. Raises EvidenceError if it is not there or damaged."""
        size = 0
        try:
            with self.open(sha256) as stream:
                while piece := stream.read(CHUNK):
                    size += len(piece)
        except (OSError, EOFError, zlib.error) as error:
            raise EvidenceError(
                f"evidence {sha256} is damaged: {error}; restore it from the backup of {self.folder}"
            ) from error
        return Kept(sha256, size)

    def holds_anything(self) -> bool:
        """Whether the folder is there with evidence in it; an empty one is more likely a disk that is not mounted."""
        try:
            return any(len(entry.name) == 2 for entry in self.folder.iterdir())
        except OSError:
            return False

    def path(self, sha256: str) -> Path:
        """Where evidence with this SHA-256 lies or would lie."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise EvidenceError(f"{sha256!r:.80} is not a SHA-256 in lower-case hex")
        return self.folder / sha256[:2] / sha256[2:4] / f"{sha256}.gz"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
