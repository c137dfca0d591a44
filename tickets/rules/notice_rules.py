# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The section `notices` of rules.yaml: when, how often and to whom at which hours; what it may say, and nothing else.

Rules are read from top to bottom; each that fits sets the keys it names, so that a later rule wins. What no rule says
comes from `notices` of abusehandler.yaml, and from there goes back to the problem's own policy in the catalogue.
"""

from __future__ import annotations

import difflib
import re
from datetime import time
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

if TYPE_CHECKING:
    from collections.abc import Collection

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Severity = Literal["info", "low", "medium", "high", "critical"]
When = Literal["catalogue", "at-once", "digest", "daily", "weekly", "interval", "never"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Hour = Annotated[int, Field(ge=0, le=23)]
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def clock(text: str) -> time:
    """`7:30` as a time of day. Raises ValueError with what to write."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time of day; write it in quotes, for example '20:00'")
    return time(int(found[1]), int(found[2]))


class QuietHours(_Rules):
    """When no mail goes out; what falls due meanwhile goes when it is over. In the customer's zone, if he has one."""

    begin: str = Field("20:00", description="Time of day at which quiet begins, in quotes.")
    end: str = Field("07:00", description="Time of day at which it ends; earlier than `begin` means the next morning.")
    days: tuple[Weekday, ...] = Field((), description="Days that are quiet as a whole, for example [sat, sun].")

    @field_validator("begin", "end")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        clock(value)
        return value

    @model_validator(mode="after")
    def _leaves_some_time(self) -> QuietHours:
        if len(set(self.days)) == 7:
            raise ValueError("all seven days are quiet, so nothing would ever be sent; write 'when: never' for that")
        return self


class NoticeKeys(_Rules):
    """What a rule may set; a key that is left out stays as it was."""

    when: When | None = Field(
        None,
        description="at-once; digest (at digest_hours on digest_days); interval (every every_hours); daily, weekly; never; "
        "catalogue: as each problem's own policy says.",
    )
    settle_seconds: float | None = Field(
        None, ge=0, le=86400, description="How long a first notice waits for others of the same customer."
    )
    repeat_hours: float | None = Field(
        None, ge=0, le=8760, description="How long after a notice an update about the same ticket may follow."
    )
    digest_hours: tuple[Hour, ...] | None = Field(
        None, min_length=1, max_length=24, description="Hours of the day at which digests go, for example [8, 16]."
    )
    digest_days: tuple[Weekday, ...] | None = Field(
        None, min_length=1, max_length=7, description="Days on which digests go; every day if it is not set."
    )
    every_hours: int | None = Field(
        None, ge=1, le=24, description="For 'when: interval': a mail each so many hours, counted from midnight."
    )
    reminder_days: tuple[Annotated[int, Field(ge=1, le=365)], ...] | None = Field(
        None,
        max_length=20,
        description="Days after the last notice at which the customer is reminded of an open ticket that he has not "
        "answered, for example [7, 14]; [] for never.",
    )
    most_per_day: int | None = Field(
        None, ge=0, le=1000, description="Mails to one address within 24 hours at most; 0 for no limit."
    )
    quiet_hours: QuietHours | Literal["none"] | None = Field(
        None, description="When no mail goes out; 'none' for never."
    )
    hold: bool | None = Field(None, description="true: a person approves each notice first.")


class NoticeRule(NoticeKeys):
    """Keys for what fits all conditions that are named."""

    name: str = Field("", max_length=200, description="For people.")
    problems: tuple[Name, ...] = Field((), description="Problems of the catalogue; all if left out.")
    groups: tuple[Name, ...] = Field((), description="Groups of problems.")
    severities: tuple[Severity, ...] = Field((), description="For example [high, critical].")
    customers: tuple[Name, ...] = Field((), description="Customer ids.")

    def fits(self, problem: str, group: str, severity: str, customer: str) -> bool:
        """Whether the rule is meant for such a ticket."""
        return (
            (not self.problems or problem in self.problems)
            and (not self.groups or group in self.groups)
            and (not self.severities or severity in self.severities)
            and (not self.customers or customer in self.customers)
        )

    @model_validator(mode="after")
    def _sets_something(self) -> NoticeRule:
        if not any(getattr(self, key) is not None for key in NoticeKeys.model_fields):
            raise ValueError("the rule changes nothing; add one of " + ", ".join(NoticeKeys.model_fields))
        return self


class NoticeRules(_Rules):
    """The whole section."""

    default: NoticeKeys = Field(default_factory=lambda: NoticeKeys(), description="For everything; rules refine it.")
    rules: tuple[NoticeRule, ...] = Field((), max_length=2000, description="Refinements, the last that fits wins.")

    @cached_property
    def named_customers(self) -> frozenset[str]:
        """Customers for whom a rule of their own may hold."""
        return frozenset(customer for rule in self.rules for customer in rule.customers)

    def faults(self, problems: Collection[str], groups: Collection[str]) -> list[tuple[tuple[str | int, ...], str]]:
        """Names that the catalogue does not know: where they stand in this section, and what to write instead."""
        found: list[tuple[tuple[str | int, ...], str]] = []
        for number, rule in enumerate(self.rules):
            for key, names, known in (("problems", rule.problems, problems), ("groups", rule.groups, groups)):
                for place, name in enumerate(names):
                    if name not in known:
                        near = difflib.get_close_matches(name, known, 1)
                        advice = f"write {near[0]!r}" if near else "known: " + ", ".join(sorted(known)[:40])
                        found.append((("rules", number, key, place), f"{name!r} is not one of the {key}; {advice}"))
        return found
