# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cryptographic envelopes opened to the text they sign: OpenPGP clear-signed text and S/MIME signed-data.

Nothing is verified here; a signature only stands in the way of reading.
"""

from __future__ import annotations

_CLEARSIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_SIGNATURE_END = "-----END PGP SIGNATURE-----"


def open_clearsigned(text: str) -> str:
    """Text without the armour of RFC 9580 section 7 around it; text before and after it stays. Unsigned text:
    unchanged.
    """
    start = text.find(_CLEARSIGNED)
    if start < 0:
        return text
    before, rest = text[:start], text[start + len(_CLEARSIGNED) :]
    body_end = rest.find(_SIGNATURE)
    body, after = (rest, "") if body_end < 0 else (rest[:body_end], rest[body_end:])
    if after:
        end = after.find(_SIGNATURE_END)
        after = "" if end < 0 else after[end + len(_SIGNATURE_END) :]
    lines = body.split("\n")
    # Armour headers ("Hash: SHA256") up to the first empty line; some senders forget that line.
    index = 1
    while (
        index < len(lines)
        and index < 10
        and lines[index].startswith(("Hash:", "NotDashEscaped:", "Charset:", "Version:", "Comment:"))
    ):
        index += 1
    signed = [line[2:] if line.startswith("- ") else line for line in lines[index:]]
    return before + "\n".join(signed).strip("\n") + "\n" + after


def signed_content(data: bytes) -> bytes | None:
    """The content inside a CMS SignedData (RFC 5652 sections 3 and 5.1), or None if there is none.

    A short walk over BER: ContentInfo → [0] → SignedData → version, digestAlgorithms, encapContentInfo → [0] → OCTET
    STRING, which may be cut into pieces. Encrypted content is no SignedData and gives None.
    """
    try:
        info = _children(data, 0, len(data), 1)
        fields = _children(data, *info[0][1:3], 2)
        if data[fields[0][1] : fields[0][2]] != b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02":
            return None
        signed = _children(data, *fields[1][1:3], 1)
        parts = _children(data, *signed[0][1:3], 3)
        content = _children(data, *parts[2][1:3], 2)
        octets = _children(data, *content[1][1:3], 1)
        return b"".join(_pieces(data, octets[0], 0))
    except (IndexError, ValueError):
        return None


def _children(data: bytes, start: int, end: int, most: int) -> list[tuple[int, int, int]]:
    """The first elements (tag, content start, content end) in a range."""
    out: list[tuple[int, int, int]] = []
    while start < end and len(out) < most:
        tag, content, stop, start = _element(data, start, end, 0)
        if tag == 0 and content == stop:  # end of contents
            break
        out.append((tag, content, stop))
    return out


def _element(data: bytes, start: int, end: int, depth: int) -> tuple[int, int, int, int]:
    """One element: tag, start and end of its content, start of the next one."""
    if depth > 16:
        raise ValueError("nested too deep")
    tag, length = data[start], data[start + 1]
    if tag & 0x1F == 0x1F:
        raise ValueError("long tags do not occur here")
    content = start + 2
    if length < 0x80:
        return tag, content, min(content + length, end), content + length
    if length > 0x80:
        count = length & 0x7F
        if count > 6:
            raise ValueError("length of length")
        size = int.from_bytes(data[content : content + count], "big")
        content += count
        return tag, content, min(content + size, end), content + size
    position = content  # indefinite length: until two zero bytes
    while data[position : position + 2] != b"\0\0":
        if position >= end:
            raise ValueError("not finished")
        position = _element(data, position, end, depth + 1)[3]
    return tag, content, position, position + 2


def _pieces(data: bytes, element: tuple[int, int, int], depth: int) -> list[bytes]:
    tag, start, end = element
    if tag & 0x1F != 4 or depth > 4:
        return []
    if not tag & 0x20:
        return [data[start:end]]
    out: list[bytes] = []
    for child in _children(data, start, end, 1_000_000):
        out.extend(_pieces(data, child, depth + 1))
    return out
