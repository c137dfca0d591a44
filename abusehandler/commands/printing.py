# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows for people as columns, for scripts as one JSON object a line."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDEST = 60


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool = False) -> None:
    """Prints dicts that share their keys."""
    if as_json:
        for row in rows:
            text = json.dumps(row, default=str, ensure_ascii=False)
            print("".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text))
        return
    if not rows:
        print("(none)")
        return
    lines = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    # what comes from outside must not reach a terminal as control sequences
    text = "".join(character if character.isprintable() else " " for character in str(value))
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
