# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The words of mail systems and mail programs, from phrases.yaml."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml


@cache
def _lists() -> dict[str, list[str]]:
    loaded: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("phrases.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def phrases(name: str, *, before: str = "", after: str = "") -> re.Pattern[str]:
    """One list as a pattern that ignores case, with `before` and `after` around it; `^` stands for a line's start."""
    return re.compile(f"{before}(?:{'|'.join(_lists()[name])}){after}", re.IGNORECASE | re.MULTILINE)
