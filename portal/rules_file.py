# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""rules.yaml as desk and API read, check and write it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError, ConfigurationError
from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    from abusehandler.portal.settings import Portal

#: Characters of the file.
LARGEST = 200_000


def rules_path(portal: Portal) -> Path | None:
    """Where the file is, or would be."""
    return portal.configuration.rules.path


def rules_text(portal: Portal) -> str:
    """The file as it is now; empty where there is none. Raises ConfigurationError if it cannot be read."""
    path = rules_path(portal)
    try:
        return path.read_text(encoding="utf-8")[:LARGEST] if path is not None and path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def rules_of(portal: Portal, text: str) -> Rules:
    """The rules that this text would make. Raises ConfigurationError with lines."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(text.replace("\r\n", "\n").replace("\0", ""), encoding="utf-8")
        try:
            return Rules.load(file, portal.catalogue)
        except ConfigurationError as error:
            raise ConfigurationError(str(error).replace(f"{file}", "rules.yaml")) from None


def write_rules(path: Path, text: str) -> None:
    """As a whole or not at all: a bot may read it at any moment. Raises AbusehandlerError."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".rules-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        new = Path(name)
        new.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o640)
        new.replace(path)
    except OSError as error:
        raise AbusehandlerError(
            f"{path} cannot be written by the portal: {error}; copy the text there yourself"
        ) from error
