# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Contacts that customers named on their pages: the desk approves or refuses them, notices go to the approved ones, too."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal

from abusehandler.tickets.database import Database
from abusehandler.tickets.desk.scope import note
from abusehandler.tickets.notice import Recipient
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

#: So old may what a sender knows of approved contacts be.
REFRESH_SECONDS = 30.0


def decide(database: Database, contact: int, state: Literal["approved", "refused"], *, author: str) -> bool:
    """Approves or refuses; an approved one can be refused later. Returns whether that changed anything."""

    def work(cursor: Cursor) -> bool:
        cursor.execute(statements("selfhelp")["decide"], {"contact": contact, "state": state, "author": author})
        row = cursor.fetchone()
        if row is not None:
            note(cursor, author, "customer", row[0], f"contact named by the customer {state}", row[1])
        return row is not None

    return bool(database.retrying(work))


class ApprovedContacts:
    """The approved ones by customer, kept in memory and read again twice a minute; safe for threads."""

    def __init__(self, dsn: str) -> None:
        self._database = Database(dsn, application="abusehandler contacts")
        self._lock = threading.Lock()
        self._known: dict[str, list[Recipient]] = {}
        self._read_at = float("-inf")

    def of(self, customer: str) -> list[Recipient]:
        """Further recipients of this customer's notices. Raises Unavailable."""
        with self._lock:
            if time.monotonic() - self._read_at > REFRESH_SECONDS:
                known: dict[str, list[Recipient]] = {}
                for owner, address, _, language in self._database.fetch(statements("selfhelp")["approved"]):
                    known.setdefault(owner, []).append(Recipient(address, language))
                self._known, self._read_at = known, time.monotonic()
            return list(self._known.get(customer, ()))
