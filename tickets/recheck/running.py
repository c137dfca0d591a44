# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Does what was asked for: takes a check, sends its one probe, writes what came of it into the ticket's timeline."""

from __future__ import annotations

import threading
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


def run_one(database: Database, rules: RecheckRules) -> bool:
    """Does the check that waits longest; False when none waits. Any number of processes may do so at once."""
    sql = statements("recheck")
    taken = database.fetch(sql["take"])
    if not taken:
        return False
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
    return True


class Runner:
    """A few threads that live while there is something to do; `wake` after each `ask`."""

    def __init__(self, open_database: Callable[[], Database], rules: RecheckRules, at_once: int = 4) -> None:
        self._open = open_database
        self._rules = rules
        self._lock = threading.Lock()
        self._idle = at_once

    def wake(self) -> None:
        """Lets one more thread work, unless as many as allowed do already; these will find it then."""
        with self._lock:
            if self._idle <= 0:
                return
            self._idle -= 1
        threading.Thread(target=self._work, name="recheck", daemon=True).start()

    def _work(self) -> None:
        database = None
        try:
            database = self._open()
            while run_one(database, self._rules):
                pass
        except AbusehandlerError:
            # the database went away: what waits is taken up by the next one that is woken, or given up
            return
        finally:
            if database is not None:
                database.close()
            with self._lock:
                self._idle += 1
