# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The record of each report: received, handed to a reader, and what came of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from psycopg2.extras import Json, execute_values

from abusehandler.reports.mail.message import Authentication
from abusehandler.tickets.incoming import stored_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.reports.reading import BadPart
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.evidence import Kept

ReportState = Literal["read", "partly", "unread", "not-a-report"]
#: So many unreadable parts of one report are kept with their text; the rest is only counted.
PARTS_KEPT = 500
TEXT_KEPT = 4000
#: The channel of reports that came by the API; the collector of delivered reports hands them on, too.
API_CHANNEL = "api"
#: How long a report waits for the collector of its own channel before another of its kind hands it on.
ADOPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """A report as a reader needs it. `received_at` is aware, UTC."""

    id: int
    evidence: str
    kind: str
    channel: str
    name: str
    feed: str
    received_at: datetime
    #: Counted from 1; see tickets/rereading.py.
    reading: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of reading: the state, why, and the counts. `proposal` is what an unsure reader would have made."""

    state: ReportState
    reader: str
    reason: str = ""
    confidence: float | None = None
    events: int = 0
    unread_parts: int = 0
    proposal: Any = None


class ReportStore:
    """Reports in the database. What is committed here has its evidence on disk already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(
        self,
        kept: Kept,
        *,
        kind: Literal["mail", "feed"],
        channel: str,
        name: str = "",
        feed: str = "",
        sender: str = "",
        subject: str = "",
        note: Callable[[Cursor, int], None] | None = None,
    ) -> tuple[ReportRecord, bool]:
        """Records a report; the same bytes again are the same report. Returns it and whether it is new.

        `note(cursor, number)` is called in the same transaction, for what the source must remember together with it.
        """

        def work(cursor: Cursor) -> Any:
            cursor.execute(
                """
                INSERT INTO reports (evidence, kind, channel, name, feed, sender, subject, size)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
                ON CONFLICT (evidence) DO UPDATE SET times_received = reports.times_received + 1
                RETURNING id, received_at, times_received, channel, reading
                """,
                (
                    kept.sha256, kind, channel,
                    *(_storable(text, 500) for text in (name, feed, sender, subject)), kept.size,
                ),
            )  # fmt: skip
            row = cursor.fetchone()
            assert row is not None
            if note is not None:
                note(cursor, row[0])
            return row

        number, received_at, times, recorded_channel, reading = self._database.retrying(work)
        return ReportRecord(number, kept.sha256, kind, recorded_channel, name, feed, received_at, reading), times == 1

    def queued(self, reports: Iterable[ReportRecord]) -> None:
        """Notes that these reports are in a reader's hands, though no collector of ours handed them on."""
        self._database.fetch(
            "UPDATE reports SET state = 'queued', state_at = now() WHERE id = ANY(%s) AND state = 'received'",
            ([report.id for report in reports],),
        )

    @contextmanager
    def handing_on(
        self, channels: Sequence[str], *, kind: Literal["mail", "feed"], limit: int = 100
    ) -> Iterator[list[ReportRecord]]:
        """Reports that wait for a reader, oldest first: of these channels, and those of the kind whose own collector
        has left them for a minute (ADOPT_SECONDS), because it runs no more.

        Send them within the block: at its end they count as queued. Nobody else gets them meanwhile. If it breaks in
        between they are given out again, so a reader may get a report twice, but never not at all.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id, evidence, kind, channel, name, feed, received_at, reading FROM reports "
                "WHERE state = 'received' AND (channel = ANY(%s) OR kind = %s AND state_at < now() - %s * interval '1 second') "
                "ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                (list(channels), kind, ADOPT_SECONDS, limit),
            )
            reports = [ReportRecord(*row) for row in cursor.fetchall()]
            yield reports
            cursor.execute(
                "UPDATE reports SET state = 'queued', state_at = now() WHERE id = ANY(%s)",
                ([report.id for report in reports],),
            )

    def find(self, number: int) -> ReportRecord | None:
        """The report with this number."""
        rows = self._database.fetch(
            "SELECT id, evidence, kind, channel, name, feed, received_at, reading FROM reports WHERE id = %s", (number,)
        )
        return ReportRecord(*rows[0]) if rows else None

    def known(self, evidence: str) -> bool:
        """Whether these bytes are a report already."""
        return bool(self._database.fetch("SELECT 1 FROM reports WHERE evidence = %s", (evidence,)))

    def describe(
        self,
        number: int,
        *,
        sender: str,
        subject: str,
        authentication: Authentication | None = None,
        checked: bool = True,
    ) -> None:
        """Notes who sent a mail and about what, once it is decoded, and who proved to have sent it.

        `checked` tells whether DNS could be asked for all that was needed; if not, nothing proven means nothing.
        """
        verdict = None
        if authentication is not None:
            verdict = {
                "checked": checked,
                "dkim": [_storable(domain, 253) for domain in authentication.dkim],
                "arc": _storable(authentication.arc, 253),
                "believed": {_storable(key, 40): _storable(value, 40) for key, value in authentication.believed},
            }
        self._database.fetch(
            "UPDATE reports SET sender = %s, subject = %s, authentication = coalesce(%s, authentication) WHERE id = %s",
            (
                _storable(sender, 500), _storable(subject, 500),
                None if verdict is None else Json(verdict, dumps=stored_json), number,
            ),
        )  # fmt: skip

    def authentication(self, number: int) -> Authentication:
        """The signatures of a mail that were verified when it was read before."""
        rows = self._database.fetch("SELECT authentication FROM reports WHERE id = %s", (number,))
        verdict = (rows[0][0] if rows else None) or {}
        return Authentication(dkim=tuple(verdict.get("dkim", ())), arc=verdict.get("arc", ""))

    def finish(self, number: int, outcome: Outcome, bad: Sequence[BadPart] = (), *, reading: int | None = None) -> None:
        """Notes what came of a report; a second reading replaces what the first one said.

        Nothing is noted of a `reading` when a later one was asked for meanwhile: the report waits for that one.
        """

        def work(cursor: Any) -> None:
            if reading is not None:
                cursor.execute("SELECT reading > %s FROM reports WHERE id = %s FOR NO KEY UPDATE", (reading, number))
                if cursor.fetchall() == [(True,)]:
                    return
            cursor.execute("DELETE FROM unread_parts WHERE report_id = %s", (number,))
            if bad:
                execute_values(
                    cursor,
                    "INSERT INTO unread_parts (report_id, number, part, line, reason, raw) VALUES %s",
                    [
                        (
                            number,
                            position,
                            _storable(part.part, 300),
                            part.line,
                            _storable(part.reason, 500),
                            _storable(part.raw, TEXT_KEPT),
                        )
                        for position, part in enumerate(bad[:PARTS_KEPT], 1)
                    ],
                )
            cursor.execute(
                """
                UPDATE reports SET state = %s, state_at = now(), reason = %s, reader = %s, confidence = %s, events = %s,
                                   unread_parts = %s, proposal = %s
                WHERE id = %s
                """,
                (
                    outcome.state, _storable(outcome.reason, 2000), outcome.reader, outcome.confidence, outcome.events,
                    outcome.unread_parts, None if outcome.proposal is None else Json(outcome.proposal, dumps=stored_json), number,
                ),
            )  # fmt: skip

        self._database.retrying(work)


def _storable(text: str, limit: int) -> str:
    """PostgreSQL's text takes no NUL and no half surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:limit]
