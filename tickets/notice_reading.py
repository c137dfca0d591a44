# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads what mails are to say: a few statements for many small mails, bounded for large ones."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.notice import Notice, NoticeEvent, NoticeTicket
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.notice import Delivery

#: Events read for one ticket when mails are read together; a mail with more is left out and read alone.
EVENTS_TOGETHER = 25
TICKETS_TOGETHER = 200
#: Events in one mail at most, and for one ticket at least so many; what is left out is said in it.
MOST_EVENTS = 2000
LEAST_EVENTS = 4


def read_notices(cursor: Cursor, deliveries: Sequence[Delivery], most_events: int = MOST_EVENTS) -> dict[int, Notice]:
    """What several mails are to say, by the number of the delivery; the newest events of each ticket.

    A mail with many events or tickets is left out, unless it is asked for alone.
    """
    sql = statements("outbox")
    numbers = list({delivery.notice_id for delivery in deliveries})
    alone = len(numbers) == 1
    cursor.execute(sql["notices"], {"notices": numbers})
    heads = {row[0]: row[1:] for row in cursor.fetchall()}
    cursor.execute(sql["tickets_of_notices"], {"notices": numbers})
    tickets: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for notice, *ticket in cursor.fetchall():
        tickets[notice].append(tuple(ticket))
    if not alone:
        numbers = [number for number in numbers if len(tickets[number]) <= TICKETS_TOGETHER // len(numbers) + 2]
    each = EVENTS_TOGETHER
    if alone:
        each = max(LEAST_EVENTS, most_events // max(1, len(tickets[numbers[0]])))
    events = _events(cursor, numbers, each)
    large = {notice for (notice, _), found in events.items() if len(found) > each and not alone}
    references = _references(
        cursor, [delivery for delivery in deliveries if any(ticket[7] != "new" for ticket in tickets[delivery.notice_id])]
    )  # fmt: skip
    read: dict[int, Notice] = {}
    for delivery in deliveries:
        number = delivery.notice_id
        if number not in numbers or number in large:
            continue
        told = []
        for ticket_id, resource, problem, severity, first, last, count, kind in tickets[number]:
            found = events.get((number, ticket_id), [])
            told.append(
                NoticeTicket(
                    ticket_id, resource, problem, severity, first, last, count, kind, tuple(found[:each]), len(found) > each
                )
            )  # fmt: skip
        customer, kind, digest, body = heads.get(number, ("", "new", False, ""))
        read[delivery.id] = Notice(
            number, customer, tuple(told), tuple(references.get(delivery.id, ())), kind, digest, body
        )
    return read


def _events(cursor: Cursor, notices: Sequence[int], each: int) -> dict[tuple[int, int], list[NoticeEvent]]:
    """By notice and ticket; one more than `each` where there are more."""
    cursor.execute(statements("outbox")["events_of_notices"], {"notices": list(notices), "limit": each + 1})
    events: dict[tuple[int, int], list[NoticeEvent]] = defaultdict(list)
    for notice, ticket, at, data in cursor:
        events[notice, ticket].append(NoticeEvent(at, data))
    return events


def _references(cursor: Cursor, deliveries: Sequence[Delivery]) -> dict[int, list[str]]:
    """The Message-IDs of earlier mails about the same tickets, by the number of the delivery, oldest first."""
    references: dict[int, list[str]] = defaultdict(list)
    if deliveries:
        cursor.execute(
            statements("outbox")["earlier_mails"],
            {
                "deliveries": [delivery.id for delivery in deliveries],
                "notices": [delivery.notice_id for delivery in deliveries],
                "recipients": [delivery.recipient for delivery in deliveries],
            },
        )
        for number, message_id in cursor.fetchall():
            references[number].append(message_id)
    return references
