# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Links to a customer's own pages: a random token in the address, its SHA-256 here, an end that comes by itself."""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.database import Database
from abusehandler.tickets.desk.scope import note
from abusehandler.tickets.queries import dicts, statements

if TYPE_CHECKING:
    from collections.abc import Sequence

#: 256 random bits; in the address they are 43 characters.
TOKEN_BYTES = 32
TOKEN_LENGTH = 43


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """How long a link is good. `opens`: all open tickets of the customer, or the one ticket that a notice is about."""

    lasts: timedelta = timedelta(days=180)
    after_close: timedelta = timedelta(days=14)
    opens: Literal["customer", "ticket"] = "customer"


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is good now. `ticket` is None when it opens all tickets of the customer. `account` may be empty.

    `time_zone` is the IANA name of the zone in which its pages tell times, as the mail with the link did; the account's where
    the mail had none; empty for the operator's.
    """

    id: int
    customer: str
    ticket: int | None
    customer_name: str
    language: str
    account: str
    time_zone: str = ""

    @property
    def author(self) -> str:
        """Who acted, for notes, mutes and audit trail."""
        return author_of(self.customer)


def author_of(customer: str) -> str:
    """Under which name a customer acts on these pages."""
    return f"customer {customer} (self-help)"


def make_link(
    database: Database, customer: str, ticket: int | None = None, *, terms: LinkTerms, made_for: str, author: str = "",
    time_zone: str = "",
) -> str:  # fmt: skip
    """A new token, which is stored nowhere in this form. `author`, where a person asked for it, goes into the audit trail.
    `time_zone`: see Link.

    Raises AbusehandlerError when there is no such customer, or the ticket is not that customer's.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    values = {
        "hash": hash_of(token), "customer": customer, "ticket": ticket, "made_for": made_for[:200], "lasts": terms.lasts,
        "time_zone": time_zone[:60],
    }  # fmt: skip
    if not author:
        found = database.at_once(statements("selfhelp")["make"], values)
    else:
        with database.transaction() as cursor:
            cursor.execute(statements("selfhelp")["make"], values)
            found = cursor.fetchall()
            if found:
                note(cursor, author, "customer", customer, f"self-help link {found[0][0]} made", made_for)
    if not found:
        raise AbusehandlerError(f"there is no customer {customer!r}, or ticket {ticket} is not of that customer")
    return token


def open_link(database: Database, token: str, terms: LinkTerms) -> Link | None:
    """The link behind a token, None when it is wrong, revoked, or over. Changes nothing."""
    if len(token) != TOKEN_LENGTH:
        return None
    values = {"hash": hash_of(token), "after_close": terms.after_close}
    rows = database.prepared(statements("selfhelp")["open"], values)
    return Link(*rows[0]) if rows else None


def revoke(
    database: Database, *, link: int | None = None, customer: str | None = None, author: str, reason: str = ""
) -> int:
    """Ends one link, or all of a customer; returns how many."""

    def work(cursor: Any) -> int:
        cursor.execute(statements("selfhelp")["revoke"], {"link": link, "customer": customer})
        ended = cursor.fetchall()
        for number, owner in ended[:100]:
            note(cursor, author, "customer", owner, f"self-help link {number} revoked", reason)
        return len(ended)

    return int(database.retrying(work))


def links(
    database: Database, customer: str | None = None, *, ended: bool = False, limit: int = 100
) -> list[dict[str, Any]]:
    """Links, the newest first; with `ended` also those that are good no more. Tokens are not among what is told."""
    with database.transaction() as cursor:
        cursor.execute(statements("selfhelp")["links"], {"customer": customer, "all": ended, "limit": limit})
        return dicts(cursor)


def drop_old(database: Database) -> None:
    """Removes links that ended a month ago, and words of customers whose tickets retention has removed."""
    sql = statements("selfhelp")
    database.fetch(sql["drop_old"])
    database.fetch(sql["drop_orphans"])


class NoticeLinks:
    """Makes the address that stands in a notice, one for each mail; safe for threads, with a connection of its own."""

    def __init__(self, dsn: str, public_url: str, terms: LinkTerms) -> None:
        self._database = Database(dsn, application="abusehandler self-help links")
        self._public_url = public_url
        self._terms = terms
        self._lock = threading.Lock()

    def __call__(self, customer: str, tickets: Sequence[int], time_zone: str = "") -> str | None:
        """The address of the page about these tickets, for a recipient in this zone. Raises Unavailable."""
        one = tickets[0] if len(tickets) == 1 else None
        only = one if self._terms.opens == "ticket" else None
        with self._lock:
            token = make_link(self._database, customer, only, terms=self._terms, made_for="notice", time_zone=time_zone)
        return address_of(self._public_url, token, one)

    def close(self) -> None:
        """Gives the connection up."""
        with self._lock:
            self._database.close()


def address_of(public_url: str, token: str, ticket: int | None = None) -> str:
    """The address that a customer opens."""
    return f"{public_url}/help/{token}" + (f"/{ticket}" if ticket is not None else "")


def hash_of(token: str) -> bytes:
    """What is stored of a token. Its 256 random bits need no salt."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
