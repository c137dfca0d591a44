# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is stored about a customer, a mail address or an address: found, counted, and handed out to the person who asks.

Erasing and pseudonymising stand in privacy_removal.py. Whoever looks is noted in the audit trail.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.desk.scope import Row, Scope, note, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

Kind = Literal["customer", "mail", "network"]
_MAIL = re.compile(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,190}")
#: Looking through all events takes its time; nobody waits longer than this.
PATIENCE = "120s"
#: What a count is called, in the order in which people read it.
COUNTED: dict[str, str] = {
    "customers": "Customer record: number, name, language",
    "tickets": "Tickets",
    "open_tickets": "of these, open",
    "events": "Events in these tickets: address, time, what was seen",
    "other_events": "Events of the address in no ticket of its own",
    "withdrawn_events": "Events that a later reading withdrew",
    "notes": "Notes of the desk",
    "notices": "Notices",
    "mails": "Mails to contacts",
    "kept_mails": "of these, with their text",
    "answers": "Answers",
    "answer_files": "Files that came with answers",
    "mail_addresses": "Mail addresses with delivery state",
    "proposed_contacts": "Contacts named on self-help pages",
    "selfhelp_links": "Links to self-help",
    "rechecks": "Checks from outside",
    "mutes": "Mutes",
    "reporter_mails": "Mails to reporters",
    "reports_sent": "Reports sent from the address",
    "logins": "Logins of the portal (see People)",
    "audit_lines": "Lines of the audit trail",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who or what is asked about: `text` is a customer's number, a mail address in small letters, or an address or prefix."""

    kind: Kind
    text: str

    @classmethod
    def of(cls, text: str) -> Subject:
        """From what a person typed. Raises AbusehandlerError for nothing at all."""
        text = text.strip().replace("\0", "")
        if not text or len(text) > 300:
            raise AbusehandlerError("write a customer's number, a mail address, an IP address or a prefix")
        if _MAIL.fullmatch(text):
            return cls("mail", text.lower())
        if "." in text or ":" in text:
            try:
                return cls("network", str(ipaddress.ip_network(text, strict=False)))
            except ValueError:
                pass
        return cls("customer", text)


@dataclass(frozen=True, slots=True)
class Belongings:
    """What belongs to a subject: its tickets, and the mail addresses that are nobody else's."""

    subject: Subject
    name: str
    tickets: tuple[int, ...]
    mails: tuple[str, ...]

    @property
    def parameters(self) -> Row:
        """For the statements of privacy.sql and privacy_removal.sql."""
        kind, text = self.subject.kind, self.subject.text
        return {
            "tickets": list(self.tickets), "mails": list(self.mails), "customer": text if kind == "customer" else None,
            "network": text if kind == "network" else None, "kind": "customer" if kind == "customer" else "privacy", "subject": text,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored about a subject. `reports` has id, evidence, size, waits (for a reader), shared (with others' data).

    In a `preview` some that count as shared may turn out to be his alone when they are removed.
    """

    belongings: Belongings
    counts: Row
    reports: tuple[Row, ...]
    looked: tuple[Row, ...]
    preview: bool = False

    @property
    def own_reports(self) -> list[Row]:
        """Raw reports about nobody else."""
        return [report for report in self.reports if not report["shared"] and not report["waits"]]

    @property
    def is_anything(self) -> bool:
        """Whether anything is stored at all."""
        kinds = [name for name in COUNTED if name not in ("audit_lines", "logins")]
        return bool(self.reports) or any(self.counts[name] for name in kinds)


def belongings(cursor: Cursor, scope: Scope, subject: Subject) -> Belongings:
    """What belongs to it. Raises AbusehandlerError for a customer who is not there."""
    name, mails = "", []
    if subject.kind == "customer":
        found = rows(cursor, scope, "privacy.customer", customer=subject.text)
        if not found:
            raise AbusehandlerError(
                f"there is no customer {subject.text!r:.80}; write the number as the desk shows it, a mail address, or an address"
            )
        name = found[0]["name"]
        tickets = rows(cursor, scope, "privacy.tickets_of_customer", customer=subject.text)
        mails = [row["mail"] for row in rows(cursor, scope, "privacy.mails_of_customer", customer=subject.text)]
    elif subject.kind == "network":
        tickets = rows(cursor, scope, "privacy.tickets_of_network", network=subject.text)
    else:
        tickets = rows(cursor, scope, "privacy.tickets_of_mail", mail=subject.text)
        mails = [subject.text]
    return Belongings(subject, name, tuple(row["id"] for row in tickets), tuple(mails))


def stored(database: Database, scope: Scope, subject: Subject, *, author: str, preview: bool = False) -> Stored:
    """What is stored; a `preview` is quicker. Notes who asks in the audit trail. Raises AbusehandlerError for an unknown customer."""
    with database.transaction() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", (PATIENCE,))
        whose = belongings(cursor, scope, subject)
        (counts,) = rows(cursor, scope, "privacy.counts", **whose.parameters)
        reports = rows(cursor, scope, "privacy.reports", preview=preview, **whose.parameters)
        looked = rows(cursor, scope, "privacy.who_looked", **whose.parameters)
        note(cursor, author, whose.parameters["kind"], subject.text, "looked at what is stored")
    return Stored(whose, counts, tuple(reports), tuple(looked), preview)


def handed_out(database: Database, scope: Scope, subject: Subject, *, author: str) -> Iterator[tuple[str, Row]]:
    """Everything itself, row by row with the word for its kind; at most 100,000 events. Notes who took it."""
    with database.transaction() as cursor:
        whose = belongings(cursor, scope, subject)
        found = {
            kind: rows(cursor, scope, f"privacy.out_{kind}s", **whose.parameters)
            for kind in ("customer", "ticket", "event", "note", "mail", "answer", "contact")
        }
        note(cursor, author, whose.parameters["kind"], subject.text, "took out what is stored")
    for kind, some in found.items():
        for row in some:
            yield kind, row
