# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files packed in ZIP, gzip, bzip2, xz and tar, unpacked in memory within limits."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

from abusehandler.reports.mail.mime import tidy_filename

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.reports.mail.limits import Budget

_MEGABYTE = 1024 * 1024


def archive_kind(data: bytes) -> str:
    """`zip`, `gzip`, `bzip2`, `xz`, `tar`, or nothing, by the first bytes: names and declared types lie."""
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if data.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if data.startswith(b"BZh") and data[4:10] == b"1AY&SY":
        return "bzip2"
    if data.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if data[257:262] == b"ustar":
        return "tar"
    return ""


def is_workbook(data: bytes, filename: str) -> bool:
    """Whether a ZIP is an Excel workbook (XLSX) and not an archive."""
    return filename.lower().endswith((".xlsx", ".xlsm")) or b"xl/workbook.xml" in data[-65536:]


def unpack(data: bytes, kind: str, filename: str, path: str, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each file; the damaged, encrypted or too big is noted in the budget, never raised."""
    try:
        if kind == "zip":
            yield from _zip(data, path, budget)
        elif kind == "tar":
            yield from _tar(data, path, budget)
        else:
            yield _inner_name(filename), _stream(data, kind, path, budget)
    except (
        zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError,
        NotImplementedError, struct.error, KeyError, IndexError, OverflowError, AttributeError,
    ) as error:  # fmt: skip
        budget.note(f"part {path}: cannot be unpacked ({kind}: {type(error).__name__}: {str(error)[:100]})")


def _inner_name(filename: str) -> str:
    for suffix in (".gz", ".gzip", ".bz2", ".xz", ".z"):
        if filename.lower().endswith(suffix):
            return filename[: -len(suffix)]
    if filename.lower().endswith(".tgz"):
        return filename[:-4] + ".tar"
    return filename or "content"


def _zip(data: bytes, path: str, budget: Budget) -> Iterator[tuple[str, bytes]]:
    # The standard library reads the whole directory at once; look at its size first (APPNOTE.TXT 4.3.16).
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 70_000))
    if end >= 0 and len(data) >= end + 22:
        entries, directory = struct.unpack_from("<HI", data, end + 10)
        if entries > 10_000 or directory > 4 * _MEGABYTE:
            budget.note(f"part {path}: archive with {entries} files not opened")
            return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for index, info in enumerate(entry for entry in archive.infolist() if not entry.is_dir()):
            if index >= budget.limits.archive_files:
                budget.note(f"part {path}: only the first {index} files of the archive were read")
                return
            name = tidy_filename(info.filename) or f"file{index + 1}"
            if info.flag_bits & 1:
                budget.note(f"part {path}/{name}: encrypted, not read")
                continue
            ratio = info.file_size / max(1, info.compress_size)
            if info.file_size > budget.left_bytes() or (
                info.file_size > _MEGABYTE and ratio > budget.limits.archive_ratio
            ):
                budget.note(f"part {path}/{name}: {info.file_size} bytes when unpacked, not read")
                continue
            if budget.late():
                budget.note(f"part {path}/{name} and later ones left out: no time left")
                return
            with archive.open(info) as stream:
                # The directory may lie about the size, so the read is bounded as well.
                yield name, stream.read(min(info.file_size, budget.left_bytes()) + 1)


def _tar(data: bytes, path: str, budget: Budget) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for index in range(budget.limits.archive_files + 1):
            member = archive.next()
            if member is None:
                return
            if index == budget.limits.archive_files or budget.late():
                budget.note(f"part {path}: only the first {index} files of the archive were read")
                return
            if not member.isfile() or not 0 <= member.size <= budget.left_bytes():
                continue
            if (stream := archive.extractfile(member)) is not None:
                yield tidy_filename(member.name) or f"file{index + 1}", stream.read(member.size)


def _stream(data: bytes, kind: str, path: str, budget: Budget) -> bytes:
    """A single compressed file, decompressed step by step so that a bomb is noticed early."""
    most = min(budget.left_bytes(), max(_MEGABYTE, len(data) * budget.limits.archive_ratio))
    out = io.BytesIO()
    view = memoryview(data)
    position, step = 0, 256 * 1024
    decoder = _decoder(kind)
    while position < len(data) and out.tell() <= most and not budget.late():
        chunk = bytes(view[position : position + step])
        position += len(chunk)
        while chunk and out.tell() <= most:
            out.write(decoder.decompress(chunk, _MEGABYTE))
            if decoder.eof:
                chunk = decoder.unused_data.lstrip(b"\0")
                if chunk:  # several members one after another (RFC 1952, section 2.2)
                    decoder = _decoder(kind)
            elif kind == "gzip":
                chunk = decoder.unconsumed_tail
            else:
                chunk = b""
                while not decoder.needs_input and not decoder.eof and out.tell() <= most:
                    out.write(decoder.decompress(b"", _MEGABYTE))
    if not decoder.eof and position >= len(data) and out.tell() <= most:
        budget.note(f"part {path}: cannot be unpacked to its end ({kind}: the file is cut off)")
    if out.tell() > most:
        budget.note(f"part {path}: more than {most} bytes when unpacked, cut")
    return out.getvalue()[:most]


def _decoder(kind: str):  # type: ignore[no-untyped-def]  # three unrelated classes with the same methods
    if kind == "gzip":
        return zlib.decompressobj(wbits=31)
    return bz2.BZ2Decompressor() if kind == "bzip2" else lzma.LZMADecompressor(memlimit=128 * _MEGABYTE)
