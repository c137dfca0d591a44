# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers and networks: who comes back, what one customer or prefix has seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abusehandler.tickets.desk.scope import Row, Scope, read, rows
from abusehandler.tickets.desk.ticket_list import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.tickets.database import Database


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """One customer: what was seen, what was told."""

    customer: Row
    counts: dict[str, Row]
    tickets: tuple[Row, ...]
    days: tuple[Row, ...]
    notices: tuple[Row, ...]


def repeat_offenders(database: Database, scope: Scope) -> list[Row]:
    """Customers by how often they stand in the newest 5,000 tickets."""
    return read(database, scope, "customers.repeat_offenders")


def search(database: Database, scope: Scope, text: str) -> list[Row]:
    """Customers by number or by words of the name."""
    words = words_of(text)
    return read(database, scope, "customers.search", text=text, words=words) if words else []


def customer_page(database: Database, scope: Scope, customer: str) -> CustomerPage | None:
    """One customer, None if there is none or he is not to be seen."""
    with database.transaction() as cursor:
        found = rows(cursor, scope, "customers.customer", customer=customer)
        if not found:
            return None
        return CustomerPage(
            customer=found[0],
            counts={row["state"]: row for row in rows(cursor, scope, "customers.counts", customer=customer)},
            tickets=tuple(rows(cursor, scope, "customers.tickets", customer=customer)),
            days=tuple(rows(cursor, scope, "customers.days", customer=customer)),
            notices=tuple(rows(cursor, scope, "customers.notices", customer=customer)),
        )


def address_states(database: Database, scope: Scope, customer: str, addresses: Sequence[str]) -> dict[str, Row]:
    """What is known about the mail addresses of a customer."""
    wanted = [address.lower() for address in addresses]
    found = read(database, scope, "customers.addresses", customer=customer, addresses=wanted)
    return {row["address"]: row for row in found}


def in_network(database: Database, scope: Scope, prefix: str) -> tuple[list[Row], list[Row]]:
    """Customers and problems of a prefix, in at most 5,000 of its tickets."""
    with database.transaction() as cursor:
        return (
            rows(cursor, scope, "customers.in_network", prefix=prefix),
            rows(cursor, scope, "customers.problems_in_network", prefix=prefix),
        )
