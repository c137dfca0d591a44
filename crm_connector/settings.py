# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What every part of the `customers:` section has in common: which keys there are, and what is said about others."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Keys of a connector's settings that the directory itself understands.
LINK_SETTINGS = ("connector", "overwrite", "copy", "max_gone_percent", "max_age_hours", "every_minutes", "name")
#: Keys of the section as a whole.
SECTION_SETTINGS = ("chain", "exceptions", "clock_skew_seconds", "state_path", "host_fallback", "last_resort")


def refuse_unknown(settings: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise ConfigurationError for a key that nobody reads: a misspelt key must not be ignored."""
    names = (*known, *LINK_SETTINGS, *SECTION_SETTINGS)
    for key in settings:
        if key not in names:
            near = get_close_matches(str(key), names, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
            raise ConfigurationError(f"{key}: no such setting of connector {settings.get('connector')}; {hint}")


def number_setting(settings: Mapping[str, Any], key: str, default: float, low: float, high: float) -> float:
    """A number between two bounds; raises ConfigurationError."""
    value = settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigurationError(f"{key}: write a number from {low:g} to {high:g}, this is {value!r}")
    return value
