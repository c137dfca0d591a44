# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a customer says and does on the own page: an answer, "fixed", "not mine", a question, a pause, another contact.

Words go among the answers, unread, where the desk looks for mails; what follows from them is done by `tickets/actions.py`.
The same form sent twice does it once.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import actions, mutes
from abusehandler.tickets.audit import audit
from abusehandler.tickets.incoming import storable
from abusehandler.tickets.queries import statements
from abusehandler.tickets.selfhelp_pages import ticket_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.selfhelp_links import Link, LinkTerms

Kind = Literal["fixed", "working", "not-mine", "question", "message"]
KINDS: tuple[Kind, ...] = ("fixed", "working", "not-mine", "question", "message")
#: What each says about the ticket; a question and a message leave that as it is.
_STATES = {"fixed": "resolved", "working": "working", "not-mine": "disputed"}
LONGEST = 5000
ANSWERS_AN_HOUR = 30
#: So often within 90 days a customer may pause one ticket.
PAUSES = 3
PROPOSALS = 5
_MAIL_ADDRESS = re.compile(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,180}\.[^@\s<>\".]{2,60}")

#: Why something was not done; the page has the words in the customer's language.
Why = Literal[
    "gone", "closed", "empty", "too-long", "too-often", "not-allowed", "no-address", "pauses-used-up", "known"
]


class NotDone(AbusehandlerError):
    """`why` says what hindered it."""

    def __init__(self, why: Why) -> None:
        super().__init__(f"this was not done: {why}")
        self.why: Why = why


def say(
    database: Database, link: Link, tickets: Sequence[int], kind: Kind, text: str, *, name: str = "", terms: LinkTerms
) -> None:
    """Notes what the customer says of these tickets, all of which must be behind the link. Raises NotDone."""
    said = storable(text).replace("\r\n", "\n").strip()
    if len(said) > LONGEST:
        raise NotDone("too-long")
    if kind not in KINDS or (kind in ("question", "message") and not said):
        raise NotDone("empty")
    who = " ".join(storable(name).split())[:100]

    def work(cursor: Cursor) -> bool:
        sql = statements("selfhelp")
        _lock(cursor, link)
        _check_open(cursor, link, tickets, terms)
        values: dict[str, Any] = {
            "link": link.id, "said": said, "kind": kind, "tickets": list(tickets), "sender": link.author,
            "sender_name": f"{who} ({link.customer_name or link.customer})" if who else link.customer_name or link.customer,
        }  # fmt: skip
        cursor.execute(sql["lately"], values)
        count, same = cursor.fetchone() or (0, False)
        if same:
            return False
        if count >= ANSWERS_AN_HOUR:
            raise NotDone("too-often")
        cursor.execute(sql["say"], values)
        (answer,) = cursor.fetchone() or (0,)
        cursor.execute(sql["say_to"], {"answer": answer, "tickets": list(tickets)})
        audit(cursor, "ticket", tickets, link.author, f"answered on the self-help page: {kind}", f"answer {answer}")
        if kind == "question":
            text = f"the customer asks: {said[:300]}"
            cursor.execute(sql["tell_desk"], {"kind": "question", "ticket": tickets[0], "text": text})
        return True

    if database.retrying(work) and kind in _STATES:
        actions.customer_says(database, tickets, _STATES[kind], author=link.author, reason="on the self-help page")


def pause(database: Database, link: Link, ticket: int, days: int, *, most_days: int, terms: LinkTerms) -> datetime:
    """Holds notices about one ticket back; returns until when. `most_days` is what the operator allows. Raises NotDone."""
    if not 1 <= days <= most_days:
        raise NotDone("not-allowed")

    def look(cursor: Cursor) -> None:
        _lock(cursor, link)
        record = _check_open(cursor, link, [ticket], terms)[0]
        if record["muted_until"] is not None:
            raise NotDone("known")
        cursor.execute(statements("selfhelp")["pauses"], {"ticket": ticket, "author": link.author})
        if (cursor.fetchone() or (0,))[0] >= PAUSES:
            raise NotDone("pauses-used-up")

    database.retrying(look)
    until = datetime.now(timezone.utc).replace(second=0, microsecond=0) + timedelta(days=days)
    actions.mute(database, [ticket], until, author=link.author, reason="paused by the customer")
    return until


def resume(database: Database, link: Link, ticket: int, *, terms: LinkTerms) -> None:
    """Ends the customer's own pause. Raises NotDone for one that the customer did not begin."""

    def work(cursor: Cursor) -> None:
        record = _check_open(cursor, link, [ticket], terms)[0]
        if not record["muted_by_customer"]:
            raise NotDone("not-allowed")
        mutes.end_with(cursor, record["mute_id"], actor=link.author, reason="the customer goes on")

    database.retrying(work)


def propose_contact(
    database: Database, link: Link, ticket: int, *, address: str, name: str = "", phone: str = "", said: str = "",
    language: str = "", terms: LinkTerms,
) -> None:  # fmt: skip
    """Names somebody else who should get the notices; nothing follows before the desk has approved it. Raises NotDone."""
    mail = storable(address).strip()
    if len(mail) > 254 or not _MAIL_ADDRESS.fullmatch(mail) or not mail.isprintable():
        raise NotDone("no-address")
    if len(said) > LONGEST:
        raise NotDone("too-long")

    def work(cursor: Cursor) -> None:
        sql = statements("selfhelp")
        _lock(cursor, link)
        _check_open(cursor, link, [ticket], terms)
        values = {
            "customer": link.customer, "ticket": ticket, "link": link.id, "address": mail,
            "name": " ".join(storable(name).split())[:200], "phone": " ".join(storable(phone).split())[:60],
            "said": storable(said).strip(), "language": language[:10],
        }  # fmt: skip
        cursor.execute(sql["proposed_lately"], values)
        if (cursor.fetchone() or (0,))[0] >= PROPOSALS:
            raise NotDone("too-often")
        cursor.execute(sql["propose"], values)
        if cursor.fetchone() is None:
            raise NotDone("known")
        audit(cursor, "ticket", [ticket], link.author, "named another contact", mail)
        text = f"the customer names another contact, {mail}; it waits for approval"
        cursor.execute(sql["tell_desk"], {"kind": "contact", "ticket": ticket, "text": text})

    database.retrying(work)


def _lock(cursor: Cursor, link: Link) -> None:
    """One request of a link at a time, so that what is sent twice is seen. Notes that the link was used."""
    cursor.execute(statements("selfhelp")["lock_link"], {"link": link.id})
    cursor.execute(statements("selfhelp")["used"], {"link": link.id})


def _check_open(cursor: Cursor, link: Link, tickets: Sequence[int], terms: LinkTerms) -> list[dict[str, Any]]:
    if not tickets:
        raise NotDone("gone")
    found = []
    for number in tickets[:200]:
        record = ticket_of(cursor, link, number, terms)
        if record is None:
            raise NotDone("gone")
        if record["state"] == "closed":
            raise NotDone("closed")
        found.append(record)
    return found
