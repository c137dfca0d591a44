# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What administrators see and set up: audit trail, health and versions of the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.tickets.desk.scope import Row, Scope, note, read, rows

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

_LAST = 9_223_372_036_854_775_807


def audit(
    database: Database,
    scope: Scope,
    *,
    kind: str = "",
    number: str = "",
    actor: str = "",
    before: int = 0,
    limit: int = 100,
) -> list[Row]:
    """The audit trail, newest first, below the line `before` (0: from the newest)."""
    filters = [name for name, asked in (("of_object", kind), ("of_actor", actor)) if asked]
    return read(
        database, scope, "administration.audit", filters, before=before or _LAST, limit=limit, object=kind, object_id=number,
        actor=actor,
    )  # fmt: skip


def health(database: Database, scope: Scope) -> Row:
    """Numbers that say whether everything flows."""
    return read(database, scope, "administration.health")[0]


def alerts(database: Database, scope: Scope) -> list[Row]:
    """What the timers want a person to look at."""
    return read(database, scope, "administration.alerts")


def stored_about(database: Database, scope: Scope, customer: str, *, author: str) -> tuple[Row, list[str], list[Row]]:
    """What is stored about a customer, to which addresses was written, and who asked this before. Notes who asks now."""
    with database.transaction() as cursor:
        (counts,) = rows(cursor, scope, "administration.stored_about", customer=customer)
        addresses = [
            row["recipient"] for row in rows(cursor, scope, "administration.mail_addresses_of", customer=customer)
        ]
        looked = rows(cursor, scope, "administration.who_looked", customer=customer)
        note(cursor, author, "customer", customer, "looked at what is stored")
    return counts, addresses, looked


def keep_rules(database: Database, scope: Scope, text: str, *, author: str, reason: str) -> None:
    """Keeps rules.yaml as it is written now."""
    with database.transaction() as cursor:
        rows(cursor, scope, "administration.keep_rules", text=text, author=author, reason=reason)
        note(cursor, author, "rules", "rules.yaml", "saved", reason)
