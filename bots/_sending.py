# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sender that a bot runs, made of abusehandler.yaml: connections for several mails at once, and a way to stop it."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from abusehandler.configuration.sending import (
    CustomerContacts,
    bounce_address_of,
    notice_schedule,
    notice_writer,
    selfhelp_links,
    smtp_settings,
)
from abusehandler.tickets.database import Database
from abusehandler.tickets.outbox import Outbox
from abusehandler.tickets.selfhelp_contacts import ApprovedContacts
from abusehandler.tickets.sender import NoticeSender
from abusehandler.tickets.smtp import MailServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abusehandler.bots._box import Box
    from abusehandler.crm_connector import Directory
    from abusehandler.tickets.answers.reporter_sender import ReporterSender
    from abusehandler.tickets.rules import Rules


def notice_sender(box: Box, directory: Directory, me: str, rules: Rules, senders: int = 1) -> NoticeSender:
    """The sender; `me` names it, unique among those that run at once. Raises ConfigurationError."""
    configuration = box.configuration
    schedule = notice_schedule(configuration, rules)
    smtp = smtp_settings(configuration)
    contacts = CustomerContacts(directory, ApprovedContacts(configuration.database.dsn))

    def outbox(database: Database, name: str) -> Outbox:
        return Outbox(
            database,
            name,
            message_id_domain=configuration.message_id_domain,
            settle=timedelta(seconds=configuration.notices.settle_seconds),
            schedule=schedule,
            catalogue=box.catalogue,
        )

    def another(number: int) -> Callable[[], tuple[Outbox, MailServer]]:
        def make() -> tuple[Outbox, MailServer]:
            database = Database(configuration.database.dsn, application=f"{me}#{number}")
            return outbox(database, f"{me}#{number}"), MailServer(smtp)

        return make

    return NoticeSender(
        outbox(box.database, me), MailServer(smtp),
        notice_writer(configuration, box.catalogue, selfhelp_links(configuration)),
        contacts.recipients, contacts.name, sender=configuration.sender,
        resend_doubtful=configuration.notices.in_doubt == "resend", bounce_address=bounce_address_of(configuration),
        more=[another(number) for number in range(1, senders)],
    )  # fmt: skip


@contextmanager
def finishing_mails(sender: NoticeSender | ReporterSender) -> Iterator[None]:
    """Within it SIGTERM lets the sender finish and note the mail in hand; afterwards the signal has its usual effect.

    IntelMQ's own handler leaves the program at once, wherever it is: a mail between data and answer would be in doubt.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[Any] = []

    def stop(number: int, frame: Any) -> None:
        received[:] = [number, frame]
        sender.stopping = True

    usual = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)
        if received:
            if callable(usual):
                usual(*received)
            elif usual is signal.SIG_DFL:
                signal.raise_signal(signal.SIGTERM)
