# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One round of sending: prepare what is due, address it, hand each mail to the mail server, several at once if there are many."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abusehandler.tickets.database import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from abusehandler.tickets.notice import Delivery, Notice, Recipient, Result
    from abusehandler.tickets.notice_mail import NoticeWriter
    from abusehandler.tickets.outbox import Outbox
    from abusehandler.tickets.policy import NoticeSchedule
    from abusehandler.tickets.smtp import MailServer

#: So many mails a sender takes in hand at once.
LEASED = 50


@dataclass(slots=True)
class Round:
    """What a round came to, in numbers of notices and mails."""

    notices: int = 0
    mails: int = 0
    sent: int = 0
    waiting: int = 0
    failed: int = 0
    in_doubt: int = 0
    replaced: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, other: Round) -> None:
        """Counts another sender's round in."""
        for name in ("notices", "mails", "sent", "waiting", "failed", "in_doubt", "replaced"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.problems.extend(other.problems)


class _Lane:
    """One sender: a database connection and a mail server connection of its own."""

    def __init__(self, parent: NoticeSender, outbox: Outbox, server: MailServer) -> None:
        self._parent = parent
        self.outbox = outbox
        self.server = server
        self._finished: tuple[Delivery, Result] | None = None
        #: One that is noted as under way, or may be: the database did not tell. It was not handed over.
        self._begun: Delivery | None = None
        self._deferring: set[str] = set()

    def work(self, report: Round, first: Sequence[Delivery] = ()) -> None:
        """Sends until nothing is left. Raises Unavailable when the database or the mail server is away."""
        leased = first or self.outbox.lease(LEASED)
        while leased:
            self._deferring = self.outbox.deferring_domains()
            self._send_all(leased, report)
            if self._parent.stopping:
                break
            leased = self.outbox.lease(LEASED)

    def _send_all(self, deliveries: Sequence[Delivery], report: Round) -> None:
        try:
            notices = self.outbox.read_all(deliveries)
            put_off: set[str] = set()
            gone: list[Delivery] = []
            for delivery in deliveries:
                if self._parent.stopping:
                    break
                if delivery.domain in put_off:
                    # its turn comes with the others of the domain; nothing is tried, so nothing is noted
                    continue
                notice = notices.pop(delivery.id, None) or self.outbox.read(delivery)
                if delivery.bad or not self._is_contact(notice.customer_id, delivery):
                    gone.append(delivery)
                    continue
                content = self._content(delivery, notice, report)
                if content is None:
                    continue
                self.server.open()
                self._begun = delivery
                ours = self.outbox.step(self._finished, delivery, content)
                self._finished = self._begun = None
                if not ours:
                    continue
                result = self.server.send(
                    self._parent.envelope_sender(delivery), delivery.recipient, content, f"abusehandler-{delivery.id}"
                )
                self._finished = delivery, result
                self._count(delivery, result, report, put_off)
            if gone:
                report.replaced += len(gone)
                self.outbox.replace(gone, "the address is no contact of the customer any more, or takes no mail")
        finally:
            # also when the next mail cannot be made or the server has gone
            self.note_finished()

    def _count(self, delivery: Delivery, result: Result, report: Round, put_off: set[str]) -> None:
        report.mails += 1
        name = result.state.replace("-", "_")
        setattr(report, name, getattr(report, name) + 1)
        if result.state == "waiting" and not result.ours:
            self.note_finished()
            if delivery.domain in self.outbox.waiting_domains():
                put_off.add(delivery.domain)
        elif result.state == "sent" and delivery.domain in self._deferring:
            self.outbox.domain_takes(delivery.domain)
            self._deferring.discard(delivery.domain)

    def _is_contact(self, customer: str, delivery: Delivery) -> bool:
        """Whether the recipient is a contact still: else the notice is addressed again, so that a correction reaches it."""
        wanted = delivery.recipient.lower()
        return any(each.address.lower() == wanted for each in self._parent.recipients(customer))

    def note_finished(self) -> None:
        """Notes what came of the last mail, and that the next was not begun. What is known is not in doubt: it stays in
        memory while the database is away.
        """
        if self._finished is not None:
            self.outbox.step(self._finished, None)
            self._finished = None
        if self._begun is not None:
            self.outbox.take_back(self._begun)
            self._begun = None

    def _content(self, delivery: Delivery, notice: Notice, report: Round) -> bytes | None:
        """The mail's bytes. One that cannot be written (a wrong template, odd data) is put off, and fails in the end; it
        does not stop the others.
        """
        try:
            if delivery.made:
                # it was in doubt: whoever has it already shall see that it is the same
                made = self.outbox.made(delivery)
                if made is not None:
                    return made
            return self._parent.write(notice, delivery)
        except Unavailable:
            raise
        except Exception as error:
            problem = f"the mail of notice {delivery.notice_id} to {delivery.recipient} cannot be written: {error}"
            report.problems.append(problem)
            state = self.outbox.unwritten(delivery, problem)
            setattr(report, state, getattr(report, state) + 1)
            return None


class NoticeSender:
    """Works through the outbox. `recipients` and `customer_name` answer for a customer id at the moment of sending.

    `more` makes further senders (outbox and mail server, each with connections of their own), which work in threads
    when there are many mails. `bounce_address` gives the envelope sender for a delivery's number.
    """

    def __init__(
        self, outbox: Outbox, server: MailServer, writer: NoticeWriter,
        recipients: Callable[[str], Sequence[Recipient]], customer_name: Callable[[str], str],
        *, sender: str, resend_doubtful: bool = False, bounce_address: Callable[[int], str] | None = None,
        more: Sequence[Callable[[], tuple[Outbox, MailServer]]] = (),
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._lanes = [_Lane(self, outbox, server)]
        self._more = list(more)
        self._writer = writer
        self.recipients = recipients
        self._customer_name = customer_name
        self._sender = sender
        self._resend_doubtful = resend_doubtful
        self._bounce_address = bounce_address
        self._broke_off = False
        #: Set from outside, by a signal for example: the mail in hand is finished and noted, no other is begun.
        self.stopping = False

    def use(self, schedule: NoticeSchedule) -> None:
        """From now on notices are due by this schedule."""
        self._outbox.use(schedule)

    def start(self) -> int:
        """Takes up what an earlier process of this name left; returns how many mails are in doubt because of it."""
        return self._outbox.start()

    def run(self, *, under_way: bool = False) -> Round:
        """Sends all that is due now; `under_way`: the caller knows of events that are still on their way to the store.

        Raises Unavailable when the database or the mail server is away; nothing is lost then.
        """
        report = Round()
        for lane in self._lanes:
            lane.note_finished()
        if self._broke_off:
            # what the others had taken and not come to would wait for the end of its lease
            self._outbox.release()
        self._broke_off = True
        self._outbox.watch()
        if self._resend_doubtful:
            self._outbox.resend_doubtful()
        under_way = under_way or self._outbox.under_way()
        while not self.stopping:
            prepared = self._outbox.prepare(under_way=under_way, recipients=self.recipients)
            if not prepared:
                break
            report.notices += prepared
        # addressed again when recipients have changed since
        for _ in range(3):
            while not self.stopping and self._outbox.address(self.recipients):
                pass
            replaced = report.replaced
            self._send(report)
            if self.stopping or report.replaced == replaced:
                break
        self._broke_off = False
        return report

    def _send(self, report: Round) -> None:
        leased = self._outbox.lease(LEASED)
        if len(leased) < LEASED or not (self._more or len(self._lanes) > 1):
            self._lanes[0].work(report, leased)
            return
        while self._more:
            self._lanes.append(_Lane(self, *self._more.pop(0)()))
        failures: list[BaseException] = []
        reports = [Round() for _ in self._lanes]

        def work(lane: _Lane, mine: Round, first: Sequence[Delivery]) -> None:
            try:
                lane.work(mine, first)
            except BaseException as error:
                failures.append(error)

        threads = [
            threading.Thread(target=work, args=(lane, mine, ()), name=f"sender-{number}")
            for number, (lane, mine) in enumerate(zip(self._lanes[1:], reports[1:], strict=True), 1)
        ]
        for thread in threads:
            thread.start()
        try:
            work(self._lanes[0], reports[0], leased)
        finally:
            for thread in threads:
                thread.join()
        for each in reports:
            report.add(each)
        if failures:
            raise next((error for error in failures if not isinstance(error, Unavailable)), failures[0])

    def write(self, notice: Notice, delivery: Delivery) -> bytes:
        """The mail for one contact."""
        return self._writer.write(notice, delivery, self._customer_name(notice.customer_id))

    def envelope_sender(self, delivery: Delivery) -> str:
        """Where a bounce of this mail comes back."""
        return self._sender if self._bounce_address is None else self._bounce_address(delivery.id)

    def next_due(self) -> datetime | None:
        """When to look again."""
        return self._outbox.next_due()

    def close(self) -> None:
        """Says good-bye to the mail servers."""
        for lane in self._lanes:
            lane.server.close()
        for lane in self._lanes[1:]:
            lane.outbox.close()
