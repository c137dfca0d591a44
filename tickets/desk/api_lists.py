# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lists for programs: reports, events, notices, customers, mutes; each limited to what the caller may see."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.desk.scope import Row, Scope, read, rows
from abusehandler.tickets.desk.ticket_list import words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abusehandler.tickets.database import Database

_LAST = 9_223_372_036_854_775_807
#: Events are looked through so far back unless told otherwise.
EVENT_DAYS = 7
_SLOW = "SET LOCAL statement_timeout = '8s'"


def _listed(
    database: Database, scope: Scope, statement: str, prefix: str, asked: Mapping[str, Any], /, **parameters: Any
) -> list[Row]:
    """Rows of a list: each filter that is set has a condition `<prefix>_<name>`."""
    filters = [f"{prefix}_{name}" for name, value in asked.items() if value]
    with database.transaction() as cursor:
        cursor.execute(_SLOW)
        return rows(cursor, scope, f"api.{statement}", filters, **asked, **parameters)


def reports(
    database: Database, scope: Scope, asked: Mapping[str, Any], *, states: Sequence[str], before: int, limit: int
) -> list[Row]:
    """Reports, newest first. Filters: reader, channel, sender (a part of it), evidence, since, until."""
    wanted = {**asked, "state": bool(states)}
    return _listed(
        database, scope, "reports", "report", wanted, states=list(states), before=before or _LAST, limit=limit
    )


def events(
    database: Database, scope: Scope, asked: Mapping[str, Any], *, since: datetime | None, until: datetime | None,
    after: tuple[datetime, str] | None, limit: int,
) -> list[Row]:  # fmt: skip
    """Events by time of observation, newest first. Filters: prefix, problem, feed, customer, report, match.

    `after`: time and fingerprint of the last one of the page before.
    """
    end = until or datetime.now(timezone.utc) + timedelta(days=1)
    begin = since or end - timedelta(days=EVENT_DAYS)
    filters = [f"event_{name}" for name, value in asked.items() if value]
    if after is not None:
        filters.append("after_event")
    with database.transaction() as cursor:
        cursor.execute(_SLOW)
        return rows(
            cursor, scope, "api.events", filters, since=begin, until=end, limit=limit,
            after_at=after and after[0], after_fingerprint=after and after[1], **asked,
        )  # fmt: skip


def event(database: Database, scope: Scope, number: int) -> Row | None:
    """One event."""
    with database.transaction() as cursor:
        cursor.execute(_SLOW)
        return next(iter(rows(cursor, scope, "api.event", event=number)), None)


def notices(database: Database, scope: Scope, asked: Mapping[str, Any], *, before: int, limit: int) -> list[Row]:
    """Notices, newest first, each with its mails below `mails`. Filters: state, mail (state of a mail), customer, ticket."""
    found = _listed(database, scope, "notices", "notice", asked, before=before or _LAST, limit=limit)
    mails = read(database, scope, "api.mails", notices=[row["id"] for row in found])
    for row in found:
        row["mails"] = [mail for mail in mails if mail["notice"] == row["id"]]
    return found


def notice(database: Database, scope: Scope, number: int) -> Row | None:
    """One notice with its mails and tickets."""
    with database.transaction() as cursor:
        found = rows(cursor, scope, "api.notice", notice=number)
        if not found:
            return None
        return {
            **found[0],
            "mails": rows(cursor, scope, "api.mails", notices=[number]),
            "tickets": rows(cursor, scope, "api.notice_tickets", notice=number),
        }


def visible_notices(database: Database, scope: Scope, notices: Sequence[int]) -> list[int]:
    """Those of the notices that may be seen."""
    return [row["id"] for row in read(database, scope, "api.visible_notices", notices=list(notices))]


def customers(database: Database, scope: Scope, text: str, *, after: str, limit: int) -> list[Row]:
    """Customers as they were when an event last named them, by number; `text`: a number, or words of a name."""
    words = words_of(text)
    if text and not words:
        return []
    return _listed(database, scope, "customers", "customer", {"text": text}, words=words, after=after, limit=limit)


def mutes(database: Database, scope: Scope, *, in_force: bool, before: int, limit: int) -> list[Row]:
    """Mutes, newest first."""
    return _listed(database, scope, "mutes", "mute", {"in_force": in_force}, before=before or _LAST, limit=limit)


def mute(database: Database, scope: Scope, number: int) -> Row | None:
    """One mute."""
    return next(iter(read(database, scope, "api.mute", mute=number)), None)
