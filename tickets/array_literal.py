# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Long arrays as PostgreSQL reads them in one piece.

psycopg2 writes a list as ARRAY['…', '…', …], which the server parses as an expression of a thousand constants; as one
text in the form of https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO it costs both sides a third.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def plain_array(values: Iterable[object]) -> str:
    """Numbers, times, uuids, addresses: whatever is written without comma, quote, space and brace; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def text_array(values: Iterable[str | None]) -> str:
    """Any texts without NUL; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
