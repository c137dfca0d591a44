# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The outbox: due tickets become notices, notices become mails, and each mail has exactly one state.

waiting → sending → sent, or → in-doubt (a crash, or the mail server fell silent after the data), or → failed.
`sending` is committed before the mail server hears of the mail, in the same transaction that notes the mail before it
as sent: one commit a mail, and after a crash at most one mail of a sender is in doubt.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from psycopg2.extras import execute_values

from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

TICKETS_IN_A_NOTICE = 500
#: So long a notice waits at most for what is still being read.
PATIENCE = timedelta(minutes=10)
#: Pauses after temporary refusals, by attempt; after the last one the mail has failed.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 30, 60, 120, 240, 480, 720, 720, 720))


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a notice: mail address and language (may be empty)."""

    address: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail to one contact, in this sender's hand."""

    id: int
    notice_id: int
    recipient: str
    language: str
    message_id: str
    attempts: int


@dataclass(frozen=True, slots=True)
class NoticeEvent:
    """One observation as a notice tells it; `data` is the IntelMQ event."""

    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NoticeTicket:
    """A ticket as one notice tells it: the numbers are those of the moment it was prepared."""

    id: int
    resource: str
    problem: str
    severity: int
    first_seen: datetime
    last_seen: datetime
    event_count: int
    update: bool
    events: tuple[NoticeEvent, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """All that one mail says; everything in it belongs to one customer."""

    id: int
    customer_id: str
    tickets: tuple[NoticeTicket, ...]
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a delivery. `answer` holds the mail server's words."""

    state: Literal["sent", "waiting", "failed", "in-doubt"]
    answer: str


class Outbox:
    """The outbox as one sender sees it. `me` names the sender: unique among those that run at the same time."""

    def __init__(
        self,
        database: Database,
        me: str,
        *,
        message_id_domain: str,
        hold: bool = False,
        settle: timedelta = timedelta(),
    ) -> None:
        self._database = database
        self._me = me
        self._domain = message_id_domain
        self._hold = hold
        self._settle = settle
        self._sql = statements("outbox")

    def start(self) -> int:
        """Finds what an earlier process of this name left behind; returns how many mails are in doubt because of it."""
        with self._database.transaction() as cursor:
            cursor.execute(self._sql["release"], {"me": self._me})
            return self._find_doubt(cursor, starting=True)

    def watch(self) -> int:
        """Finds mails that another sender has had in hand for too long; returns how many are in doubt now."""
        with self._database.transaction() as cursor:
            return self._find_doubt(cursor, starting=False)

    def resend_doubtful(self) -> int:
        """The rule `in_doubt: resend`: mails in doubt go out again under the same Message-ID."""
        with self._database.transaction() as cursor:
            cursor.execute(self._sql["resend_doubtful"])
            numbers = [row[0] for row in cursor.fetchall()]
            _audit(cursor, "delivery", numbers, self._me, "in-doubt → waiting", "rule in_doubt: resend")
            return len(numbers)

    def under_way(self) -> bool:
        """Whether a report that came within the last minutes is not read yet."""
        ((under_way,),) = self._database.fetch(self._sql["reports_under_way"], {"patience": PATIENCE})
        return bool(under_way)

    def prepare(self, limit: int = 200, *, under_way: bool = False) -> int:
        """Makes notices of what is due, one for each customer; returns how many.

        While more is `under_way`, only what has been due for PATIENCE: a customer gets one mail about what came together.
        """
        patience = PATIENCE if under_way else timedelta()
        rows = self._database.fetch(self._sql["due_customers"], {"limit": limit, "patience": patience})
        return sum(
            bool(self._database.retrying(lambda cursor, who=customer: self._prepare(cursor, who)))
            for (customer,) in rows
        )

    def _prepare(self, cursor: Cursor, customer: str) -> int | None:
        sql = self._sql
        cursor.execute(sql["only_me"], {"customer": customer})
        if cursor.fetchone() != (True,):
            return None
        cursor.execute(sql["forget_closed"], {"customer": customer})
        cursor.execute(sql["due_tickets"], {"customer": customer, "settle": self._settle, "limit": TICKETS_IN_A_NOTICE})
        due = cursor.fetchall()
        if not due:
            return None
        cursor.execute(sql["make_notice"], {"customer": customer, "state": "held" if self._hold else "pending"})
        (notice,) = cursor.fetchone() or (0,)
        execute_values(
            cursor,
            "INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of) VALUES %s",
            [(notice, *ticket) for ticket in due],
        )
        cursor.execute(sql["mark_notified"], {"tickets": [ticket[0] for ticket in due]})
        return int(notice)

    def address(self, recipients: Callable[[str], Sequence[Recipient]], limit: int = 200) -> int:
        """Chooses now who gets the pending notices and fixes a Message-ID for each mail; returns the number of notices.

        `recipients` answers for a customer id, now, so that a corrected contact reaches what already waits.
        """

        def work(cursor: Cursor) -> int:
            cursor.execute(self._sql["take_pending"], {"limit": limit})
            mails: list[tuple[int, str, str, str]] = []
            pending = cursor.fetchall()
            for notice, customer in pending:
                found = {recipient.address.lower(): recipient for recipient in recipients(customer)}
                mails.extend((notice, each.address, each.language, self._message_id(notice)) for each in found.values())
                state, reason = (
                    ("addressed", "") if found else ("no-contact", f"customer {customer} has no mail contact")
                )
                cursor.execute(self._sql["set_notice_state"], {"notice": notice, "state": state, "reason": reason})
            if mails:
                execute_values(
                    cursor,
                    "INSERT INTO deliveries (notice_id, recipient, language, message_id) VALUES %s "
                    "ON CONFLICT (notice_id, recipient) DO NOTHING",
                    mails,
                )
            return len(pending)

        return int(self._database.retrying(work))

    def _message_id(self, notice: int) -> str:
        return f"<notice.{notice}.{secrets.token_hex(8)}@{self._domain}>"

    def lease(self, limit: int = 50) -> list[Delivery]:
        """Takes mails that are due into this sender's hand."""
        rows = self._database.fetch(self._sql["lease"], {"me": self._me, "limit": limit})
        return sorted((Delivery(*row) for row in rows), key=lambda delivery: delivery.id)

    def step(self, finished: tuple[Delivery, Result] | None, following: Delivery | None) -> bool:
        """Notes what came of the mail before and that the next one is handed to the mail server now, in one commit.

        Returns whether the next one is still ours to send.
        """
        with self._database.transaction() as cursor:
            if finished is not None:
                self._finish(cursor, *finished)
            if following is None:
                return False
            cursor.execute(self._sql["mark_sending"], {"delivery": following.id, "me": self._me})
            return cursor.rowcount == 1

    def _finish(self, cursor: Cursor, delivery: Delivery, result: Result) -> None:
        parameters: dict[str, Any] = {"delivery": delivery.id, "answer": result.answer.replace("\0", "")[:1000]}
        state = result.state
        if state == "waiting":
            if delivery.attempts >= len(PAUSES):
                state = "failed"
            else:
                parameters["pause"] = PAUSES[delivery.attempts]
        cursor.execute(self._sql["mark_" + state.replace("-", "_")], parameters)
        if state in ("failed", "in-doubt"):
            _audit(cursor, "delivery", [delivery.id], self._me, state, parameters["answer"])

    def read(self, delivery: Delivery, most_events: int = 5000) -> Notice:
        """All that the mail is to say."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT customer_id FROM notices WHERE id = %s", (delivery.notice_id,))
            (customer,) = cursor.fetchone() or ("",)
            cursor.execute(self._sql["tickets_of_notice"], {"notice": delivery.notice_id})
            rows = cursor.fetchall()
            tickets = []
            left = most_events
            for number, resource, problem, severity, first, last, count, after, through, update in rows:
                cursor.execute(
                    self._sql["events_of_ticket"],
                    {"ticket": number, "after": after, "through": through, "limit": max(left, 1)},
                )
                events = tuple(NoticeEvent(at, data) for at, data in cursor.fetchall())
                left -= len(events)
                tickets.append(NoticeTicket(number, resource, problem, severity, first, last, count, update, events))
            cursor.execute(self._sql["earlier_mails"], {"recipient": delivery.recipient, "notice": delivery.notice_id})
            references = tuple(row[0] for row in reversed(cursor.fetchall()))
        return Notice(delivery.notice_id, customer, tuple(tickets), references)

    def next_due(self) -> datetime | None:
        """When there is something to do again, as far as is known now."""
        ((moment,),) = self._database.fetch(self._sql["next_due"])
        return moment  # type: ignore[no-any-return]

    def _find_doubt(self, cursor: Cursor, *, starting: bool) -> int:
        cursor.execute(self._sql["find_doubt"], {"me": self._me, "starting": starting})
        numbers = [row[0] for row in cursor.fetchall()]
        _audit(cursor, "delivery", numbers, self._me, "in-doubt", "the sender stopped while the mail was being sent")
        return len(numbers)


def _audit(cursor: Cursor, kind: str, numbers: Sequence[int], actor: str, change: str, reason: str) -> None:
    if numbers:
        execute_values(
            cursor,
            "INSERT INTO audit_trail (actor, object, object_id, change, reason) VALUES %s",
            [(actor, kind, str(number), change, reason) for number in numbers],
        )
