# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One round of sending: prepare what is due, address it, hand each mail to the mail server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.outbox import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from abusehandler.tickets.notice_mail import NoticeWriter
    from abusehandler.tickets.outbox import Delivery, Outbox, Recipient
    from abusehandler.tickets.smtp import MailServer


@dataclass(slots=True)
class Round:
    """What a round came to, in numbers of notices and mails."""

    notices: int = 0
    mails: int = 0
    sent: int = 0
    waiting: int = 0
    failed: int = 0
    in_doubt: int = 0
    problems: list[str] = field(default_factory=list)


class NoticeSender:
    """Works through the outbox. `recipients` and `customer_name` answer for a customer id at the moment of sending."""

    def __init__(
        self, outbox: Outbox, server: MailServer, writer: NoticeWriter,
        recipients: Callable[[str], Sequence[Recipient]], customer_name: Callable[[str], str],
        *, sender: str, resend_doubtful: bool = False,
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._server = server
        self._writer = writer
        self._recipients = recipients
        self._customer_name = customer_name
        self._sender = sender
        self._resend_doubtful = resend_doubtful
        self._finished: tuple[Delivery, Result] | None = None

    def start(self) -> int:
        """Takes up what an earlier process of this name left; returns how many mails are in doubt because of it."""
        return self._outbox.start()

    def run(self, *, under_way: bool = False) -> Round:
        """Sends all that is due now; `under_way`: the caller knows of events that are still on their way to the store.

        Raises Unavailable when the database or the mail server is away; nothing is lost then.
        """
        report = Round()
        self._note_finished()
        self._outbox.watch()
        if self._resend_doubtful:
            self._outbox.resend_doubtful()
        under_way = under_way or self._outbox.under_way()
        while prepared := self._outbox.prepare(under_way=under_way):
            report.notices += prepared
        while self._outbox.address(self._recipients):
            pass
        while leased := self._outbox.lease():
            self._send_all(leased, report)
        return report

    def _send_all(self, deliveries: Sequence[Delivery], report: Round) -> None:
        try:
            for delivery in deliveries:
                content = self._content(delivery, report)
                if content is None:
                    continue
                self._server.open()
                ours = self._outbox.step(self._finished, delivery)
                self._finished = None
                if not ours:
                    continue
                result = self._server.send(self._sender, delivery.recipient, content)
                self._finished = delivery, result
                report.mails += 1
                setattr(report, result.state.replace("-", "_"), getattr(report, result.state.replace("-", "_")) + 1)
        finally:
            # also when the next mail cannot be made or the server has gone
            self._note_finished()

    def _note_finished(self) -> None:
        """Notes what came of the last mail. While the database is away it stays in memory: what is known is not in doubt."""
        if self._finished is not None:
            self._outbox.step(self._finished, None)
            self._finished = None

    def _content(self, delivery: Delivery, report: Round) -> bytes | None:
        """The mail's bytes. One that cannot be written (a wrong template, odd data) waits and does not stop the others."""
        try:
            notice = self._outbox.read(delivery)
            return self._writer.write(notice, delivery, self._customer_name(notice.customer_id)).as_bytes()
        except Unavailable:
            raise
        except Exception as error:
            problem = f"the mail of notice {delivery.notice_id} to {delivery.recipient} cannot be written: {error}"
            report.problems.append(problem)
            report.waiting += 1
            self._outbox.step((delivery, Result("waiting", problem)), None)
            return None

    def next_due(self) -> datetime | None:
        """When to look again."""
        return self._outbox.next_due()

    def close(self) -> None:
        """Says good-bye to the mail server."""
        self._server.close()
