# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who gets a notice, chosen at the last moment, and a Message-ID for each mail that is fixed before the first try."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

from abusehandler.tickets.notice import Recipient
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.crm_connector.customer import Customer
    from abusehandler.tickets.database import Database

#: Contacts of a customer that a notice goes to at most.
MOST_RECIPIENTS = 20
_MAIL = "(%s, %s, %s, %s, %s, coalesce(%s, now()))"


def recipients_of(customer: Customer | None, reseller: Customer | None = None) -> list[Recipient]:
    """The ways to reach a customer, those for abuse first. `reseller` is the customer above, who may pass notices on.

    A customer's time zone is his attribute `time_zone` (an IANA name).
    """
    if customer is None:
        return []
    source = reseller if customer.pass_on and reseller is not None else customer
    zone = source.attributes.get("time_zone") or customer.attributes.get("time_zone") or ""
    return [
        Recipient(
            contact.email, contact.language or source.language, zone if isinstance(zone, str) else "",
            0 if contact.role == "abuse" else 1,
        )
        for contact in source.contacts
        if contact.email and contact.channel == "mail" and contact.usable
    ]  # fmt: skip


def reachable(found: Iterable[Recipient], bad: Collection[str]) -> list[Recipient]:
    """Whom to write to: the first rank in which an address is left that is not `bad` (lower case), each address once."""
    left = {each.address.lower(): each for each in reversed(list(found)) if each.address.lower() not in bad}
    best = min((each.rank for each in left.values()), default=0)
    return [each for each in reversed(left.values()) if each.rank == best][:MOST_RECIPIENTS]


def bad_addresses(cursor: Cursor, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses that bounce or are blocked, lower case."""
    wanted = sorted({address.lower() for address in addresses})
    if not wanted:
        return set()
    cursor.execute(statements("outbox")["bad_addresses"], {"addresses": wanted})
    return {row[0] for row in cursor.fetchall()}


def free_again(cursor: Cursor, addresses: Iterable[str], most: int) -> dict[str, datetime | None]:
    """When one more mail may go to each address (lower case), if `most` may go in 24 hours; None: now."""
    cursor.execute(
        statements("outbox")["free_again"], {"addresses": sorted({a.lower() for a in addresses}), "most": most}
    )
    return dict(cursor.fetchall())


class Addressing:
    """Makes a mail for each contact of a pending notice. `me` stands in the audit trail."""

    def __init__(self, database: Database, me: str, message_id_domain: str) -> None:
        self._database = database
        self._me = me
        self._domain = message_id_domain
        self._sql = statements("outbox")

    def address(self, recipients: Callable[[str], Sequence[Recipient]], limit: int = 200) -> int:
        """Chooses now who gets the pending notices and fixes a Message-ID for each mail; returns the number of notices.

        `recipients` answers for a customer id, now, so that a corrected contact reaches what already waits. A notice of
        which no contact can be written to becomes `no-contact`, with the reason.
        """
        return int(self._database.retrying(lambda cursor: self._address(cursor, recipients, limit)))

    def _address(self, cursor: Cursor, recipients: Callable[[str], Sequence[Recipient]], limit: int) -> int:
        cursor.execute(self._sql["take_pending"], {"limit": limit})
        pending = cursor.fetchall()
        if not pending:
            return 0
        found = {customer: list(recipients(customer)) for _, customer, _ in pending}
        bad = bad_addresses(cursor, (each.address for many in found.values() for each in many))
        states: list[tuple[int, str, str]] = []
        mails: list[tuple[Any, ...]] = []
        for notice, customer, most in pending:
            chosen = reachable(found[customer], bad)
            if not chosen:
                states.append((notice, "no-contact", _why_nobody(customer, found[customer])))
                continue
            states.append((notice, "addressed", ""))
            rows = [(notice, each.address, each.language, each.time_zone, self._message_id(notice)) for each in chosen]
            if most:
                self._add_limited(cursor, rows, most)
            else:
                mails.extend((*row, None) for row in rows)
        if mails:
            execute_values(cursor, self._sql["add_deliveries"], mails, _MAIL, page_size=500)
        numbers, words, reasons = (list(column) for column in zip(*states, strict=True))
        cursor.execute(self._sql["set_notice_states"], {"notices": numbers, "states": words, "reasons": reasons})
        return len(pending)

    def _add_limited(self, cursor: Cursor, rows: Sequence[tuple[Any, ...]], most: int) -> None:
        for row in sorted(rows, key=lambda row: str(row[1]).lower()):
            address = row[1].lower()
            cursor.execute(self._sql["only_me_for_address"], {"address": address})
            free = free_again(cursor, [address], most)[address]
            execute_values(cursor, self._sql["add_deliveries"], [(*row, free)], _MAIL)

    def _message_id(self, notice: int) -> str:
        return f"<notice.{notice}.{secrets.token_hex(8)}@{self._domain}>"


def _why_nobody(customer: str, found: Sequence[Recipient]) -> str:
    if not found:
        return f"customer {customer} has no mail contact"
    addresses = ", ".join(sorted({each.address for each in found})[:5])
    return f"every mail contact of customer {customer} bounces or is blocked: {addresses}"
