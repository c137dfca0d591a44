# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cursors: where a list goes on. Text that means something to us alone, checked when it comes back."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from abusehandler.portal.api.fields import Query
from abusehandler.portal.api.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY = re.compile(r"[^\x00]{1,400}")

Cursor = Annotated[str, StringConstraints(max_length=600, pattern=r"^[A-Za-z0-9_-]*$")]


class Paged(Query):
    """What every list takes."""

    cursor: Cursor = Field("", description="`next` of the part before; empty for the beginning.")
    limit: int = Field(50, ge=1, le=500, description="Items at most.")

    def key(self, kind: str, pattern: str = r"\d{1,19}") -> str:
        """The key inside the cursor, empty at the beginning. Raises ProblemError for one that is not of this list."""
        if not self.cursor:
            return ""
        try:
            text = base64.b64decode(self.cursor + "=" * (-len(self.cursor) % 4), altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError):
            text = ""
        of, _, key = text.partition(":")
        if of != kind or not re.fullmatch(pattern, key) or not _KEY.fullmatch(key):
            raise ProblemError(400, "This cursor is not of this list; begin without one.")
        return key

    def number(self, kind: str) -> int:
        """The same for lists that go by number; 0 at the beginning."""
        return min(int(self.key(kind) or 0), 9_223_372_036_854_775_807)


def cursor(kind: str, key: object) -> str:
    """The cursor for what follows `key`."""
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")


def cut(rows: Sequence[Any], limit: int, kind: str, name: str = "id") -> dict[str, Any]:
    """A page of rows, of which one more than `limit` was asked for."""
    items = list(rows[:limit])
    more = len(rows) > limit
    return {"items": items, "next": cursor(kind, items[-1][name]) if more else None}
