# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What collectors of ours share: store as evidence, record as report, tell the source, hand on.

Handing on is a step of its own, from the database: a report that was recorded goes to a reader's queue even if the
collector died in between, and twice at the worst, which the store notices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import orjson
from intelmq.lib.bot import Bot
from intelmq.lib.exceptions import PipelineError
from intelmq.lib.message import MessageFactory

from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
from abusehandler.configuration import configuration_path
from abusehandler.errors import EvidenceError
from abusehandler.tickets.database import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.reports import ReportRecord

READ_CHUNK = 1 << 20
REPORTS_AT_ONCE = 200


class IntakeCollector(BoxBot, BatchBot):
    """Base of the collectors: `take_new` brings in what has come, `hand_on` sends it to the readers."""

    name: str = "Abuse mailbox"
    provider: str = ""
    code: str = ""

    #: What the reports of this collector are: `mail` or `feed`.
    _kind: ClassVar[Literal["mail", "feed"]] = "mail"

    def take_new(self) -> None:
        """Stores what has come by `take` and tells the source of each that it was taken."""
        raise NotImplementedError

    def channels(self) -> list[str]:
        """The channels whose reports this bot hands on."""
        return [self.bot_id]

    def process(self) -> None:
        try:
            self.take_new()
            self.hand_on()
        except (Unavailable, EvidenceError, OSError) as error:
            raise PipelineError(str(error)) from error

    @staticmethod
    def path_of(text: str) -> Path:
        """A path parameter; a relative one is taken from IntelMQ's root directory (the parent of etc/)."""
        return configuration_path().resolve().parent.parent / text

    def take(self, path: Path, *, name: str) -> None:
        """Stores the file as evidence and records it; it may be forgotten by its source when this returns."""
        with path.open("rb") as file:
            kept = self.box.evidence.keep(iter(lambda: file.read(READ_CHUNK), b""))
        report, new = self.box.reports.accept(kept, kind=self._kind, channel=self.bot_id, name=name, feed=self.name)
        self.logger.debug("%s is report %d%s.", name, report.id, "" if new else ", which was here before")

    def hand_on(self) -> None:
        """Sends the recorded reports that no reader has yet."""
        while waiting := self.box.reports.waiting(self.channels(), REPORTS_AT_ONCE):
            if self._connect():
                self._wait_for_room()
            self._send_reports(waiting)
            self.box.reports.queued(waiting)
            if len(waiting) < REPORTS_AT_ONCE:
                return

    def _send_reports(self, reports: list[ReportRecord]) -> None:
        messages = [self._message(report) for report in reports]
        if self._connect():
            self._send({"_default": [orjson.dumps(message) for message in messages]})
        else:
            for message in messages:
                # CollectorBot.send_message drops reports without raw
                Bot.send_message(self, MessageFactory.from_dict(message, harmonization=self.harmonization))

    def _message(self, report: ReportRecord) -> dict[str, Any]:
        """A small report message: the bytes stay in the evidence folder, Redis only carries the way to them."""
        message = {
            "__type": "Report",
            "feed.name": report.feed or self.name,
            "feed.accuracy": float(self.accuracy),
            "time.observation": report.received_at.isoformat(),
            "report.id": report.id,
            "report.evidence": report.evidence,
            "extra.file_name": report.name,
        }
        if self.provider:
            message["feed.provider"] = self.provider
        if self.code:
            message["feed.code"] = self.code
        return {key: value for key, value in message.items() if value != ""}
