# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A logo is what its bytes say, of a size that a browser bears, and an SVG that acts in no way."""

from __future__ import annotations

import struct

import pytest

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.logo import LARGEST_LOGO, checked_logo
from abusehandler.tickets.svg import MOST_USES, clean_svg

SVG = b"<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' viewBox='0 0 9 9'>%s</svg>"


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x06\x00\x00\x00"


def jpeg(width: int, height: int) -> bytes:
    """A comment before the frame, as cameras write it."""
    comment = b"\xff\xfe" + struct.pack(">H", 10) + b"x" * 8
    return b"\xff\xd8" + comment + b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3)


def webp(width: int, height: int) -> bytes:
    body = (
        b"VP8X"
        + struct.pack("<I", 10)
        + b"\0\0\0\0"
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@pytest.mark.parametrize(
    ("content", "kind"),
    [(png(300, 80), "image/png"), (jpeg(300, 80), "image/jpeg"), (webp(300, 80), "image/webp"), (SVG % b"<path d='M0 0'/>", "image/svg+xml")],
)  # fmt: skip
def test_it_is_known_by_its_bytes(content: bytes, kind: str) -> None:
    assert checked_logo(content)[1] == kind


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (png(60_000, 60_000), "60000 x 60000"), (jpeg(60_000, 10), "60000 x 10"), (webp(10_000, 1), "10000 x 1"), (png(0, 5), "0 x 5"),
        (b"\x89PNG\r\n\x1a\n", "damaged"), (b"\xff\xd8\xff\xe0", "damaged"), (b"RIFF\0\0\0\0WEBPVP8 ", "damaged"), (b"GIF89a", "neither"),
        (b"<html><body><script>alert(1)</script>", "neither"), (b"", "neither"), (b"x" * (LARGEST_LOGO + 1), "at most"),
        (b"%PDF-1.7", "neither"), (b"\xff\xd8" + b"\xff\xe0\0\0" * 1000, "damaged"),
    ],
)  # fmt: skip
def test_what_is_no_picture_or_too_large_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(AbusehandlerError, match=why):
        checked_logo(content)


@pytest.mark.parametrize(
    "evil",
    [
        b"<script>alert(1)</script>", b"<rect onload='alert(1)'/>", b"<a xlink:href='javascript:alert(1)'><rect/></a>",
        b"<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></body></foreignObject>",
        b"<image href='http://tracker.example.com/x.png'/>", b"<image href='data:image/svg+xml;base64,PHN2Zz4='/>",
        b"<use href='http://tracker.example.com/#a'/>", b"<rect fill='url(http://tracker.example.com/)'/>",
        b"<rect style='background:url(//tracker.example.com)'/>", b"<style>@import 'http://tracker.example.com';</style>",
        b"<style>a{b:\\75rl(http://tracker.example.com)}</style>", b"<animate attributeName='href' values='javascript:alert(1)'/>",
        b"<set attributeName='onload' to='alert(1)'/>", b"<handler>alert(1)</handler>", b"<feImage href='http://tracker.example.com'/>",
        b"<?xml-stylesheet href='http://tracker.example.com'?>", b"<!-- alert(1) -->", b"<script xmlns=''>alert(1)</script>",
        b"<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>", b"<rect filter='url(\"http://tracker.example.com\")'/>",
    ],
)  # fmt: skip
def test_nothing_in_an_svg_acts(evil: bytes) -> None:
    clean = clean_svg(SVG % (b"<g fill='#123456'>" + evil + b"<path d='M0 0h9'/></g>"))
    assert b"alert" not in clean
    assert b"tracker" not in clean
    assert b'fill="#123456"' in clean
    assert b"M0 0h9" in clean


def test_what_a_logo_is_made_of_stays() -> None:
    clean = clean_svg(
        b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd'>"
        + SVG
        % b"<defs><linearGradient id='a'><stop offset='0' stop-color='#abc'/></linearGradient></defs><style>.b{fill:url(#a)}</style>"
        b"<use xlink:href='#c'/><g id='c' class='b' transform='scale(2)'><circle r='3'/><text>Acme &amp; Sons</text></g>"
    )
    for part in (b"linearGradient", b"url(#a)", b'xlink:href="#c"', b'class="b"', b"Acme &amp; Sons", b"scale(2)"):
        assert part in clean, part
    assert clean_svg(clean) == clean


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE svg [<!ENTITY a 'b'><!ENTITY c '&a;&a;&a;'>]>" + SVG % b"<text>&c;</text>",
        b"<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + SVG % b"<text>&a;</text>",
        SVG % (b"<g>" * 500 + b"</g>" * 500), SVG % (b"<g/>" * 25_000), SVG % (b"<use href='#a'/>" * (MOST_USES + 1)), b"<svg><svg>",
        b"<svg><path/></svg>", SVG % b"\xff\xfe", b"<svg" * 1000,
    ],
)  # fmt: skip
def test_bombs_and_nonsense_are_refused(content: bytes) -> None:
    with pytest.raises(AbusehandlerError, match="SVG"):
        checked_logo(content)
