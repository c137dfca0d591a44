# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A logo that somebody uploaded: known by its content, bounded in bytes and pixels, an SVG without anything that acts.

What a picture is called, and what a browser says of it, is not asked: only its bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.svg import clean_svg

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_LOGO = 500_000
#: A small file may say that it is huge, and every customer's browser would make room for it.
MOST_PIXELS = 4000
#: Markers of JPEG that begin a frame and tell its size (ITU T.81, table B.1), without DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def checked_logo(content: bytes) -> tuple[bytes, str]:
    """What to store and its media type. Raises AbusehandlerError for what is no picture, too large, or an SVG that cannot be read."""
    if len(content) > LARGEST_LOGO:
        raise AbusehandlerError(f"the logo has {len(content)} bytes; at most {LARGEST_LOGO} are taken")
    for kind, begins, size_of in _KINDS:
        if begins(content):
            size = size_of(content)
            if size is None:
                raise AbusehandlerError(
                    f"the logo begins as {kind.partition('/')[2].upper()} and is damaged behind that"
                )
            if not all(0 < side <= MOST_PIXELS for side in size):
                raise AbusehandlerError(
                    f"the logo has {size[0]} x {size[1]} pixels; at most {MOST_PIXELS} each way are taken"
                )
            return content, kind
    if b"<svg" in content[:4000] or b":svg" in content[:4000]:
        return clean_svg(content), "image/svg+xml"
    raise AbusehandlerError("the logo is neither PNG, JPEG, WebP nor SVG")


def _png_size(content: bytes) -> tuple[int, int] | None:
    """https://www.w3.org/TR/png-3/#11IHDR: the first chunk."""
    if len(content) < 24 or content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """ITU T.81, B.2.2: segment by segment to the first frame."""
    at = 2
    while at + 9 <= len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:
            at += 2
            continue
        at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4], "big"))
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    """RFC 9649, 2.4 to 2.7: extended, lossless or lossy, by the first chunk."""
    if len(content) < 30:
        return None
    kind = content[12:16]
    if kind == b"VP8X":
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    if kind == b"VP8L" and content[20] == 0x2F:
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


_KINDS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes], tuple[int, int] | None]], ...] = (
    ("image/png", lambda content: content.startswith(b"\x89PNG\r\n\x1a\n"), _png_size),
    ("image/jpeg", lambda content: content.startswith(b"\xff\xd8\xff"), _jpeg_size),
    ("image/webp", lambda content: content.startswith(b"RIFF") and content[8:12] == b"WEBP", _webp_size),
)  # fmt: skip
