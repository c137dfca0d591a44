# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the desk and the commands show of answers and mail addresses; each row is a dict with the names people see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abusehandler.tickets.queries import dicts, statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.tickets.database import Database

Row = dict[str, Any]


def _rows(database: Database, name: str, **parameters: Any) -> list[Row]:
    with database.transaction() as cursor:
        cursor.execute(statements("answers")[name], parameters)
        return dicts(cursor)


def answers(
    database: Database,
    *,
    kind: str | None = None,
    ticket: int | None = None,
    unread: bool = False,
    limit: int = 100,
) -> list[Row]:
    """The newest answers that fit; `unread`: only those that somebody at the desk must still look at."""
    return _rows(database, "answers", kind=kind, ticket=ticket, unread=unread, limit=limit)


def answer(database: Database, number: int) -> dict[str, list[Row]] | None:
    """One answer: its record, the tickets, attached files, what was said about recipients."""
    record = _rows(database, "answer", answer=number)
    if not record:
        return None
    return {
        "answer": record,
        "tickets": _rows(database, "answer_tickets", answer=number),
        "files": _rows(database, "answer_files", answer=number),
        "recipients": _rows(database, "answer_news", answer=number),
    }


def of_ticket(database: Database, ticket: int, limit: int = 500) -> list[Row]:
    """The answers on one ticket for its timeline, oldest first: `at`, `kind`, `author`, `who`, `text`, `unread` and more."""
    return _rows(database, "answers_of_ticket", ticket=ticket, limit=limit)


def mark_seen(database: Database, *, who: str, answers: Sequence[int] = (), tickets: Sequence[int] = ()) -> list[int]:
    """Notes that somebody at the desk has seen these answers, or all answers on these tickets; returns which were new."""
    rows = _rows(database, "mark_seen", who=who, answers=list(answers), tickets=list(tickets))
    return sorted({row["answer_id"] for row in rows})


def addresses(database: Database, *, state: str | None = None, limit: int = 100) -> list[Row]:
    """Mail addresses about which something was said; in one state, or all that are not simply good."""
    return _rows(database, "addresses", state=state, limit=limit)


def address(database: Database, name: str) -> dict[str, list[Row]] | None:
    """One mail address with the news about it and who changed its state."""
    record = _rows(database, "address", address=name.lower())
    if not record:
        return None
    changes = database.fetch(
        "SELECT at, actor, change, reason FROM audit_trail WHERE object = 'address' AND object_id = %s ORDER BY id",
        (name.lower(),),
    )
    return {
        "address": record,
        "news": _rows(database, "address_news", address=name.lower()),
        "changes": [dict(zip(("at", "actor", "change", "reason"), row, strict=True)) for row in changes],
    }
