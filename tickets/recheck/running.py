# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Does what was asked for: takes a check, sends its one probe, writes what came of it into the ticket's timeline."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.incoming import storable
from abusehandler.tickets.queries import statements
from abusehandler.tickets.recheck.exchange import Closed, Silence
from abusehandler.tickets.recheck.probe import Finding, Target
from abusehandler.tickets.recheck.probes import probes

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.recheck.asking import RecheckRules
    from abusehandler.tickets.recheck.probe import Probe

#: So many finished checks are remembered for those who wait for one.
REMEMBERED = 1000
_WORDS = {
    "there": "checked from outside: still there",
    "gone": "checked from outside: mended",
    "no-answer": "checked from outside: no answer",
    "unclear": "checked from outside: unclear",
    "failed": "checked from outside: could not be done",
}


def look(target: Target, probe: Probe, rules: RecheckRules) -> Finding:
    """Sends one probe, at most, to an address of ours. Never raises: whatever goes wrong is a finding."""
    if not rules.enabled or not rules.ours.allow(target.address):
        return Finding("failed", "this address is not to be asked")
    try:
        return probe.ask(replace(target, transport=probe.transport), rules.budget)
    except Closed as error:
        return Finding.of("gone", str(error))
    except Silence as error:
        return Finding.of("no-answer", str(error))
    except (OSError, ValueError, IndexError, AbusehandlerError) as error:
        return Finding.of("failed", f"{type(error).__name__}: {error}")


def run_one(database: Database, rules: RecheckRules) -> int | None:
    """Does the check that waits longest and returns its number; None when none waits. Any number of processes may do so at once."""
    sql = statements("recheck")
    taken = database.fetch(sql["take"])
    if not taken:
        return None
    number, ticket, address, port, transport, name, asked_by = taken[0]
    probe = probes().get(name)
    if probe is None:
        finding = Finding("failed", "this kind of check is not known here")
    else:
        finding = look(Target(address, port, transport), probe, rules)
    with database.transaction() as cursor:
        cursor.execute(
            sql["finish"], {"recheck": number, "verdict": finding.verdict, "detail": storable(finding.detail)}
        )
        if cursor.fetchone() is not None:
            reason = storable(f"{address} port {port}/{transport}, {name}: {finding.detail}")
            cursor.execute(
                sql["audit"],
                {"actor": asked_by, "ticket": ticket, "change": _WORDS[finding.verdict], "reason": reason},
            )
    return int(number)


class Runner:
    """A few threads that live while there is something to do; `wake` after each `ask`."""

    def __init__(self, open_database: Callable[[], Database], rules: RecheckRules, at_once: int = 4) -> None:
        self._open = open_database
        self._rules = rules
        self._idle = at_once
        self._woken = 0
        self._finished: deque[int] = deque(maxlen=REMEMBERED)
        #: Guards all of these; those who wait for a check hear of each that is done.
        self._changed = threading.Condition()

    def wake(self) -> None:
        """Lets one more thread work, unless as many as allowed do already; these will find it then."""
        with self._changed:
            self._woken += 1
            if self._idle <= 0:
                return
            self._idle -= 1
        threading.Thread(target=self._work, name="recheck", daemon=True).start()

    def wait_for(self, number: int, seconds: float) -> bool:
        """Waits until this check is done, so long at most; whether it is. One that another process took is not heard of."""
        with self._changed:
            return self._changed.wait_for(lambda: number in self._finished, seconds)

    def _work(self) -> None:
        try:
            with contextlib.closing(self._open()) as database:
                while self._work_through(database):
                    pass
        except BaseException as error:
            with self._changed:
                self._idle += 1
            # the database went away: what waits is taken up by the next one that is woken, or given up
            if not isinstance(error, AbusehandlerError):
                raise

    def _work_through(self, database: Database) -> bool:
        """Does all that waits. False when this thread may end: nobody was woken since it found nothing more."""
        with self._changed:
            woken = self._woken
        while (number := run_one(database, self._rules)) is not None:
            with self._changed:
                self._finished.append(number)
                self._changed.notify_all()
        with self._changed:
            if self._woken != woken:
                return True
            self._idle += 1
            return False
