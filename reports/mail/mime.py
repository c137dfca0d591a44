# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The MIME tree of a mail, without decoding any content.

Done by hand although the standard library has a parser: that one builds all levels of nesting before anyone can stop it
(10,000 nested parts end in a RecursionError after minutes of work) and goes through a mail line by line in Python. Here
a level is looked at only when it is asked for, and boundaries are found by one compiled search each.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from abusehandler.reports.mail.header import decode_value, parameters, split_headers

_END_OF_HEADERS = re.compile(rb"\r?\n[ \t]*\r?\n|\r\r")
_HEADER_START = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


@dataclass
class Entity:
    """One node of the tree: header fields and the raw body below them."""

    fields: list[tuple[str, bytes]]
    body: bytes
    content_type: str = "text/plain"
    type_parameters: dict[str, str] = field(default_factory=dict)
    disposition: str = ""
    filename: str = ""

    def raw(self, name: str) -> bytes:
        """The first raw field of this name."""
        return next((value for key, value in self.fields if key == name), b"")

    def content(self) -> bytes:
        """The body with its transfer encoding undone; what cannot be decoded is kept as it is."""
        encoding = self.raw("content-transfer-encoding").split(b";")[0].strip().strip(b"\"'").lower()
        if encoding == b"base64":
            return decode_base64(self.body)
        if encoding == b"quoted-printable":
            return binascii.a2b_qp(self.body)
        if encoding in (b"x-uuencode", b"uuencode", b"x-uue", b"uue"):
            return _decode_uu(self.body)
        return self.body


def parse_entity(raw: bytes, *, header_bytes: int, headers: int, default_type: str = "text/plain") -> Entity:
    """Read the header block of a mail or part; never raises."""
    if raw[:5] == b"From " or raw[:6] == b">From ":  # mbox separator left in
        raw = raw[raw.find(b"\n") + 1 :]
    if raw[:1] in (b"\r", b"\n"):
        block, body = b"", raw[2:] if raw[:2] == b"\r\n" else raw[1:]
    elif not _HEADER_START.match(raw):
        block, body = b"", raw
    elif end := _END_OF_HEADERS.search(raw, 0, header_bytes):
        block, body = raw[: end.start()], raw[end.end() :]
    else:
        block, body = raw[:header_bytes], raw[header_bytes:]
    fields = split_headers(block, most=headers)
    entity = Entity(fields, body, default_type)
    if value := entity.raw("content-type"):
        main, entity.type_parameters = parameters(decode_value(value))
        if main.count("/") == 1 and not main.startswith("/") and not main.endswith("/"):
            entity.content_type = main
        elif main == "text":
            entity.content_type = "text/plain"
    entity.disposition, extra = parameters(decode_value(entity.raw("content-disposition")))
    entity.filename = tidy_filename(extra.get("filename") or entity.type_parameters.get("name") or "")
    return entity


def split_multipart(entity: Entity, *, most: int) -> list[bytes]:
    """The raw children of a multipart, at most `most + 1`; none where the boundary is missing.

    The end marker may be missing, and text after it (a second mail glued on by a list server) is not looked at.
    """
    boundary = entity.type_parameters.get("boundary", "").rstrip()
    if not boundary or len(boundary) > 500:
        return []
    marker = b"--" + boundary.encode("utf-8", "surrogateescape")
    finder = re.compile(rb"^" + re.escape(marker) + rb"(--)?[ \t]*\r?$", re.M)
    children: list[bytes] = []
    start = -1
    for match in finder.finditer(entity.body):
        if start >= 0:
            children.append(entity.body[start : match.start()].removesuffix(b"\n").removesuffix(b"\r"))
        start = min(match.end() + 1, len(entity.body))
        if match[1] or len(children) > most:
            start = -1
            break
    if start >= 0:
        children.append(entity.body[start:])
    return children


def decode_base64(data: bytes) -> bytes:
    """Base64 with anything between the letters; a broken end gives what came before it."""
    end = data.find(b"=")
    if end >= 0 and not data[end:].strip(b"= \t\r\n"):
        data = data[:end]
        end = -1
    if end < 0:
        clean = _NOT_BASE64.sub(b"", data)
        clean = clean[: len(clean) - 1] if len(clean) % 4 == 1 else clean
        return base64.b64decode(clean + b"=" * (-len(clean) % 4))
    try:  # several padded pieces one after another
        return binascii.a2b_base64(data)
    except binascii.Error:
        return decode_base64(data[:end])


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
