# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Notices: what customers were told, what they would be told now, and what to do with those on their way."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.configuration.sending import notice_schedule, notice_writer
from abusehandler.portal.api.caller import Acts, Sees
from abusehandler.portal.api.fields import Asked, InPath, LongText, Number, Page, Reason, Seen, Told, Word
from abusehandler.portal.api.paging import Paged, cut
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.desk.acting import check_visible
from abusehandler.portal.desk.contacts import contacts
from abusehandler.portal.settings import portal_of
from abusehandler.tickets import notice_actions
from abusehandler.tickets.desk import api_lists, ticket_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.portal.api.caller import Caller
    from abusehandler.tickets.database import Database

router = APIRouter(route_class=ApiRoute, tags=["notices"])
MailState = Literal["waiting", "sending", "sent", "in-doubt", "failed", "replaced"]


class Mail(Told):
    """One mail of a notice."""

    id: int
    recipient: str
    language: str
    state: str
    attempts: int
    next_try: Seen
    sent_at: Seen
    message_id: str
    answer: str = Field(description="The mail server's last words.")


class Notice(Told):
    id: int
    customer: str
    kind: str
    state: str
    reason: str
    created_at: Seen
    due_at: Seen
    author: str | None
    mails: list[Mail]


class ToldTicket(Told):
    ticket: int
    kind: str | None
    events: int


class WholeNotice(Notice):
    body: str | None = Field(description="An answer's own words.")
    tickets: list[ToldTicket]


class Notices(Page):
    items: list[Notice]


class NoticeQuery(Paged):
    state: Literal["held", "pending", "addressed", "no-contact", "withdrawn"] | None = None
    mail: MailState | None = Field(None, description="State of one of its mails.")
    customer: Word = ""
    ticket: Number | None = None


class About(Asked):
    tickets: Annotated[list[Number], Field(min_length=1, max_length=500)]


class Preview(About):
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None


class Send(About):
    reason: Reason = ""


class Words(About):
    text: LongText


class Act(Asked):
    """hold: mails that have not gone out wait. release: held ones go. withdraw: held ones never go. retry: failed ones are tried
    again. sent, resend: what became of mails in doubt.
    """

    verb: Literal["hold", "release", "withdraw", "retry", "sent", "resend"]
    notices: Annotated[list[Number], Field(min_length=1, max_length=500)]
    reason: Reason = ""


class Previewed(Told):
    """`mail` is the whole mail to the first recipient, base64; empty `recipients` means that nobody would get it."""

    customer: str
    recipients: list[str]
    mail: str


class Previews(Told):
    items: list[Previewed]


class Numbers(Told):
    """Numbers of what was made or changed; of mails where the verb was sent or resend."""

    changed: list[int]


@router.get("/notices", response_model=Notices, summary="List notices, newest first")
def list_notices(request: Request, caller: Sees, asked: Annotated[NoticeQuery, InQuery()]) -> Any:
    wanted = asked.model_dump(exclude={"cursor", "limit"})
    with portal_of(request).pool.database() as database:
        found = api_lists.notices(database, caller.scope, wanted, before=asked.number("notices"), limit=asked.limit + 1)
    return cut(found, asked.limit, "notices")


@router.get("/notices/{number}", response_model=WholeNotice, summary="One notice")
def get_notice(request: Request, caller: Sees, number: InPath) -> Any:
    with portal_of(request).pool.database() as database:
        found = api_lists.notice(database, caller.scope, number)
    if found is None:
        raise ProblemError(404, f"There is no notice {number}, or it is not yours to see.")
    return found


@router.post("/notices/preview", response_model=Previews, summary="The mails that sending now would lead to")
def preview(request: Request, caller: Acts, asked: Preview) -> Any:
    """Nothing is sent, and nothing stays."""
    portal = portal_of(request)
    configuration = portal.configuration
    with portal.pool.database() as database:
        tickets = check_visible(database, caller.viewer, asked.tickets)
        known = contacts(portal)
        seen = notice_actions.preview(
            database, notice_schedule(configuration), portal.catalogue, notice_writer(configuration, portal.catalogue), tickets,
            known.recipients, known.name, domain=configuration.message_id_domain, language=asked.language,
        )  # fmt: skip
    return {"items": [
        {"customer": one.notice.customer_id, "recipients": [way.address for way in one.recipients],
         "mail": base64.b64encode(one.mail).decode()} for one in seen
    ]}  # fmt: skip


@router.post("/notices", response_model=Numbers, status_code=201, summary="Tell the customers of these tickets now")
def send(request: Request, caller: Acts, asked: Send) -> Any:
    """One notice for each customer, whatever is due, quiet or held; the mailer sends it."""
    portal = portal_of(request)
    with portal.pool.database() as database:
        tickets = check_visible(database, caller.viewer, asked.tickets)
        schedule = notice_schedule(portal.configuration)
        made = notice_actions.send_now(
            database, schedule, portal.catalogue, tickets, author=caller.author, reason=asked.reason
        )
    return {"changed": made}


@router.post(
    "/notices/answers", response_model=Numbers, status_code=201, summary="Write to a customer about his tickets"
)
def answer(request: Request, caller: Acts, asked: Words) -> Any:
    with portal_of(request).pool.database() as database:
        tickets = check_visible(database, caller.viewer, asked.tickets)
        first = ticket_page.ticket(database, caller.scope, tickets[0])
        if first is None:
            raise ProblemError(404, f"There is no ticket {tickets[0]}, or it is not yours to see.")
        made = notice_actions.answer(database, first["customer_id"], tickets, asked.text, author=caller.author)
        for ticket in tickets:
            ticket_page.note_answers_seen(database, caller.scope, ticket, author=caller.author)
    return {"changed": [made]}


@router.post("/notices/actions", response_model=Numbers, summary="Hold, release, withdraw, retry")
def act(request: Request, caller: Acts, asked: Act) -> Any:
    with portal_of(request).pool.database() as database:
        wanted = sorted(set(asked.notices))
        if api_lists.visible_notices(database, caller.scope, wanted) != wanted:
            raise ProblemError(404, "One of these notices is not there, or not yours to see.")
        return {"changed": _VERBS[asked.verb](database, caller, wanted, asked.reason)}


def _plain(work: Callable[..., list[int]]) -> Callable[[Database, Caller, list[int], str], list[int]]:
    return lambda database, caller, numbers, reason: work(database, numbers, author=caller.author, reason=reason)


def _doubt(what: Literal["sent", "resend"]) -> Callable[[Database, Caller, list[int], str], list[int]]:
    return lambda database, caller, numbers, reason: notice_actions.resolve_doubt(
        database, what, author=caller.author, reason=reason, notices=numbers
    )


_VERBS = {
    "hold": _plain(notice_actions.hold), "release": _plain(notice_actions.release), "withdraw": _plain(notice_actions.withdraw),
    "retry": _plain(notice_actions.retry), "sent": _doubt("sent"), "resend": _doubt("resend"),
}  # fmt: skip
