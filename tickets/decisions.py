# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a person decided about a report. It outlives new readings: who reads the report again finds the decision first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from psycopg2.extras import Json

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.incoming import storable, stored_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

#: accepted: the reader's proposal is right. corrected: it is right as the person has put it. not-a-report and rejected: filed;
#: rejected ones are reports that we do not act on. read-again: an earlier decision counts no more.
Kind = Literal["accepted", "corrected", "not-a-report", "rejected", "read-again"]
MOST_EVENTS = 1000
READER = "person"


@dataclass(frozen=True, slots=True)
class Decision:
    """The last word about a report. `events` are IntelMQ events for accepted and corrected ones, else empty."""

    kind: Kind
    author: str
    reason: str
    events: tuple[dict[str, Any], ...] = ()


def latest(database: Database, report: int) -> Decision | None:
    """The decision that counts for this report, if a person has made one."""
    found = database.fetch(
        "SELECT decision, author, reason, events FROM report_decisions WHERE report_id = %s ORDER BY id DESC LIMIT 1",
        (report,),
    )
    if not found or found[0][0] == "read-again":
        return None
    kind, author, reason, events = found[0]
    return Decision(kind, author, reason, tuple(events or ()))


def decide(
    database: Database, report: int, kind: Kind, *, author: str, reason: str = "",
    events: Sequence[Mapping[str, Any]] = (), corrections: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Notes a decision with its author, and lets it come true.

    Events that count go the way of every report: the collectors hand the report on again, and its parser sends these
    events instead of reading. Raises AbusehandlerError for a report that is not there, or nothing to accept.
    """
    if kind in ("accepted", "corrected") and not 1 <= len(events) <= MOST_EVENTS:
        raise AbusehandlerError(f"1 to {MOST_EVENTS} events can be accepted, not {len(events)}")
    reason = storable(reason)[:2000]

    def work(cursor: Cursor) -> None:
        cursor.execute("SELECT reader, sender FROM reports WHERE id = %s FOR UPDATE", (report,))
        row = cursor.fetchone()
        if row is None:
            raise AbusehandlerError(f"there is no report {report}")
        cursor.execute(
            "INSERT INTO report_decisions (report_id, author, decision, events, reader, sender, corrections, reason) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                report, author, kind, Json(list(events), dumps=stored_json) if events else None, row[0], row[1],
                Json(dict(corrections or {}), dumps=stored_json), reason,
            ),
        )  # fmt: skip
        if kind in ("not-a-report", "rejected"):
            cursor.execute(
                "UPDATE reports SET state = 'not-a-report', state_at = now(), reason = %s WHERE id = %s",
                (
                    f"{'rejected' if kind == 'rejected' else 'filed'} by {author}" + (f": {reason}" if reason else ""),
                    report,
                ),
            )
        else:
            cursor.execute(
                "UPDATE reports SET state = 'received', state_at = now(), reading = reading + 1 WHERE id = %s",
                (report,),
            )
        cursor.execute(
            "INSERT INTO audit_trail (actor, object, object_id, change, reason) VALUES (%s, 'report', %s, %s, %s)",
            (author, str(report), kind if not events else f"{kind}: {len(events)} event(s)", reason),
        )

    database.retrying(work)
