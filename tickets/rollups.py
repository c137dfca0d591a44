# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Statistics by day, so that figures for any period are sums over a few thousand rows, whatever the store holds.

`refresh` makes the days anew that were touched since it was last called: by events that came (late ones touch old days), by
events that a new reading withdrew, by tickets that came back or ended, by mails that went out, by reports that were read.
Days whose events, tickets or reports were dropped (tickets/retention.py) keep the figures that they had. The tables stand in
migrations 0004 and 0014; days are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.queries import statements
from abusehandler.tickets.rereading import LOCK as BATCHES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

#: Key of the advisory lock under which statistics are made.
LOCK = 0x61627374
#: What a transaction changed carries the time of its begin; it may have been committed so much later.
OVERLAP = timedelta(minutes=15)
#: Ends of the classes in seconds, as rollup_limits() in the database has them.
LIMITS = (600, 3600, 14400, 43200, 86400, 172800, 345600, 604800, 1209600, 2592000, 7776000)
_NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many days were made anew; `busy`: another process was at it, and nothing was done."""

    event_days: int = 0
    ticket_days: int = 0
    report_days: int = 0
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """How long something took for `number` tickets; `typical` is the median, to a few percent of its class."""

    number: int
    mean: timedelta | None
    typical: timedelta | None


@dataclass(frozen=True, slots=True)
class Rates:
    """What became of the tickets that were opened in a period.

    `told`: until the first notice had gone out; `ended`: until it was resolved or closed. `relapsed` tickets came back at
    least once, `followed` ones are the successor of a ticket that was closed too long ago to come back.
    """

    opened: int
    followed: int
    relapsed: int
    relapses: int
    told: Span
    ended: Span

    @property
    def relapse_rate(self) -> float:
        """The share of tickets that came back; 0 where none was opened."""
        return self.relapsed / self.opened if self.opened else 0.0


def refresh(database: Database) -> Refreshed:
    """Makes the touched days anew, in one transaction. Any number of processes may ask; one does it.

    Raises Unavailable when the database is away.
    """
    with database.transaction() as cursor:
        cursor.execute(statements("rollups")["cut"], {"batches": BATCHES})
        last, cut = cursor.fetchone() or (0, _NEVER)
    made: Refreshed = database.retrying(lambda cursor: _refresh(cursor, int(last), cut))
    return made


def _refresh(cursor: Cursor, last: int, cut: datetime) -> Refreshed:
    sql = statements("rollups")
    cursor.execute(sql["only_me"], {"lock": LOCK})
    if cursor.fetchone() != (True,):
        return Refreshed(busy=True)
    cursor.execute(sql["state"])
    event_id, through, events_from, tickets_from, reports_from = cursor.fetchone() or (0, _NEVER, *[date.min] * 3)
    since = through - OVERLAP
    cursor.execute(sql["touched_event_days"], {"event_id": event_id, "last": last, "since": since, "from": events_from})
    event_days = [row[0] for row in cursor.fetchall()]
    cursor.execute(sql["touched_ticket_days"], {"since": since, "from": tickets_from})
    ticket_days = [row[0] for row in cursor.fetchall()]
    cursor.execute(sql["touched_report_days"], {"since": since, "from": reports_from})
    report_days = [row[0] for row in cursor.fetchall()]
    for name in ("clear_event_days", "make_event_days", "clear_customer_days", "make_customer_days"):
        cursor.execute(sql[name], {"days": _dates(event_days)})
    for name in ("clear_ticket_days", "make_ticket_days"):
        cursor.execute(sql[name], {"days": _dates(ticket_days)})
    for name in ("clear_report_days", "make_report_days"):
        cursor.execute(sql[name], {"days": _dates(report_days)})
    work = {"day": max(since.date(), tickets_from)}
    for name in ("clear_work", "make_work"):
        cursor.execute(sql[name], work)
    cursor.execute(sql["note"], {"last": last, "cut": cut})
    return Refreshed(len(event_days), len(ticket_days), len(report_days))


def _dates(days: Sequence[date]) -> Any:
    # an empty list has no type of its own
    return "{" + ",".join(day.isoformat() for day in days) + "}"


def rates(
    database: Database,
    *,
    since: date | None = None,
    until: date | None = None,
    days: int = 30,
    problem: str | None = None,
    feed: str | None = None,
    severity: int | None = None,
) -> Rates:
    """What became of the tickets opened from `since` (the last `days` if left out) to before `until` (UTC days)."""
    until = until or datetime.now(timezone.utc).date() + timedelta(days=1)
    since = since or until - timedelta(days=days)
    wanted = {"since": since, "until": until, "problem": problem, "feed": feed, "severity": severity}
    sql = statements("rollups")
    with database.transaction() as cursor:
        cursor.execute(sql["rates"], wanted)
        row = cursor.fetchone()
        cursor.execute(sql["classes"], wanted)
        classes = cursor.fetchall()
    assert row is not None
    opened, followed, relapsed, relapses, told, told_seconds, ended, ended_seconds = row
    return Rates(
        opened, followed, relapsed, relapses,
        _span(told, told_seconds, [each[1] for each in classes]), _span(ended, ended_seconds, [each[2] for each in classes]),
    )  # fmt: skip


def _span(number: int, seconds: float, classes: Sequence[int]) -> Span:
    if not number:
        return Span(0, None, None)
    half, below, lower = number / 2, 0, 0.0
    typical = float(LIMITS[-1])
    for count, upper in zip(classes, LIMITS, strict=False):
        if below + count >= half:
            typical = lower + (upper - lower) * (half - below) / count
            break
        below, lower = below + count, float(upper)
    return Span(number, timedelta(seconds=seconds / number), timedelta(seconds=typical))


def describe(rates: Rates, days: int) -> list[str]:
    """Lines for people."""

    def took(span: Span) -> str:
        if span.mean is None or span.typical is None:
            return "none"
        return f"{span.number}, typically after {_hours(span.typical)}, on average after {_hours(span.mean)}"

    return [
        f"of the tickets opened in the last {days} days:",
        f"opened            {rates.opened}, {rates.followed} of them followed a closed one",
        f"came back         {rates.relapsed} ({rates.relapse_rate:.1%}), {rates.relapses} times",
        f"first notice      {took(rates.told)}",
        f"resolved, closed  {took(rates.ended)}",
    ]


def _hours(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
