# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The tables in a file: the file itself, what gzip holds, or the members of a ZIP; unpacked while read, bounded."""

from __future__ import annotations

import gzip
import shutil
import struct
import tempfile
import zipfile
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from abusehandler.reports.reading import BadPart

if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
ZIP_EMPTY = b"PK\x05\x06"

#: What reading a broken or hostile archive raises.
UNPACK_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile, NotImplementedError, struct.error)


class Source(Protocol):
    """All that is asked of a stream."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Where unpacking stops. Nothing is held in memory, so they bound time and what a bomb can do.

    Reports of the largest networks have some GB; CSV shrinks to a tenth, rarely to a fiftieth.
    """

    unpacked_bytes: int = 8 * 1024**3
    ratio: int = 250
    members: int = 200
    directory_bytes: int = 2 * 1024**2
    packed_bytes: int = 2 * 1024**3


class TooBig(Exception):
    """A limit was reached; the text says which."""


class _Count:
    """Passes bytes on and counts them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self.bytes += len(data)
        return data


class _Joined:
    """A stream whose first bytes were already taken."""

    def __init__(self, head: bytes, source: Source) -> None:
        self._head = head
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        if not self._head:
            return self._source.read(size)
        head, self._head = self._head, b""
        if size < 0:
            return head + self._source.read(-1)
        if size > len(head):
            return head + self._source.read(size - len(head))
        self._head = head[size:]
        return head[:size]


class _PieceByPiece:
    """What `read` would gather in one buffer and lose when the archive turns out to be cut off, `read1` gives at once."""

    def __init__(self, source: gzip.GzipFile | zipfile.ZipExtFile) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        return self._source.read1(size)


class _Unpacked:
    """Unpacked bytes, as long as they stay within the limits; `packed()` says how many it took to make them."""

    def __init__(self, source: Source, limits: Limits, budget: _Budget, packed: _Count | int) -> None:
        self._source = source
        self._limits = limits
        self._budget = budget
        self._packed = packed
        self._bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._bytes += len(data)
        self._budget.take(len(data), self._limits)
        packed = self._packed if isinstance(self._packed, int) else self._packed.bytes
        # Small files with one repeated line may shrink a lot, and do no harm.
        if self._bytes > 4 * 1024**2 and self._bytes > self._limits.ratio * max(1, packed):
            raise TooBig(f"it unpacks to more than {self._limits.ratio} times its size")
        return data


@dataclass(slots=True)
class _Budget:
    used: int = 0

    def take(self, size: int, limits: Limits) -> None:
        self.used += size
        if self.used > limits.unpacked_bytes:
            raise TooBig(f"it unpacks to more than {limits.unpacked_bytes // 1024**2} MB")


def tables(stream: BinaryIO, filename: str, limits: Limits) -> Iterator[tuple[str, Source] | BadPart]:
    """Name and stream of each table, each to be read before the next is asked for.

    Reading a stream may raise TooBig or one of UNPACK_ERRORS. The name is the file's, or the member's in a ZIP.
    """
    head = _read_exactly(stream, 4)
    if head.startswith(GZIP):
        packed = _Count(_Joined(head, stream))
        with gzip.GzipFile(fileobj=cast("BinaryIO", packed), mode="rb") as unpacked:
            yield filename, _Unpacked(_PieceByPiece(unpacked), limits, _Budget(), packed)
    elif head in (ZIP, ZIP_EMPTY):
        with ExitStack() as stack:
            try:
                archive = stack.enter_context(_archive(stream, head, limits, stack))
            except TooBig as error:
                yield BadPart(f"the ZIP is not read: {error}", part=filename)
                return
            except UNPACK_ERRORS as error:
                yield BadPart(f"the ZIP cannot be read: {error}", part=filename)
                return
            yield from _members(archive, filename, limits)
    else:
        yield filename, _Joined(head, stream)


def _read_exactly(stream: Source, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            break
        data += more
    return data


def _archive(stream: BinaryIO, head: bytes, limits: Limits, stack: ExitStack) -> zipfile.ZipFile:
    """The ZIP, whose directory stands at its end: a stream that cannot go there is copied to a temporary file."""
    if not (hasattr(stream, "seekable") and stream.seekable()):
        copy = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=8 * 1024**2))  # noqa: SIM115
        bounded = _Unpacked(_Joined(head, stream), Limits(unpacked_bytes=limits.packed_bytes), _Budget(), 1 << 62)
        shutil.copyfileobj(cast("BinaryIO", bounded), copy, 1024**2)
        stream = cast("BinaryIO", copy)
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 65_557))
    tail = stream.read(65_557)
    # End of central directory record (APPNOTE 4.3.16): zipfile would build an object for each entry it lists.
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise zipfile.BadZipFile("its directory is missing; it was cut off")
    count, directory = struct.unpack_from("<HI", tail, end + 10)
    if count > limits.members or directory > limits.directory_bytes:
        raise TooBig(f"it lists {count} members in {directory} bytes; {limits.members} are read at most")
    stream.seek(0)
    return zipfile.ZipFile(stream)


def _members(archive: zipfile.ZipFile, filename: str, limits: Limits) -> Iterator[tuple[str, Source] | BadPart]:
    budget = _Budget()
    members = [info for info in archive.infolist() if not info.is_dir()]
    if not members:
        yield BadPart("the ZIP holds no file", part=filename)
    for number, info in enumerate(members):
        path = f"{filename}/{info.filename}"[-300:]
        if number >= limits.members:
            yield BadPart(f"the ZIP lists more than {limits.members} members; the others are not read", part=filename)
            return
        if info.flag_bits & 1:
            yield BadPart("the member is encrypted", part=path)
            continue
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            yield BadPart(f"the member is packed by method {info.compress_type}, not by deflate", part=path)
            continue
        try:
            member = archive.open(info)
        except (*UNPACK_ERRORS, RuntimeError) as error:
            yield BadPart(f"the member cannot be read: {error}", part=path)
            continue
        with member:
            source = _Unpacked(_PieceByPiece(cast("zipfile.ZipExtFile", member)), limits, budget, info.compress_size)
            try:
                start = _read_exactly(source, 4)
            except (TooBig, *UNPACK_ERRORS) as error:
                yield BadPart(f"the member cannot be read: {error}", part=path)
                continue
            if start.startswith(GZIP) or start in (ZIP, ZIP_EMPTY):
                yield BadPart("an archive within the archive is not read", part=path)
                continue
            yield path, _Joined(start, source)
