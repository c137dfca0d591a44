# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The outbox: due tickets become notices, notices become mails, and each mail has exactly one state.

waiting → sending → sent, or → in-doubt (a crash, or the mail server fell silent after the data), or → failed; replaced
is a mail whose recipient was no contact any more when its turn came. `sending` is committed before the mail server
hears of the mail, in the same transaction that notes the mail before it as sent: one commit a mail, and after a crash
at most one mail of a sender is in doubt.
"""

from __future__ import annotations

import re
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.addressing import Addressing
from abusehandler.tickets.answers.mail_addresses import refused
from abusehandler.tickets.audit import audit
from abusehandler.tickets.notice import Delivery, Notice, NoticeEvent, NoticeTicket, Recipient, Result
from abusehandler.tickets.notice_reading import MOST_EVENTS, read_notices
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.preparing import Preparing
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.harmonization.catalogue import Catalogue
    from abusehandler.tickets.database import Database

#: Pauses after temporary refusals, by attempt; after the last one the mail has failed.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 30, 60, 120, 240, 480, 720, 720, 720))
#: How long a whole domain waits, by the number of mails it put off in a row.
DOMAIN_PAUSES = PAUSES[:4]
#: So often in a row a domain puts mails off before all others to it wait too: greylisting puts off each mail once.
DOMAIN_PATIENCE = 3
#: RFC 3463, 3.2 and 3.3: the address or the mailbox is at fault, not the domain's server.
_ABOUT_MAILBOX = re.compile(r"4\d\d[ -]4\.[12]\.")
#: So often a mail that cannot be written is tried, and so long is the pause: time to mend a template.
WRITE_TRIES = 6
WRITE_PAUSE = timedelta(minutes=10)
#: So often at most the rule `in_doubt: resend` sends a mail.
DOUBTFUL_TRIES = 4


class Outbox:
    """The outbox as one sender sees it. `me` names the sender: unique among those that run at the same time.

    `hold` is the simple form of a schedule that holds every notice.
    """

    def __init__(
        self,
        database: Database,
        me: str,
        *,
        message_id_domain: str,
        hold: bool = False,
        settle: timedelta = timedelta(),
        schedule: NoticeSchedule | None = None,
        catalogue: Catalogue | None = None,
    ) -> None:
        self._database = database
        self._me = me
        self._preparing = Preparing(database, me, schedule or NoticeSchedule(hold=hold), catalogue, settle=settle)
        self._addressing = Addressing(database, me, message_id_domain)
        self._sql = statements("outbox")

    def use(self, schedule: NoticeSchedule) -> None:
        """From now on notices are due by this schedule."""
        self._preparing.use(schedule)

    def start(self) -> int:
        """Finds what an earlier process of this name left behind; returns how many mails are in doubt because of it."""
        with self._database.transaction() as cursor:
            cursor.execute(self._sql["release"], {"me": self._me})
            return self._find_doubt(cursor, starting=True)

    def release(self) -> None:
        """Gives back what this sender and its lanes have taken and not begun."""
        self._database.at_once(self._sql["release"], {"me": self._me})

    def watch(self) -> int:
        """Finds mails that another sender has had in hand for too long; returns how many are in doubt now."""
        with self._database.transaction() as cursor:
            return self._find_doubt(cursor, starting=False)

    def resend_doubtful(self) -> int:
        """The rule `in_doubt: resend`: mails in doubt go out again as they were, a few times at most."""
        with self._database.transaction() as cursor:
            cursor.execute(self._sql["resend_doubtful"], {"most": DOUBTFUL_TRIES})
            numbers = [row[0] for row in cursor.fetchall()]
            audit(cursor, "delivery", numbers, self._me, "in-doubt → waiting", "rule in_doubt: resend")
            return len(numbers)

    def under_way(self) -> bool:
        """Whether a report that came within the last minutes is not read yet."""
        return self._preparing.under_way()

    def prepare(
        self,
        limit: int = 200,
        *,
        under_way: bool = False,
        recipients: Callable[[str], Sequence[Recipient]] | None = None,
    ) -> int:
        """Makes notices of what is due, one for each customer; returns how many. See `preparing.Preparing.prepare`."""
        return self._preparing.prepare(limit, under_way=under_way, recipients=recipients)

    def address(self, recipients: Callable[[str], Sequence[Recipient]], limit: int = 200) -> int:
        """Chooses who gets the pending notices; returns the number of notices. See `addressing.Addressing.address`."""
        return self._addressing.address(recipients, limit)

    def lease(self, limit: int = 50) -> list[Delivery]:
        """Takes mails that are due into this sender's hand; mails to a domain that puts off wait until it may take them."""
        ((waiting,),) = self._database.at_once(self._sql["domains_wait"])
        if waiting:
            self._database.at_once(self._sql["postpone_domains"], {"me": self._me})
        rows = self._database.at_once(self._sql["lease"], {"me": self._me, "limit": limit})
        return sorted((Delivery(*row) for row in rows), key=lambda delivery: delivery.id)

    def step(
        self, finished: tuple[Delivery, Result] | None, following: Delivery | None, mail: bytes | None = None
    ) -> bool:
        """Notes what came of the mail before and that the next one is handed to the mail server now, in one commit.

        `mail` is the next one as it will be handed over, and is kept. Returns whether the next one is still ours to send.
        """
        if finished is not None and finished[1].state != "sent":
            self._database.retrying(lambda cursor: self._finish(cursor, *finished))
            finished = None
        if finished is None and following is None:
            return False
        parameters = {
            "finished": finished[0].id if finished else None,
            "answer": _storable(finished[1].answer) if finished else None,
            "following": following.id if following else None,
            "mail": None if mail is None else zlib.compress(mail, 1),
            "me": self._me,
        }
        ((ours,),) = self._database.at_once(self._sql["step"], parameters)
        return bool(ours)

    def take_back(self, delivery: Delivery) -> None:
        """The mail was not handed over, although `step` may have noted that it is: it waits again, and no try counts."""
        self._database.at_once(self._sql["take_back"], {"delivery": delivery.id, "me": self._me})

    def _finish(self, cursor: Cursor, delivery: Delivery, result: Result) -> None:
        parameters: dict[str, Any] = {"delivery": delivery.id, "answer": _storable(result.answer)}
        state = result.state
        if state == "waiting":
            if delivery.attempts >= len(PAUSES):
                state = "failed"
            else:
                parameters["pause"] = PAUSES[delivery.attempts]
            if not result.ours and not _ABOUT_MAILBOX.match(result.answer):
                cursor.execute(
                    self._sql["domain_deferred"],
                    {"domain": delivery.domain, "reason": parameters["answer"], "patience": DOMAIN_PATIENCE, "pauses": list(DOMAIN_PAUSES)},
                )  # fmt: skip
        cursor.execute(self._sql["mark_" + state.replace("-", "_")], parameters)
        if state in ("failed", "in-doubt"):
            audit(cursor, "delivery", [delivery.id], self._me, state, parameters["answer"])
        if result.state == "failed" and result.answer.startswith("5"):
            refused(cursor, delivery.id, delivery.recipient, parameters["answer"], actor=self._me)

    def domain_takes(self, domain: str) -> None:
        """The domain has taken a mail: what it put off before counts no more."""
        self._database.at_once(self._sql["domain_takes"], {"domain": domain})

    def deferring_domains(self) -> set[str]:
        """Domains that have put mails off lately."""
        return {row[0] for row in self._database.at_once("SELECT domain FROM mail_domains")}

    def waiting_domains(self) -> set[str]:
        """Domains to which nothing goes now."""
        return {row[0] for row in self._database.at_once("SELECT domain FROM mail_domains WHERE wait_until > now()")}

    def unwritten(self, delivery: Delivery, reason: str) -> str:
        """Notes that the mail could not be made; returns its state: waiting, or failed when that was the last try."""

        def work(cursor: Cursor) -> str:
            cursor.execute(
                self._sql["mark_unwritten"],
                {"delivery": delivery.id, "me": self._me, "most": WRITE_TRIES, "pause": WRITE_PAUSE, "answer": _storable(reason)},
            )  # fmt: skip
            (state,) = cursor.fetchone() or ("waiting",)
            if state == "failed":
                audit(cursor, "delivery", [delivery.id], self._me, "failed", _storable(reason))
            return str(state)

        return str(self._database.retrying(work))

    def replace(self, deliveries: Sequence[Delivery], reason: str) -> None:
        """The recipients are no contacts any more: their notices are addressed again."""
        self._database.retrying(
            lambda cursor: cursor.execute(
                self._sql["replace"],
                {"deliveries": [delivery.id for delivery in deliveries], "me": self._me, "answer": reason},
            )
        )

    def made(self, delivery: Delivery) -> bytes | None:
        """The mail as it was handed to a mail server; None if it never was."""
        return made_mail(self._database, delivery.id)

    def read(self, delivery: Delivery, most_events: int = MOST_EVENTS) -> Notice:
        """All that the mail is to say."""
        return self.read_all([delivery], most_events)[delivery.id]

    def read_all(self, deliveries: Sequence[Delivery], most_events: int = MOST_EVENTS) -> dict[int, Notice]:
        """What several mails are to say, by the number of the delivery.

        Few statements for many small mails; one with many events or tickets is left out, `read` takes it alone.
        """
        with self._database.transaction() as cursor:
            return read_notices(cursor, deliveries, most_events)

    def next_due(self) -> datetime | None:
        """When there is something to do again, as far as is known now."""
        ((moment,),) = self._database.at_once(self._sql["next_due"])
        return moment  # type: ignore[no-any-return]

    def close(self) -> None:
        """Gives the connection to the database up."""
        self._database.close()

    def _find_doubt(self, cursor: Cursor, *, starting: bool) -> int:
        cursor.execute(self._sql["find_doubt"], {"me": self._me, "starting": starting})
        numbers = [row[0] for row in cursor.fetchall()]
        audit(cursor, "delivery", numbers, self._me, "in-doubt", "the sender stopped while the mail was being sent")
        return len(numbers)


def made_mail(database: Database, delivery: int) -> bytes | None:
    """The mail with this delivery number, byte by byte as it was handed to the mail server; None if it never was."""
    rows = database.at_once(statements("outbox")["made_mail"], {"delivery": delivery})
    return zlib.decompress(bytes(rows[0][0])) if rows and rows[0][0] is not None else None


def _storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:1000]


__all__ = ["PAUSES", "Delivery", "Notice", "NoticeEvent", "NoticeTicket", "Outbox", "Recipient", "Result", "made_mail"]
