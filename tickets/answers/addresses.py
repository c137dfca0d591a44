# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Addresses that say to which notice a mail comes back: `abuse+n12.k5v2…@example.net`, signed so that nobody can guess one.

A sub-address (RFC 5233) holds a letter for the kind, the number and a tag: the first 80 bits of an HMAC-SHA-256 over both,
in base 32 (RFC 4648), because mail systems change the case of letters. Without a secret all mail goes out with the plain
sender, and only Message-IDs tie answers to notices.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abusehandler.errors import ConfigurationError
from abusehandler.secret_files import secret_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: RFC 5321, 4.5.3.1.1
LONGEST_LOCAL_PART = 64
SHORTEST_SECRET = 32
MOST_SECRETS = 5
_TAG_LETTERS = 16
Kind = Literal["notice", "delivery"]
_LETTERS: dict[Kind, str] = {"notice": "n", "delivery": "d"}
_KINDS: dict[str, Kind] = {letter: kind for kind, letter in _LETTERS.items()}
_SIGNED = re.compile(r"([nd])([1-9][0-9]{0,17})\.([a-z2-7]{16})")
#: No more characters of a header, and no more addresses of a mail, are looked at.
_LONGEST_HEADER = 100_000
_MOST_FOUND = 200


@dataclass(frozen=True)
class AnswerSettings:
    """How answers find back. `sender`: the plain address. `secrets`: the first signs, each is good for checking; none
    switches signed addresses off. `delimiter`: what your mail server takes between name and sub-address.
    """

    sender: str
    secrets: tuple[bytes, ...] = ()
    delimiter: str = "+"

    @classmethod
    def load(cls, sender: str, secret_file: Path | None, delimiter: str = "+") -> AnswerSettings:
        """The settings with the secrets of the file. Raises ConfigurationError if the file is not as it must be."""
        return cls(sender, read_secrets(secret_file) if secret_file is not None else (), delimiter)


@dataclass(frozen=True, slots=True)
class Target:
    """To what a signed address belongs: the number of a notice or a delivery."""

    kind: Kind
    number: int


def reply_address(notice_id: int, settings: AnswerSettings) -> str:
    """The Reply-To of a notice; the plain sender where no secret is configured or the address would grow too long."""
    return signed_address(Target("notice", notice_id), settings)


def bounce_address(delivery_id: int, settings: AnswerSettings) -> str:
    """The envelope sender of one mail to one recipient; the plain sender as for `reply_address`."""
    return signed_address(Target("delivery", delivery_id), settings)


def signed_address(target: Target, settings: AnswerSettings) -> str:
    """The signed address of any target."""
    if not settings.secrets:
        return settings.sender
    local, _, domain = settings.sender.rpartition("@")
    letter = _LETTERS[target.kind]
    signed = f"{local}{settings.delimiter}{letter}{target.number}.{_tag(target, settings.secrets[0])}"
    return f"{signed}@{domain}" if len(signed) <= LONGEST_LOCAL_PART else settings.sender


def target_of(address: str, settings: AnswerSettings) -> Target | None:
    """What a signed address of ours belongs to; None for any other address, and for one whose tag is wrong."""
    if not settings.secrets:
        return None
    local, _, domain = address.strip().strip("<>").lower().rpartition("@")
    own_local, _, own_domain = settings.sender.lower().rpartition("@")
    front = own_local + settings.delimiter.lower()
    if domain != own_domain or not local.startswith(front):
        return None
    match = _SIGNED.fullmatch(local[len(front) :])
    if match is None:
        return None
    target = Target(_KINDS[match[1]], int(match[2]))
    good = [hmac.compare_digest(match[3], _tag(target, secret)) for secret in settings.secrets]
    return target if any(good) else None


def targets_in(texts: Iterable[str], settings: AnswerSettings) -> list[Target]:
    """The targets of all signed addresses of ours in header values, in order, each once; deliveries come first."""
    if not settings.secrets:
        return []
    found = dict.fromkeys(
        target for address in _candidates(texts, settings) if (target := target_of(address, settings)) is not None
    )
    return sorted(found, key=lambda target: target.kind != "delivery")


def _candidates(texts: Iterable[str], settings: AnswerSettings) -> Iterator[str]:
    local, _, domain = settings.sender.lower().rpartition("@")
    pattern = re.compile(
        re.escape(local + settings.delimiter.lower()) + r"[nd][0-9]{1,18}\.[a-z2-7]{16}@" + re.escape(domain)
    )
    count = 0
    for text in texts:
        for match in pattern.finditer(text[:_LONGEST_HEADER].lower()):
            count += 1
            if count > _MOST_FOUND:
                return
            yield match[0]


def _tag(target: Target, secret: bytes) -> str:
    digest = hmac.new(secret, f"abusehandler {target.kind} {target.number}".encode("ascii"), hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()[:_TAG_LETTERS]


def read_secrets(path: Path) -> tuple[bytes, ...]:
    """The secrets of a file, one a line. Raises ConfigurationError, naming the file and what to do."""
    advice = "make one with: abusehandler answer new-secret"
    text = secret_text(path, "the secret (mail.answer_secret_file)", advice=advice)
    lines = text.split("\n", MOST_SECRETS * 2)[: MOST_SECRETS * 2]
    found = []
    for number, line in enumerate(lines, 1):
        secret = line.strip()
        if not secret or secret.startswith("#"):
            continue
        if len(secret) < SHORTEST_SECRET:
            raise ConfigurationError(
                f"{path}, line {number}: a secret of {len(secret)} characters can be guessed; {SHORTEST_SECRET} are the least; {advice}"
            )
        found.append(secret.encode("utf-8"))
    if not found:
        raise ConfigurationError(f"{path}: no secret stands in it (mail.answer_secret_file); {advice}")
    return tuple(found[:MOST_SECRETS])
