# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What rules would have done over the last days, against what happened. Reads, and changes nothing.

It goes through all events that came in that time, in the order in which they came, once for each key (customer,
resource, problem), with the decisions of the timers and of the intake. What people did meanwhile it leaves out.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.incoming import SEVERITIES, now_utc
from abusehandler.tickets.life_cycle import close_at
from abusehandler.tickets.life_cycle_escalation import Watched, concerns, may_escalate, window_start
from abusehandler.tickets.networks import lies_in
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.rules import EscalationRule, MuteRule, Rules, Times

    _Groups = Iterator[tuple[str, Iterator[Any]]]

#: What can happen to a ticket, in the order in which sums are shown.
KINDS = ("open", "open a following one", "reopen", "escalate", "close", "tell the customer", "hold a notice back")
#: Rows fetched at a time.
FETCHED = 5000
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened, or would have: `kind` is one of KINDS, `at` aware."""

    at: datetime
    kind: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%m-%d %H:%M}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True, slots=True)
class Tried:
    """One key: its newest ticket, what the rules would have done, and what happened."""

    ticket: int
    customer: str
    problem: str
    resource: str
    would: tuple[Step, ...]
    happened: tuple[Step, ...]

    @property
    def differs(self) -> bool:
        """Whether other things, or more or less of them, would have happened."""
        return Counter(step.kind for step in self.would) != Counter(step.kind for step in self.happened)


@dataclass(slots=True)
class Sums:
    """How often each thing would have happened, and did."""

    tickets: int = 0
    different: int = 0
    would: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)

    def add(self, tried: Tried) -> None:
        self.tickets += 1
        self.different += tried.differs
        self.would.update(step.kind for step in tried.would)
        self.happened.update(step.kind for step in tried.happened)


class Trial:
    """Tries rules on the last `days`."""

    def __init__(self, database: Database, rules: Rules, days: float) -> None:
        self._database = database
        self._rules = rules
        self.until = now_utc()
        self.since = self.until - timedelta(days=days)

    def run(self) -> Iterator[Tried]:
        """One value for each key to which something happened or would have. Memory does not grow with the store."""
        sql = statements("life_cycle_trial")
        longest = max((section.reopen_within_days or 0 for section in self._sections()), default=0)
        asked = {"since": self.since, "reopen": timedelta(days=max(longest, 30))}
        with self._database.transaction() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            groups = {name: self._rows(cursor, name, asked) for name in sql}
            others = {name: _Follower(groups[name]) for name in ("events", "changes", "told")}
            for key, rows in groups["tickets"]:
                tried = self._try(
                    list(rows), others["events"].of(key), others["changes"].of(key), others["told"].of(key)
                )
                if tried.would or tried.happened:
                    yield tried

    def _rows(self, cursor: Any, name: str, asked: Mapping[str, object]) -> _Groups:
        """The rows of a statement by their key, fetched from the server in pieces."""
        pieces = cursor.connection.cursor(f"trial_{name}")
        pieces.itersize = FETCHED
        pieces.execute(statements("life_cycle_trial")[name], asked)
        return groupby(pieces, key=_key)

    def _sections(self) -> Iterator[Any]:
        file = self._rules.file
        yield file.defaults
        for sections in (file.groups, file.problems, file.customers):
            yield from sections.values()
        for customer in file.customers.values():
            yield from customer.problems.values()

    def _try(self, tickets: Sequence[Any], events: Sequence[Any], changes: Sequence[Any], told: Sequence[Any]) -> Tried:
        _, number, problem, customer, resource, network, feed, *_ = tickets[-1]
        would = self._would(tickets, events)
        happened = [
            Step(row[8], "open a following one" if place else "open")
            for place, row in enumerate(tickets)
            if row[8] >= self.since
        ]
        for _, at, change in changes:
            kind = "close" if change.endswith("closed") else "escalate" if change.endswith("escalated") else "reopen"
            happened.append(Step(at, kind))
        for _, at in told:
            mute = next(
                (rule for rule in self._rules.mutes if _mutes(rule, at, customer, problem, network, feed)), None
            )
            would.append(
                Step(at, "tell the customer") if mute is None else Step(at, "hold a notice back", f"mute {mute.name!r}")
            )
            happened.append(Step(at, "tell the customer"))
        order = sorted(would, key=lambda step: step.at), sorted(happened, key=lambda step: step.at)
        return Tried(number, customer, problem, resource, tuple(order[0]), tuple(order[1]))

    def _would(self, tickets: Sequence[Any], events: Sequence[Any]) -> list[Step]:
        """Plays the time through: silence, then each event as it came."""
        _, number, problem, customer, _, network, _, state, *_ = tickets[-1]
        times = self._rules.times(problem, customer)
        rules = [
            rule
            for rule in self._rules.escalation
            if concerns(rule, _watched(number, problem, customer, network), self._rules.group_of(problem))
        ]
        life = _Life(
            self, times, state if state in ("ignored", "resolved") else "open", rules, _start(tickets, self.since)
        )
        # a late report of long ago: its events lie in months that were not read
        opened = [(row[0], row[8], row[8], 0) for row in tickets if row[8] >= self.since]
        for _, stored_at, at, severity in events or opened:
            life.event(stored_at, at, severity)
        life.silence(self.until)
        return life.steps


@dataclass(frozen=True, slots=True)
class _Start:
    """How a key stood when the time began."""

    alive: datetime | None  # last sign of life of the ticket that was open; None: none was
    opened: datetime
    closed: datetime | None
    relapses: int


def _start(tickets: Sequence[Any], since: datetime) -> _Start:
    alive = closed = None
    opened, relapses = since, 0
    for *_, state, opened_at, state_at, came_back, last_before in tickets:
        if opened_at >= since:
            continue
        if state == "closed" and state_at < since:
            closed = state_at
        else:
            sign = max(last_before or _LONG_AGO, opened_at)
            alive = max(sign, state_at) if state_at < since else sign
            opened, relapses = opened_at, came_back
    return _Start(alive, opened, None if alive is not None else closed, relapses)


class _Life:
    """One key as time goes on."""

    def __init__(self, trial: Trial, times: Times, state: str, rules: Sequence[EscalationRule], start: _Start) -> None:
        self._trial = trial
        self._times = times
        self._state = state
        self._rules = rules
        self._alive = start.alive
        self._closed = start.closed
        self._opened = start.opened
        self._relapses = start.relapses
        self._escalated: datetime | None = None
        self._is_escalated = False
        self._windows: list[list[datetime]] = [[] for _ in rules]
        self._count = self._worst = 0
        self._last = _LONG_AGO
        self.steps: list[Step] = []

    def silence(self, until: datetime) -> None:
        """Closes it if nothing came for long enough before `until`."""
        if self._alive is None:
            return
        moment = close_at(self._times, "open" if self._is_escalated else self._state, self._alive)
        if moment is not None and moment <= until:
            # what was overdue when the time began is closed in its first moment
            moment = max(moment, self._trial.since)
            self.steps.append(Step(moment, "close"))
            self._alive, self._closed, self._is_escalated = None, moment, False

    def event(self, stored_at: datetime, at: datetime, severity: int) -> None:
        self.silence(stored_at)
        if self._alive is None:
            if self._closed is not None and at <= self._closed:
                return
            if self._closed is None:
                self._open(stored_at, "open")
            elif stored_at - self._closed <= self._times.reopen_within:
                self.steps.append(Step(stored_at, "reopen"))
                self._relapses += 1
            else:
                self._open(stored_at, "open a following one")
            self._alive = stored_at
        self._alive = max(self._alive, at)
        self._count += 1
        self._last = max(self._last, at)
        self._worst = max(self._worst, severity)
        for rule, window in zip(self._rules, self._windows, strict=True):
            if rule.severity is None or severity >= SEVERITIES[rule.severity]:
                insort(window, at)
                del window[: bisect_right(window, self._last - rule.window)]
        if self._rules and not self._is_escalated and self._state == "open":
            self._escalate(stored_at)

    def _open(self, at: datetime, kind: str) -> None:
        self.steps.append(Step(at, kind))
        self._opened, self._relapses, self._worst, self._count = at, 0, 0, 0
        for window in self._windows:
            window.clear()

    def _escalate(self, now: datetime) -> None:
        ticket = Watched(
            0, "", "", None, self._worst, self._count, self._relapses, self._opened, self._last, self._escalated
        )
        for rule, window in zip(self._rules, self._windows, strict=True):
            found = len(window) - bisect_right(window, window_start(rule, ticket))
            if found >= rule.events_wanted and may_escalate(rule, ticket, now):
                self.steps.append(Step(now, "escalate", f"rule {rule.name!r}"))
                self._escalated, self._is_escalated = now, True
                return


def _watched(number: int, problem: str, customer: str, network: str | None) -> Watched:
    return Watched(number, problem, customer, network, 0, 0, 0, _LONG_AGO, _LONG_AGO, None)


def _mutes(rule: MuteRule, at: datetime, customer: str, problem: str, network: str | None, feed: str) -> bool:
    """Whether the rule would have held a notice of that moment back; the feed is that which opened the ticket."""
    if at >= rule.ends_at or (rule.customer or customer) != customer or (rule.problem or problem) != problem:
        return False
    if (rule.feed or feed) != feed:
        return False
    return rule.network is None or lies_in(network, (rule.network,))


def _key(row: Any) -> str:
    return str(row[0])


class _Follower:
    """Rows that are sorted by key, asked for by growing keys."""

    def __init__(self, groups: _Groups) -> None:
        self._groups = groups
        self._key = ""
        self._rows: list[Any] = []
        self._over = False

    def of(self, key: str) -> Sequence[Any]:
        while not self._over and self._key < key:
            group = next(self._groups, None)
            if group is None:
                self._over = True
                break
            self._key, self._rows = group[0], list(group[1]) if group[0] >= key else []
        return self._rows if self._key == key and not self._over else []
