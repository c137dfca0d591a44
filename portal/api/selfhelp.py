# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Self-help for programs: checks from outside, links to customers' pages, contacts that customers named."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Query as InQuery
from pydantic import Field, model_validator

from abusehandler.portal.api.caller import Acts, Sees
from abusehandler.portal.api.fields import LARGEST, Asked, InPath, Name, Number, Page, Query, Reason, Seen, Told, Word
from abusehandler.portal.api.paging import Paged, cut
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.desk.contacts import time_zone_of
from abusehandler.portal.selfhelp.forms import wait_for
from abusehandler.portal.selfhelp.service import selfhelp_of
from abusehandler.tickets import selfhelp_contacts, selfhelp_links
from abusehandler.tickets.desk import ticket_page
from abusehandler.tickets.desk.scope import read
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.recheck import asking

if TYPE_CHECKING:
    from abusehandler.portal.api.caller import Caller
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.desk.scope import Row

router = APIRouter(route_class=ApiRoute, tags=["self-help"])


class Target(Told):
    """An address and port of the ticket that may be checked; `target` names it."""

    target: str
    address: str
    port: int
    transport: str
    probe: str


class Check(Told):
    """`verdict` is empty until it is done: there, gone, no-answer, unclear, failed."""

    id: int
    asked_at: Seen
    asked_by: str
    address: str
    port: int
    transport: str
    probe: str
    state: str
    done_at: Seen
    verdict: str
    detail: str


class Checks(Told):
    """`enabled`: whether the operator allows checks. `items`: newest first."""

    enabled: bool
    targets: list[Target]
    items: list[Check]


class NewCheck(Asked):
    target: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = Field(
        "", description="One of `targets`; the first where none is named."
    )


class Link(Told):
    """A link to a customer's page. Its address is told once, when it is made."""

    id: int
    customer: str = Field(validation_alias="customer_id")
    ticket: int | None = Field(validation_alias="ticket_id")
    made_for: str
    created_at: Seen
    expires_at: Seen
    revoked_at: Seen
    used_at: Seen
    uses: int


class Links(Told):
    items: list[Link]


class LinkQuery(Query):
    customer: Name = Field(description="A customer's number.")


class NewLink(Asked):
    """Either a ticket, which the link opens alone, or a customer, all of whose open tickets it opens."""

    ticket: Number | None = None
    customer: Name | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> NewLink:
        if (self.ticket is None) == (self.customer is None):
            raise ValueError("name either a ticket or a customer")
        return self


class Made(Told):
    address: str = Field(description="What the customer opens; told this once.")


class Ended(Told):
    links: int


class EndQuery(LinkQuery):
    reason: Reason = ""


class Contact(Told):
    """Whom a customer named on the own page; notices go to approved ones, too."""

    id: int
    customer: str
    customer_name: str
    ticket: int | None
    at: Seen
    address: str
    name: str
    phone: str
    language: str
    said: str
    state: str
    decided_at: Seen
    decided_by: str


class Contacts(Page):
    items: list[Contact]


class ContactQuery(Paged):
    state: Literal["waiting", "approved", "refused"] | None = None
    customer: Word = ""


class Decision(Asked):
    state: Literal["approved", "refused"]


@router.get("/tickets/{number}/checks", response_model=Checks, summary="Checks from outside, and what may be checked")
def list_checks(request: Request, caller: Sees, number: InPath) -> Any:
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        _ticket(database, caller, number)
        with database.transaction() as cursor:
            choices = asking.choices(cursor, number, selfhelp.recheck)
            found = asking.of_ticket(cursor, number)
    targets = [
        {"target": one.key, "address": one.target.address, "port": one.target.port, "transport": one.target.transport,
         "probe": one.probe.name} for one in choices
    ]  # fmt: skip
    return {"enabled": selfhelp.recheck.enabled, "targets": targets, "items": found}


@router.post("/tickets/{number}/checks", response_model=Check, status_code=201, summary="Check from outside")
def add_check(request: Request, caller: Acts, number: InPath, asked: NewCheck) -> Any:
    """One probe to an address and port of the ticket. It is mostly done when the answer comes; else its `state` says so.

    409: not allowed for this ticket. 429: too often, `Retry-After` says when again.
    """
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        _ticket(database, caller, number)
        try:
            made = asking.ask(database, number, asked.target, selfhelp.recheck, author=caller.author)
        except asking.NotAllowed as error:
            raise ProblemError(409, str(error)) from error
        except asking.NotNow as error:
            wait = max(1, math.ceil((error.again_at - now_utc()).total_seconds()))
            raise ProblemError(429, str(error), {"Retry-After": str(wait)}) from error
    selfhelp.runner.wake()
    wait_for(selfhelp, made)
    with selfhelp.portal.pool.database() as database, database.transaction() as cursor:
        return next(one for one in asking.of_ticket(cursor, number) if one["id"] == made)


@router.get("/self-help-links", response_model=Links, summary="The newest 50 links of a customer")
def list_links(request: Request, caller: Sees, asked: Annotated[LinkQuery, InQuery()]) -> Any:
    with selfhelp_of(request).portal.pool.database() as database:
        return {"items": read(database, caller.scope, "selfhelp.links", customer=asked.customer)}


@router.post("/self-help-links", response_model=Made, status_code=201, summary="Make a link to a customer's page")
def make_link(request: Request, caller: Acts, asked: NewLink) -> Any:
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        if asked.ticket is not None:
            customer = str(_ticket(database, caller, asked.ticket)["customer_id"])
        else:
            customer = _customer(database, caller, asked.customer or "")
    zone = time_zone_of(selfhelp.portal, customer)
    request.state.secret = True
    with selfhelp.portal.pool.database() as database:
        token = selfhelp_links.make_link(
            database, customer, asked.ticket, terms=selfhelp.terms, made_for=f"{caller.author}, by API", author=caller.author,
            time_zone=zone,
        )  # fmt: skip
    return {"address": selfhelp_links.address_of(selfhelp.portal.public_url, token, asked.ticket)}


@router.delete("/self-help-links", response_model=Ended, summary="End all links of a customer")
def end_links(request: Request, caller: Acts, asked: Annotated[EndQuery, InQuery()]) -> Any:
    with selfhelp_of(request).portal.pool.database() as database:
        customer = _customer(database, caller, asked.customer)
        return {"links": selfhelp_links.revoke(database, customer=customer, author=caller.author, reason=asked.reason)}


@router.delete("/self-help-links/{number}", status_code=204, summary="End one link")
def end_link(request: Request, caller: Acts, number: InPath) -> None:
    with selfhelp_of(request).portal.pool.database() as database:
        if not read(database, caller.scope, "selfhelp.link", link=number):
            raise ProblemError(404, f"There is no link {number} that is good, or it is not yours to see.")
        selfhelp_links.revoke(database, link=number, author=caller.author)


@router.get("/contacts", response_model=Contacts, summary="List contacts that customers named, newest first")
def list_contacts(request: Request, caller: Sees, asked: Annotated[ContactQuery, InQuery()]) -> Any:
    filters = [f"of_{name}" for name in ("state", "customer") if getattr(asked, name)]
    with selfhelp_of(request).portal.pool.database() as database:
        found = read(
            database, caller.scope, "selfhelp.contacts", filters, before=asked.number("contacts") or LARGEST, limit=asked.limit + 1,
            state=asked.state, customer=asked.customer,
        )  # fmt: skip
    return cut(found, asked.limit, "contacts")


@router.post("/contacts/{number}/decision", status_code=204, summary="Approve or refuse a contact")
def decide_contact(request: Request, caller: Acts, number: InPath, asked: Decision) -> None:
    with selfhelp_of(request).portal.pool.database() as database:
        if not read(database, caller.scope, "selfhelp.proposed_one", contact=number):
            raise ProblemError(404, f"There is no contact {number}, or it is not yours to see.")
        selfhelp_contacts.decide(database, number, asked.state, author=caller.author)


def _ticket(database: Database, caller: Caller, number: int) -> Row:
    found = ticket_page.ticket(database, caller.scope, number)
    if found is None:
        raise ProblemError(404, f"There is no ticket {number}, or it is not yours to see.")
    return found


def _customer(database: Database, caller: Caller, customer: str) -> str:
    if not read(database, caller.scope, "selfhelp.customer", customer=customer):
        raise ProblemError(404, "There is no such customer, or it is not yours to see.")
    return customer
