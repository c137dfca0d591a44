# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Accounts: companies that share the box. Customers come to them by the patterns of their numbers, or one by one.

A customer comes with all his tickets, and the database stops the opening of tickets while it writes down whose he is
(migration 0011). So that this takes a moment however much he has, his tickets go ahead in small transactions, and many
customers go in groups. A break in between leaves tickets ahead of their customer; the same again goes on from there.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg2.errors

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.desk.scope import Row, Scope, note, read, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.tickets.database import Database

_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
#: Tickets, and customers, of one transaction.
TICKETS, CUSTOMERS = 1000, 100
#: Seconds for which one call takes customers over; whoever asks is told that there are more.
PATIENCE = 20.0


def listed(database: Database, scope: Scope) -> list[Row]:
    """All accounts by key."""
    return read(database, scope, "accounts.listed")


def one(database: Database, scope: Scope, account: str) -> Row | None:
    """One account with its own words (`texts`)."""
    return next(iter(read(database, scope, "accounts.one", account_key=account)), None)


def likes(words: Sequence[str]) -> list[str]:
    """LIKE patterns of numbers as people write them: * stands for anything. What would fit everybody is left out."""
    found = [
        word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")[:200] for word in words
    ]
    return [pattern for pattern in dict.fromkeys(found) if pattern.strip("% ")]


def as_words(patterns: Sequence[str]) -> list[str]:
    """The same as people write them."""
    return [re.sub(r"\\(.)|%", lambda found: found[1] or "*", pattern) for pattern in patterns]


def add(
    database: Database, scope: Scope, account: str, name: str, patterns: Sequence[str], *, author: str, colour: str = "",
    time_zone: str = "",
) -> None:  # fmt: skip
    """A new account; customers whose number fits one of the LIKE patterns belong to it when an event names them next, those
    that are there already by `take`. Raises AbusehandlerError.
    """
    if not _KEY.fullmatch(account):
        raise AbusehandlerError("an account's key has small letters, digits and -, for example acme")
    if colour and not _COLOUR.fullmatch(colour):
        raise AbusehandlerError("write a colour as #1d5fd1")
    try:
        with database.transaction() as cursor:
            rows(
                cursor, scope, "accounts.add", account_key=account, name=name[:200], patterns=list(patterns), colour=colour,
                time_zone=_zone(time_zone),
            )  # fmt: skip
            note(cursor, author, "account", account, f"added {name}: {', '.join(as_words(patterns))}")
    except psycopg2.errors.UniqueViolation:
        raise AbusehandlerError(f"there is an account {account} already") from None


def change(
    database: Database, scope: Scope, account: str, *, author: str, name: str | None = None, patterns: Sequence[str] | None = None,
    time_zone: str | None = None,
) -> bool:  # fmt: skip
    """Changes what is given; whether there is such an account. Other patterns take nobody away from it."""
    if name is not None and not name.strip():
        raise AbusehandlerError("an account needs a name; customers read it on their page")
    with database.transaction() as cursor:
        found = rows(
            cursor, scope, "accounts.change", account_key=account, name=None if name is None else name[:200],
            patterns=None if patterns is None else list(patterns), time_zone=None if time_zone is None else _zone(time_zone),
        )  # fmt: skip
        if found:
            said = [
                f"{word} {value}" for word, value in (("name", name), ("time zone", time_zone)) if value is not None
            ]
            said += [] if patterns is None else [f"customers {', '.join(as_words(patterns))}"]
            note(cursor, author, "account", account, "; ".join(said) or "nothing changed")
    return bool(found)


def waiting(database: Database, scope: Scope, patterns: Sequence[str], most: int = 10_000) -> int:
    """How many customers of no account fit the patterns, counted up to `most`."""
    if not patterns:
        return 0
    return len(read(database, scope, "accounts.fitting", patterns=list(patterns), after="", limit=most))


def take(
    database: Database, scope: Scope, account: str, *, author: str, patience: float = PATIENCE
) -> tuple[int, bool]:
    """Takes over customers of no account whose numbers fit the account's patterns. Returns how many came, and whether there are
    more than there was time for. Raises AbusehandlerError for an account that is not there.
    """
    found = one(database, scope, account)
    if found is None:
        raise AbusehandlerError(f"there is no account {account!r:.60}")
    patterns, end = found["customers_like"], time.monotonic() + patience
    taken, after = 0, ""
    while patterns:
        some = read(database, scope, "accounts.fitting", patterns=patterns, after=after, limit=CUSTOMERS)
        numbers = [row["id"] for row in some]
        if not numbers:
            break
        if time.monotonic() > end:
            return taken, True
        taken += _move(database, scope, numbers, account, author=author, only_free=True)
        after = numbers[-1]
    return taken, False


def give(database: Database, scope: Scope, customer: str, account: str | None, *, author: str) -> bool:
    """Gives a customer to an account, or with None to nobody; whether there is such a customer. Raises AbusehandlerError for an
    account that is not there.
    """
    if not read(database, scope, "accounts.customer", customer=customer):
        return False
    if account is not None and one(database, scope, account) is None:
        raise AbusehandlerError(f"there is no account {account!r:.60}")
    _move(database, scope, [customer], account, author=author, only_free=False)
    return True


def _move(
    database: Database, scope: Scope, customers: list[str], account: str | None, *, author: str, only_free: bool
) -> int:
    parameters = {"customers": customers, "new_account": account}

    def ahead(cursor: object) -> int:
        return len(rows(cursor, scope, "accounts.move_tickets", limit=TICKETS, **parameters))  # type: ignore[arg-type]

    while database.retrying(ahead) == TICKETS:
        continue

    def follow(cursor: object) -> int:
        moved = rows(cursor, scope, "accounts.move_customers", only_free=only_free, **parameters)  # type: ignore[arg-type]
        for row in moved:
            note(cursor, author, "customer", row["id"], f"account {account or 'none'}")  # type: ignore[arg-type]
        others = sorted(set(customers) - {row["id"] for row in moved})
        if others:
            rows(cursor, scope, "accounts.settle", customers=others)  # type: ignore[arg-type]
        return len(moved)

    return int(database.retrying(follow))


def _zone(name: str) -> str:
    if not name:
        return ""
    try:
        return ZoneInfo(name.strip()).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise AbusehandlerError(
            f"{name!r:.60} is no time zone; write a name of the IANA list, for example Europe/Vienna"
        ) from None
