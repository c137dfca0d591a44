# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where another machine is and how to be let in: addresses that are encrypted, secrets from files that few can read."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def url_setting(settings: Mapping[str, Any], example: str, schemes: tuple[str, str] = ("http", "https")) -> str:
    """The `url` of another machine; the first of `schemes`, without encryption, is taken on this machine alone.

    Raises ConfigurationError.
    """
    url = settings.get("url")
    parts = urlsplit(url) if isinstance(url, str) else None
    try:
        if parts is None or parts.scheme not in schemes or not parts.hostname or parts.port == 0:
            raise ValueError
    except ValueError as error:
        raise ConfigurationError(f"url: write the address, for example {example}") from error
    if parts.username or parts.password:
        raise ConfigurationError("url: write user: and password_file: beside url, not into it")
    if parts.scheme == schemes[0] and parts.hostname not in _THIS_MACHINE:
        raise ConfigurationError(
            f"url: {url} is not encrypted, and customer data would be read on the way; write {schemes[1]}://"
        )
    return str(url)


def secret_setting(settings: Mapping[str, Any], key: str, base: Path) -> str:
    """The content of the file that a setting names, empty if it names none. Raises ConfigurationError."""
    if not settings.get(key):
        return ""
    path = (base / Path(str(settings[key])).expanduser()).absolute()
    try:
        if path.stat().st_mode & stat.S_IRWXO:
            raise ConfigurationError(f"{key}: {path} can be read by everybody; chmod 640 {path}")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{key}: {path}: {error}") from error
