# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Saved views: a name for the part of a page's address after the question mark, for one person or for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.desk.scope import Row

MOST = 40


def of_user(database: Database, user: int, *, account: str | None, page: str = "tickets") -> list[Row]:
    """The views of a user, and those that others of the same account share; `own` says which are his to remove."""
    names = ("id", "name", "query", "shared", "own")
    found = database.fetch(
        "SELECT v.id, v.name, v.query, v.shared, v.user_id = %(user)s FROM saved_views v JOIN users u ON u.id = v.user_id "
        "WHERE v.page = %(page)s AND (v.user_id = %(user)s OR v.shared AND u.account_id IS NOT DISTINCT FROM %(account)s) "
        "ORDER BY v.shared, v.name LIMIT 60",
        {"user": user, "page": page, "account": account},
    )
    return [dict(zip(names, row, strict=True)) for row in found]


def save(database: Database, user: int, name: str, query: str, *, shared: bool, page: str = "tickets") -> int:
    """Saves a view and returns its number; one of the same name is replaced. Raises AbusehandlerError without a name, or with too many."""
    name = " ".join(name.replace("\0", "").split())[:60]
    if not name:
        raise AbusehandlerError("a view needs a name")
    with database.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM saved_views WHERE user_id = %s", (user,))
        (count,) = cursor.fetchone() or (0,)
        if count >= MOST:
            raise AbusehandlerError(f"at most {MOST} views are kept for a person; remove one first")
        cursor.execute(
            "INSERT INTO saved_views (user_id, name, page, query, shared) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (user_id, page, name) DO UPDATE SET query = EXCLUDED.query, shared = EXCLUDED.shared RETURNING id",
            (user, name, page, query.replace("\0", "")[:2000], shared),
        )
        (number,) = cursor.fetchone() or (0,)
        return int(number)


def remove(database: Database, user: int, view: int) -> bool:
    """Removes a view of this user's own; whether there was one."""
    return bool(database.fetch("DELETE FROM saved_views WHERE id = %s AND user_id = %s RETURNING id", (view, user)))
