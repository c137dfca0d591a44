# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Secrets of second factors are kept sealed with a key from a file, so that a copy of the database alone makes no codes.

A seal is bound to its user: copied to another row it opens nothing. AES-256-GCM of the `cryptography` package.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from abusehandler.errors import AbusehandlerError, ConfigurationError
from abusehandler.secret_files import secret_text

if TYPE_CHECKING:
    from pathlib import Path

_MARK = "sealed1:"
_NONCE = 12
#: Characters of a key; `openssl rand -hex 32` writes 64.
SHORTEST = 32


class Seal:
    """Seals and opens. Without a key secrets stay as they are, and sealed ones cannot be opened."""

    def __init__(self, key: str | None) -> None:
        self._cipher = None if key is None else AESGCM(hashlib.sha256(key.encode()).digest())

    @classmethod
    def of(cls, path: Path | None) -> Seal:
        """From the key file. Raises ConfigurationError for one that others may read, or that is too short."""
        if path is None:
            return cls(None)
        key = secret_text(path, "the key", advice="make one: openssl rand -hex 32").strip()
        if len(key) < SHORTEST:
            raise ConfigurationError(f"{path}: the key is too short; make one: openssl rand -hex 32")
        return cls(key)

    def close(self, secret: str, user: int) -> str:
        """The secret as it is stored for this user."""
        if self._cipher is None:
            return secret
        nonce = os.urandom(_NONCE)
        return _MARK + base64.b64encode(nonce + self._cipher.encrypt(nonce, secret.encode(), _bound(user))).decode()

    def open(self, stored: str, user: int) -> str:
        """The secret. One from before the key was set is plain. Raises AbusehandlerError when the key does not fit."""
        if not stored.startswith(_MARK):
            return stored
        if self._cipher is None:
            raise AbusehandlerError("second factors are sealed, and 'portal: seal_file' names no key: set it again")
        try:
            packed = base64.b64decode(stored.removeprefix(_MARK), validate=True)
            return self._cipher.decrypt(packed[:_NONCE], packed[_NONCE:], _bound(user)).decode()
        except (InvalidTag, ValueError):
            raise AbusehandlerError(
                "the key of 'portal: seal_file' does not fit: put the old key back, or let an administrator forget the second factor"
            ) from None

    def is_needed(self, stored: str) -> bool:
        """Whether a stored secret is plain though there is a key."""
        return self._cipher is not None and not stored.startswith(_MARK)


def _bound(user: int) -> bytes:
    return f"totp of user {user}".encode()
