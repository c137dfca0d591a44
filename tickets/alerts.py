# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What waits for somebody at the desk: escalations, customers whom no mail reaches. NOTIFY `abusehandler_desk` tells of new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abusehandler.tickets.queries import dicts, statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abusehandler.tickets.database import Database


def unseen(database: Database, limit: int = 1000) -> list[dict[str, Any]]:
    """Alerts that nobody has seen, the newest first."""
    with database.transaction() as cursor:
        cursor.execute(statements("alerts")["unseen"], {"limit": limit})
        return dicts(cursor)


def see(database: Database, alerts: Iterable[int], *, author: str) -> list[int]:
    """Notes that a person has seen alerts; returns those that nobody had seen before."""
    rows = database.fetch(statements("alerts")["see"], {"alerts": list(alerts), "author": author})
    return [int(row[0]) for row in rows]
