# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Notices that went out, and the mails that come back because of them."""

from __future__ import annotations

import itertools
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.reports.context import ReadContext
from abusehandler.reports.mail.decode import decode
from abusehandler.tickets.answers.addresses import AnswerSettings
from abusehandler.tickets.answers.store import AnswerStore, Taken
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import ReportStore

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.reports.mail.message import Authentication
    from abusehandler.tickets.database import Database

SIGNING = AnswerSettings("abuse@example.net", (b"a secret of at least thirty-two letters",))
PLAIN = AnswerSettings("abuse@example.net")
CONTEXT = ReadContext(own_message_domain="example.net", own_addresses=frozenset({"abuse@example.net"}))
_number = itertools.count(1)


@dataclass(frozen=True)
class Sent:
    """A notice with its tickets and its mails; message ids and deliveries in the order of the recipients."""

    id: int
    tickets: list[int]
    deliveries: list[int]
    message_ids: list[str]


def notice_mail(message_id: str, *, subject: str = "Security problem", text: str = "192.0.2.1 attacks.") -> bytes:
    """A notice as it goes out."""
    return lines(
        "From: abuse@example.net", "To: one@example.com", f"Subject: {subject}", f"Message-ID: {message_id}",
        "Date: Fri, 20 Nov 2026 10:00:00 +0000", body=text,
    )  # fmt: skip


def send(
    database: Database, customer: str = "C1", recipients: tuple[str, ...] = ("one@example.com",), tickets: int = 1
) -> Sent:
    """A notice as it stands in the database once its mails are sent."""

    def one(sql: str, *values: Any) -> int:
        return int(database.fetch(sql, values)[0][0])

    database.fetch("INSERT INTO customers (id) VALUES (%s) ON CONFLICT DO NOTHING", (customer,))
    notice = one("INSERT INTO notices (customer_id, state) VALUES (%s, 'addressed') RETURNING id", customer)
    numbers, deliveries, message_ids = [], [], []
    for _ in range(tickets):
        address = f"192.0.2.{next(_number) % 250 + 1}"
        numbers.append(
            one(
                "INSERT INTO tickets (key, customer_id, resource, network, problem) "
                "VALUES (gen_random_uuid(), %s, %s, %s, 'brute-force') RETURNING id",
                customer, address, address,
            )
        )  # fmt: skip
        one(
            "INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of) "
            "VALUES (%s, %s, 0, 1, 1, false) RETURNING notice_id",
            notice, numbers[-1],
        )  # fmt: skip
    for recipient in recipients:
        message_ids.append(f"<notice.{notice}.{next(_number):016x}@example.net>")
        deliveries.append(
            one(
                "INSERT INTO deliveries (notice_id, recipient, message_id, state, sent_at, mail) VALUES (%s, %s, %s, 'sent', now(), %s) RETURNING id",
                notice, recipient, message_ids[-1], zlib.compress(notice_mail(message_ids[-1])),
            )
        )  # fmt: skip
    return Sent(notice, numbers, deliveries, message_ids)


@dataclass
class Desk:
    """The way in for answers."""

    database: Database
    folder: Path
    settings: AnswerSettings = SIGNING
    reply_means_working: bool = False
    last_report: int = 0

    @property
    def evidence(self) -> EvidenceStore:
        return EvidenceStore(self.folder)

    def take(self, raw: bytes, *, proven: Authentication | None = None, again: bool = False) -> Taken | None:
        """Hands one mail in as the mail parser does; `again`: the same report is read once more."""
        reports = ReportStore(self.database)
        record, _ = reports.accept(self.evidence.keep(raw), kind="mail", channel="test")
        self.last_report = record.id
        store = AnswerStore(
            self.database, self.evidence, self.settings, actor="test", domain="example.net",
            reply_means_working=self.reply_means_working,
        )  # fmt: skip
        return store.take(decode(raw, proven=proven), record, CONTEXT)

    def column(self, sql: str, *values: Any) -> list[Any]:
        return [row[0] for row in self.database.fetch(sql, values)]

    def address(self, address: str) -> str:
        """The state of a mail address."""
        return str((self.column("SELECT state FROM mail_addresses WHERE address = %s", address) or ["ok"])[0])


def lines(*headers: str, body: str = "We have closed the port.") -> bytes:
    """A mail of the customer's contact."""
    return "\r\n".join([*headers, "", body]).encode()


def reply(
    *headers: str,
    body: str = "We have closed the port.",
    sender: str = "one@example.com",
    to: str = "abuse@example.net",
) -> bytes:
    identity = f"Message-ID: <answer{next(_number)}@example.com>"
    return lines(f"From: {sender}", f"To: {to}", "Subject: Re: Security problem", identity, *headers, body=body)


def bounce(
    to: str = "abuse@example.net",
    *,
    message_id: str = "",
    recipient: str = "one@example.com",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 user unknown",
    more: str = "",
) -> bytes:
    """A delivery status notification; `message_id` is that of the returned mail."""
    returned = f"Message-ID: {message_id}" if message_id else "Subject: nothing"
    return "\r\n".join(
        [
            "Return-Path: <>", "From: MAILER-DAEMON@mx.example.org", f"To: {to}", "Subject: Undelivered Mail Returned to Sender",
            f"Message-ID: <bounce{next(_number)}@mx.example.org>", 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', "",
            "--b", "Content-Type: text/plain", "", "It was not delivered.", "--b", "Content-Type: message/delivery-status", "",
            "Reporting-MTA: dns; mx.example.org", "", more, f"Final-Recipient: rfc822; {recipient}", f"Action: {action}", f"Status: {status}",
            f"Diagnostic-Code: {diagnostic}", "", "--b", "Content-Type: text/rfc822-headers", "", returned, "From: abuse@example.net", "", "--b--", "",
        ]
    ).encode()  # fmt: skip
