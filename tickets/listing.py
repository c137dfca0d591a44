# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads what the commands show: reports, tickets, mails; each row is a dict with the names that people see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abusehandler.tickets.incoming import SEVERITY_NAMES
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from datetime import datetime

    from abusehandler.tickets.database import Database

Row = dict[str, Any]


def _rows(database: Database, name: str, **parameters: Any) -> list[Row]:
    with database.transaction() as cursor:
        cursor.execute(statements("listing")[name], parameters)
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        if isinstance(row.get("severity"), int):
            row["severity"] = SEVERITY_NAMES[row["severity"]]
    return rows


def reports(
    database: Database,
    state: str | None = None,
    limit: int = 100,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    channel: str | None = None,
    reader: str | None = None,
) -> list[Row]:
    """The newest reports that fit; `since` and `until` (aware, exclusive) are times of receipt."""
    return _rows(
        database, "reports", state=state, limit=limit, since=since, until=until, channel=channel, reader=reader
    )


def report(database: Database, number: int) -> dict[str, list[Row]] | None:
    """One report: its record, and what of it could not be read."""
    record = _rows(database, "report", number=number)
    if not record:
        return None
    return {
        "report": record,
        "not read": _rows(database, "unread_parts", number=number),
        "events": _rows(database, "report_events", number=number),
        "changes": _rows(database, "changes", object="report", number=str(number)),
    }


def tickets(database: Database, state: str | None = None, customer: str | None = None, limit: int = 100) -> list[Row]:
    """Tickets, the most severe first; all but closed ones if no state is asked for."""
    return _rows(database, "tickets", state=state, customer=customer, limit=limit)


def ticket(database: Database, number: int) -> dict[str, list[Row]] | None:
    """One ticket: its record, newest events, notices, changes."""
    record = _rows(database, "ticket", number=number)
    if not record:
        return None
    return {
        "ticket": record,
        "events": _rows(database, "ticket_events", number=number),
        "notices": _rows(database, "ticket_notices", number=number),
        "changes": _rows(database, "changes", object="ticket", number=str(number)),
    }


def deliveries(database: Database, state: str | None = None, limit: int = 100) -> list[Row]:
    """The newest mails to customers."""
    return _rows(database, "deliveries", state=state, limit=limit)
