# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which mails of a mailbox were taken but may still stand there unmarked, because a mark and a commit are two steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database


class MailboxNotes:
    """The notes about one folder. `mailbox` names server, user and folder; a UID means something only within it."""

    def __init__(self, database: Database, mailbox: str) -> None:
        self._database = database
        self._mailbox = mailbox

    def taken(self, uidvalidity: int) -> set[int]:
        """The UIDs that were taken and not forgotten. Notes under another UIDVALIDITY name other mails and are dropped."""
        rows = self._database.fetch(
            """
            WITH other AS (DELETE FROM mailbox_mails WHERE mailbox = %(mailbox)s AND uidvalidity <> %(validity)s)
            SELECT uid FROM mailbox_mails WHERE mailbox = %(mailbox)s AND uidvalidity = %(validity)s
            """,
            {"mailbox": self._mailbox, "validity": uidvalidity},
        )
        return {uid for (uid,) in rows}

    def note(self, uidvalidity: int, uid: int, cursor: Cursor, report: int) -> None:
        """Notes, in the transaction that records the report, that this mail is in it."""
        cursor.execute(
            "INSERT INTO mailbox_mails (mailbox, uidvalidity, uid, report_id) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (self._mailbox, uidvalidity, uid, report),
        )

    def forget(self, uidvalidity: int, uids: Collection[int]) -> None:
        """Drops notes of mails that the folder no longer shows as waiting."""
        if uids:
            self._database.fetch(
                "DELETE FROM mailbox_mails WHERE mailbox = %s AND uidvalidity = %s AND uid = ANY(%s)",
                (self._mailbox, uidvalidity, list(uids)),
            )
