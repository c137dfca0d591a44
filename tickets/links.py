# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The links to reports that stood in mails: noted once, fetched once, tried again with growing pauses, then given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

#: How long to wait after the first, second, ... failed attempt; after one more the link is given up.
PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))


@dataclass(frozen=True, slots=True)
class Link:
    """A link to be fetched now. `report` is the mail that holds it, `attempts` counts this attempt too."""

    id: int
    report: int
    url: str
    attempts: int


class LinkStore:
    """The table `report_links`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = statements("links")

    def note(self, report: int, urls: Collection[str]) -> None:
        """Notes links of a mail; those known already stay as they are, unless they were given up."""
        if urls:
            self._database.fetch(self._sql["note"], {"report": report, "urls": sorted(set(urls))})

    def claim(self, lease: timedelta) -> Link | None:
        """A link that is due. Nobody else gets it before the lease ends."""
        rows = self._database.fetch(self._sql["claim"], {"lease": lease})
        return Link(*rows[0]) if rows else None

    def fetched(self, link: Link) -> Callable[[Cursor, int], None]:
        """What marks the link as fetched, in the transaction that records the report (`note` of ReportStore.accept)."""
        return lambda cursor, number: cursor.execute(self._sql["fetched"], {"link": link.id, "fetched": number})

    def failed(self, link: Link, reason: str, *, for_good: bool = False) -> timedelta | None:
        """Notes a failed attempt; returns the pause before the next one, or None if the link was given up.

        A link that is given up stands with its mail as a part that could not be read.
        """
        pause = None if for_good or link.attempts > len(PAUSES) else PAUSES[link.attempts - 1]
        if pause is not None:
            self._database.fetch(self._sql["try_later"], {"link": link.id, "wait": pause, "reason": reason[:500]})
            return pause
        self._database.retrying(lambda cursor: self._give_up(cursor, link, reason[:500]))
        return None

    def _give_up(self, cursor: Cursor, link: Link, reason: str) -> None:
        cursor.execute(self._sql["give_up"], {"link": link.id, "reason": reason})
        row = cursor.fetchone()
        if row is None:
            return
        told = {"report": row[0], "url": link.url, "reason": f"a link could not be fetched: {reason}"}
        cursor.execute(self._sql["tell_report"], told)
        cursor.execute(self._sql["tell_part"], told)
