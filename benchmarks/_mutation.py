# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Damages mails in the ways that mails are damaged: cut, shuffled, wrongly encoded, stuffed with bait."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BAIT = (
    b"1.1.1.1." * 2000, b"[.]" * 3000, b"hxxp://" * 2000, b"<" * 5000, b"&#x41;" * 2000, b"=?utf-8?b?" * 1000, b"\0" * 3000, b"(((" * 2000,
    b"2026-11-20 " * 1500, b"a@" * 4000, b": " * 5000, b"::1:" * 2500, b"\xff\xfe" * 2000, b"----" * 2000, b"%s%n" * 1000, b"{{7*7}}" * 500,
)  # fmt: skip
CHARSETS = (b"utf-16", b"utf-7", b"iso-2022-jp", b"no-such", b"big5", b"koi8-r", b"base64", b"x" * 300)


def _cut(mail: bytes, dice: random.Random) -> bytes:
    return mail[: dice.randrange(len(mail) + 1)]


def _cut_out(mail: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(mail) + 1)
    return mail[:start] + mail[start + dice.randrange(2000) :]


def _shuffle(mail: bytes, dice: random.Random) -> bytes:
    lines = mail.split(b"\n")
    start = dice.randrange(len(lines))
    some = lines[start : start + 50]
    dice.shuffle(some)
    return b"\n".join([*lines[:start], *some, *lines[start + 50 :]])


def _flip(mail: bytes, dice: random.Random) -> bytes:
    data = bytearray(mail)
    for _ in range(dice.randrange(1, 60)):
        if data:
            data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data)


def _bait(mail: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(mail) + 1)
    return mail[:place] + dice.choice(BAIT) + mail[place:]


def _charset(mail: bytes, dice: random.Random) -> bytes:
    return mail.replace(b"utf-8", dice.choice(CHARSETS)).replace(b"us-ascii", dice.choice(CHARSETS))


def _encoding(mail: bytes, dice: random.Random) -> bytes:
    words = (b"base64", b"quoted-printable", b"8bit", b"x-uuencode", b"7bit")
    return mail.replace(dice.choice(words), dice.choice(words))


def _boundary(mail: bytes, dice: random.Random) -> bytes:
    return mail.replace(b"boundary", dice.choice((b"bondary", b"boundary*0", b'boundary="";x')))


def _nest(mail: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.randrange(1, 30)):
        mail = b"MIME-Version: 1.0\nContent-Type: message/rfc822\n\n" + mail
    return mail


def _double(mail: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(mail) + 1)
    return mail[:start] + mail[start : start + 3000] * dice.randrange(2, 8) + mail[start:]


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut, _cut_out, _shuffle, _flip, _bait, _charset, _encoding, _boundary, _nest, _double,
)  # fmt: skip
#: Mutations multiply lengths; no mail grows beyond this.
LONGEST = 2_000_000


def mutated(mail: bytes, seed: int) -> bytes:
    """The mail after one to four mutations; the same seed gives the same."""
    dice = random.Random(seed)
    for _ in range(dice.randrange(1, 5)):
        mail = dice.choice(MUTATIONS)(mail, dice)[:LONGEST]
    return mail
