# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bytes to text when the charset is wrong, unknown or not given at all."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# What senders write → the superset that really decodes their bytes (WHATWG Encoding Standard, section 4.2, does the
# same).
_SUPERSETS = {
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "ansi_x3.4-1968": "utf-8",
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "ksc5601": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "big5": "big5hkscs",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "unicode": "utf-16",
    "unknown-8bit": "utf-8",
    "8bit": "utf-8",
    "binary": "utf-8",
    "default": "utf-8",
}
# Python codecs that are no charsets of mails; some of them (idna, punycode) take quadratic time.
_FORBIDDEN = {
    "idna",
    "punycode",
    "unicode_escape",
    "raw_unicode_escape",
    "undefined",
    "mbcs",
    "oem",
    "charmap",
    "rot_13",
}
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([A-Za-z0-9_.:-]{2,40})", re.I)
# Zero-width and direction marks hide in the middle of host names; nobody reads them.
_INVISIBLE = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, 0x00AD, 0])


@lru_cache(maxsize=256)
def codec_of(charset: str) -> str | None:
    """The name of the Python codec for a declared charset, or None if there is none that may be used."""
    name = charset.strip().strip("\"'").lower()
    name = name.removeprefix("charset=").split(";")[0].strip()
    name = _SUPERSETS.get(name, name)
    if not name or len(name) > 40:
        return None
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if info.name in _FORBIDDEN or not getattr(info, "_is_text_encoding", True):
        return None
    return info.name


def to_text(data: bytes, charset: str = "", *, html: bool = False) -> str:
    """Decode as well as possible, never raise: the declared charset, else UTF-8, else Windows-1252.

    A byte order mark wins over the declaration; line ends become `\\n`, invisible characters are taken out.
    """
    text = _decode(data, charset, html)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() and "\0" not in text else text.translate(_INVISIBLE)


def _decode(data: bytes, charset: str, html: bool) -> str:
    if data.startswith(codecs.BOM_UTF8):
        return data[3:].decode("utf-8", "replace")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    tries = []
    if charset:
        tries.append(codec_of(charset))
    elif html and (meta := _META_CHARSET.search(data[:4096])):
        tries.append(codec_of(meta[1].decode("ascii")))
    if not charset and (b"\x1b$" in data[:65536] or b"\x1b(" in data[:65536]):
        tries.append("iso2022_jp")
    declared = next((codec for codec in tries if codec), None)
    for codec in dict.fromkeys([*tries, "utf-8"]):
        if codec:
            try:
                return data.decode(codec)
            except (UnicodeError, ValueError, OverflowError):
                continue
    if declared and declared not in ("utf-8", "cp1252"):
        return data.decode(declared, "replace")
    # Mostly right bytes of the declared UTF-8 with a few broken ones are better kept as UTF-8.
    broken = data.decode("utf-8", "replace")
    high = len(data) - len(data.decode("ascii", "ignore"))
    if broken.count("\ufffd") * 4 < high:
        return broken
    return data.decode("cp1252", "replace")
