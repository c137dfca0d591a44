# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Header lines of a mail: unfolding, encoded words (RFC 2047), parameters (RFC 2231), addresses and dates.

Done by hand because the standard library's structured headers raise on what is really sent (odd Message-IDs, unknown
charsets) and take quadratic time on some long ones.
"""

from __future__ import annotations

import binascii
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from abusehandler.reports.mail.charset import to_text

_NAME = re.compile(rb"([!-9;-~]{1,100})[ \t]*:")
_ENCODED_WORD = re.compile(
    r"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]{0,20})?\?([bBqQ])\?([^?\s]{0,4000}|[^?\n]{0,500})\?="
)
_ANGLE_ADDRESS = re.compile(r"<\s*([^<>\s@]{1,128}@[^<>\s@]{1,255}?)\s*>")
_BARE_ADDRESS = re.compile(r"(?<![^\s<\"'(,;:])([^\s<>\"'(),;:@]{1,128}@[^\s<>\"'(),;:@]{1,255})")
_PARAMETER = re.compile(
    r";[ \t\n]*([A-Za-z0-9_*%.-]{1,60})[ \t]*=[ \t\n]*(\"(?:[^\"\\]|\\.){0,2000}\"|[^;\n\"]{0,1000})"
)


def split_headers(block: bytes, *, most: int) -> list[tuple[str, bytes]]:
    """The fields of a header block, names in lower case, values still raw but unfolded; broken lines are left out."""
    fields: list[tuple[str, list[bytes]]] = []
    for line in block.splitlines():
        if line[:1] in (b" ", b"\t"):
            if fields and len(fields[-1][1]) < 500:
                fields[-1][1].append(line.strip())
        elif match := _NAME.match(line):
            if len(fields) >= most:
                break
            fields.append((match[1].decode("ascii", "replace").lower(), [line[match.end() :].strip()]))
    return [(name, b" ".join(piece for piece in pieces if piece)) for name, pieces in fields]


def decode_value(raw: bytes) -> str:
    """A header value as a person reads it: encoded words decoded, raw 8-bit bytes guessed, control characters gone."""
    text = to_text(raw).replace("\n", " ")
    if "=?" in text:
        text = _decode_words(text)
    return "".join(char for char in text if char >= " " or char == "\t") if not text.isprintable() else text


def _decode_words(text: str) -> str:
    out: list[str] = []
    pending: list[bytes] = []
    pending_charset = ""
    position = 0
    for match in _ENCODED_WORD.finditer(text):
        between = text[position : match.start()]
        charset, data = match[1].lower(), _word_bytes(match[2], match[3])
        # White space between two encoded words is not shown; a character may be split over two words of one charset.
        if pending and (between.strip() or charset != pending_charset):
            out.append(to_text(b"".join(pending), pending_charset))
            pending = []
        if between.strip() or (position == 0 and between):
            out.append(between)
        pending.append(data)
        pending_charset = charset
        position = match.end()
    if pending:
        out.append(to_text(b"".join(pending), pending_charset))
    out.append(text[position:])
    return "".join(out).replace("\n", " ")


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(data, header=True)
    try:
        return binascii.a2b_base64(data + b"==")
    except binascii.Error:
        return data


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """Split `Content-Type` or `Content-Disposition`: the lower-case main value and its parameters (RFC 2231 undone)."""
    main = value.split(";", 1)[0].strip().lower()
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(value[:20_000]):
        name, text = match[1].lower(), match[2].strip()
        if len(text) >= 2 and text[0] == text[-1] == '"':
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        if "*" not in name:
            plain.setdefault(name, text)
            continue
        base, _, rest = name.partition("*")
        number, encoded = rest.rstrip("*"), rest.endswith("*") or rest == ""
        pieces.setdefault(base, {})[int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0] = (
            text,
            encoded,
        )
    for base, numbered in pieces.items():
        charset, data = "utf-8", b""
        for index, (_, (text, encoded)) in enumerate(sorted(numbered.items())):
            if encoded:
                if index == 0 and text.count("'") >= 2:
                    charset, _, text = text.split("'", 2)
                data += unquote_to_bytes(text)
            else:
                data += text.encode("utf-8", "replace")
        plain[base] = to_text(data, charset)
    return main, plain


def address_of(value: str) -> tuple[str, str]:
    """The (lower-case) address and the display name of a From-like header; empty where there is none."""
    value = value[:4000]
    angles = list(_ANGLE_ADDRESS.finditer(value))
    if angles:
        match = angles[-1]
        name = value[: match.start()].strip().strip("\"'").strip()
        return match[1].lower(), name
    bare = _BARE_ADDRESS.search(value)
    if not bare:
        return "", value.strip().strip('"')
    name = (value[: bare.start()] + value[bare.end() :]).strip().strip("()<>\"' ")
    return bare[1].lower().rstrip(".>"), name


def date_of(value: str) -> datetime | None:
    """An RFC 5322 date as an aware time in UTC; one without a zone (or -0000) is taken as UTC. None if unreadable."""
    if not value:
        return None
    try:
        when = parsedate_to_datetime(value[:200])
        if when.tzinfo is None:
            when = when.replace(tzinfo=timezone.utc)
        when = when.astimezone(timezone.utc)
    except (TypeError, ValueError, IndexError, OverflowError, AttributeError):
        return None
    return when if 1980 <= when.year <= 2100 else None
