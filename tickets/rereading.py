# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A report is read again: what the new reading makes too stays as it is, what it no longer makes is withdrawn.

Each reading of a report has a number, from 1. An event carries the number (`report.reading`, left out for 1) and a mark
(`report.mark`), a hash over what the reader saw before experts added anything. When a later reading has come to its end,
stored events of that report whose mark it did not make are taken out of `events` and off their tickets' counts, and kept in
`withdrawn_events`. An event that is still under way from an earlier reading is not stored any more then.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.incoming import observed_json
from abusehandler.tickets.queries import statements
from abusehandler.tickets.reports import ReportRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

#: Key of the advisory lock between batches of events and the end of a reading.
LOCK = 0x61627265
#: How long a ticket that lost all its events waits for those of the new reading before it is closed.
EMPTY_FOR = timedelta(minutes=15)


def mark(event: Mapping[str, Any]) -> str:
    """64 bits in hex over what a reader made: within one report, the same mark is the same event."""
    return hashlib.blake2b(observed_json(event), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a message says that its event comes from."""

    report: int
    reading: int
    mark: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What the end of a reading came to. `emptied` tickets have no event left; `notices` were not sent yet."""

    events: int = 0
    tickets: int = 0
    emptied: int = 0
    notices: int = 0


def origin(event: Mapping[str, Any]) -> Origin | None:
    """The origin of an event that a reader of ours made, else None."""
    report = event.get("report.id")
    if report is None:
        return None
    return Origin(int(report), int(event.get("report.reading") or 1), str(event.get("report.mark") or ""))


def finished_readings(cursor: Cursor, reports: Collection[Any]) -> dict[int, int]:
    """Those of a batch's reports (numbers, None for no report) that are or were read again, with the last reading that
    came to its end.

    From here to the end of the transaction no reading comes to its end.
    """
    numbers = sorted({int(each) for each in reports if each is not None})
    cursor.execute(statements("rereading")["superseded"], {"lock": LOCK, "reports": numbers})
    return dict(cursor.fetchall())


def is_superseded(origin: Origin | None, finished: Mapping[int, int]) -> bool:
    """Whether a later reading has said all that is to be said, so that this event is not stored any more."""
    return origin is not None and origin.reading < finished.get(origin.report, 0)


def known_from_earlier_readings(
    cursor: Cursor, made: Sequence[tuple[str, str, Origin]], new: Collection[str]
) -> set[str]:
    """The fingerprints of `new` whose event is stored from an earlier reading, with other things added by experts.

    `made` are the events of the batch as time, fingerprint, origin. Those of a later reading that are stored under the
    same fingerprint are marked as that reading's.
    """
    sql = statements("rereading")
    again = [
        (fingerprint, at, each.report, each.mark, each.reading)
        for at, fingerprint, each in sorted(made)
        if each.reading > 1 and each.mark
    ]
    cursor.execute(sql["adopt"], _columns([one for one in again if one[0] not in new]))
    cursor.execute(sql["known_by_mark"], _columns([one for one in again if one[0] in new]))
    return {row[0] for row in cursor.fetchall()}


def _columns(rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    names = ("fingerprints", "ats", "reports", "marks", "readings")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


class Rereading:
    """Chooses reports to be read again, and puts the store right when that is done."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = statements("rereading")

    def choose(
        self,
        numbers: Collection[int] | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        state: str | None = None,
        channel: str | None = None,
        reader: str | None = None,
    ) -> list[tuple[ReportRecord, str]]:
        """The reports that fit all that is given, in the order they came, each with its state."""
        rows = self._database.fetch(
            self._sql["choose"],
            {
                "numbers": None if numbers is None else list(numbers),
                "since": since, "until": until, "state": state, "channel": channel, "reader": reader,
            },
        )  # fmt: skip
        return [(ReportRecord(*row[:-1]), row[-1]) for row in rows]

    def events(self, report: int) -> list[tuple[int, int | None, dict[str, Any]]]:
        """The stored events of a report: number, ticket, data."""
        return [tuple(row) for row in self._database.fetch(self._sql["events_of_report"], {"report": report})]

    def ask_again(self, numbers: Sequence[int], *, actor: str, reason: str) -> list[int]:
        """Lets the collectors hand these reports on again; returns those that did not wait for that anyway."""
        rows = self._database.fetch(
            self._sql["ask_again"], {"numbers": list(numbers), "actor": actor, "reason": reason}
        )
        return sorted(int(row[0]) for row in rows)

    def finish(self, report: int, reading: int, marks: Collection[str]) -> Withdrawn:
        """Called when all events of a reading later than the first are sent on and its outcome is noted.

        Does nothing if that reading, or a later one, was finished before. A reading that ended as unread withdraws
        nothing: what was there stays until a person has looked.
        """
        if reading < 2:
            return Withdrawn()
        done: Withdrawn = self._database.retrying(lambda cursor: self._finish(cursor, report, reading, marks))
        return done

    def _finish(self, cursor: Cursor, report: int, reading: int, marks: Collection[str]) -> Withdrawn:
        sql, here = self._sql, {"report": report, "reading": reading, "lock": LOCK}
        cursor.execute(sql["lock_readings"], here)
        cursor.execute(sql["finish_reading"], here)
        if cursor.fetchone() is None:
            return Withdrawn()
        cursor.execute(sql["make_marks"])
        cursor.copy_expert(sql["fill_marks"], io.StringIO("".join(f"{one}\n" for one in marks)))
        cursor.execute(sql["make_gone"], here)
        cursor.execute(sql["lock_tickets"])
        cursor.execute(sql["keep_gone"], here)
        events = cursor.rowcount
        if not events:
            return Withdrawn()
        cursor.execute(sql["delete_gone"])
        cursor.execute(sql["correct_tickets"])
        tickets = cursor.fetchall()
        emptied = [number for number, _, left in tickets if left == 0]
        reason = f"report {report} was read again (reading {reading})"
        notices = 0
        if emptied:
            cursor.execute(sql["note_emptied"], {"tickets": emptied, **here})
            cursor.execute(sql["withdraw_notices"], {"tickets": emptied, "reason": f"nothing is left of it: {reason}"})
            notices = cursor.rowcount
        audited = [("ticket", number, f"{count} event(s) withdrawn, {left} left") for number, count, left in tickets]
        for kind, number, change in [*audited, ("report", report, f"{events} event(s) withdrawn")]:
            cursor.execute(
                "INSERT INTO audit_trail (actor, object, object_id, change, reason) VALUES ('reader', %s, %s, %s, %s)",
                (kind, str(number), change, reason),
            )
        return Withdrawn(events, len(tickets), len(emptied), notices)

    def close_emptied(self, after: timedelta = EMPTY_FOR) -> list[int]:
        """Closes tickets that a new reading emptied so long ago and that are empty still; returns their numbers."""
        rows = self._database.fetch(self._sql["close_emptied"], {"after": after})
        return sorted(int(row[0]) for row in rows)
