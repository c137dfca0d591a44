# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads abuse mails."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from intelmq.lib.bot import ParserBot

from abusehandler.bots._reading import ReadingBot
from abusehandler.bots._reporter_mails import reporter_mail_planner
from abusehandler.configuration.answering import answer_settings
from abusehandler.configuration.reading import read_context
from abusehandler.errors import ConfigurationError
from abusehandler.reports.answers.false_claim import without_false_claim
from abusehandler.reports.answers.new_report import new_report
from abusehandler.reports.mail.decode import decode
from abusehandler.reports.mail.txt_lookup import TxtRecords
from abusehandler.reports.read import load as load_readers
from abusehandler.reports.read import read_decoded
from abusehandler.tickets.answers.store import READER, AnswerStore
from abusehandler.tickets.links import LinkStore
from abusehandler.tickets.reports import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.bots._batch import Message
    from abusehandler.configuration import Configuration
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail
    from abusehandler.reports.reading import Reading
    from abusehandler.tickets.reports import ReportRecord, ReportState


class AbuseMailParserBot(ReadingBot, ParserBot):
    """Makes events of an abuse mail, whoever sent it: machine formats, known reporters, free text.

    A mail of which it is not sure waits as an unread report with a proposal; bounces, receipts and newsletters are filed.
    What answers one of our own mails goes to its tickets (docs/answers.md).
    Links to reports are noted for the collector of links.
    """

    @classmethod
    def check_configuration(cls, configuration: Configuration) -> list[str]:
        try:
            answer_settings(configuration)
        except ConfigurationError as error:
            return [str(error)]
        return []

    def prepare(self) -> None:
        configuration = self.box.configuration
        self._context = read_context(configuration, datetime.now(timezone.utc))
        self._largest = configuration.mailbox.max_mail_bytes
        self._dns = TxtRecords() if configuration.mailbox.verify_signatures else None
        self._links = LinkStore(self.box.database)
        self._answers = AnswerStore(
            self.box.database, self.box.evidence, answer_settings(configuration), actor=self.bot_id,
            domain=configuration.message_id_domain,
            reply_means_working=configuration.answers.reply_means == "working",
            soft_bounces=configuration.answers.soft_bounces,
        )  # fmt: skip
        self._reporter_mails = reporter_mail_planner(self.box)
        load_readers()

    def read_report(self, message: Message, report: ReportRecord) -> Iterator[Message]:
        with self.content(report) as stream:
            content = stream.read(self._largest + 1)
        if len(content) > self._largest:
            reason = f"the mail is larger than mailbox.max_mail_bytes ({self._largest}) of abusehandler.yaml"
            self.box.reports.finish(report.id, Outcome("unread", "mail", reason), reading=report.reading)
            return
        context = replace(self._context, received_at=report.received_at)
        proven = self.box.reports.authentication(report.id) if report.reading > 1 else None
        failures = self._dns.failures if self._dns else 0
        mail = decode(content, dns=self._dns, own_mail_hosts=context.own_mail_hosts, proven=proven)
        asked = self._dns is not None and self._dns.failures == failures
        if self._take_answer(mail, report, context, checked=asked):
            return
        reading = without_false_claim(read_decoded(mail, context), mail, context)
        common = self.common_fields(message, report)
        common["report.reader"] = reading.reader
        if mail.sender:
            common.setdefault("feed.provider", mail.sender.rpartition("@")[2])
        if reading.verdict == "report":
            for read in reading.events:
                yield {**common, **read.event, "report.confidence": round(read.confidence, 3)}
        self.box.reports.describe(
            report.id, sender=mail.sender, subject=mail.subject, authentication=mail.authentication, checked=asked
        )
        self.box.reports.finish(report.id, _outcome(reading), reading.bad, reading=report.reading)
        if reading.verdict == "report":
            self._reporter_mails.plan(mail, report)
        # at last: a link that fails at once corrects the outcome
        self._links.note(report.id, reading.links)

    def _take_answer(self, mail: Mail, report: ReportRecord, context: ReadContext, *, checked: bool) -> bool:
        """Whether the mail is an answer to one of ours, which is stored then and no report."""
        taken = self._answers.take(mail, report, context)
        if taken is None:
            return False
        self.box.reports.describe(
            report.id, sender=mail.sender, subject=mail.subject, authentication=mail.authentication, checked=checked
        )
        outcome = Outcome("not-a-report", READER, taken.reason)
        reading = new_report(mail, taken.answer.said, context) if taken.answer.kind in ("reply", "auto-reply") else None
        if reading is not None:
            addresses = [str(read.event["source.ip"]) for read in reading.events if read.event.get("source.ip")]
            others = self._answers.about_others(taken, addresses[:1000])
            if others:
                reason = f"{taken.reason}; it also reads like a report about {', '.join(others[:3])}"
                outcome = replace(_outcome(replace(reading, verdict="unread", reason=reason)), reader=READER)
        self.box.reports.finish(report.id, outcome, reading=report.reading)
        return True


def _outcome(reading: Reading) -> Outcome:
    if reading.verdict == "report":
        state: ReportState = "partly" if reading.bad else "read"
        return Outcome(state, reading.reader, reading.reason, reading.confidence, len(reading.events), len(reading.bad))
    proposal = [
        {
            "event": read.event,
            "confidence": read.confidence,
            "spans": {name: asdict(span) for name, span in read.spans.items()},
        }
        for read in reading.events[:1000]
    ]
    reason = f"{reading.kind}: {reading.reason}" if reading.kind else reading.reason
    return Outcome(reading.verdict, reading.reader, reason, reading.confidence, 0, len(reading.bad), proposal or None)


BOT = AbuseMailParserBot
