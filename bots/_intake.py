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

from abusehandler.bots import _intelmq
from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
from abusehandler.configuration import configuration_path
from abusehandler.errors import EvidenceError
from abusehandler.tickets.database import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from psycopg2.extensions import cursor as Cursor

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
        if _intelmq.dry_run(self):
            self.logger.info("Nothing is taken in a dry run; 'abusehandler report list' shows what came in.")
            return
        try:
            self.take_new()
            self.hand_on()
        except (Unavailable, EvidenceError, OSError) as error:
            raise PipelineError(str(error)) from error

    @staticmethod
    def path_of(text: str) -> Path:
        """A path parameter; a relative one is taken from IntelMQ's root directory (the parent of etc/)."""
        return configuration_path().absolute().parent.parent / text

    def take(self, path: Path, *, name: str) -> None:
        """Stores the file as evidence and records it; it may be forgotten by its source when this returns."""
        with path.open("rb") as file:
            self.take_bytes(iter(lambda: file.read(READ_CHUNK), b""), name=name)

    def take_bytes(
        self, pieces: Iterable[bytes], *, name: str, note: Callable[[Cursor, int], None] | None = None
    ) -> None:
        """The same for bytes from elsewhere; `note` is written together with the record, see ReportStore.accept."""
        kept = self.box.evidence.keep(pieces)
        report, new = self.box.reports.accept(
            kept, kind=self._kind, channel=self.bot_id, name=name, feed=self.name, note=note
        )
        self.logger.debug("%s is report %d%s.", name, report.id, "" if new else ", which was here before")

    def hand_on(self) -> None:
        """Sends the recorded reports that no reader has yet."""
        while True:
            if self._connect():
                self._wait_for_room()
            with self.box.reports.handing_on(self.channels(), kind=self._kind, limit=REPORTS_AT_ONCE) as waiting:
                if waiting:
                    self._send_reports(waiting)
            if len(waiting) < REPORTS_AT_ONCE:
                return

    def _send_reports(self, reports: list[ReportRecord]) -> None:
        messages = [self._message(report) for report in reports]
        if self._connect() and not _intelmq.being_debugged(self):
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
