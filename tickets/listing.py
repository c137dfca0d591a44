# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads what the commands show: reports, tickets, mails; each row is a dict with the names that people see."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.incoming import SEVERITIES, SEVERITY_NAMES
from abusehandler.tickets.queries import dicts, statements

if TYPE_CHECKING:
    from datetime import datetime

    from abusehandler.tickets.database import Database

Row = dict[str, Any]
STATES = ("open", "escalated", "ignored", "resolved", "closed", "all")


def _rows(database: Database, name: str, **parameters: Any) -> list[Row]:
    with database.transaction() as cursor:
        cursor.execute(statements("listing")[name], parameters)
        rows = dicts(cursor)
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


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """Which tickets are wanted; what is None does not count.

    `state` None is all but closed, "all" is all. `severity` is the least. `prefix` is CIDR text. Times are aware.
    """

    state: str | None = None
    customer: str | None = None
    problem: str | None = None
    severity: str | None = None
    prefix: str | None = None
    feed: str | None = None
    assignee: str | None = None
    opened_before: datetime | None = None
    seen_after: datetime | None = None

    def __post_init__(self) -> None:
        for name, value, known in (("state", self.state, STATES), ("severity", self.severity, SEVERITY_NAMES)):
            if value is not None and value not in known:
                raise AbusehandlerError(f"{value!r:.40} is not a {name}; write one of {', '.join(known)}")
        if self.prefix is not None:
            try:
                ipaddress.ip_network(self.prefix)
            except ValueError as error:
                raise AbusehandlerError(f"{self.prefix!r:.60} is not an address or network: {error}") from None


def tickets(
    database: Database, wanted: TicketFilter | None = None, limit: int = 100, *, after: tuple[str, int] | None = None
) -> list[Row]:
    """Tickets, the most severe first, then the newest. `after`: severity and number of the last one of the page before."""
    asked = wanted or TicketFilter()
    parameters = {each.name: getattr(asked, each.name) for each in fields(asked)}
    least = parameters.pop("severity")
    return _rows(
        database, "tickets", limit=limit, **parameters,
        least=None if least is None else SEVERITIES[least],
        after=None if after is None else after[1],
        after_severity=None if after is None else SEVERITIES[after[0]],
    )  # fmt: skip


def ticket(database: Database, number: int) -> dict[str, list[Row]] | None:
    """One ticket: its record, newest events, notices, notes, tickets that belong to it, and what happened to it."""
    record = _rows(database, "ticket", number=number)
    if not record:
        return None
    return {
        "ticket": record,
        "events": _rows(database, "ticket_events", number=number),
        "notices": _rows(database, "ticket_notices", number=number),
        "notes": _rows(database, "ticket_notes", number=number),
        "links": _rows(database, "ticket_links", number=number),
        "timeline": _rows(database, "timeline", number=number),
    }


def deliveries(database: Database, state: str | None = None, limit: int = 100) -> list[Row]:
    """The newest mails to customers."""
    return _rows(database, "deliveries", state=state, limit=limit)
