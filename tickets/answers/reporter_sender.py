# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes and sends mails to reporters, with the manners of RFC 3834: marked as automatic, from nobody, into the thread."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

from abusehandler.errors import ConfigurationError
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.mime import ascii_address, mailbox, make_mail

if TYPE_CHECKING:
    from abusehandler.tickets.answers.reporter_mails import ReporterMail, ReporterOutbox
    from abusehandler.tickets.mail_templates import MailTemplates
    from abusehandler.tickets.notice import Result
    from abusehandler.tickets.notice_mail import Letterhead
    from abusehandler.tickets.smtp import MailServer

#: RFC 3834, 3.3 and RFC 5321, 4.5.5: no bounce and no automatic answer can come back.
NULL_SENDER = ""


class ReporterSender:
    """Works through the outbox. Hand in a mail server connection of its own or one that nobody uses at the same time."""

    def __init__(
        self, outbox: ReporterOutbox, server: MailServer, templates: MailTemplates, letterhead: Letterhead,
        *, resend_doubtful: bool = False,
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._server = server
        self._templates = templates
        self._letterhead = letterhead
        self._resend_doubtful = resend_doubtful
        self._started = False
        # what the database did not take or did not confirm; it is told when it is back
        self._finished: tuple[ReporterMail, Result] | None = None
        self._begun: ReporterMail | None = None
        #: Set from outside, by a signal for example: the mail in hand is finished and noted, no other is begun.
        self.stopping = False
        #: What could not be written in the last run, in words.
        self.problems: list[str] = []

    def run(self) -> int:
        """Sends all that is due now and returns how many mails were sent. Raises Unavailable when the database or the mail
        server is away.
        """
        self.problems = []
        if not self._started:
            self._outbox.start()
            self._started = True
        self._note()
        self._outbox.watch(resend_doubtful=self._resend_doubtful)
        while not self.stopping and self._outbox.prepare():
            pass
        sent = 0
        while not self.stopping and (leased := self._outbox.lease()):
            for mail in leased:
                if self.stopping:
                    break
                sent += self._send(mail)
        return sent

    def _send(self, mail: ReporterMail) -> bool:
        try:
            content = self.write(mail)
        except (ConfigurationError, ValueError) as error:
            problem = f"the {mail.kind} for report {mail.report_id} cannot be written: {error}"
            self.problems.append(problem)
            self._outbox.unwritten(mail, problem)
            return False
        self._server.open()
        self._begun = mail
        ours = self._outbox.begin(mail)
        self._begun = None
        if not ours:
            return False
        result = self._server.send(NULL_SENDER, mail.recipient, content)
        self._finished = mail, result
        self._note()
        return result.state == "sent"

    def _note(self) -> None:
        """Notes what came of the last mail, or that it was never handed over."""
        if self._finished is not None:
            self._outbox.finish(*self._finished)
            self._finished = None
        if self._begun is not None:
            self._outbox.take_back(self._begun)
            self._begun = None

    def write(self, mail: ReporterMail) -> bytes:
        """The mail's bytes. Nothing in it but what the reporter told us himself, and the outcome in one word.

        Raises ConfigurationError for a template that is wrong, ValueError for an address that no mail can have.
        """
        recipient = ascii_address(mail.recipient)
        if recipient is None:
            raise ValueError(f"{mail.recipient!r} is no mail address")
        reporter = {
            "reference": mail.report_id,
            "subject": mail.subject,
            "received": mail.received_at,
            "outcome": mail.outcome,
        }
        words = self._templates.fill(mail.kind, {"organisation": self._letterhead, "reporter": reporter}, mail.language)
        headers = [
            ("From", mailbox(self._letterhead.sender_name or self._letterhead.organisation, self._letterhead.sender)),
            ("To", recipient),
            ("Subject", words.subject),
            ("Date", format_datetime(now_utc())),
            ("Message-ID", mail.message_id),
            ("Auto-Submitted", "auto-replied"),
            ("X-Auto-Response-Suppress", "All"),
            ("Precedence", "bulk"),
        ]
        if mail.in_reply_to:
            headers.append(("In-Reply-To", mail.in_reply_to))
            headers.append(("References", f"{mail.references} {mail.in_reply_to}".strip()))
        headers.append(("Content-Language", words.language))
        return make_mail(headers, words.text, words.html)

    def close(self) -> None:
        """Says good-bye to the mail server."""
        self._server.close()
