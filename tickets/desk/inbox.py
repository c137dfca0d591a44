# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports for the inbox: those that wait for a person, and one report with all that became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abusehandler.tickets.desk.scope import Row, Scope, rows
from abusehandler.tickets.desk.ticket_list import words_of

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

#: What the tabs of the inbox show.
TABS: dict[str, tuple[str, ...]] = {
    "waiting": ("unread", "partly"), "unread": ("unread",), "partly": ("partly",), "filed": ("not-a-report",),
    "read": ("read",), "on its way": ("received", "queued"),
    "all": ("unread", "partly", "not-a-report", "read", "received", "queued"),
}  # fmt: skip
PER_PAGE = 40
_LAST = 9_223_372_036_854_775_807


@dataclass(frozen=True, slots=True)
class ReportPage:
    """One report; `events` at most a hundred."""

    report: Row
    bad_parts: tuple[Row, ...]
    events: tuple[Row, ...]
    more_events: bool
    decisions: tuple[Row, ...]
    changes: tuple[Row, ...]


def waiting(
    database: Database, scope: Scope, tab: str = "waiting", *, sender: str = "", before: int = 0, limit: int = PER_PAGE
) -> tuple[list[Row], bool]:
    """Reports of a tab, newest first, below the number `before`, and whether there are more.

    `sender`: beginnings of words of the sender's address, as in `noc example`.
    """
    words = words_of(sender)
    filters = ["sender"] if words else []
    with database.transaction() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '8s'")
        found = rows(
            cursor, scope, "inbox.waiting", filters, states=list(TABS.get(tab, TABS["waiting"])), before=before or _LAST,
            limit=limit + 1, sender=words,
        )  # fmt: skip
    return found[:limit], len(found) > limit


def counts(database: Database, scope: Scope) -> dict[str, int]:
    """How many reports wait, by state."""
    with database.transaction() as cursor:
        return {row["state"]: row["reports"] for row in rows(cursor, scope, "inbox.counts")}


def report_page(database: Database, scope: Scope, number: int) -> ReportPage | None:
    """One report, None if there is none."""
    with database.transaction() as cursor:
        found = rows(cursor, scope, "inbox.report", report=number)
        if not found:
            return None
        record = found[0]
        events = (
            rows(cursor, scope, "inbox.events", report=number, since=record["received_at"]) if record["events"] else []
        )
        return ReportPage(
            report=record,
            bad_parts=tuple(rows(cursor, scope, "inbox.bad_parts", report=number)),
            events=tuple(events[:100]),
            more_events=len(events) > 100,
            decisions=tuple(rows(cursor, scope, "inbox.decisions", report=number)),
            changes=tuple(rows(cursor, scope, "inbox.changes", report=number)),
        )
