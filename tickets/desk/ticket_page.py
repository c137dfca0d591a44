# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""All that the page of one ticket tells: record, events, and one timeline of whatever happened to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from abusehandler.tickets.desk.scope import Row, Scope, rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

EVENTS_SHOWN = 25
_LAST = 9_223_372_036_854_775_807

MomentKind = Literal["change", "note", "notice", "answer", "alert", "link", "opened"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened; `about` is the row that tells it."""

    at: datetime
    kind: MomentKind
    about: Row


@dataclass(frozen=True, slots=True)
class TicketPage:
    """What the page shows. `reports` is empty for people of one account: a report may hold others' data."""

    ticket: Row
    events: tuple[Row, ...]
    more_events: bool
    days: tuple[Row, ...]
    timeline: tuple[Moment, ...]
    reports: tuple[Row, ...]
    siblings: tuple[Row, ...]
    same_resource: tuple[Row, ...]
    people: tuple[Row, ...]
    parts: tuple[Row, ...]
    undo: Row | None


def _days(newest: Sequence[Row]) -> tuple[Row, ...]:
    """How many of the newest events were seen on each day, the newest day first."""
    counts = Counter(row["day"] for row in newest)
    return tuple({"day": day, "events": counts[day]} for day in sorted(counts, reverse=True)[:60])


def _parts(newest: Sequence[Row]) -> tuple[Row, ...]:
    """What the newest events differ in, for a split: words that `acting` understands, the most frequent first."""
    counts: Counter[str] = Counter()
    for row in newest:
        counts.update(
            f"{kind} {row[name]}" for kind, name in (("port", "port"), ("address", "ip"), ("feed", "feed")) if row[name]
        )
    return tuple({"part": part, "events": count} for part, count in counts.most_common(40) if count < len(newest))


def ticket(database: Database, scope: Scope, number: int) -> Row | None:
    """The record of one ticket, if it may be seen."""
    with database.transaction() as cursor:
        return next(iter(rows(cursor, scope, "ticket_page.ticket", ticket=number)), None)


def ticket_page(database: Database, scope: Scope, number: int, *, zone: str) -> TicketPage | None:
    """The page of one ticket, None if there is none or it is not to be seen. `zone`: IANA name, for days."""
    with database.transaction() as cursor:
        found = rows(cursor, scope, "ticket_page.ticket", ticket=number)
        if not found:
            return None
        record = found[0]
        events = rows(cursor, scope, "ticket_page.events", ticket=number, before=_LAST, limit=EVENTS_SHOWN + 1)
        network = record["network"]
        newest = rows(cursor, scope, "ticket_page.newest", ticket=number, zone=zone)
        reports = sorted({row["report_id"] for row in newest if row["report_id"] is not None}, reverse=True)[:20]
        return TicketPage(
            ticket=record,
            events=tuple(events[:EVENTS_SHOWN]),
            more_events=len(events) > EVENTS_SHOWN,
            days=_days(newest),
            timeline=_timeline(cursor, scope, record),
            reports=() if scope.account else tuple(rows(cursor, scope, "ticket_page.reports", reports=reports)),
            siblings=tuple(rows(cursor, scope, "ticket_page.siblings", ticket=number, customer=record["customer_id"])),
            same_resource=tuple(rows(cursor, scope, "ticket_page.same_resource", ticket=number, network=network))
            if network
            else (),
            people=tuple(rows(cursor, scope, "ticket_page.people", ticket=number)),
            parts=_parts(newest),
            undo=next(iter(rows(cursor, scope, "ticket_page.last_action", ticket=number)), None),
        )


def events(
    database: Database, scope: Scope, number: int, *, before: int = 0, limit: int = 100
) -> tuple[list[Row], bool]:
    """Events of a ticket, newest first, below the number `before` (0: from the newest), and whether there are more."""
    with database.transaction() as cursor:
        found = rows(cursor, scope, "ticket_page.events", ticket=number, before=before or _LAST, limit=limit + 1)
    return found[:limit], len(found) > limit


def answer_file(database: Database, scope: Scope, number: int, answer: int, file: int) -> Row | None:
    """Name, type and evidence of a file that came with an answer."""
    with database.transaction() as cursor:
        found = rows(cursor, scope, "ticket_page.answer_file", ticket=number, answer=answer, number=file)
    return next(iter(found), None)


def note_answers_seen(database: Database, scope: Scope, number: int, *, author: str) -> None:
    """The answers to this ticket are unread no more."""
    with database.transaction() as cursor:
        rows(cursor, scope, "ticket_page.answers_seen", ticket=number, author=author)


def _timeline(cursor: Cursor, scope: Scope, record: Row) -> tuple[Moment, ...]:
    number = record["id"]

    def told(name: str) -> list[Row]:
        return rows(cursor, scope, f"ticket_page.{name}", ticket=number)

    moments = [Moment(record["opened_at"], "opened", record)]
    moments += [Moment(row["at"], "note", row) for row in told("notes")]
    moments += [Moment(row["at"], "answer", row) for row in told("answers")]
    moments += [Moment(row["at"], "alert", row) for row in told("alerts")]
    moments += [Moment(row["at"], "link", row) for row in told("links")]
    # a note stands there itself
    moments += [
        Moment(row["at"], "change", row) for row in told("changes") if row["change"] not in ("note", "public note")
    ]
    moments += [Moment(notice["created_at"], "notice", notice) for notice in _notices(told("notices"))]
    moments.sort(key=lambda moment: moment.at, reverse=True)
    return tuple(moments)


def _notices(found: Sequence[Row]) -> list[Row]:
    """One row a notice, with its mails below `mails`."""
    notices: dict[int, dict[str, Any]] = {}
    for row in found:
        notice = notices.setdefault(row["id"], {**row, "mails": []})
        if row["recipient"] is not None:
            notice["mails"].append(row)
    return list(notices.values())
