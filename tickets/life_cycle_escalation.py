# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which tickets need a person: the escalation rules, asked of tickets that got events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from abusehandler.tickets.incoming import SEVERITIES, now_utc
from abusehandler.tickets.networks import lies_in
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.rules import EscalationRule, Rules

#: Daily feeds tell of yesterday: an observation counts as fresh for this long at least, however short the window is.
FRESH = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Watched:
    """A ticket as the rules see it. `network` is CIDR text, None for a host name; times are aware."""

    id: int
    problem: str
    customer: str
    network: str | None
    severity: int
    event_count: int
    relapses: int
    opened_at: datetime
    last_seen: datetime
    escalated_at: datetime | None


def concerns(rule: EscalationRule, ticket: Watched, group: str) -> bool:
    """Whether the rule is about such a ticket at all."""
    return (
        (not rule.problems or ticket.problem in rule.problems)
        and (not rule.groups or group in rule.groups)
        and (not rule.customers or ticket.customer in rule.customers)
        and (not rule.prefixes or lies_in(ticket.network, rule.prefixes))
    )


def may_escalate(rule: EscalationRule, ticket: Watched, now: datetime) -> bool:
    """Whether all but the number of events in the window holds."""
    return (
        ticket.event_count >= rule.events_wanted
        and (rule.severity is None or ticket.severity >= SEVERITIES[rule.severity])
        and (rule.relapses is None or ticket.relapses >= rule.relapses)
        and (rule.open_days is None or ticket.opened_at <= now - timedelta(days=rule.open_days))
        and ticket.last_seen > now - max(rule.window, FRESH)
    )


def window_start(rule: EscalationRule, ticket: Watched) -> datetime:
    """Events after this moment count; what an earlier escalation was about does not count again."""
    start = ticket.last_seen - rule.window
    return start if ticket.escalated_at is None else max(start, ticket.escalated_at)


def reason_of(rule: EscalationRule, count: int) -> str:
    """Why it was escalated, for people."""
    said = []
    if rule.events_wanted:
        many = "an event" if rule.events_wanted == 1 else f"at least {count} events"
        bad = f" of severity {rule.severity} or worse" if rule.severity else ""
        said.append(f"{many}{bad} within {rule.within_hours:g} hours")
    if rule.relapses:
        said.append(f"it came back {rule.relapses} times or more")
    if rule.open_days:
        said.append(f"open for {rule.open_days} days or more, and events still come")
    return f"rule {rule.name!r}: " + ", ".join(said)


def escalate(cursor: Cursor, rules: Rules, touched: Collection[int], actor: str) -> int:
    """Escalates those of the touched tickets that fit a rule, in the cursor's transaction; returns how many."""
    if not touched or not rules.escalation:
        return 0
    sql = statements("life_cycle")
    cursor.execute(sql["touched"], {"ids": list(touched)})
    now = now_utc()
    asked = [
        (ticket, rule)
        for ticket in (Watched(*row) for row in cursor.fetchall())
        for rule in rules.escalation
        if concerns(rule, ticket, rules.group_of(ticket.problem)) and may_escalate(rule, ticket, now)
    ]
    fitting: dict[int, tuple[EscalationRule, int]] = {}
    for (ticket, rule), count in zip(asked, _count(cursor, asked), strict=True):
        if count >= rule.events_wanted:
            fitting.setdefault(ticket.id, (rule, count))
    if not fitting:
        return 0
    chosen = sorted(fitting.items())
    cursor.execute(
        sql["escalate"],
        {
            "actor": actor,
            "ids": [number for number, _ in chosen],
            "rules": [rule.name for _, (rule, _) in chosen],
            "floors": [SEVERITIES[rule.raise_severity_to] if rule.raise_severity_to else 0 for _, (rule, _) in chosen],
            "tell_customers": [rule.tell_customer for _, (rule, _) in chosen],
            "tell_desks": [rule.tell_desk for _, (rule, _) in chosen],
            "reasons": [reason_of(rule, count) for _, (rule, count) in chosen],
        },
    )
    return len(cursor.fetchall())


def _count(cursor: Cursor, asked: Sequence[tuple[Watched, EscalationRule]]) -> list[int]:
    """How many events lie in each window, no further than the rule wants to know."""
    counts = [0] * len(asked)
    wanted = [(place, *pair) for place, pair in enumerate(asked) if pair[1].events_wanted]
    if not wanted:
        return counts
    cursor.execute(
        statements("life_cycle")["events_in_windows"],
        {
            "tickets": [ticket.id for _, ticket, _ in wanted],
            "sinces": [window_start(rule, ticket) for _, ticket, rule in wanted],
            "severities": [SEVERITIES[rule.severity] if rule.severity else 0 for _, _, rule in wanted],
            "enough": [rule.events_wanted for _, _, rule in wanted],
        },
    )
    for number, count in cursor.fetchall():
        counts[wanted[number - 1][0]] = count
    return counts
