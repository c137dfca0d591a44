# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The audit trail of notices and their mails: written in the transaction of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import cursor as Cursor


def audit(cursor: Cursor, kind: str, numbers: Iterable[int | str], actor: str, change: str, reason: str) -> None:
    """One line for each number; `kind` is the table's word: report, ticket, notice, delivery, customer."""
    lines = [(actor, kind, str(number), change, reason) for number in numbers]
    if lines:
        execute_values(
            cursor,
            "INSERT INTO audit_trail (actor, object, object_id, change, reason) VALUES %s",
            lines,
            page_size=1000,
        )
