# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What people see of notices: lists with their mails, one notice whole; each row is a dict with the names people see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abusehandler.tickets.incoming import SEVERITY_NAMES
from abusehandler.tickets.queries import dicts, statements

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

Row = dict[str, Any]
#: States of notices, and of their mails.
NOTICE_STATES = ("held", "pending", "addressed", "no-contact", "withdrawn")
MAIL_STATES = ("waiting", "sending", "sent", "in-doubt", "failed", "replaced")


def notices(
    database: Database,
    state: str | None = None,
    customer: str | None = None,
    limit: int = 100,
    *,
    before: int | None = None,
) -> list[Row]:
    """The newest notices, one row for each mail. `state` is that of the notice or of a mail; `before` a notice's number."""
    # mails of a rare state are found by an index of their own, however many others there are
    name = "dead_letters" if state in ("failed", "in-doubt", "sending", "waiting") else "notices"
    return _rows(database, name, state=state, customer=customer, limit=limit, before=before)


def notice(database: Database, number: int) -> dict[str, list[Row]] | None:
    """One notice: its record, tickets, mails and changes; None if there is none."""
    record = _rows(database, "notice", notice=number)
    if not record:
        return None
    return {
        "notice": record,
        "tickets": _rows(database, "notice_tickets", notice=number),
        "mails": _rows(database, "notice_mails", notice=number),
        "changes": _rows(database, "notice_changes", notice=number),
    }


def _rows(database: Database, name: str, **parameters: Any) -> list[Row]:
    with database.transaction() as cursor:
        cursor.execute(statements("notice_actions")[name], parameters)
        rows = dicts(cursor)
    for row in rows:
        if isinstance(row.get("severity"), int):
            row["severity"] = SEVERITY_NAMES[row["severity"]]
    return rows
