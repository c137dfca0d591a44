# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a customer's page shows: open tickets, one ticket with its observations and its history. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.queries import statements
from abusehandler.tickets.recheck import asking

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.recheck.asking import Choice, RecheckRules
    from abusehandler.tickets.selfhelp_links import Link, LinkTerms

Row = dict[str, Any]
TICKETS_SHOWN = 200
EVENTS_SHOWN = 25
_LAST = 9_223_372_036_854_775_807
#: Reporters and third parties stay out of what a customer is shown; as in the notices.
DETAILS = (
    "source.fqdn", "source.url", "protocol.application", "malware.name", "product.name", "event_description.text", "extra.tag",
)  # fmt: skip
LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Observation:
    """One event as the customer sees it. `at` is aware. `details` are one-line texts by field name."""

    id: int
    at: datetime
    address: str
    port: int | None
    transport: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TicketView:
    """One ticket. `choices` may be checked from outside, `checks` were, the newest first."""

    ticket: Row
    events: tuple[Observation, ...]
    more_events: bool
    history: tuple[Row, ...]
    choices: tuple[Choice, ...]
    checks: tuple[Row, ...]

    @property
    def check_runs(self) -> bool:
        """Whether a check was asked for and is not done."""
        return any(check["state"] != "done" for check in self.checks)


def open_tickets(database: Database, link: Link, limit: int = TICKETS_SHOWN) -> list[Row]:
    """The tickets behind a link that are not closed, the worst first; one more than `limit` where there are more."""
    values = {"customer": link.customer, "ticket": link.ticket, "limit": limit + 1}
    with database.transaction() as cursor:
        return _rows(cursor, "open_tickets", values)


def ticket_of(cursor: Cursor, link: Link, number: int, terms: LinkTerms) -> Row | None:
    """The record of one ticket behind the link, None if it is not behind it."""
    values = {
        "customer": link.customer, "ticket": number, "only": link.ticket, "after_close": terms.after_close,
        "author": link.author,
    }  # fmt: skip
    return next(iter(_rows(cursor, "ticket", values)), None)


def ticket_view(
    database: Database, link: Link, number: int, terms: LinkTerms, recheck: RecheckRules, *, before: int = 0
) -> TicketView | None:
    """One ticket behind the link, None if it is not behind it; `before`: observations older than that number."""
    with database.transaction() as cursor:
        ticket = ticket_of(cursor, link, number, terms)
        if ticket is None:
            return None
        events, more = _events(cursor, number, before or _LAST, EVENTS_SHOWN)
        history = _rows(cursor, "history", {"ticket": number})
        return TicketView(
            ticket, tuple(events), more, tuple(history),
            tuple(asking.choices_for(cursor, number, ticket["problem"], ticket["state"], recheck)),
            tuple(asking.of_ticket(cursor, number)) if recheck.enabled else (),
        )  # fmt: skip


def observations(database: Database, link: Link, number: int, terms: LinkTerms, most: int) -> list[Observation] | None:
    """Up to `most` observations of a ticket behind the link, the newest first; None if it is not behind it."""
    with database.transaction() as cursor:
        if ticket_of(cursor, link, number, terms) is None:
            return None
        return _events(cursor, number, _LAST, most)[0]


def _events(cursor: Cursor, ticket: int, before: int, limit: int) -> tuple[list[Observation], bool]:
    rows = _rows(cursor, "events", {"ticket": ticket, "before": before, "limit": limit + 1})
    return [_observation(row) for row in rows[:limit]], len(rows) > limit


def _observation(row: Row) -> Observation:
    data = row["data"]
    details = {name: one_line(data[name]) for name in DETAILS if data.get(name) not in (None, "")}
    transport = data.get("protocol.transport")
    return Observation(
        row["id"], row["at"], row["ip"] or one_line(data.get("source.fqdn", "")), row["port"],
        transport if transport in ("tcp", "udp") else "", details,
    )  # fmt: skip


def one_line(value: object) -> str:
    """What a stranger wrote, without line ends, control characters and changes of direction."""
    text = str(value)[:LONGEST_DETAIL]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _rows(cursor: Cursor, name: str, values: Mapping[str, Any]) -> list[Row]:
    cursor.execute(statements("selfhelp")[name], values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
