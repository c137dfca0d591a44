# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which files of abusehandler.yaml hold secrets, and the configuration with secrets masked, for people to see."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.configuration.model import Configuration

MASK = "********"
_FILES = ("password_file", "secret_file", "passphrase_file")
_KEYS = ("pgp_key", "smime_key")
_SECRET = re.compile(
    r"(?i)(password|passwd|passphrase|secret|token|api[_-]?key|credential|authorization|^auth$|^pass$)"
)
_IN_DSN = re.compile(r"(?is)\b((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*(?:'|\\?$)|[^\s']+)")
_IN_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://[^/\s:@]{0,200}:)[^/\s@]{1,200}@")


def named_secrets(section: BaseModel) -> Iterator[Path]:
    """Files with a secret that the section and those below it name."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from named_secrets(value)
        elif isinstance(value, Path) and (name.endswith(_FILES) or name in _KEYS):
            yield value


def masked(configuration: Configuration) -> dict[str, Any]:
    """All values as plain data; what is a secret is a row of stars. Names of files with secrets stay."""
    found: dict[str, Any] = _masked(configuration.model_dump(mode="json"), "")
    return found


def masked_value(value: Any, key: str) -> Any:
    """One value and all below it, as `masked` shows it under this key."""
    return _masked(value, key)


def _masked(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _masked(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, key) for inner in value]
    if not isinstance(value, str) or not value:
        return value
    if _SECRET.search(key) and not key.endswith(("_file", "_path", "_env", "_url", "_field", "_column")):
        return MASK
    return _IN_URL.sub(rf"\g<1>{MASK}@", _IN_DSN.sub(rf"\g<1>{MASK}", value))
