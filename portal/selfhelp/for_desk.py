# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the desk does with self-help: checks from outside, links for a customer on the telephone, contacts to approve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from abusehandler.portal.desk.contacts import time_zone_of
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.selfhelp.forms import wait_for
from abusehandler.portal.selfhelp.service import selfhelp_of
from abusehandler.tickets import selfhelp_contacts, selfhelp_links
from abusehandler.tickets.desk import ticket_page
from abusehandler.tickets.desk.scope import read
from abusehandler.tickets.recheck import asking

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.desk.scope import Row

router = APIRouter()
Sees = Annotated[Viewer, Depends(needs("see"))]
Acts = Annotated[Viewer, Depends(needs("act"))]


@router.get("/tickets/{number}/self-help")
def ticket_selfhelp(request: Request, viewer: Sees, number: int) -> Response:
    """Checks of a ticket, and the links of its customer."""
    return _page(request, viewer, number)


@router.post("/tickets/{number}/check")
def check(request: Request, viewer: Acts, number: int, target: Annotated[str, Form(max_length=100)] = "") -> Response:
    """One probe from outside. Raises AbusehandlerError when it is not allowed, or not now."""
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        _ticket(database, viewer, number)
        asked = asking.ask(database, number, target, selfhelp.recheck, author=viewer.user.login)
    selfhelp.runner.wake()
    wait_for(selfhelp, asked)
    return done(f"/tickets/{number}/self-help", "done")


@router.post("/tickets/{number}/self-help-link")
def make_link(
    request: Request, viewer: Acts, number: int, opens: Annotated[Literal["customer", "ticket"], Form()] = "ticket"
) -> Response:
    """A link that is shown once, on this page alone."""
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        ticket = _ticket(database, viewer, number)
    zone = time_zone_of(selfhelp.portal, ticket["customer_id"])
    with selfhelp.portal.pool.database() as database:
        token = selfhelp_links.make_link(
            database, ticket["customer_id"], number if opens == "ticket" else None, terms=selfhelp.terms,
            made_for=f"{viewer.user.login} at the desk", author=viewer.user.login, time_zone=zone,
        )  # fmt: skip
    address = selfhelp_links.address_of(selfhelp.portal.public_url, token, number)
    return _page(request, viewer, number, address)


@router.post("/tickets/{number}/self-help-revoke")
def revoke(request: Request, viewer: Acts, number: int) -> Response:
    """All links of the ticket's customer end at once."""
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        ticket = _ticket(database, viewer, number)
        selfhelp_links.revoke(database, customer=ticket["customer_id"], author=viewer.user.login)
    return done(f"/tickets/{number}/self-help", "revoked")


@router.get("/contacts")
def contacts(request: Request, viewer: Sees) -> Response:
    """Contacts that customers named, those that wait first."""
    with selfhelp_of(request).portal.pool.database() as database:
        found = read(database, viewer.scope, "selfhelp.proposed")
    return render(request, "contacts", contacts=found)


@router.post("/contacts/{number}")
def decide(
    request: Request, viewer: Acts, number: int, state: Annotated[Literal["approved", "refused"], Form()]
) -> Response:
    """Approves or refuses one."""
    with selfhelp_of(request).portal.pool.database() as database:
        if not read(database, viewer.scope, "selfhelp.proposed_one", contact=number):
            raise HTTPException(404)
        changed = selfhelp_contacts.decide(database, number, state, author=viewer.user.login)
    return done("/contacts", "saved" if changed else "nothing")


def _page(request: Request, viewer: Viewer, number: int, made: str = "") -> Response:
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        ticket = _ticket(database, viewer, number)
        with database.transaction() as cursor:
            choices = asking.choices(cursor, number, selfhelp.recheck)
            checks = asking.of_ticket(cursor, number)
        links = read(database, viewer.scope, "selfhelp.links", customer=ticket["customer_id"])
    return render(
        request, "ticket_selfhelp", ticket=ticket, choices=choices, checks=checks, links=links, made=made,
        enabled=selfhelp.recheck.enabled,
    )  # fmt: skip


def _ticket(database: Database, viewer: Viewer, number: int) -> Row:
    found = ticket_page.ticket(database, viewer.scope, number)
    if found is None:
        raise HTTPException(404)
    return found
