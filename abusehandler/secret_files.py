# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files with passwords, keys and tokens: only their owner may read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

#: No secret is longer.
MOST_BYTES = 1 << 20


def secret_bytes(path: Path, what: str, *, advice: str = "") -> bytes:
    """The file's bytes. `what` names it in messages: "the key"; `advice` is said when there is none.

    Raises ConfigurationError when the file cannot be read, or when others than its owner may read it.
    """
    behind = f"; {advice}" if advice else ""
    try:
        with path.open("rb") as file:
            if path.stat().st_mode & 0o077:
                raise ConfigurationError(f"{path}: others may read {what}; run: chmod 600 {path}")
            return file.read(MOST_BYTES)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file with {what}{behind}") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {what} cannot be read: {error}{behind}") from error


def secret_text(path: Path, what: str, *, advice: str = "") -> str:
    """The same as text. Raises ConfigurationError also for bytes that are no UTF-8."""
    try:
        return secret_bytes(path, what, advice=advice).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: {what} cannot be read: {error}") from error


def secret_line(path: Path, what: str) -> str:
    """The first line. Raises ConfigurationError also when it is empty."""
    line = secret_text(path, what).partition("\n")[0].strip("\r")
    if not line:
        raise ConfigurationError(f"{path}: its first line is empty; write {what} there")
    return line
