# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Takes a mail that belongs to one of ours into the store: a reply onto its tickets, a bounce onto its address.

One transaction for each mail, and the same mail read again changes what was said, not what was done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from psycopg2.extras import execute_values

from abusehandler.reports.answers.read import read_answer
from abusehandler.reports.answers.sender import is_proven
from abusehandler.tickets.answers.genuine import returns_our_mail
from abusehandler.tickets.answers.mail_addresses import LONGEST, SOFT_BOUNCES, note_no_contact, weigh
from abusehandler.tickets.answers.tying import tie
from abusehandler.tickets.audit import audit
from abusehandler.tickets.outbox import made_mail
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.reports.answers.value import Answer, RecipientNews, Weight
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail
    from abusehandler.tickets.answers.addresses import AnswerSettings
    from abusehandler.tickets.answers.tying import Tie
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.evidence import EvidenceStore, Kept
    from abusehandler.tickets.reports import ReportRecord

READER = "answers"
#: A bounce may name thousands of recipients; ours was one of them, and so many others are kept beside it.
NEWS_KEPT = 20
#: More answers to one notice in 24 hours are kept, but call nobody: two programs that answer each other, or an attack.
ANSWERS_A_DAY = 100
SenderIs = Literal["contact", "stranger", "machine", "reporter"]
#: Kinds that wait for a person at the desk.
_FOR_A_PERSON = ("reply", "bounce", "complaint")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an answer. `reason` says it in words, for the report's record."""

    answer: Answer
    number: int
    tickets: tuple[int, ...]
    sender_is: SenderIs
    reason: str


@dataclass(frozen=True, slots=True)
class _Told:
    """One line of delivery_news."""

    address: str
    named: str
    news: RecipientNews
    weight: Weight


class AnswerStore:
    """Answers as one reader stores them; `actor` names it in the audit trail."""

    def __init__(
        self, database: Database, evidence: EvidenceStore, settings: AnswerSettings,
        *, actor: str, domain: str, reply_means_working: bool = False, soft_bounces: int = SOFT_BOUNCES,
    ) -> None:  # fmt: skip
        self._database = database
        self._evidence = evidence
        self._settings = settings
        self._actor = actor
        self._domain = domain
        self._working = reply_means_working
        self._soft_bounces = soft_bounces
        self._sql = statements("answers")

    def take(self, mail: Mail, report: ReportRecord, context: ReadContext) -> Taken | None:
        """Stores the mail if it is an answer to a mail of ours; None if it is none, and is to be read as a report.

        A reply to what a reporter got from us is no answer but what reporters always send, and so is mail that one of our
        own addresses sent to us; bounces of both are answers. Raises Unavailable and EvidenceError.
        """
        belongs = tie(mail, self._database, self._settings, self._domain)
        if belongs is None:
            return None
        answer = read_answer(mail, context, own_address=self._settings.sender)
        belongs = self._with_delivery(belongs, answer)
        if answer.kind == "reply" and (belongs.notice is None or mail.sender in context.own_addresses):
            return None
        if answer.kind in ("reply", "complaint") and not self._is_believable(mail, answer, belongs):
            return None
        kept = [self._evidence.keep(file.content) for file in answer.files]
        number, tickets, who = self._database.retrying(
            lambda cursor: self._store(cursor, mail, report, answer, belongs, kept)
        )
        about = f"notice {belongs.notice}" if belongs.notice is not None else "a mail to a reporter"
        shown = ", ".join(str(ticket) for ticket in tickets[:5]) + (" …" if len(tickets) > 5 else "")
        where = f" (ticket {shown})" if tickets else ""
        return Taken(answer, number, tickets, who, f"{answer.kind}: {answer.reason}; answer {number} to {about}{where}")

    def _is_believable(self, mail: Mail, answer: Answer, belongs: Tie) -> bool:
        """Whether a reply or complaint is about our mail, and not a report in which our Message-ID or address was put."""
        if belongs.notice is None or (answer.kind == "reply" and belongs.by != "message-id"):
            return True
        if answer.kind == "reply" and self._is_contact(belongs.notice, _storable(mail.sender, LONGEST)):
            return True
        if belongs.delivery is None or not belongs.named:
            return False
        sent = made_mail(self._database, belongs.delivery)
        return sent is not None and returns_our_mail(mail, sent)

    def _is_contact(self, notice: int, sender: str) -> bool:
        rows = self._database.fetch(self._sql["who_answers"], {"notice": notice, "sender": sender})
        return bool(rows and rows[0][1])

    def about_others(self, taken: Taken, addresses: Sequence[str]) -> list[str]:
        """Those of the addresses that no ticket of the answer is about; all of them where a stranger wrote, who may answer
        something else than our notice.
        """
        if not addresses or taken.sender_is == "stranger":
            return list(addresses)
        rows = self._database.fetch(
            self._sql["other_addresses"], {"addresses": list(addresses), "tickets": list(taken.tickets)}
        )
        return [row[0] for row in rows]

    def _with_delivery(self, belongs: Tie, answer: Answer) -> Tie:
        """Which mail of the notice came back, where the bounce was only tied to the notice but names a recipient of it."""
        if belongs.notice is None or belongs.delivery is not None or not answer.news:
            return belongs
        named = [address for one in answer.news for address in (one.final, one.original) if address]
        rows = self._database.fetch(self._sql["delivery_to"], {"notice": belongs.notice, "addresses": named[:1000]})
        return replace(belongs, delivery=rows[0][0]) if len(rows) == 1 else belongs

    def _store(
        self, cursor: Cursor, mail: Mail, report: ReportRecord, answer: Answer, belongs: Tie, kept: Sequence[Kept]
    ) -> tuple[int, tuple[int, ...], SenderIs]:
        sql = self._sql
        cursor.execute(sql["lock_report"], {"report": report.id})
        known = (cursor.fetchone() or (False,))[0]
        place = {"notice": belongs.notice, "delivery": belongs.delivery, "reporter_mail": belongs.reporter_mail}
        sender = _storable(mail.sender, LONGEST)
        message_id = _storable(mail.message_id, 500)
        who = self._who(cursor, sender, answer, belongs)
        if not known and message_id:
            cursor.execute(
                sql["same_answer"], {**place, "message_id": message_id, "sender": sender, "report": report.id}
            )
            if same := cursor.fetchone():
                # it came by two ways: in two mailboxes, or to two of our addresses
                return int(same[0]), self._tickets_of(cursor, same[0]), who
        proven = is_proven(mail)
        flood = self._floods(cursor, report, belongs)
        warning = "; ".join(filter(None, (answer.warning, _doubt(who, answer, proven=proven), flood)))
        said = _storable(_words(answer.news) or answer.said if answer.kind == "bounce" else answer.said, 200_000)
        cursor.execute(
            sql["keep_answer"],
            {
                **place, "report": report.id, "kind": answer.kind, "at": report.received_at, "sender": sender,
                "sender_name": _storable(mail.sender_name, 200), "sender_is": who, "proven": proven,
                "subject": _storable(mail.subject, 500), "message_id": message_id, "tied_by": belongs.by,
                "said": said, "whole_text": _storable(answer.whole_text, 200_000), "warning": warning,
            },
        )  # fmt: skip
        (number,) = cursor.fetchone() or (0,)
        cursor.execute(
            sql["link_tickets"],
            {"answer": number, **place, "unread": answer.kind in _FOR_A_PERSON and not flood},
        )
        tickets = tuple(sorted(row[0] for row in cursor.fetchall()))
        cursor.execute(sql["unlink_other_tickets"], {"answer": number, "tickets": list(tickets)})
        self._keep_files(cursor, number, answer, kept)
        self._keep_news(cursor, number, answer, belongs, report)
        if not known and not flood:
            self._act(cursor, number, answer, belongs, tickets, who, sender, proven=proven)
        if answer.kind == "reply" and who == "contact" and proven:
            self._mail_arrived(cursor, sender, report)
        return int(number), tickets, who

    def _floods(self, cursor: Cursor, report: ReportRecord, belongs: Tie) -> str:
        """What to say of an answer when its notice has had so many that people would drown in them; they are kept."""
        cursor.execute(
            self._sql["answers_today"], {"notice": belongs.notice, "at": report.received_at, "report": report.id}
        )
        (count,) = cursor.fetchone() or (0,)
        return f"more than {ANSWERS_A_DAY} answers to this notice in 24 hours" if count >= ANSWERS_A_DAY else ""

    def _tickets_of(self, cursor: Cursor, number: int) -> tuple[int, ...]:
        cursor.execute("SELECT ticket_id FROM answer_tickets WHERE answer_id = %s ORDER BY ticket_id", (number,))
        return tuple(row[0] for row in cursor.fetchall())

    def _who(self, cursor: Cursor, sender: str, answer: Answer, belongs: Tie) -> SenderIs:
        """Who the sender is to the customer of the notice: a contact is an address to which we have written for him."""
        if answer.kind in ("bounce", "delivery-news"):
            return "machine"
        if belongs.notice is None:
            return "reporter"
        cursor.execute(self._sql["who_answers"], {"notice": belongs.notice, "sender": sender})
        row = cursor.fetchone()
        return "contact" if row and row[1] else "stranger"

    def _keep_files(self, cursor: Cursor, number: int, answer: Answer, kept: Sequence[Kept]) -> None:
        cursor.execute(self._sql["forget_files"], {"answer": number})
        rows = [
            (number, place, _storable(file.name, 200), _storable(file.content_type, 100), stored.size, stored.sha256)
            for place, (file, stored) in enumerate(zip(answer.files, kept, strict=True), 1)
        ]
        if rows:
            execute_values(
                cursor,
                "INSERT INTO answer_files (answer_id, number, name, content_type, size, evidence) VALUES %s",
                rows,
            )

    def _keep_news(self, cursor: Cursor, number: int, answer: Answer, belongs: Tie, report: ReportRecord) -> None:
        """Notes what was said about the recipient of our mail, and works out what it means for his address."""
        cursor.execute(self._sql["forget_news"], {"answer": number})
        touched = {row[0] for row in cursor.fetchall()}
        cursor.execute(
            self._sql["recipient_of"], {"delivery": belongs.delivery, "reporter_mail": belongs.reporter_mail}
        )
        row = cursor.fetchone()
        told = _about(row[0][:LONGEST], answer.news) if row else []
        if told:
            execute_values(
                cursor,
                "INSERT INTO delivery_news (answer_id, delivery_id, reporter_mail_id, address, named, action, status, "
                "weight, diagnostic, at) VALUES %s",
                [
                    (
                        number, belongs.delivery, belongs.reporter_mail, one.address, _storable(one.named, LONGEST),
                        one.news.action, _storable(one.news.status, 20), one.weight, _storable(one.news.diagnostic, 1000),
                        report.received_at,
                    )
                    for one in told
                ],
            )  # fmt: skip
        arrived = any(one.news.action == "delivered" and not one.named for one in told)
        touched.update(one.address for one in told if one.news.action == "failed" or arrived)
        for address in sorted(touched):
            weigh(
                cursor, address, actor=self._actor, soft_bounces=self._soft_bounces,
                cleared_at=report.received_at if arrived else None,
            )  # fmt: skip

    def _mail_arrived(self, cursor: Cursor, sender: str, report: ReportRecord) -> None:
        """Somebody who answers gets our mail: what bounced before counts no more."""
        cursor.execute("SELECT state FROM mail_addresses WHERE address = %s", (sender.lower(),))
        if cursor.fetchone() == ("bouncing",):
            weigh(cursor, sender, actor=self._actor, soft_bounces=self._soft_bounces, cleared_at=report.received_at)

    def _act(
        self, cursor: Cursor, number: int, answer: Answer, belongs: Tie, tickets: tuple[int, ...], who: SenderIs,
        sender: str, *, proven: bool,
    ) -> None:  # fmt: skip
        """What follows from an answer when it comes for the first time."""
        if answer.kind == "bounce" and belongs.notice is not None:
            reason = _storable(f"answer {number}: {_words(answer.news)}", 1000)
            audit(cursor, "ticket", tickets, self._actor, "notice came back", reason)
            audit(cursor, "delivery", [belongs.delivery] if belongs.delivery else [], self._actor, "came back", reason)
            note_no_contact(cursor, belongs.notice, reason, actor=self._actor)
        elif answer.kind in ("reply", "complaint"):
            audit(cursor, "ticket", tickets, self._actor, f"{answer.kind} received", f"answer {number} from {sender}")
            trusted = proven or belongs.by == "address"
            if answer.kind == "reply" and self._working and who == "contact" and trusted:
                cursor.execute(self._sql["customer_works"], {"tickets": list(tickets)})
                changed = [row[0] for row in cursor.fetchall()]
                audit(
                    cursor, "ticket", changed, self._actor, "customer open → working", f"answer {number} from {sender}"
                )


def _about(recipient: str, news: Sequence[RecipientNews]) -> list[_Told]:
    """The news as they concern the recipient of our mail: where they name him, or nobody, they are about him; an address
    that they name instead is one to which he had it forwarded, and its failure says nothing about his own.
    """
    own = [one for one in news if (one.final or one.original or recipient) == recipient]
    others = [one for one in news if one not in own]
    told = [_Told(recipient, "", one, one.weight) for one in own[:NEWS_KEPT]]
    told += [_Told(recipient, one.final or one.original, one, "none") for one in others[:NEWS_KEPT]]
    return told


def _words(news: Sequence[RecipientNews]) -> str:
    lines = [
        " ".join(filter(None, (one.final or one.original, one.action, one.status, one.diagnostic)))
        for one in news[:NEWS_KEPT]
    ]
    return "\n".join(lines)


def _doubt(who: SenderIs, answer: Answer, *, proven: bool) -> str:
    if answer.kind != "reply":
        return ""
    if who == "stranger":
        return "the sender is no contact of this customer"
    return "" if proven else "nothing proves that the sender is who he says"


def _storable(text: Any, limit: int) -> str:
    """PostgreSQL's text takes no NUL and no half surrogates."""
    return str(text).replace("\0", "").encode("utf-8", "replace").decode()[:limit]
