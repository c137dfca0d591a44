# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sends notices to customers."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import redis
from intelmq.lib.bot import OutputBot
from intelmq.lib.exceptions import PipelineError

from abusehandler.bots import _intelmq
from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
from abusehandler.bots._customers import open_customers
from abusehandler.bots._sending import letterhead, smtp_settings
from abusehandler.errors import ConfigurationError
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.notice_mail import NoticeWriter
from abusehandler.tickets.outbox import Outbox, Recipient
from abusehandler.tickets.sender import NoticeSender
from abusehandler.tickets.smtp import MailServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abusehandler.bots._batch import Message


class AbuseNoticeOutputBot(BoxBot, BatchBot, OutputBot):
    """Writes to customers what is due about their tickets, one mail for each contact.

    It takes its work from the database, not from its queue; any number of these bots may run. The mail server, the
    sender's address and the policy stand in abusehandler.yaml.

    Parameters:
        longest_wait: seconds after which it looks for due notices at the latest
        wait_for_queues: names of queues; while one holds messages, new notices wait for what will come of them, ten
            minutes at most, so that a customer gets one mail about what came together
    """

    longest_wait: float = 5
    wait_for_queues: list[str] = []  # noqa: RUF012 - IntelMQ's form of a parameter

    def prepare(self) -> None:
        configuration = self.box.configuration
        self._directory = open_customers(configuration)
        writer = NoticeWriter(letterhead(configuration), self.box.catalogue)
        me = f"{socket.gethostname()}/{self.bot_id}"
        outbox = Outbox(
            self.box.database,
            me,
            message_id_domain=configuration.message_id_domain,
            hold=configuration.notices.hold,
            settle=timedelta(seconds=configuration.notices.settle_seconds),
        )
        self._sender = NoticeSender(
            outbox, MailServer(smtp_settings(configuration)), writer, self._recipients, self._customer_name,
            sender=configuration.sender, resend_doubtful=configuration.notices.in_doubt == "resend",
        )  # fmt: skip

    def handle(self, messages: Sequence[Message]) -> Iterable[tuple[str, Message]]:
        """Whatever is sent to this bot's queue only wakes it."""
        if self.box.database.dry_run:
            self.logger.info("Nothing is sent in a dry run; 'abusehandler notice list' shows what waits.")
        else:
            self._run()
        return ()

    def idle(self) -> None:
        self._run()

    def _run(self) -> None:
        now = datetime.now(timezone.utc)
        if self._next > now:
            return
        try:
            self._start_once()
            self._directory.refresh()
            report = self._sender.run(under_way=self._queues_hold_messages())
        except (Unavailable, ConfigurationError) as error:
            raise PipelineError(str(error)) from error
        for problem in report.problems:
            self.logger.error("%s", problem.rstrip(".") + ".")
        if report.mails or report.notices:
            self.logger.info(
                "%d notices prepared; mails: %d sent, %d refused, %d waiting, %d in doubt.",
                report.notices, report.sent, report.failed, report.waiting, report.in_doubt,
            )  # fmt: skip
        latest = now + timedelta(seconds=self.longest_wait)
        due = self._sender.next_due()
        self._next = latest if due is None else min(latest, due)

    def _start_once(self) -> None:
        """Not in `prepare`: `intelmqctl run` makes a bot of the same name beside the one that is sending."""
        if self._started:
            return
        doubtful = self._sender.start()
        self._started = True
        if doubtful:
            self.logger.warning("%d mails are in doubt: an earlier run stopped while it was sending them.", doubtful)

    _started = False

    def _queues_hold_messages(self) -> bool:
        source = _intelmq.source(self)
        if source is None or not self.wait_for_queues:
            return False
        names = [name + kind for name in self.wait_for_queues for kind in ("", "-internal")]
        try:
            return bool(_intelmq.redis_client(source).exists(*names))
        except redis.RedisError as error:
            raise PipelineError(error) from error

    _next = datetime.min.replace(tzinfo=timezone.utc)

    def _recipients(self, customer_id: str) -> list[Recipient]:
        customer = self._directory.customer(customer_id)
        if customer is None:
            return []
        reachable = [contact for contact in customer.contacts if contact.email and contact.channel == "mail"]
        wanted = [contact for contact in reachable if contact.role == "abuse"] or reachable
        return [Recipient(contact.email, contact.language or customer.language) for contact in wanted]

    def _customer_name(self, customer_id: str) -> str:
        customer = self._directory.customer(customer_id)
        return customer.name if customer is not None else ""

    def shutdown(self) -> None:
        if "_sender" in self.__dict__:
            self._sender.close()
        super().shutdown()


BOT = AbuseNoticeOutputBot
