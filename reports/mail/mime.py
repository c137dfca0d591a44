# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The MIME tree of a mail, without decoding any content.

Done by hand although the standard library has a parser: that one builds all levels of nesting before anyone can stop it
(10,000 nested parts end in a RecursionError after minutes of work) and goes through a mail line by line in Python. Here
a level is looked at only when it is asked for, and boundaries are found by one compiled search each.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field

from abusehandler.reports.mail.header import decode_value, parameters, split_headers

_END_OF_HEADERS = re.compile(rb"\r?\n[ \t]*\r?\n|\r\r")
_HEADER_START = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")
_SOMETHING = re.compile(rb"\S")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


@dataclass
class Entity:
    """One node of the tree: header fields, and the place of the raw body below them. Nothing is copied before it is asked for."""

    fields: list[tuple[str, bytes]]
    source: bytes
    start: int
    end: int
    content_type: str = "text/plain"
    type_parameters: dict[str, str] = field(default_factory=dict)
    disposition: str = ""
    filename: str = ""

    def raw(self, name: str) -> bytes:
        """The first raw field of this name."""
        return next((value for key, value in self.fields if key == name), b"")

    def has_body(self) -> bool:
        """Whether anything but white space stands in the body."""
        return bool(_SOMETHING.search(self.source, self.start, self.end))

    def content(self) -> bytes:
        """The body with its transfer encoding undone; what cannot be decoded is kept as it is."""
        body = self.source[self.start : self.end]
        encoding = self.raw("content-transfer-encoding").split(b";")[0].strip().strip(b"\"'").lower()
        if encoding == b"base64":
            return decode_base64(body)
        if encoding == b"quoted-printable":
            return binascii.a2b_qp(body)
        if encoding in (b"x-uuencode", b"uuencode", b"x-uue", b"uue"):
            return _decode_uu(body)
        return body


def parse_entity(
    raw: bytes,
    start: int = 0,
    end: int | None = None,
    *,
    header_bytes: int,
    headers: int,
    default_type: str = "text/plain",
) -> Entity:
    """Read the header block of the mail or part at `raw[start:end]`; never raises."""
    end = len(raw) if end is None else end
    if raw.startswith((b"From ", b">From "), start, end):  # mbox separator left in
        start = _after(raw, b"\n", start, end)
    if raw.startswith((b"\r", b"\n"), start, end):
        block, body = b"", start + (2 if raw.startswith(b"\r\n", start, end) else 1)
    elif not _HEADER_START.match(raw, start, end):
        block, body = b"", start
    elif blank := _END_OF_HEADERS.search(raw, start, min(end, start + header_bytes)):
        block, body = raw[start : blank.start()], blank.end()
    else:
        body = min(end, start + header_bytes)
        block = raw[start:body]
    entity = Entity(split_headers(block, most=headers), raw, body, end, default_type)
    if value := entity.raw("content-type"):
        main, entity.type_parameters = parameters(decode_value(value))
        if main.count("/") == 1 and not main.startswith("/") and not main.endswith("/"):
            entity.content_type = main
        elif main == "text":
            entity.content_type = "text/plain"
    entity.disposition, extra = parameters(decode_value(entity.raw("content-disposition")))
    entity.filename = tidy_filename(extra.get("filename") or entity.type_parameters.get("name") or "")
    return entity


def _after(raw: bytes, mark: bytes, start: int, end: int) -> int:
    found = raw.find(mark, start, end)
    return end if found < 0 else found + len(mark)


def split_multipart(entity: Entity, *, most: int) -> list[tuple[int, int]]:
    """The places of a multipart's children in `entity.source`, at most `most + 1`; none where the boundary is missing.

    The end marker may be missing, and text after it (a second mail glued on by a list server) is not looked at.
    """
    boundary = entity.type_parameters.get("boundary", "").rstrip()
    if not boundary or len(boundary) > 500:
        return []
    marker = b"--" + boundary.encode("utf-8", "surrogateescape")
    finder = re.compile(rb"^" + re.escape(marker) + rb"(--)?[ \t]*\r?$", re.M)
    children: list[tuple[int, int]] = []
    start = -1
    for match in finder.finditer(entity.source, entity.start, entity.end):
        if start >= 0:
            stop = match.start()
            stop -= entity.source.endswith(b"\n", start, stop)
            stop -= entity.source.endswith(b"\r", start, stop)
            children.append((start, stop))
        start = min(match.end() + 1, entity.end)
        if match[1] or len(children) > most:
            start = -1
            break
    if start >= 0:
        children.append((start, entity.end))
    return children


def decode_base64(data: bytes) -> bytes:
    """Base64 with anything between the letters; a broken end gives what came before it."""
    pad = data.find(b"=")
    if pad < 0 or not data[pad:].strip(b"= \t\r\n"):
        return _one_base64(data)
    # Several padded pieces one after another: the decoder would stop at the first padding.
    return b"".join(_one_base64(piece) for piece in data.split(b"=", 10_000) if piece.strip())


def _one_base64(data: bytes) -> bytes:
    try:
        return binascii.a2b_base64(data)  # skips what is no letter
    except binascii.Error:
        clean = _NOT_BASE64.sub(b"", data)
        clean = clean[: len(clean) - 1] if len(clean) % 4 == 1 else clean
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def _decode_uu(data: bytes) -> bytes:
    out = []
    for line in data.splitlines():
        if line[:6] == b"begin " or line.strip() in (b"end", b"`"):
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return b"".join(out)


def tidy_filename(name: str) -> str:
    """A file name to show and to compare, never to open: no folders, no control characters, at most 200 characters."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(char for char in name if char.isprintable()).strip()[:200]
