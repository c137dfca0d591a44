# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Passwords as argon2id hashes (RFC 9106), and codes of a second factor (RFC 6238)."""

from __future__ import annotations

import hmac
import threading
import time

import argon2
import pyotp

from abusehandler.errors import AbusehandlerError

#: RFC 9106, section 4, second recommendation: for machines with little memory.
_HASHER = argon2.PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
#: Two checks at once use 128 MiB; guessers wait for each other, not for the desk.
_AT_ONCE = threading.BoundedSemaphore(2)
#: Compared when there is no such user, so that the answer takes as long.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$x69bb5MYSpFdJsMJerbU1A$X97qPfJCOzPnFCPvYZq4vZ/21Ww4B14uX159sZdzSdw"
SHORTEST, LONGEST = 12, 500
_STEP = 30


def hashed(password: str) -> str:
    """The hash to store. Raises AbusehandlerError for a password that is too short or too long (NIST SP 800-63B-4: length counts)."""
    if len(password) < SHORTEST:
        raise AbusehandlerError(f"a password has at least {SHORTEST} characters; several words make a good one")
    if len(password) > LONGEST:
        raise AbusehandlerError(f"a password has at most {LONGEST} characters")
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_right(password: str, stored: str | None) -> bool:
    """Whether the password fits the hash; takes as long when there is none."""
    with _AT_ONCE:
        try:
            right = _HASHER.verify(stored or _NOBODY, password[:LONGEST])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    return right and stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def new_secret() -> str:
    """A secret for an authenticator app, base32."""
    return pyotp.random_base32()


def secret_uri(secret: str, login: str, organisation: str) -> str:
    """What the QR code says."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=organisation)


def step_of(code: str, secret: str, *, now: float | None = None) -> int | None:
    """The time step whose code this is, with one step of clock skew either way; None for a wrong code."""
    code = "".join(code.split())
    if not (code.isascii() and code.isdigit() and len(code) == 6):
        return None
    step = int((time.time() if now is None else now) // _STEP)
    expected = pyotp.TOTP(secret)
    return next(
        (one for one in (step, step - 1, step + 1) if hmac.compare_digest(expected.at(one * _STEP), code)), None
    )
