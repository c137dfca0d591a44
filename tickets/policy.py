# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""When a customer is told: policies become the time of the first notice, the pause before the next, and quiet hours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from abusehandler.tickets.rules.notice_rules import WEEKDAYS, NoticeRules, QuietHours, clock

if TYPE_CHECKING:
    from abusehandler.harmonization.catalogue import Problem
    from abusehandler.tickets.rules.notice_rules import NoticeKeys

NEVER = "never"
UTC = ZoneInfo("UTC")
_DAY = timedelta(days=1)
_EVERY_DAY = frozenset(range(7))
#: More kinds of tickets than this (problem × severity × named customer) are not remembered at once.
_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Due:
    """`first`: when the first notice about a ticket is due (aware), None for never. `again`: pause until an update."""

    first: datetime | None
    again: timedelta


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours, and whole days (0 is Monday), at which no mail goes out."""

    begin: time
    end: time
    days: frozenset[int] = frozenset()

    def over(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first moment from this one on (aware) that is not quiet."""
        local = moment.astimezone(zone)
        for _ in range(16):
            if local.weekday() in self.days:
                local = (local + _DAY).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
                continue
            at = local.time()
            if self.begin <= self.end:
                quiet, tomorrow = self.begin <= at < self.end, False
            else:
                quiet, tomorrow = at >= self.begin or at < self.end, at >= self.begin
            if not quiet:
                break
            local = local + _DAY if tomorrow else local
            local = local.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0, fold=0)
        return moment if local == moment else local


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """What holds for one ticket. `reminders` count from the last notice; `most_per_day` 0 means no limit."""

    when: Literal["at-once", "digest", "never"] = "at-once"
    settle: timedelta = timedelta(seconds=60)
    again: timedelta = timedelta(hours=24)
    hours: tuple[int, ...] = (8,)
    days: frozenset[int] = _EVERY_DAY
    reminders: tuple[timedelta, ...] = ()
    most_per_day: int = 0
    quiet: Quiet | None = None
    hold: bool = False

    def due(self, now: datetime, zone: ZoneInfo) -> Due:
        """The times counted from `now` (aware); digests and quiet hours are those of `zone`."""
        if self.when == NEVER:
            return Due(None, self.again)
        first = now + self.settle if self.when == "at-once" else self._next_digest(now, zone)
        return Due(self.allowed(first, zone), self.again)

    def allowed(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The moment itself, or the end of the quiet hours it falls into."""
        return moment if self.quiet is None else self.quiet.over(moment, zone)

    def reminder(self, told: int) -> timedelta | None:
        """The pause before the next reminder when so many went out; None when no more follows."""
        return self.reminders[told] if told < len(self.reminders) else None

    def _next_digest(self, now: datetime, zone: ZoneInfo) -> datetime:
        local = now.astimezone(zone)
        for day in range(9):
            date = local + timedelta(days=day)
            if date.weekday() in self.days:
                for hour in self.hours:
                    moment = date.replace(hour=hour, minute=0, second=0, microsecond=0)
                    if moment > local:
                        return moment
        raise AssertionError("a week has every day")


@dataclass(frozen=True)
class NoticeSchedule:
    """What abusehandler.yaml says about notices, refined by the `notices` section of rules.yaml.

    `policy` other than `catalogue` overrules every problem's own. Digest and quiet hours are those of `zone`.
    """

    settle: timedelta = timedelta(seconds=60)
    again: timedelta = timedelta(hours=24)
    digest_hour: int = 8
    zone: ZoneInfo = UTC
    policy: str = "catalogue"
    hold: bool = False
    rules: NoticeRules = field(default_factory=NoticeRules)
    _policies: dict[tuple[str, str, str], NoticePolicy] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _dues: dict[tuple[int, datetime], Due] = field(default_factory=dict, init=False, repr=False, compare=False)

    def due(self, policy: str, now: datetime) -> Due:
        """The times for a policy's word alone (`at-once`, `daily`, `weekly`, `never`), counted from `now` (aware).

        A word that is not known counts as `daily`: a customer is told late rather than never.
        """
        return self._resolved(policy, "", "", "", "").due(now, self.zone)

    def due_of(self, problem: Problem, severity: str, customer: str, now: datetime) -> Due:
        """The times for an event of this problem, severity (`high`) and customer (id), counted from `now` (aware)."""
        policy = self.policy_of(problem, severity, customer)
        key = (id(policy), now)
        due = self._dues.get(key)
        if due is None:
            if len(self._dues) > _REMEMBERED:
                self._dues.clear()
            due = self._dues[key] = policy.due(now, self.zone)
        return due

    def policy_of(self, problem: Problem | None, severity: str, customer: str) -> NoticePolicy:
        """What holds for tickets of this problem (None: one that the catalogue no longer knows), severity and customer."""
        if customer not in self.rules.named_customers:
            customer = ""
        key = (problem.id if problem else "", severity, customer)
        policy = self._policies.get(key)
        if policy is None:
            if len(self._policies) > _REMEMBERED:
                self._policies.clear()
                self._dues.clear()
            word = problem.notify if problem else "daily"
            group = problem.group.id if problem else ""
            policy = self._policies[key] = self._resolved(word, key[0], group, severity, customer)
        return policy

    def _resolved(self, catalogue: str, problem: str, group: str, severity: str, customer: str) -> NoticePolicy:
        return _resolve(
            self, catalogue, tuple(n for n, rule in enumerate(self.rules.rules) if rule.fits(problem, group, severity, customer))
        )  # fmt: skip


@lru_cache(maxsize=1000)
def _resolve(schedule: NoticeSchedule, catalogue: str, fitting: tuple[int, ...]) -> NoticePolicy:
    """The policy that the rules with these numbers make, one after the other."""
    rules = schedule.rules
    said: dict[str, Any] = {}
    for keys in (rules.default, *(rules.rules[number] for number in fitting)):
        said.update(_named_keys(keys))
    word = said.get("when") or schedule.policy
    if word == "catalogue":
        word = catalogue
    policy = NoticePolicy(
        settle=timedelta(seconds=said.get("settle_seconds", schedule.settle.total_seconds())),
        again=timedelta(hours=said["repeat_hours"]) if "repeat_hours" in said else schedule.again,
        hours=tuple(sorted(set(said.get("digest_hours", (schedule.digest_hour,))))),
        days=frozenset(WEEKDAYS.index(day) for day in said.get("digest_days", WEEKDAYS)),
        reminders=tuple(timedelta(days=days) for days in said.get("reminder_days", ())),
        most_per_day=said.get("most_per_day", 0),
        quiet=_quiet(said.get("quiet_hours")),
        hold=said.get("hold", schedule.hold),
    )
    if word == NEVER:
        return replace(policy, when="never")
    if word == "at-once":
        return policy
    if word == "interval":
        again = policy.again if "repeat_hours" in said else timedelta()
        return replace(policy, when="digest", hours=tuple(range(0, 24, said.get("every_hours", 1))), again=again)
    if word == "digest":
        return replace(policy, when="digest")
    if word == "weekly":
        monday = policy.days if "digest_days" in said and len(policy.days) == 1 else frozenset({0})
        return replace(policy, when="digest", days=monday, again=timedelta(days=7))
    return replace(policy, when="digest", days=_EVERY_DAY, again=max(policy.again, _DAY))


def _named_keys(keys: NoticeKeys) -> dict[str, Any]:
    fields = ("when", "settle_seconds", "repeat_hours", "digest_hours", "digest_days", "every_hours", "reminder_days",
              "most_per_day", "quiet_hours", "hold")  # fmt: skip
    return {name: getattr(keys, name) for name in fields if getattr(keys, name) is not None}


def _quiet(said: QuietHours | str | None) -> Quiet | None:
    if not isinstance(said, QuietHours):
        return None
    return Quiet(clock(said.begin), clock(said.end), frozenset(WEEKDAYS.index(day) for day in said.days))
