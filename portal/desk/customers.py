# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers and networks: repeat offenders, one customer's history and contacts, one prefix's history."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.desk.contacts import directory
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.settings import Portal, portal_of
from abusehandler.tickets.answers.mail_addresses import set_state
from abusehandler.tickets.desk import accounts, customers
from abusehandler.tickets.desk.ticket_list import network_of

router = APIRouter()
Sees = Annotated[Viewer, Depends(needs("see"))]
Administers = Annotated[Viewer, Depends(needs("administer"))]
Acts = Annotated[Viewer, Depends(needs("act"))]


@router.get("/customers")
def all_customers(request: Request, viewer: Sees, q: str = "") -> Response:
    q = q.strip().replace("\0", "")[:200]
    network = network_of(q) if "." in q or ":" in q else None
    if network is not None:
        return done(f"/networks?prefix={network}")
    with portal_of(request).pool.database() as database:
        found = customers.search(database, viewer.scope, q) if q else []
        offenders = [] if q else customers.repeat_offenders(database, viewer.scope)
    return render(request, "customers", q=q, found=found, offenders=offenders)


@router.get("/networks")
def network(request: Request, viewer: Sees, prefix: str = "") -> Response:
    found = network_of(prefix)
    if found is None:
        raise HTTPException(400, "Write a prefix or address, for example 192.0.2.0/24.")
    with portal_of(request).pool.database() as database:
        whose, problems = customers.in_network(database, viewer.scope, found)
    return render(request, "network", prefix=found, whose=whose, problems=problems)


@router.get("/customers/{customer:path}")
def one_customer(request: Request, viewer: Sees, customer: str) -> Response:
    portal = portal_of(request)
    customer = customer.replace("\0", "")
    with portal.pool.database() as database:
        page = customers.customer_page(database, viewer.scope, customer)
        if page is None:
            raise HTTPException(404)
        known, trouble = _known(portal, customer)
        mails = [contact.email for contact in known.contacts if contact.email] if known is not None else []
        states = customers.address_states(database, viewer.scope, customer, mails)
        companies = accounts.listed(database, viewer.scope) if viewer.may("administer") else []
    return render(request, "customer", page=page, known=known, trouble=trouble, states=states, accounts=companies)


def _known(portal: Portal, customer: str) -> tuple[Any, str]:
    """The customer as the connector knows him now, or why it cannot be asked."""
    try:
        return directory(portal).customer(customer), ""
    except AbusehandlerError as error:
        return None, str(error)


@router.post("/customers/{customer:path}/account")
def set_account(
    request: Request, viewer: Administers, customer: str, account: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    with portal_of(request).pool.database() as database:
        if not accounts.give(database, viewer.scope, customer, account or None, author=viewer.user.login):
            raise HTTPException(404)
    return done(f"/customers/{quote(customer)}", "saved")


@router.post("/customers/{customer:path}/address")
def set_address(
    request: Request, viewer: Acts, customer: str, address: Annotated[str, Form(max_length=254)],
    state: Annotated[str, Form(max_length=20)], reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:  # fmt: skip
    """Only for an address that is this customer's: whoever may see the customer may say that it works again."""
    portal = portal_of(request)
    if state not in ("ok", "blocked"):
        raise HTTPException(400)
    with portal.pool.database() as database:
        page = customers.customer_page(database, viewer.scope, customer)
        known, _ = _known(portal, customer) if page is not None else (None, "")
        if known is None or address.lower() not in {contact.email.lower() for contact in known.contacts}:
            raise HTTPException(404)
        set_state(
            database,
            address,
            "ok" if state == "ok" else "blocked",
            author=viewer.user.login,
            reason=reason or "at the desk",
        )
    return done(f"/customers/{quote(customer)}", "saved")
