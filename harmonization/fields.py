# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Adds our fields to IntelMQ's harmonization.conf and touches nothing else in it.

IntelMQ knows no drop-in folder: one file holds the fields of all bots. Its own `upgrade-config` keeps keys that it does
not know, so ours survive an upgrade; where the file was replaced, adding them again is harmless.
"""

from __future__ import annotations

import json
import os
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from abusehandler.errors import ConfigurationError

Fields = dict[str, dict[str, dict[str, Any]]]


def our_fields() -> Fields:
    """The fields of fields.json: message type → name → definition."""
    text = resources.files("abusehandler.harmonization").joinpath("fields.json").read_text(encoding="utf-8")
    fields: Fields = json.loads(text)
    return fields


def missing(harmonization: dict[str, Any]) -> list[str]:
    """Our fields that a loaded harmonisation lacks, as `event: customer.id`."""
    return [
        f"{kind}: {name}"
        for kind, fields in our_fields().items()
        for name in fields
        if name not in harmonization.get(kind, {})
    ]


def merged(harmonization: dict[str, Any]) -> dict[str, Any]:
    """The harmonisation with our fields added; what stands there already stays as it is."""
    result = {kind: dict(fields) for kind, fields in harmonization.items()}
    for kind, fields in our_fields().items():
        for name, definition in fields.items():
            result.setdefault(kind, {}).setdefault(name, definition)
    return result


def merge_file(path: Path) -> list[str]:
    """Adds what is missing to the file, in one step that another process sees wholly or not at all; returns what was added.

    Raises ConfigurationError if the file is not there, not JSON or cannot be written.
    """
    try:
        text = path.read_text(encoding="utf-8")
        present = json.loads(text)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file; run 'intelmqsetup' first, or name another file with --file"
        ) from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path}, line {error.lineno}: not JSON: {error.msg}; mend it or restore IntelMQ's own file"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None
    if not isinstance(present, dict) or not all(isinstance(fields, dict) for fields in present.values()):
        raise ConfigurationError(f"{path}: must be an object of objects, as IntelMQ's harmonization.conf is")
    added = missing(present)
    if added:
        _replace(path, json.dumps(merged(present), indent=4, sort_keys=True) + "\n")
    return added


def _replace(path: Path, text: str) -> None:
    # a link stays a link: the file behind it is replaced
    path = path.resolve()
    temporary: Path | None = None
    try:
        status = path.stat()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise ConfigurationError(
            f"{path}: cannot be written: {error}; run this as the user that owns the file"
        ) from None
