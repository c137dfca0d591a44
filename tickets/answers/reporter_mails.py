# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The outbox of mails to reporters, with the safety of the one for notices: one state a mail, its Message-ID fixed before
the first try, `sending` committed before the mail server hears of it.

An acknowledgement is planned when a report was read; an outcome then too, and sent when all tickets are done.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from abusehandler.reports.answers.courtesy import answerable
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.reports.mail.message import Mail
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.notice import Result
    from abusehandler.tickets.reports import ReportRecord

Kind = Literal["acknowledgement", "outcome"]
#: Pauses after temporary refusals, by attempt; after the last one the mail has failed.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (5, 30, 120, 480, 1440))
#: The events of a report have reached the store by then; so long a ticket must be done before its outcome is told, so that
#: one which is opened again at once tells nothing.
SETTLE = timedelta(hours=1)
_LOOK_AGAIN = timedelta(hours=1)
#: Mails that were sent so long before they came here are from an old mailbox.
_OLD = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class ReporterMail:
    """One mail to a reporter, in this sender's hand. `outcome` is `resolved`, `closed` or `ignored`, empty for an acknowledgement."""

    id: int
    report_id: int
    kind: Kind
    recipient: str
    language: str
    subject: str
    in_reply_to: str
    references: str
    message_id: str
    attempts: int
    outcome: str
    received_at: datetime


class ReporterMailPlanner:
    """Notes, when a report was read, what its reporter is to be told. Off unless a kind is named."""

    def __init__(
        self, database: Database, kinds: Collection[Kind], *, domain: str, own_addresses: Collection[str],
        not_to: Collection[str] = (), language: str = "",
    ) -> None:  # fmt: skip
        self._database = database
        self._kinds = tuple(sorted(kinds))
        self._domain = domain
        self._own = own_addresses
        self._not_to = not_to
        self._language = language

    def plan(self, mail: Mail, report: ReportRecord) -> str:
        """Plans the mails; the same report again changes nothing. Returns why the reporter gets none, or an empty text."""
        if not self._kinds:
            return "it is not configured"
        if report.reading > 1 or (mail.sent_at is not None and report.received_at - mail.sent_at > _OLD):
            return "it is read again, or old"
        to = answerable(mail, own_addresses=self._own, not_to=self._not_to)
        if not to.address:
            return to.reason

        def work(cursor: Cursor) -> None:
            for kind in self._kinds:
                cursor.execute(
                    statements("reporter_mails")["plan"],
                    {
                        "report": report.id, "kind": kind, "recipient": to.address, "language": self._language,
                        "subject": _line(mail.subject, 150), "in_reply_to": _identity(mail.message_id),
                        "references": " ".join(map(_identity, mail.header("references")[:4000].split()[-10:])),
                        "message_id": f"<{kind}.{report.id}.{secrets.token_hex(8)}@{self._domain}>",
                        "state": "waiting" if kind == "acknowledgement" else "planned",
                        "pause": timedelta() if kind == "acknowledgement" else SETTLE,
                    },
                )  # fmt: skip

        self._database.retrying(work)
        return ""


class ReporterOutbox:
    """The mails to reporters as one sender sees them. `me` names the sender, unique among those that run."""

    def __init__(self, database: Database, me: str, *, mails_per_day: int = 10) -> None:
        self._database = database
        self._me = me
        self._most = mails_per_day
        self._sql = statements("reporter_mails")

    def start(self) -> int:
        """Finds what an earlier process of this name left behind; returns how many mails are in doubt because of it."""
        with self._database.transaction() as cursor:
            cursor.execute(self._sql["release"], {"me": self._me})
            cursor.execute(self._sql["find_doubt"], {"me": self._me, "starting": True})
            return len(cursor.fetchall())

    def watch(self, *, resend_doubtful: bool = False) -> int:
        """Finds mails that another sender had in hand for too long; returns how many are in doubt because of it."""
        with self._database.transaction() as cursor:
            cursor.execute(self._sql["find_doubt"], {"me": self._me, "starting": False})
            doubtful = len(cursor.fetchall())
            if resend_doubtful:
                cursor.execute(self._sql["resend_doubtful"])
            return doubtful

    def prepare(self, limit: int = 200) -> int:
        """Makes those outcomes due whose tickets are all done; returns how many planned ones were looked at."""
        return int(self._database.retrying(lambda cursor: self._prepare(cursor, limit)))

    def _prepare(self, cursor: Cursor, limit: int) -> int:
        cursor.execute(self._sql["take_planned"], {"limit": limit})
        planned = cursor.fetchall()
        for mail, report, looked_up, old in planned:
            if not looked_up:
                cursor.execute(self._sql["look_up_tickets"], {"mail": mail, "report": report})
            cursor.execute(self._sql["tickets_of_mail"], {"mail": mail, "settle": SETTLE})
            tickets, unfinished, ignored, resolved = cursor.fetchone() or (0, 0, None, None)
            if not tickets or old:
                reason = "it took longer than half a year" if tickets else "no ticket came of the report"
                cursor.execute(self._sql["drop"], {"mail": mail, "reason": reason})
            elif unfinished:
                cursor.execute(self._sql["put_off"], {"mail": mail, "pause": _LOOK_AGAIN})
            else:
                outcome = "ignored" if ignored else "resolved" if resolved else "closed"
                cursor.execute(self._sql["make_due"], {"mail": mail, "outcome": outcome})
        return len(planned)

    def lease(self, limit: int = 50) -> list[ReporterMail]:
        """Takes mails that are due into this sender's hand, and drops those of which an address has had enough."""
        with self._database.transaction() as cursor:
            cursor.execute(self._sql["lease"], {"me": self._me, "limit": limit})
            rows = [ReporterMail(*row) for row in cursor.fetchall()]
        return sorted(rows, key=lambda mail: mail.id)

    def begin(self, mail: ReporterMail) -> bool:
        """Commits that the mail goes to the mail server now; False if it must not, or is not ours any more."""
        with self._database.transaction() as cursor:
            cursor.execute(self._sql["had_today"], {"recipient": mail.recipient})
            had, bad = cursor.fetchone() or (0, False)
            if bad or had >= self._most:
                reason = "the address bounces or is blocked" if bad else f"it has had {had} mails in 24 hours"
                cursor.execute(self._sql["drop"], {"mail": mail.id, "reason": reason})
                return False
            cursor.execute(self._sql["mark_sending"], {"mail": mail.id, "me": self._me})
            return bool(cursor.rowcount == 1)

    def take_back(self, mail: ReporterMail) -> None:
        """The mail was not handed over, although `begin` may have noted that it is: it waits again, and no try counts."""
        self._database.fetch(self._sql["take_back"], {"mail": mail.id, "me": self._me})

    def finish(self, mail: ReporterMail, result: Result) -> None:
        """Notes what came of the mail."""
        state = result.state
        values = {"mail": mail.id, "answer": result.answer.replace("\0", "")[:1000], "pause": None}
        if state == "waiting":
            if mail.attempts >= len(PAUSES):
                state = "failed"
            else:
                values["pause"] = PAUSES[mail.attempts]
        with self._database.transaction() as cursor:
            cursor.execute(self._sql["mark_" + state.replace("-", "_")], values)

    def unwritten(self, mail: ReporterMail, problem: str) -> None:
        """Notes that a mail could not be written; it is tried again a few times."""
        values = {
            "mail": mail.id,
            "answer": problem.replace("\0", "")[:1000],
            "pause": _LOOK_AGAIN,
            "most": len(PAUSES),
        }
        self._database.fetch(self._sql["unwritten"], values)


def _identity(text: str) -> str:
    """A Message-ID that may stand in a header of ours; empty for anything else."""
    text = text.strip()
    good = text.startswith("<") and text.endswith(">") and text.isascii() and text.isprintable() and len(text) < 300
    return text if good and " " not in text and text.count("<") == text.count(">") == 1 else ""


def _line(text: str, limit: int) -> str:
    """A stranger's subject as one harmless line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:1000]).split())[:limit]
