# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads Shadowserver's reports."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from intelmq.lib.bot import ParserBot

from abusehandler.bots._reading import ReadingBot
from abusehandler.reports.formats.shadowserver import rows
from abusehandler.reports.reading import BadPart
from abusehandler.tickets.reports import PARTS_KEPT, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.bots._batch import Message
    from abusehandler.tickets.reports import ReportRecord


class ShadowserverReportParserBot(ReadingBot, ParserBot):
    """Makes events of Shadowserver's reports, plain, gzip or ZIP, by their column names; see docs/shadowserver.md.

    A type or column that came out yesterday works too. Rows that cannot be read wait with the report, the others go on.

    Parameters:
        keep_raw: false leaves the row's text (`raw`) out of the events; it stays in the evidence in any case
    """

    keep_raw: bool = True

    def read_report(self, message: Message, report: ReportRecord) -> Iterator[Message]:
        common = self.common_fields(message, report)
        common["report.reader"] = "shadowserver"
        feed_name = str(common.pop("feed.name", None) or "Shadowserver")
        bad: list[BadPart] = []
        events = unread = 0
        keep_raw = self.keep_raw
        with self.content(report) as stream:
            for number, line, result in rows(
                stream,
                filename=report.name,
                catalogue=self.box.catalogue,
                received_at=report.received_at,
                feed_name=feed_name,
                warn=self.logger.warning,
            ):
                if isinstance(result, BadPart):
                    unread += 1
                    if len(bad) < PARTS_KEPT:
                        bad.append(result)
                    continue
                events += 1
                event = {**common, **result, "report.line": number}
                if keep_raw:
                    event["raw"] = b64encode(line.encode()).decode("ascii")
                yield event
        self.box.reports.finish(report.id, _outcome(events, unread, bad), bad, reading=report.reading)


def _outcome(events: int, unread: int, bad: list[BadPart]) -> Outcome:
    if not unread:
        return Outcome("read", "shadowserver", events=events)
    reason = f"{unread} row(s) could not be read; the first: {bad[0].reason}" + (
        f" (line {bad[0].line})" if bad[0].line else ""
    )
    return Outcome("partly" if events else "unread", "shadowserver", reason, events=events, unread_parts=unread)


BOT = ShadowserverReportParserBot
