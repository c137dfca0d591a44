# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs the checks side by side, each within its time: a name server or mail server that says nothing hangs nobody."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg2
import redis

from abusehandler.errors import AbusehandlerError
from abusehandler.installer.doctor.finding import Finding, Outcome, critical, unknown
from abusehandler.tickets.database import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from abusehandler.installer.doctor.examined import Examined

#: So many checks run at once at most; one that is out of time gives its place to the next.
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at. `look` yields findings; what it raises is explained. `seconds`: its time."""

    name: str
    about: str
    look: Callable[[Examined], Iterable[Finding]]
    seconds: float = 20.0


@dataclass
class _Run:
    check: Check
    found: list[Finding] = field(default_factory=list)
    begin: float = 0.0
    end: float | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def work(self, examined: Examined) -> None:
        try:
            for finding in self.check.look(examined):
                self.found.append(finding)
        except Exception as error:  # whatever happens in one check, the others are told
            self.found.append(_explained(error))
        self.end = time.monotonic()
        self.done.set()


def run_checks(checks: Sequence[Check], examined: Examined) -> list[Outcome]:
    """The outcomes in the order of the checks. A check that is not done in time counts as unknown."""
    runs = [_Run(check) for check in checks]
    waiting, working = list(runs), list[_Run]()
    while waiting or working:
        while waiting and len(working) < AT_ONCE:
            run = waiting.pop(0)
            run.begin = time.monotonic()
            # daemon: a thread that hangs in a system call must not keep the program from ending
            threading.Thread(target=run.work, args=(examined,), daemon=True, name=run.check.name).start()
            working.append(run)
        first = min(working, key=lambda run: run.begin + run.check.seconds)
        first.done.wait(min(0.05, max(0.0, first.begin + first.check.seconds - time.monotonic())))
        now = time.monotonic()
        working = [run for run in working if not run.done.is_set() and now < run.begin + run.check.seconds]
    return [_outcome(run) for run in runs]


def _outcome(run: _Run) -> Outcome:
    found = list(run.found)
    if not run.done.is_set():
        found.append(
            unknown(f"gave no answer within {run.check.seconds:.0f} seconds", "look whether what it asks hangs")
        )
    return Outcome(run.check.name, tuple(found), (run.end or time.monotonic()) - run.begin)


def _explained(error: Exception) -> Finding:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, Unavailable):
        return critical(text[:500], "see the check 'database'")
    if isinstance(error, AbusehandlerError):
        return critical(text[:500], "do what the message says")
    if isinstance(error, redis.RedisError):
        return critical(f"Redis does not answer: {text[:400]}", "systemctl status abusehandler-redis (or redis-server)")
    if isinstance(error, psycopg2.Error):
        return unknown(f"the database refused: {text[:400]}", "run 'abusehandler db status'")
    return unknown(f"could not be looked at: {type(error).__name__}: {text[:400]}", "please report this with the text")
