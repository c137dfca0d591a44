# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The keys of rules.yaml, their types, defaults and meaning; `notices` is in notice_rules.py."""

from __future__ import annotations

import ipaddress
from datetime import date, datetime, time, timedelta, timezone
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from abusehandler.tickets.rules.notice_rules import NoticeRules

Severity = Literal["info", "low", "medium", "high", "critical"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=1, le=3650)]


class RuleSection(BaseModel):
    """A part of the file; a key that is not known here is an error, not a silent no."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KeySettings(RuleSection):
    """What is in a ticket's key beside customer, resource and problem."""

    port: bool | None = Field(None, description="true: each port of an address has its own ticket.")
    feed: bool | None = Field(None, description="true: each feed's findings have their own ticket.")
    domain: bool | None = Field(
        None,
        description="true: host names of one registered domain share a ticket (www.example.com and ftp.example.com).",
    )
    ipv6_prefix: int | None = Field(
        None, ge=32, le=128, description="IPv6 addresses that share this many bits share a ticket."
    )


class LifeTimes(RuleSection):
    """How long a ticket lives; a key that is left out takes what the wider section says."""

    reopen_within_days: Annotated[int, Field(ge=0, le=3650)] | None = Field(
        None,
        description="An event so soon after closing opens the ticket again; a later one opens a new ticket that follows the old. "
        "0: always a new one. Default 30.",
    )
    close_after_days: Days | Literal["never"] | None = Field(
        None,
        description="An open or escalated ticket without an event for so long is closed. Default: the catalogue's close_after_days.",
    )
    close_resolved_after_days: Days | Literal["never"] | None = Field(
        None,
        description="A resolved ticket that did not come back for so long is closed. Default: as close_after_days.",
    )
    close_ignored_after_days: Days | Literal["never"] | None = Field(
        None, description="An ignored ticket without an event for so long is closed. Default 90."
    )
    customer_may_pause_days: Annotated[int, Field(ge=0, le=365)] | None = Field(
        None,
        description="So long a customer may hold notices about a ticket back on the self-help page; 0: not at all. Default 14.",
    )


class KeyedLifeTimes(LifeTimes):
    key: KeySettings = Field(default_factory=lambda: KeySettings(), description="What makes events one ticket.")


class CustomerTimes(LifeTimes):
    problems: dict[Name, LifeTimes] = Field(
        default_factory=dict, description="For this customer's tickets of a problem."
    )


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        try:
            meant = f"write {ipaddress.ip_network(value, strict=False)}"
        except ValueError:
            meant = "write for example 192.0.2.0/24 or 2001:db8::1"
        raise ValueError(f"{value!r} is not an address or network: {error}; {meant}") from error


class EscalationRule(RuleSection):
    """An open ticket for which all of this holds becomes escalated."""

    name: Name = Field(description="Stands in the audit trail and in `abusehandler rules try`.")
    problems: tuple[Name, ...] = Field((), description="Problems of the catalogue; all if left out.")
    groups: tuple[Name, ...] = Field((), description="Groups of problems.")
    customers: tuple[Name, ...] = Field((), description="Customer ids.")
    prefixes: tuple[str, ...] = Field((), description="Networks in which the ticket's address lies.")
    events: int | None = Field(None, ge=1, le=1_000_000, description="At least so many events within `within_hours`.")
    severity: Severity | None = Field(None, description="Only events at least this severe count.")
    within_hours: float = Field(
        24, gt=0, le=24 * 366, description="The window, counted back from the ticket's last observation."
    )
    relapses: int | None = Field(
        None, ge=1, le=10_000, description="The ticket came back at least so often after it was resolved or closed."
    )
    open_days: int | None = Field(
        None, ge=1, le=3650, description="The ticket has been open for so long, and events still come."
    )
    raise_severity_to: Severity | None = Field(None, description="The ticket's severity becomes at least this.")
    tell_customer: bool = Field(False, description="true: the customer gets a notice of the kind escalation at once.")
    tell_desk: bool = Field(True, description="Whether an alert waits at the desk.")

    @field_validator("prefixes")
    @classmethod
    def _are_networks(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_network(value) for value in values)

    @model_validator(mode="after")
    def _asks_for_something(self) -> EscalationRule:
        if self.events is None and self.severity is None and self.relapses is None and self.open_days is None:
            raise ValueError("the rule would fit every ticket; add one of events, severity, relapses, open_days")
        return self

    @property
    def events_wanted(self) -> int:
        """How many events must lie in the window; 0 where the rule does not look at events."""
        return self.events or (1 if self.severity is not None else 0)

    @property
    def window(self) -> timedelta:
        return timedelta(hours=self.within_hours)


class MuteRule(RuleSection):
    """Notices about what fits all that is named are held back until a date; events and tickets are recorded as ever."""

    name: Name = Field(description="Names the mute; a changed rule of the same name replaces the old one.")
    network: str | None = Field(None, description="Address or network.")
    customer: Name | None = Field(None, description="Customer id.")
    problem: Name | None = Field(None, description="Problem of the catalogue.")
    feed: Name | None = Field(None, description="Feed, as `abusehandler ticket show` names it.")
    until: datetime | date = Field(description="The last day (UTC), for example 2026-12-31, or the moment of the end.")
    reason: Name = Field(description="Why; people read it beside each ticket that it holds back.")
    author: Name = Field("rules.yaml", description="Who decided it.")

    @field_validator("network")
    @classmethod
    def _is_network(cls, value: str | None) -> str | None:
        return None if value is None else _network(value)

    @field_validator("until", mode="before")
    @classmethod
    def _dates_stay_dates(cls, value: object) -> object:
        # pydantic would make midnight of a date in a text, and the day itself would not be muted
        if isinstance(value, str) and len(value) == 10:
            try:
                return date.fromisoformat(value)
            except ValueError:
                return value
        return value

    @model_validator(mode="after")
    def _mutes_something(self) -> MuteRule:
        if self.network is None and self.customer is None and self.problem is None and self.feed is None:
            raise ValueError("the rule would mute everything; add one of network, customer, problem, feed")
        return self

    @property
    def ends_at(self) -> datetime:
        """The moment from which on it mutes no more (aware, UTC)."""
        return end_of(self.until)


def end_of(until: datetime | date) -> datetime:
    """The end of a day (UTC), or the moment itself; one without a zone is meant as UTC."""
    if isinstance(until, datetime):
        return until if until.tzinfo else until.replace(tzinfo=timezone.utc)
    return datetime.combine(until, time(), timezone.utc) + timedelta(days=1)


class RuleFile(RuleSection):
    """The whole file."""

    defaults: KeyedLifeTimes = Field(default_factory=lambda: KeyedLifeTimes(), description="For everything.")
    groups: dict[Name, KeyedLifeTimes] = Field(default_factory=dict, description="For a group of problems.")
    problems: dict[Name, KeyedLifeTimes] = Field(default_factory=dict, description="For one problem.")
    customers: dict[Name, CustomerTimes] = Field(default_factory=dict, description="For one customer.")
    escalation: tuple[EscalationRule, ...] = Field((), max_length=200, description="When a ticket needs a person.")
    mutes: tuple[MuteRule, ...] = Field((), max_length=2000, description="What is held back.")
    notices: NoticeRules = Field(default_factory=lambda: NoticeRules(), description="When customers are told.")
