# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What time does to tickets: closing after silence, escalation, mutes that end. Never in the way of events.

Any number of processes may do this at once: each takes rows that nobody else has in hand (SKIP LOCKED), changes them in
small transactions, and a killed one leaves nothing half done.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from abusehandler.tickets import mutes
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.life_cycle_escalation import escalate
from abusehandler.tickets.queries import statements
from abusehandler.tickets.rereading import EMPTY_FOR, Rereading

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.rules import Rules, Times

ACTOR = "timers"
#: Tickets in one transaction.
BATCH = 1000
#: Batches of touched tickets in one transaction.
TOUCHED_BATCH = 20
#: A ticket whose notice is still due is looked at again after this time; it is not closed before the customer was told.
NOT_TOLD_YET = timedelta(hours=1)
NEVER = "infinity"


@dataclass(slots=True)
class Round:
    """What a round came to, in numbers of tickets and mutes. `more`: its time was over before its work."""

    closed: int = 0
    put_off: int = 0
    escalated: int = 0
    emptied: int = 0
    mutes_ended: int = 0
    mutes_changed: int = 0
    rearmed: int = 0
    more: bool = False

    def did_something(self) -> bool:
        return bool(self.closed or self.escalated or self.emptied or self.mutes_ended or self.mutes_changed)


def close_at(times: Times, state: str, alive: datetime) -> datetime | None:
    """When a ticket in this state is closed for silence if nothing comes any more; `alive`: its last sign of life."""
    silence = times.silence(state)
    return None if silence is None else alive + silence


def close_reason(times: Times, state: str, alive: datetime) -> str:
    """Why it was closed, for people."""
    silence = times.silence(state) or timedelta()
    kind = f"{state}, " if state in ("resolved", "ignored") else ""
    return f"{kind}nothing new since {alive.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC ({silence.days} days)"


class LifeCycle:
    """The timers of one process. `run` does what is due and returns; it writes nothing when nothing is due."""

    def __init__(self, database: Database, actor: str = ACTOR) -> None:
        self._database = database
        self._actor = actor
        self._sql = statements("life_cycle")
        self._rules: Rules | None = None

    def run(self, rules: Rules, seconds: float = 10) -> Round:
        """One round by these rules, for about so long at most. Raises Unavailable when the database is away."""
        report = Round()
        until = time.monotonic() + seconds
        mark = rules.mark_of_times() if rules is not self._rules else self._mark
        if rules is not self._rules:
            report.mutes_changed = mutes.follow_file(self._database, rules.mutes)
            self._rules, self._mark = rules, mark
        silent, touched, mutes_over, emptied, marked = self._database.fetch(
            self._sql["waiting"], {"empty_for": EMPTY_FOR, "mark": mark}
        )[0]
        if mutes_over:
            report.mutes_ended = self._in_one(self._end_mutes)
        if emptied:
            report.emptied = len(Rereading(self._database).close_emptied())
        while touched and not report.more:
            rows, escalated = self._in_one(lambda cursor: self._escalate(cursor, rules))
            report.escalated += escalated
            touched = rows == TOUCHED_BATCH
            report.more = touched and time.monotonic() > until
        while not marked and not report.more:
            marked, changed = self._in_one(lambda cursor: self._rearm(cursor, rules, mark))
            silent = silent or changed > 0
            report.rearmed += changed
            report.more = not marked and time.monotonic() > until
        while silent and not report.more:
            looked, closed = self._in_one(lambda cursor: self._close_silent(cursor, rules))
            report.closed += closed
            report.put_off += looked - closed
            silent = looked == BATCH
            report.more = silent and time.monotonic() > until
        return report

    _mark = ""

    def claim(self, name: str, every: timedelta) -> bool:
        """Whether work of this name is this process's now: once in `every`, for all processes together."""
        rows = self._database.fetch(
            "SELECT at < now() - %(every)s FROM timer_marks WHERE name = %(name)s", {"name": name, "every": every}
        )
        if rows == [(False,)]:
            return False
        return bool(self._database.fetch(self._sql["claim"], {"name": name, "every": every}))

    def _in_one(self, work: Any) -> Any:
        return self._database.retrying(work)

    def _close_silent(self, cursor: Cursor, rules: Rules) -> tuple[int, int]:
        """Closes what has been silent for long enough, and puts off the others; returns how many it looked at and closed."""
        cursor.execute(self._sql["perhaps_silent"], {"limit": BATCH})
        rows = cursor.fetchall()
        now = now_utc()
        closing: list[tuple[int, str]] = []
        later: list[tuple[int, datetime | str]] = []
        for number, problem, customer, state, alive, not_told in rows:
            times = rules.times(problem, customer)
            moment = close_at(times, state, alive)
            if moment is None:
                later.append((number, NEVER))
            elif moment > now:
                later.append((number, moment))
            elif not_told and state in ("open", "escalated"):
                later.append((number, now + NOT_TOLD_YET))
            else:
                closing.append((number, close_reason(times, state, alive)))
        if closing:
            ids, reasons = zip(*sorted(closing), strict=True)
            cursor.execute(self._sql["close"], {"ids": list(ids), "reasons": list(reasons), "actor": self._actor})
        if later:
            ids, moments = zip(*later, strict=True)
            cursor.execute(self._sql["put_off"], {"ids": list(ids), "moments": [str(moment) for moment in moments]})
        return len(rows), len(closing)

    def _rearm(self, cursor: Cursor, rules: Rules, mark: str) -> tuple[bool, int]:
        """After a change of the rules: the next open tickets get an earlier moment where the rules name one.

        Returns whether all are done, or are another process's, and how many were changed. At most once in ten minutes
        begins anew: two hosts with different files would go round in circles.
        """
        cursor.execute(self._sql["first_mark"], {"mark": mark})
        if cursor.rowcount:
            return True, 0
        cursor.execute(self._sql["take_mark"])
        found = cursor.fetchone()
        if found is None:
            return True, 0
        known, position, lately = found
        if known != mark:
            if lately:
                return True, 0
            position = 0
        elif position is None:
            return True, 0
        cursor.execute(self._sql["open_tickets_after"], {"after": position, "limit": BATCH * 5})
        rows = cursor.fetchall()
        earlier = [
            (number, str(moment))
            for number, problem, customer, state, alive, _ in rows
            if (moment := close_at(rules.times(problem, customer), state, alive)) is not None
        ]
        changed = 0
        if earlier:
            ids, moments = zip(*earlier, strict=True)
            cursor.execute(self._sql["look_earlier"], {"ids": list(ids), "moments": list(moments)})
            changed = cursor.rowcount
        done = len(rows) < BATCH * 5
        cursor.execute(self._sql["set_mark"], {"mark": mark, "position": None if done else rows[-1][0]})
        return done, changed

    def _end_mutes(self, cursor: Cursor) -> int:
        cursor.execute(self._sql["end_mutes"], {"actor": self._actor})
        ended = [row[0] for row in cursor.fetchall()]
        if ended:
            cursor.execute(self._sql["release_muted"], {"mutes": ended})
            cursor.execute(
                self._sql["audit_mutes"], {"mutes": ended, "actor": self._actor, "reason": "its time is over"}
            )
        return len(ended)

    def _escalate(self, cursor: Cursor, rules: Rules) -> tuple[int, int]:
        cursor.execute(self._sql["take_touched"], {"limit": TOUCHED_BATCH})
        rows = cursor.fetchall()
        touched = {number for (numbers,) in rows for number in numbers}
        return len(rows), escalate(cursor, rules, touched, self._actor)
