# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What collectors of ours share: store as evidence, record as report, tell the source, hand on.

Handing on is a step of its own, from the database: a report that was recorded goes to a reader's queue even if the
collector died in between, and twice at the worst, which the store notices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from intelmq.lib.exceptions import PipelineError

from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
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

    def take_new(self) -> None:
        """Stores what has come by `take_mail` and tells the source of each that it was taken."""
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

    def take_mail(self, path: Path, *, name: str) -> None:
        """Stores the file as evidence and records it; it may be forgotten by its source when this returns."""
        with path.open("rb") as file:
            kept = self.box.evidence.keep(iter(lambda: file.read(READ_CHUNK), b""))
        report, new = self.box.reports.accept(kept, kind="mail", channel=self.bot_id, name=name, feed=self.name)
        self.logger.debug("Mail %s is report %d%s.", name, report.id, "" if new else ", which was here before")

    def hand_on(self) -> None:
        """Sends the recorded reports that no reader has yet."""
        while waiting := self.box.reports.waiting(self.channels(), REPORTS_AT_ONCE):
            self._wait_for_room_behind()
            self._send_reports(waiting)
            self.box.reports.queued(waiting)
            if len(waiting) < REPORTS_AT_ONCE:
                return

    def _wait_for_room_behind(self) -> None:
        if self._connect_targets():
            self._wait_for_room()

    def _send_reports(self, reports: list[ReportRecord]) -> None:
        messages = [self._message(report) for report in reports]
        if self._connect_targets():
            self._send({"_default": [orjson.dumps(message) for message in messages]})
        else:
            for message in messages:
                self.send_message(self.new_report_from(message))

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

    def new_report_from(self, message: dict[str, Any]) -> Any:
        from intelmq.lib.message import MessageFactory

        return MessageFactory.from_dict(message, harmonization=self.harmonization)
