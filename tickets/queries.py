# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads the `.sql` files beside it: each statement begins with a line `-- name: ...`."""

from __future__ import annotations

import functools
import re
from importlib import resources

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
