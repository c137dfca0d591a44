# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A desk that sends notices: tickets, contacts, a sender and a mail server that does what the test says."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from observations import observation, store_of

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.database import Database
from abusehandler.tickets.notice import Recipient
from abusehandler.tickets.notice_mail import Letterhead, NoticeWriter
from abusehandler.tickets.outbox import Outbox
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.rules.notice_rules import NoticeRules
from abusehandler.tickets.sender import NoticeSender
from abusehandler.tickets.smtp import MailServer, SmtpSettings

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    from scripted_smtp import ScriptedSmtp

CATALOGUE = Catalogue.load()


class SendingDesk:
    """Contacts are `contacts`, customer id → recipients; rules are those of rules.yaml's section `notices`."""

    def __init__(
        self, dsn: str, server: ScriptedSmtp, rules: dict[str, Any] | None = None, *,
        templates: Path | None = None, senders: int = 1, **other: Any,
    ) -> None:  # fmt: skip
        self.database = Database(dsn)
        self.server = server
        self.contacts = {f"C{number}": [Recipient(f"c{number}@example.com")] for number in range(1, 200)}
        self.schedule = NoticeSchedule(
            settle=timedelta(), again=timedelta(), policy="at-once", rules=NoticeRules.model_validate(rules or {})
        )
        self.store = store_of(self.database, self.schedule)
        self._dsn = dsn
        self.writer = NoticeWriter(
            Letterhead("Example Networks", "abuse@example.net", ""), CATALOGUE, [templates] if templates else []
        )
        self.sender = NoticeSender(
            self.outbox("desk", self.database), self._connection(), self.writer,
            lambda who: self.contacts.get(who, []), lambda who: f"Customer {who}", sender="abuse@example.net",
            more=[lambda n=n: (self.outbox(f"desk#{n}"), self._connection()) for n in range(1, senders)], **other,
        )  # fmt: skip

    def outbox(self, name: str, database: Database | None = None) -> Outbox:
        return Outbox(
            database or Database(self._dsn), name, message_id_domain="example.net", schedule=self.schedule, catalogue=CATALOGUE
        )  # fmt: skip

    def _connection(self) -> MailServer:
        return MailServer(SmtpSettings("127.0.0.1", self.server.port, timeout=60))

    def report(self, customers: int = 1, tickets: int = 1, hour: int = 10, **other: Any) -> None:
        """New events about tickets of the customers."""
        self.store.store(
            [
                observation(
                    **{"customer_id": f"C{who}", "source_ip": f"192.0.{who}.{number}",
                       "time_source": f"2026-11-20T{hour:02}:00:00+00:00", **other}
                )
                for who in range(1, customers + 1)
                for number in range(1, tickets + 1)
            ]
        )  # fmt: skip

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.database.fetch(sql, parameters)

    def pass_time(self, interval: str) -> None:
        """All that the database remembers of times is so much longer ago."""
        for table, columns in {
            "tickets": ("notify_due", "remind_due", "notified_at"),
            "deliveries": ("next_try", "sent_at", "lease_until"),
            "notices": ("due_at", "created_at"),
            "mail_domains": ("wait_until",),
        }.items():
            changes = ", ".join(f"{column} = {column} - %(by)s::interval" for column in columns)
            self.database.fetch(f"UPDATE {table} SET {changes}", {"by": interval})

    def mails(self) -> list[EmailMessage]:
        return [
            email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[misc]
            for _, content in self.server.mails
        ]

    def close(self) -> None:
        self.sender.close()
        self.database.close()
