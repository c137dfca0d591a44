# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The statements of the `.sql` files beside it, each beginning with a line `-- name: ...`, and what they find."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@functools.cache
def statements(file: str) -> dict[str, str]:
    """The named statements of `tickets/sql/<file>.sql`, without comment lines, ready for psycopg2."""
    text = resources.files("abusehandler.tickets").joinpath("sql").joinpath(f"{file}.sql").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    pieces = _NAME.split(text)
    for name, body in zip(pieces[1::2], pieces[2::2], strict=True):
        lines = [line for line in body.splitlines() if not line.lstrip().startswith("--")]
        found[name] = "\n".join(lines).strip()
    return found


def dicts(cursor: Cursor) -> list[dict[str, Any]]:
    """What the cursor's statement found, each row by the names of its columns; none where it finds no rows by its nature."""
    if cursor.description is None:
        return []
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
