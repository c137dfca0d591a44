# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A file as a source: where it is and whether it changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


def path_setting(settings: Mapping[str, Any], base: Path, key: str = "path") -> Path:
    """The path of a setting, relative to `base`; raises ConfigurationError if it is not given."""
    text = settings.get(key)
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f"{key}: write the path of the file, for example {key}: customers.csv")
    return (base / Path(text).expanduser()).absolute()


def is_large(path: Path, most: int) -> bool:
    """Whether reading takes so long that events should not wait for it; `most` in bytes."""
    try:
        return path.stat().st_size > most
    except OSError:
        return False


def file_mark(path: Path) -> str:
    """Size, time and identity of a file; raises ConfigurationError if it cannot be found."""
    try:
        state = path.stat()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; write the customer file there or change path") from error
    return f"{state.st_size}-{state.st_mtime_ns}-{state.st_ino}"
