# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bytes to lines of text: UTF-8 with or without BOM, Latin-1 where it is not, UTF-16 by its BOM; lines are bounded."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.reports.formats.shadowserver.members import Source

CHUNK = 256 * 1024
#: Certificates and banners make lines of some 10 kB.
LINE_BYTES = 1024 * 1024
#: What is kept of a line that is longer.
KEPT_BYTES = 4096


class Lines:
    """The lines of a stream, each with `\\n` at its end except an unfinished last one. NULs are left out.

    `too_long` holds the numbers (from 1) of lines that were longer than LINE_BYTES; these are cut and lose their
    quotes, so that none is left open.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.too_long: set[int] = set()

    def __iter__(self) -> Iterator[str]:
        number = 0
        for block in self._blocks():
            for line in _decoded(block):
                number += 1
                if len(line) > LINE_BYTES:
                    self.too_long.add(number)
                    end = "\n" if line.endswith("\n") else ""
                    line = line[:KEPT_BYTES].replace('"', "") + end
                yield line

    def _blocks(self) -> Iterator[bytes]:
        """Pieces of whole lines with `\\n` ends."""
        rest = bytearray()
        skipping = False
        chunks = self._chunks()
        first = next(chunks, b"")
        # A file whose lines end with CR alone (old spreadsheets) has no LF at all.
        only_cr = b"\n" not in first and b"\r" in first[:-1]
        for chunk in _with_first(first, chunks):
            if only_cr:
                chunk = chunk.replace(b"\r", b"\n")
            cut = chunk.rfind(b"\n") + 1
            if not cut:
                if not skipping:
                    rest += chunk
                    # Kept a little longer than allowed, so that the line is seen to be too long.
                    if len(rest) > 2 * LINE_BYTES:
                        skipping = True
                continue
            if skipping:
                start = chunk.find(b"\n")
                yield bytes(rest) + b"\n"
                block = chunk[start + 1 : cut]
                skipping = False
            else:
                block = bytes(rest) + chunk[:cut]
            rest = bytearray(chunk[cut:])
            if block:
                yield block
        if rest:
            yield bytes(rest)

    def _chunks(self) -> Iterator[bytes]:
        first = self._source.read(CHUNK)
        while first and len(first) < 4 and (more := self._source.read(CHUNK)):
            first += more
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
            while first:
                yield decoder.decode(first).encode("utf-8", "replace")
                first = self._source.read(CHUNK)
            return
        if first.startswith(codecs.BOM_UTF8):
            first = first[3:] or self._source.read(CHUNK)
        while first:
            yield first
            first = self._source.read(CHUNK)


def _with_first(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _decoded(block: bytes) -> Iterator[str]:
    if b"\0" in block:
        block = block.replace(b"\0", b"")
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError:
        text = "".join(_line(line) for line in block.splitlines(keepends=True))
    lines = text.split("\n")
    last = lines.pop()
    for line in lines:
        yield line + "\n"
    if last:
        yield last


def _line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")
