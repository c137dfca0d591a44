# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers and networks: who they are, how they are reached, what was seen of them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.api.caller import Acts, Administers, Sees
from abusehandler.portal.api.fields import Asked, Name, Network, Page, Query, Reason, Seen, Severity, Told, Word
from abusehandler.portal.api.paging import Paged, cursor
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.desk.contacts import directory
from abusehandler.portal.settings import Portal, portal_of
from abusehandler.tickets.answers.mail_addresses import set_state
from abusehandler.tickets.desk import accounts, api_lists, customers

router = APIRouter(route_class=ApiRoute, tags=["customers"])
#: The number of a customer may hold a slash.
InPath = Annotated[str, Path(min_length=1, max_length=300, pattern=r"^[^\x00]+$")]


class Customer(Told):
    """As an event last named it."""

    id: str
    name: str
    language: str
    account: str | None
    seen_at: Seen


class Customers(Page):
    items: list[Customer]


class Contact(Told):
    """A way to reach the customer, as the connector knows it now; `state` is what mails to it have shown."""

    email: str
    role: str
    language: str
    state: str | None


class Sum(Told):
    state: str
    tickets: int
    events: int
    relapses: int


class Day(Told):
    day: date
    events: int


class WholeCustomer(Customer):
    """`contacts` is null where the customer directory cannot be asked, or does not know the customer."""

    contacts: list[Contact] | None
    tickets: list[Sum]
    days: list[Day] = Field(description="Events of each of the last 60 days that had any.")


class CustomerQuery(Paged):
    q: Word = Field("", description="A number, or words of a name.")


class Account(Asked):
    account: Name | None = Field(description="Key of the account; null for none.")


class AddressState(Asked):
    address: Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^\x00\s@]+@[^\x00\s@]+$")]
    state: Literal["ok", "blocked"]
    reason: Reason = ""


class NetworkQuery(Query):
    prefix: Network


class InNetwork(Told):
    id: str
    name: str
    tickets: int
    open: int
    first_seen: Seen
    last_seen: Seen


class ProblemInNetwork(Told):
    problem: str
    tickets: int
    open: int
    events: int


class NetworkHistory(Told):
    """Of at most 5,000 tickets."""

    prefix: str
    customers: list[InNetwork]
    problems: list[ProblemInNetwork]


class Offender(Told):
    id: str
    name: str
    tickets: int
    open: int
    relapses: int
    severity: Severity
    last_seen: Seen


class Offenders(Told):
    items: list[Offender]


@router.get("/customers", response_model=Customers, summary="List customers by number")
def list_customers(request: Request, caller: Sees, asked: Annotated[CustomerQuery, InQuery()]) -> Any:
    after = asked.key("customers", r"(?s).{1,300}")
    with portal_of(request).pool.database() as database:
        found = api_lists.customers(database, caller.scope, asked.q, after=after, limit=asked.limit + 1)
    items = found[: asked.limit]
    return {"items": items, "next": cursor("customers", items[-1]["id"]) if len(found) > asked.limit else None}


@router.get(
    "/offenders", response_model=Offenders, summary="Customers by how often they stand in the newest 5,000 tickets"
)
def list_offenders(request: Request, caller: Sees) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": customers.repeat_offenders(database, caller.scope)}


@router.get("/networks", response_model=NetworkHistory, summary="What was seen of a prefix or address")
def get_network(request: Request, caller: Sees, asked: Annotated[NetworkQuery, InQuery()]) -> Any:
    with portal_of(request).pool.database() as database:
        whose, problems = customers.in_network(database, caller.scope, asked.prefix)
    return {"prefix": asked.prefix, "customers": whose, "problems": problems}


@router.get("/customers/{customer:path}", response_model=WholeCustomer, summary="One customer")
def get_customer(request: Request, caller: Sees, customer: InPath) -> Any:
    portal = portal_of(request)
    with portal.pool.database() as database:
        page = _page(database, caller.scope, customer)
        known = _known(portal, customer)
        mails = [contact.email for contact in known.contacts if contact.email] if known is not None else []
        states = customers.address_states(database, caller.scope, customer, mails)
    contacts = None if known is None else [
        {"email": one.email, "role": one.role, "language": getattr(one, "language", ""),
         "state": states[one.email.lower()]["state"] if one.email.lower() in states else None}
        for one in known.contacts
    ]  # fmt: skip
    return {
        **page.customer, "account": page.customer["account_id"], "contacts": contacts, "tickets": list(page.counts.values()),
        "days": page.days,
    }  # fmt: skip


def _page(database: Any, scope: Any, customer: str) -> customers.CustomerPage:
    page = customers.customer_page(database, scope, customer)
    if page is None:
        raise ProblemError(404, "There is no such customer, or it is not yours to see.")
    return page


def _known(portal: Portal, customer: str) -> Any:
    try:
        return directory(portal).customer(customer)
    except AbusehandlerError:
        return None


@router.put("/customers/{customer:path}/account", status_code=204, summary="Give a customer to an account")
def set_account(request: Request, caller: Administers, customer: InPath, asked: Account) -> None:
    with portal_of(request).pool.database() as database:
        if not accounts.give(database, caller.scope, customer, asked.account, author=caller.author):
            raise ProblemError(404, "There is no such customer, or it is not yours to see.")


@router.put(
    "/customers/{customer:path}/addresses", status_code=204, summary="Say that a mail address works again, or block it"
)
def set_address(request: Request, caller: Acts, customer: InPath, asked: AddressState) -> None:
    """Only for an address of this customer."""
    portal = portal_of(request)
    with portal.pool.database() as database:
        _page(database, caller.scope, customer)
        known = _known(portal, customer)
        if known is None or asked.address.lower() not in {contact.email.lower() for contact in known.contacts}:
            raise ProblemError(404, "This is no mail address of this customer.")
        set_state(database, asked.address, asked.state, author=caller.author, reason=asked.reason or "by API")
