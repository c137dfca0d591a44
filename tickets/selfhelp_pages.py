# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a customer's page shows: open tickets, one ticket with its observations and its history. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.queries import statements
from abusehandler.tickets.recheck import asking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.recheck.asking import Choice, RecheckRules
    from abusehandler.tickets.selfhelp_links import Link, LinkTerms

Row = dict[str, Any]
_SQL = statements("selfhelp")
TICKETS_SHOWN = 50
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


def open_tickets(database: Database, link: Link, *, after: int | None = None) -> list[Row]:
    """The tickets behind a link that are not closed, the worst first; one more than TICKETS_SHOWN where there are more.

    `after`: the number of the last one of the page before; of a ticket that is not his, nothing follows.
    """
    values = {"customer": link.customer, "ticket": link.ticket, "after": after, "limit": TICKETS_SHOWN + 1}
    return database.prepared_rows(_SQL["open_tickets"], values)


def ticket_of(cursor: Cursor, link: Link, number: int, terms: LinkTerms) -> Row | None:
    """The record of one ticket behind the link, None if it is not behind it."""
    cursor.execute(_SQL["ticket"], _asked(link, number, terms))
    names = [column.name for column in cursor.description or ()]
    return next((dict(zip(names, row, strict=True)) for row in cursor.fetchall()), None)


def _asked(link: Link, number: int, terms: LinkTerms) -> Row:
    return {
        "customer": link.customer, "ticket": number, "only": link.ticket, "after_close": terms.after_close,
        "author": link.author,
    }  # fmt: skip


def ticket_view(
    database: Database, link: Link, number: int, terms: LinkTerms, recheck: RecheckRules, *, before: int = 0
) -> TicketView | None:
    """One ticket behind the link, None if it is not behind it; `before`: observations older than that number."""
    # each statement by itself: a page may be a moment old anyway, and round trips are what it costs
    ticket = next(iter(database.prepared_rows(_SQL["ticket"], _asked(link, number, terms))), None)
    if ticket is None:
        return None
    found = _events(database, number, before or _LAST, EVENTS_SHOWN + 1)
    events, more = found[:EVENTS_SHOWN], len(found) > EVENTS_SHOWN
    history = database.prepared_rows(_SQL["history"], {"ticket": number})
    choices: list[Choice] = []
    if asking.may_be_checked(ticket["problem"], ticket["state"], recheck):
        seen = _seen(events) if not more and not before else asking.seen(database, number)
        choices = asking.choices_of(seen, ticket["problem"], recheck)
    checks = asking.checks(database, number) if recheck.enabled and ticket["was_checked"] else []
    return TicketView(
        ticket, tuple(_observation(row) for row in events), more, tuple(history), tuple(choices), tuple(checks)
    )


def _seen(events: Sequence[Row]) -> list[tuple[str, int | None, str | None]]:
    """What `asking.seen` tells, from all events of a ticket."""
    return list(
        dict.fromkeys(
            (row["ip"], row["port"], str(row["data"].get("protocol.transport", ""))) for row in events if row["ip"]
        )
    )


def observations(database: Database, link: Link, number: int, terms: LinkTerms, most: int) -> list[Observation] | None:
    """Up to `most` observations of a ticket behind the link, the newest first; None if it is not behind it."""
    if not database.prepared(_SQL["ticket"], _asked(link, number, terms)):
        return None
    return [_observation(row) for row in _events(database, number, _LAST, most)]


def _events(database: Database, ticket: int, before: int, limit: int) -> list[Row]:
    return database.prepared_rows(_SQL["events"], {"ticket": ticket, "before": before, "limit": limit})


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
