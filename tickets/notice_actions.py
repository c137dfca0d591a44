# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a person does with notices, by command, desk or API alike: send, hold, release, retry, answer, look before.

Each function changes what it can in one transaction, with who and why in the audit trail, and returns the numbers of
what it changed; called again it changes nothing. The running mailer does the sending.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.addressing import bad_addresses, reachable
from abusehandler.tickets.audit import audit
from abusehandler.tickets.incoming import storable
from abusehandler.tickets.notice_mail import preview_delivery
from abusehandler.tickets.notice_reading import read_notices
from abusehandler.tickets.preparing import Preparing
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.harmonization.catalogue import Catalogue
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.notice import Notice, Recipient
    from abusehandler.tickets.notice_mail import NoticeWriter
    from abusehandler.tickets.policy import NoticeSchedule

MOST_TICKETS = 500
MAX_ANSWER = 100_000


@dataclass(frozen=True, slots=True)
class Preview:
    """A mail as it would go out now. `recipients` are all who would get one; `mail` is that to the first of them."""

    notice: Notice
    recipients: tuple[Recipient, ...]
    mail: bytes


def send_now(
    database: Database, schedule: NoticeSchedule, catalogue: Catalogue, tickets: Sequence[int], *, author: str, reason: str = ""
) -> list[int]:  # fmt: skip
    """Makes notices of these tickets, one for each customer, whatever is due, quiet or held; returns their numbers."""
    _known(database, tickets)
    return Preparing(database, author, schedule, catalogue).tell_now(tickets, author, reason)


def answer(database: Database, customer: str, tickets: Sequence[int], text: str, *, author: str) -> int:
    """A mail from the desk to a customer's contacts about his tickets; returns the notice's number.

    Raises AbusehandlerError for an empty text, or a ticket that is not the customer's.
    """
    text = storable(text).strip()
    if not text or len(text) > MAX_ANSWER:
        raise AbusehandlerError(f"an answer must have a text of at most {MAX_ANSWER} characters")
    foreign = [number for number, whose in _known(database, tickets).items() if whose != customer]
    if foreign:
        raise AbusehandlerError(f"ticket {foreign[0]} is not of customer {customer}; nothing was sent")
    sql = statements("notice_actions")

    def work(cursor: Cursor) -> int:
        cursor.execute(sql["make_answer"], {"customer": customer, "body": text, "author": author})
        (notice,) = cursor.fetchone() or (0,)
        cursor.execute(sql["answer_tickets"], {"notice": notice, "tickets": list(tickets), "customer": customer})
        audit(cursor, "notice", [notice], author, "written", "")
        return int(notice)

    return int(database.retrying(work))


def hold(database: Database, notices: Sequence[int], *, author: str, reason: str) -> list[int]:
    """Holds notices back whose mails have not gone out yet."""

    def work(cursor: Cursor) -> list[int]:
        numbers = _in_state(cursor, notices, ("pending", "addressed"))
        cursor.execute(statements("notice_actions")["hold_mails"], {"notices": numbers})
        return _changed(cursor, "hold", numbers, author, "held", reason)

    return list(database.retrying(work))


def release(database: Database, notices: Sequence[int], *, author: str, reason: str = "") -> list[int]:
    """Lets held notices go; who gets them is chosen now."""
    return list(
        database.retrying(
            lambda cursor: _changed(
                cursor, "release", _in_state(cursor, notices, ("held",)), author, "held → pending", reason
            )
        )
    )


def withdraw(database: Database, notices: Sequence[int], *, author: str, reason: str) -> list[int]:
    """Held notices that are never to go out."""
    return list(
        database.retrying(
            lambda cursor: _changed(
                cursor, "withdraw", _in_state(cursor, notices, ("held", "no-contact")), author, "withdrawn", reason
            )
        )
    )


def retry(database: Database, notices: Sequence[int], *, author: str, reason: str = "") -> list[int]:
    """Tries failed mails again, also those that wait for a domain, and notices that had no contact."""
    sql = statements("notice_actions")

    def work(cursor: Cursor) -> list[int]:
        numbers = _in_state(cursor, notices, ("addressed", "no-contact"))
        cursor.execute(sql["retry_mails"], {"notices": numbers})
        mails = cursor.fetchall()
        if mails:
            cursor.execute(sql["forget_domains"], {"notices": numbers})
            audit(cursor, "delivery", [mail for mail, _ in mails], author, "tried again", reason)
        nobody = _in_state(cursor, notices, ("no-contact",))
        _changed(cursor, "release", nobody, author, "no-contact → pending", reason)
        return sorted({*nobody, *(notice for _, notice in mails)})

    return list(database.retrying(work))


def resolve_doubt(
    database: Database,
    what: Literal["sent", "resend"],
    *,
    author: str,
    reason: str = "",
    notices: Sequence[int] | None = None,
) -> list[int]:
    """Says of mails in doubt (of these notices, or all) that they were sent, or sends them again as they were; returns
    the numbers of the mails.
    """
    sql = statements("notice_actions")

    def work(cursor: Cursor) -> list[int]:
        cursor.execute(sql["doubtful"], {"notices": None if notices is None else list(notices)})
        doubtful = [row[0] for row in cursor.fetchall()]
        cursor.execute(sql[f"resolve_{what}"], {"deliveries": doubtful})
        resolved = [row[0] for row in cursor.fetchall()]
        change = "in-doubt → sent" if what == "sent" else "in-doubt → waiting"
        audit(cursor, "delivery", resolved, author, change, reason)
        return resolved

    return list(database.retrying(work))


def tickets_to_tell(database: Database, customer: str) -> list[int]:
    """The customer's tickets about which something is due, else all his open ones; at most 500."""
    sql = statements("notice_actions")["tickets_of_customer"]
    due = database.fetch(sql, {"customer": customer, "all": False})
    return [row[0] for row in due or database.fetch(sql, {"customer": customer, "all": True})]


def preview(
    database: Database, schedule: NoticeSchedule, catalogue: Catalogue, writer: NoticeWriter, tickets: Sequence[int],
    recipients: Callable[[str], Sequence[Recipient]], customer_name: Callable[[str], str],
    *, domain: str = "example.invalid", language: str | None = None,
) -> list[Preview]:  # fmt: skip
    """The mails that `send_now` would lead to; nothing is sent and nothing stays in the database."""
    _known(database, tickets)
    preparing = Preparing(database, "preview", schedule, catalogue)
    found = []
    with database.transaction() as cursor:
        for number, customer in preparing.tell(cursor, tickets, "preview"):
            ways = list(recipients(customer))
            chosen = reachable(ways, bad_addresses(cursor, (way.address for way in ways)))
            first = chosen[0] if chosen else None
            address = first.address if first else "nobody@example.invalid"
            delivery = preview_delivery(
                number, address, language if language is not None else (first.language if first else ""),
                first.time_zone if first else "", domain,
            )  # fmt: skip
            notice = read_notices(cursor, [delivery])[delivery.id]
            found.append(Preview(notice, tuple(chosen), writer.write(notice, delivery, customer_name(customer))))
        cursor.connection.rollback()
    return found


def _known(database: Database, tickets: Sequence[int]) -> dict[int, str]:
    """Ticket number → customer. Raises AbusehandlerError for numbers that there are not, or too many."""
    if not tickets or len(tickets) > MOST_TICKETS:
        raise AbusehandlerError(f"name one to {MOST_TICKETS} tickets")
    known = dict(database.fetch(statements("notice_actions")["known_tickets"], {"tickets": list(tickets)}))
    missing = sorted(set(tickets) - known.keys())
    if missing:
        raise AbusehandlerError(f"there is no ticket {missing[0]}")
    return known


def _in_state(cursor: Cursor, notices: Sequence[int], states: Sequence[str]) -> list[int]:
    cursor.execute(statements("notice_actions")["lock_notices"], {"notices": list(notices)})
    return [number for number, state in cursor.fetchall() if state in states]


def _changed(cursor: Cursor, statement: str, numbers: list[int], author: str, change: str, reason: str) -> list[int]:
    if numbers:
        cursor.execute(
            statements("notice_actions")[statement], {"notices": numbers, "reason": storable(reason)[:1000]}
        )  # fmt: skip
        audit(cursor, "notice", numbers, author, change, storable(reason)[:1000])
    return numbers
