# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tickets: the list with the desk's filters, one ticket, its events, what happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.portal.api.caller import Sees
from abusehandler.portal.api.fields import InPath, Name, Network, Page, Seen, Told, Word
from abusehandler.portal.api.paging import Paged, cursor, cut
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.api.shown import Event, Ticket, TicketLine, ticket_of, version
from abusehandler.portal.desk.letters import LARGEST
from abusehandler.portal.desk.one_ticket import events_file
from abusehandler.portal.security.headers import FILE_POLICY
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import ticket_list, ticket_page
from abusehandler.tickets.desk.scope import read

if TYPE_CHECKING:
    from abusehandler.tickets.desk.scope import Row

router = APIRouter(route_class=ApiRoute, tags=["tickets"])
State = Literal["open", "escalated", "ignored", "resolved", "closed", "all"]
SeverityName = Literal["info", "low", "medium", "high", "critical"]


class TicketQuery(Paged):
    """Filters as on the desk's page; all that are named must fit."""

    limit: int = Field(50, ge=1, le=200, description="Items at most.")
    q: Word = Field(
        "",
        description="A ticket's number, an address or prefix, or words of a customer's or host's name, a note or an answer.",
    )
    state: list[State] = Field([], max_length=6, description="All but closed where none is named.")
    problem: list[Name] = Field([], max_length=20)
    severity: SeverityName | None = Field(None, description="The least.")
    customer: Word = ""
    prefix: Network | None = None
    feed: Word = ""
    assigned: Word = Field("", description="A login, or `nobody`.")
    says: Literal["open", "working", "resolved", "disputed"] | None = Field(None, description="The customer's state.")
    age: Annotated[str, Field(pattern=r"^[<>][0-9]{1,4}$", max_length=5)] | None = Field(
        None, description=">30: opened more than 30 days ago."
    )
    unread: bool = Field(False, description="Only with an answer that nobody has seen.")
    order: Literal["worst", "newest"] = "worst"


class Tickets(Page):
    items: list[TicketLine]


class Events(Page):
    items: list[Event]


class Happened(Told):
    """One thing that happened to a ticket; `about` tells it, with other names for each kind."""

    at: datetime
    kind: Literal["change", "note", "notice", "answer", "alert", "link", "opened"]
    about: dict[str, Any]


class LastAction(Told):
    id: int
    verb: str
    author: str
    at: Seen


class Timeline(Told):
    """`undo`: the last action that can be taken back, by POST /actions/{id}/undo."""

    items: list[Happened]
    undo: LastAction | None


class InState(Told):
    state: str
    tickets: int
    severe: int = Field(description="Of high and critical severity.")


class Counts(Told):
    items: list[InState]


class Person(Told):
    login: str
    name: str


class People(Told):
    items: list[Person]


@router.get("/tickets", response_model=Tickets, summary="List tickets")
def list_tickets(request: Request, caller: Sees, asked: Annotated[TicketQuery, InQuery()]) -> Any:
    said: dict[str, Any] = asked.model_dump(exclude={"cursor", "limit"})
    wanted = ticket_list.TicketFilter.of(
        {name: value if isinstance(value, list) else [str(value)] for name, value in said.items() if value}
        | ({"unread": ["yes"]} if asked.unread else {})
    )
    key = asked.key(f"tickets-{wanted.order}", r"\d{1,2}-\d{1,18}(-\d{1,16})?")
    with portal_of(request).pool.database() as database:
        page = ticket_list.page(database, caller.scope, wanted, after=key, limit=asked.limit)
    following = cursor(f"tickets-{wanted.order}", page.later) if page.later else None
    return {"items": page.tickets, "next": following}


def one(request: Request, caller: Sees, number: int) -> Row:
    """The record of a ticket. Raises ProblemError 404."""
    with portal_of(request).pool.database() as database:
        found = ticket_page.ticket(database, caller.scope, number)
    if found is None:
        raise ProblemError(404, f"There is no ticket {number}, or it is not yours to see.")
    return found


@router.get("/tickets/counts", response_model=Counts, summary="How many tickets are not closed, by state")
def get_ticket_counts(request: Request, caller: Sees) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": read(database, caller.scope, "ticket_list.counts")}


@router.get("/tickets/{number}", response_model=Ticket, summary="One ticket")
def get_ticket(request: Request, response: Response, caller: Sees, number: InPath) -> Any:
    """The header ETag is for If-Match of an action."""
    found = one(request, caller, number)
    response.headers["ETag"] = version(found)
    return ticket_of(found)


@router.get("/tickets/{number}/events", response_model=Events, summary="The events of a ticket, newest first")
def list_ticket_events(request: Request, caller: Sees, number: InPath, asked: Annotated[Paged, InQuery()]) -> Any:
    one(request, caller, number)
    with portal_of(request).pool.database() as database:
        found, more = ticket_page.events(
            database, caller.scope, number, before=asked.number("ticket-events"), limit=asked.limit
        )
    page = cut(found, asked.limit, "ticket-events")
    page["items"] = [{**row, "ticket": number, "report": row["report_id"]} for row in found]
    page["next"] = cursor("ticket-events", found[-1]["id"]) if more else None
    return page


@router.get(
    "/tickets/{number}/events.csv", summary="The events of a ticket as CSV", response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)  # fmt: skip
def get_events_csv(request: Request, caller: Sees, number: InPath) -> Response:
    """At most 100,000, with cells that a spreadsheet would calculate made harmless."""
    with portal_of(request).pool.database() as database:
        found = events_file(database, caller.scope, number)
    if found is None:
        raise ProblemError(404, f"There is no ticket {number}, or it is not yours to see.")
    return found


@router.get("/tickets/{number}/people", response_model=People, summary="Who can have a ticket in hand")
def list_people(request: Request, caller: Sees, number: InPath) -> Any:
    one(request, caller, number)
    with portal_of(request).pool.database() as database:
        return {"items": read(database, caller.scope, "ticket_page.people", ticket=number)}


@router.get("/tickets/{number}/timeline", response_model=Timeline, summary="What happened to a ticket, newest first")
def get_timeline(request: Request, caller: Sees, number: InPath) -> Any:
    portal = portal_of(request)
    with portal.pool.database() as database:
        page = ticket_page.ticket_page(database, caller.scope, number, zone="UTC")
    if page is None:
        raise ProblemError(404, f"There is no ticket {number}, or it is not yours to see.")
    moments = [moment for moment in page.timeline if moment.kind != "opened"]
    items = [{"at": moment.at, "kind": moment.kind, "about": _plain(moment.about)} for moment in moments]
    opened = {"at": page.ticket["opened_at"], "kind": "opened", "about": {"ticket": number}}
    return {"items": [*items, opened], "undo": page.undo}


def _plain(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "at"}


@router.get(
    "/tickets/{number}/answers/{answer}/files/{file}", summary="A file that came with an answer", response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)  # fmt: skip
def get_answer_file(request: Request, caller: Sees, number: InPath, answer: InPath, file: InPath) -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        found = ticket_page.answer_file(database, caller.scope, number, answer, min(file, 1_000_000))
    if found is None:
        raise ProblemError(404, "There is no such file, or it is not yours to see.")
    return Response(
        portal.evidence.read(found["evidence"], limit=LARGEST), media_type="application/octet-stream",
        headers={"Content-Security-Policy": FILE_POLICY},
    )  # fmt: skip
