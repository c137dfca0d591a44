# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Due tickets become notices, by the policy that holds when they are due: a few statements for many customers."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg2.extras import execute_values

from abusehandler.tickets.addressing import free_again
from abusehandler.tickets.audit import audit
from abusehandler.tickets.incoming import SEVERITY_NAMES, now_utc
from abusehandler.tickets.notice import KINDS
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.harmonization.catalogue import Catalogue
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.notice import Kind, Recipient
    from abusehandler.tickets.policy import NoticePolicy, NoticeSchedule

TICKETS_IN_A_NOTICE = 500
#: So long a notice waits at most for what is still being read.
PATIENCE = timedelta(minutes=10)
#: A state in which a customer is told about a ticket.
TOLD_STATES = ("open", "escalated")


class DueTicket(NamedTuple):
    """A ticket as `due_tickets` of sql/preparing.sql gives it."""

    id: int
    customer: str
    state: str
    customer_state: str
    problem: str
    severity: int
    notified_event: int
    last_event: int
    event_count: int
    told: bool
    news: bool
    reminders: int
    newly_escalated: bool
    reminder_muted_until: datetime | None

    @property
    def kind(self) -> Kind:
        if not self.news:
            return "reminder"
        if self.newly_escalated:
            return "escalation"
        return "update" if self.told else "new"

    @property
    def after_event(self) -> int:
        """The notice tells the events after this one; all when nothing new has come since the last notice."""
        return 0 if self.kind == "reminder" or self.notified_event >= self.last_event else self.notified_event


class _Planned(NamedTuple):
    customer: str
    hold: bool
    author: str
    tickets: list[tuple[DueTicket, NoticePolicy]]

    @property
    def kind(self) -> str:
        kinds = {ticket.kind for ticket, _ in self.tickets}
        return next(kind for kind in KINDS if kind in kinds)

    @property
    def most_per_day(self) -> int:
        limits = [policy.most_per_day for _, policy in self.tickets]
        return 0 if 0 in limits else max(limits)


class Preparing:
    """Makes notices. `me` stands in the audit trail."""

    def __init__(
        self,
        database: Database,
        me: str,
        schedule: NoticeSchedule,
        catalogue: Catalogue | None = None,
        *,
        settle: timedelta = timedelta(),
    ) -> None:
        self._database = database
        self._me = me
        self._schedule = schedule
        self._catalogue = catalogue
        self._settle = settle
        self._sql = statements("preparing")

    def use(self, schedule: NoticeSchedule) -> None:
        """From now on notices are due by this schedule."""
        self._schedule = schedule

    def under_way(self) -> bool:
        """Whether a report that came within the last minutes is not read yet."""
        ((under_way,),) = self._database.at_once(self._sql["reports_under_way"], {"patience": PATIENCE})
        return bool(under_way)

    def prepare(
        self,
        limit: int = 200,
        *,
        under_way: bool = False,
        recipients: Callable[[str], Sequence[Recipient]] | None = None,
    ) -> int:
        """Makes notices of what is due, one for each customer; returns how many. To be called until it returns 0.

        While more is `under_way`, only what has been due for PATIENCE: a customer gets one mail about what came together.
        `recipients` answers for a customer id; it is asked for customers whose mails are limited, and for time zones.
        """
        patience = PATIENCE if under_way else timedelta()
        rows = self._database.at_once(self._sql["due_customers"], {"limit": limit, "patience": patience})
        if not rows:
            return 0
        customers = [row[0] for row in rows]
        return int(self._database.retrying(lambda cursor: self._prepare(cursor, customers, recipients)))

    def tell_now(self, tickets: Sequence[int], author: str, reason: str = "") -> list[int]:
        """Makes notices of these tickets at once, whatever is due, held or quiet; returns the notices' numbers."""

        def work(cursor: Cursor) -> list[int]:
            numbers = [number for number, _ in self.tell(cursor, tickets, author)]
            audit(cursor, "notice", numbers, author, "sent by a person", reason)
            return numbers

        return list(self._database.retrying(work))

    def tell(self, cursor: Cursor, tickets: Sequence[int], author: str) -> list[tuple[int, str]]:
        """As `tell_now`, within the caller's transaction; returns number and customer of each notice."""
        cursor.execute(self._sql["tickets_to_tell"], {"tickets": list(tickets)})
        plans: dict[str, _Planned] = {}
        for row in cursor.fetchall():
            ticket = DueTicket(*row)
            plan = plans.setdefault(ticket.customer, _Planned(ticket.customer, False, author, []))
            plan.tickets.append((ticket, self._policy(ticket)))
        numbers = self._store(cursor, list(plans.values()), limited=False)
        return list(zip(numbers, plans, strict=True))

    def _prepare(
        self, cursor: Cursor, customers: Sequence[str], recipients: Callable[[str], Sequence[Recipient]] | None
    ) -> int:
        sql = self._sql
        cursor.execute(sql["only_me"], {"customers": customers})
        mine = [row[0] for row in cursor.fetchall()]
        cursor.execute(sql["hold_muted"], {"customers": sorted(mine), "settle": self._settle})
        cursor.execute(
            sql["due_tickets"], {"customers": mine, "settle": self._settle, "limit": TICKETS_IN_A_NOTICE}
        )  # fmt: skip
        due = [DueTicket(*row) for row in cursor.fetchall()]
        plans, forgotten, unreminded, postponed = self._plan(cursor, due, recipients)
        if forgotten:
            cursor.execute(sql["forget"], {"tickets": forgotten})
        if unreminded:
            cursor.execute(sql["forget_reminder"], {"tickets": unreminded})
        if postponed:
            cursor.execute(sql["postpone"], {"tickets": list(postponed), "untils": list(postponed.values())})
        return len(self._store(cursor, plans))

    def _plan(
        self,
        cursor: Cursor,
        due: Iterable[DueTicket],
        recipients: Callable[[str], Sequence[Recipient]] | None,
    ) -> tuple[list[_Planned], list[int], list[int], dict[int, datetime]]:
        """The notices to make; tickets that nobody wants to hear of any more; no reminders for; put off until when."""
        now = now_utc()
        forgotten: list[int] = []
        unreminded: list[int] = []
        postponed: dict[int, datetime] = {}
        plans: dict[tuple[str, bool], _Planned] = {}
        zones: dict[str, ZoneInfo] = {}
        for ticket in due:
            policy = self._policy(ticket)
            if ticket.state not in TOLD_STATES or policy.when == "never":
                # whoever has closed, ignored or resolved a ticket meanwhile wants no notice about it
                forgotten.append(ticket.id)
                continue
            if ticket.kind == "reminder":
                if ticket.customer_state != "open" or policy.reminder(ticket.reminders) is None:
                    unreminded.append(ticket.id)
                    continue
                if ticket.reminder_muted_until is not None:
                    postponed[ticket.id] = ticket.reminder_muted_until
                    continue
            if policy.quiet is not None:
                if ticket.customer not in zones:
                    zones[ticket.customer] = self._zone(ticket.customer, recipients)
                allowed = policy.allowed(now, zones[ticket.customer])
                if allowed > now:
                    postponed[ticket.id] = allowed
                    continue
            key = (ticket.customer, policy.hold)
            plans.setdefault(key, _Planned(ticket.customer, policy.hold, "", [])).tickets.append((ticket, policy))
        return (
            [plan for plan in plans.values() if not self._too_many(cursor, plan, recipients, postponed)],
            forgotten, unreminded, postponed,
        )  # fmt: skip

    def _too_many(
        self,
        cursor: Cursor,
        plan: _Planned,
        recipients: Callable[[str], Sequence[Recipient]] | None,
        postponed: dict[int, datetime],
    ) -> bool:
        """Whether each contact has had his mails of the day; what is due then goes in one mail when one may go again."""
        if not plan.most_per_day or recipients is None:
            return False
        addresses = [recipient.address for recipient in recipients(plan.customer)]
        free = list(free_again(cursor, addresses, plan.most_per_day).values())
        now = now_utc()
        if not free or any(moment is None or moment <= now for moment in free):
            return False
        until = min(moment for moment in free if moment is not None)
        postponed.update((ticket.id, until) for ticket, _ in plan.tickets)
        return True

    def _store(self, cursor: Cursor, plans: Sequence[_Planned], *, limited: bool = True) -> list[int]:
        if not plans:
            return []
        heads = [
            (plan.customer, "held" if plan.hold else "pending", plan.kind,
             all(policy.when == "digest" for _, policy in plan.tickets), plan.most_per_day if limited else 0, plan.author)
            for plan in plans
        ]  # fmt: skip
        rows = execute_values(cursor, self._sql["make_notices"], heads, page_size=len(heads), fetch=True)
        numbers = [int(number) for (number,) in rows]
        told: list[tuple[Any, ...]] = []
        marks: dict[str, list[Any]] = defaultdict(list)
        for number, plan in zip(numbers, plans, strict=True):
            for ticket, policy in plan.tickets:
                told.append(
                    (
                        number,
                        ticket.id,
                        ticket.after_event,
                        ticket.last_event,
                        ticket.event_count,
                        ticket.told,
                        ticket.kind,
                    )
                )
                reminders = ticket.reminders + 1 if ticket.kind == "reminder" else 0
                marks["tickets"].append(ticket.id)
                marks["reminders"].append(reminders)
                marks["pauses"].append(policy.reminder(reminders))
        execute_values(cursor, self._sql["add_tickets"], told, page_size=1000)
        cursor.execute(self._sql["mark_notified"], marks)
        return numbers

    def _policy(self, ticket: DueTicket) -> NoticePolicy:
        problem = self._catalogue.problems.get(ticket.problem) if self._catalogue is not None else None
        return self._schedule.policy_of(problem, SEVERITY_NAMES[ticket.severity], ticket.customer)

    def _zone(self, customer: str, recipients: Callable[[str], Sequence[Recipient]] | None) -> ZoneInfo:
        """The zone of the customer's first contact that has one, else the organisation's."""
        for recipient in recipients(customer) if recipients is not None else ():
            if recipient.time_zone:
                try:
                    return ZoneInfo(recipient.time_zone)
                except (ZoneInfoNotFoundError, ValueError):
                    continue
        return self._schedule.zone
