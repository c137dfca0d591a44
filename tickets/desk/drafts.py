# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drafts of reporter definitions, kept until an administrator saves or somebody drops them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg2.extras import Json

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.desk.scope import Row, Scope, note, read, rows
from abusehandler.tickets.incoming import storable, stored_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abusehandler.tickets.database import Database

#: Larger mails are not tried: nobody writes reports of prose so long.
LARGEST_MAIL = 500_000


def add(
    database: Database, scope: Scope, report: int, name: str, definition: str, events: Sequence[Mapping[str, Any]], *, author: str
) -> int:  # fmt: skip
    """Keeps a draft; returns its number. `events` is what it should find in the report."""
    with database.transaction() as cursor:
        (made,) = rows(
            cursor, scope, "drafts.add", report=report, name=name, definition=storable(definition), author=author,
            events=Json(list(events), dumps=stored_json),
        )  # fmt: skip
        note(cursor, author, "report", report, f"draft {made['id']} of a definition made: {name}")
    return int(made["id"])


def waiting(database: Database, scope: Scope) -> list[Row]:
    """Drafts that nobody has saved or dropped, newest first."""
    return read(database, scope, "drafts.open")


def draft(database: Database, scope: Scope, number: int) -> Row | None:
    """One draft."""
    found = read(database, scope, "drafts.draft", draft=number)
    return found[0] if found else None


def change(database: Database, scope: Scope, number: int, name: str, definition: str) -> None:
    """Keeps another text. Raises AbusehandlerError for a draft that was saved or dropped."""
    found = read(database, scope, "drafts.change", draft=number, name=name, definition=storable(definition))
    if not found:
        raise AbusehandlerError("this draft was saved or dropped; make a new one from the mail")


def saved(database: Database, scope: Scope, number: int, name: str, *, author: str) -> None:
    """Notes that it stands in the folder of definitions now."""
    with database.transaction() as cursor:
        if rows(cursor, scope, "drafts.saved", draft=number, author=author):
            note(cursor, author, "reporter", name, f"definition saved from draft {number}")


def drop(database: Database, scope: Scope, number: int, *, author: str) -> None:
    """Nobody wants it any more."""
    with database.transaction() as cursor:
        if rows(cursor, scope, "drafts.drop", draft=number):
            note(cursor, author, "reporter", str(number), "draft of a definition dropped")


def archived_mails(database: Database, scope: Scope, limit: int) -> list[Row]:
    """The newest mails that came in, for trying a draft on them."""
    return read(database, scope, "drafts.mails", limit=limit, largest=LARGEST_MAIL)
