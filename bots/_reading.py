# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What our parsers share: a message becomes a recorded report with its bytes at hand, and its outcome is noted."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from intelmq.lib.exceptions import PipelineError

from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
from abusehandler.bots._large import LargeMessageQueue
from abusehandler.errors import EvidenceError
from abusehandler.tickets import decisions
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.reports import Outcome
from abusehandler.tickets.rereading import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abusehandler.bots._batch import Message
    from abusehandler.bots._queue import SourceQueue
    from abusehandler.tickets.evidence import Kept
    from abusehandler.tickets.reports import ReportRecord, ReportState


class ReportUnreadError(ValueError):
    """A report that cannot be read at all: its record says why, and the others go on."""


class ReadingBot(BoxBot, BatchBot):
    """Base of the parsers: one report at a time, `read_report` gives its events."""

    batch_size: int = 1
    gather_seconds: float = 0

    def _open_source(self, client: Any, queue: str) -> SourceQueue:
        return LargeMessageQueue(client, queue, self.box.evidence.keep)

    def handle(self, messages: Sequence[Message]) -> Iterable[tuple[str, Message]]:
        for message in messages:
            report = self._recorded(message)
            try:
                yield from self._events(message, report)
            except (Unavailable, PipelineError):
                raise
            except Exception as error:
                if self._is_outage(error):
                    raise
                self._note_unread(report, error)
                raise ReportUnreadError(
                    f"report {report.id} cannot be read: {type(error).__name__}: {error}"
                ) from error

    def _events(self, message: Message, report: ReportRecord) -> Iterator[tuple[str, Message]]:
        """The report's events, marked so that a later reading knows them again; see tickets/rereading.py."""
        again = report.reading > 1
        marks = set()
        decided = decisions.latest(self.box.database, report.id) if again else None
        read = self.read_report(message, report) if decided is None else self._decided(message, report, decided)
        for event in read:
            event["report.mark"] = known = mark(event)
            if again:
                event["report.reading"] = report.reading
                marks.add(known)
            yield "_default", event
        if again:
            withdrawn = self.box.rereading.finish(report.id, report.reading, marks)
            if withdrawn.events:
                self.logger.info(
                    "Report %d was read again: %d events of earlier readings withdrawn, %d tickets corrected.",
                    report.id, withdrawn.events, withdrawn.tickets,
                )  # fmt: skip

    def _decided(self, message: Message, report: ReportRecord, decided: decisions.Decision) -> Iterator[Message]:
        """What a person has decided about the report counts instead of what a reader would say."""
        common = {**self.common_fields(message, report), "report.reader": decisions.READER}
        for event in decided.events:
            yield {**common, **event}
        what = f"{decided.kind} by {decided.author}" + (f": {decided.reason}" if decided.reason else "")
        state: ReportState = "read" if decided.events else "not-a-report"
        outcome = Outcome(state, decisions.READER, what, 1.0, len(decided.events))
        self.box.reports.finish(report.id, outcome, reading=report.reading)

    def _is_outage(self, error: Exception) -> bool:
        """Whether it is the whole evidence folder or the disk that is away, and not the evidence of this report."""
        if isinstance(error, EvidenceError):
            one_is_missing = isinstance(error.__cause__, FileNotFoundError) and self.box.evidence.holds_anything()
            return not one_is_missing
        return isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile)

    def _note_unread(self, report: ReportRecord, error: Exception) -> None:
        """The report waits for a person with the reason; its message goes to the dump file too."""
        reason = f"the reader failed: {type(error).__name__}: {error}"
        self.box.reports.finish(report.id, Outcome("unread", type(self).__name__, reason), reading=report.reading)

    def read_report(self, message: Message, report: ReportRecord) -> Iterator[Message]:
        """Yields the events of a report and notes in the end what came of it."""
        raise NotImplementedError

    def _recorded(self, message: Message) -> ReportRecord:
        """The report's record; bytes that came inside the message, from a stock collector, become evidence first."""
        number = message.get("report.id")
        if number is not None and (found := self.box.reports.find(int(number))) is not None:
            return found
        kept = self._kept(message)
        report, new = self.box.reports.accept(
            kept,
            kind="feed",
            channel=self.bot_id,
            name=str(message.get("extra.file_name") or message.get("feed.url") or ""),
            feed=str(message.get("feed.name") or ""),
        )
        # it is in a reader's hands: no collector need hand it on
        self.box.reports.queued([report])
        self.logger.debug("Report %d has %d bytes%s.", report.id, kept.size, "" if new else " and was here before")
        return report

    def _kept(self, message: Message) -> Kept:
        """The report's evidence: stored now, or by LargeMessageQueue when the message was taken."""
        if "report.evidence" in message and "raw" not in message:
            if "report.id" in message:
                raise ValueError(
                    f"report {message['report.id']} is not in the database; it was sent by a box with another database"
                )
            return self.box.evidence.find(str(message["report.evidence"]))
        try:
            content = base64.b64decode(message.pop("raw", ""), validate=True)
        except binascii.Error as error:
            raise ValueError(f"'raw' of the report is not Base64: {error}") from error
        return self.box.evidence.keep(content)

    def content(self, report: ReportRecord) -> BinaryIO:
        """The report's bytes as a stream that can be read and rewound."""
        packed = cast("gzip.GzipFile", self.box.evidence.open(report.evidence))
        return cast("BinaryIO", io.BufferedReader(cast("Any", packed), 1 << 18))

    def common_fields(self, message: Message, report: ReportRecord) -> Message:
        """What every event of the report carries."""
        fields = {key: value for key, value in message.items() if key.startswith("feed.")}
        fields["__type"] = "Event"
        fields["time.observation"] = report.received_at.isoformat()
        fields["report.id"] = report.id
        fields["report.evidence"] = report.evidence
        return fields
