# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Accounts: companies that share the box, and what their customers' pages look like, for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from abusehandler.portal.api.caller import Administers
from abusehandler.portal.api.fields import Asked, Name, Seen, Told
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.selfhelp.service import selfhelp_of
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import accounts
from abusehandler.tickets.logo import LARGEST_LOGO
from abusehandler.tickets.selfhelp_brand import LONGEST_TEXT, set_brand

if TYPE_CHECKING:
    from abusehandler.portal.api.caller import Caller
    from abusehandler.tickets.desk.scope import Row

router = APIRouter(route_class=ApiRoute, tags=["accounts"])
Key = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Pattern = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00\s]+$")]
Colour = Annotated[str, Field(pattern=r"^(#[0-9a-f]{6})?$")]
Zone = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9_+/-]*$")]
Words = Annotated[str, Field(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Place = Literal["greeting", "contact", "footer"]


class Account(Told):
    """`patterns`: numbers of customers that belong to it; * stands for anything."""

    id: str
    name: str
    patterns: list[str]
    colour: str
    logo: bool
    time_zone: str
    created_at: Seen
    users: int


class Accounts(Told):
    items: list[Account]


class WholeAccount(Account):
    """`fitting`: customers of no account whose number fits, counted up to 10,000; `POST …/customers` takes them over."""

    texts: dict[str, dict[str, str]] = Field(description="Own words by place and language.")
    customers: int
    fitting: int


class NewAccount(Asked):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    name: Annotated[Name, Field(max_length=200)]
    patterns: Annotated[list[Pattern], Field(max_length=100)] = Field(
        [], description="Numbers of customers; * stands for anything."
    )
    colour: Colour = ""
    time_zone: Zone = Field("", description="Of its customers' pages, for example Europe/Vienna.")


class Change(Asked):
    """What is left out stays."""

    name: Annotated[Name, Field(max_length=200)] | None = None
    patterns: Annotated[list[Pattern], Field(max_length=100)] | None = None
    colour: Colour | None = None
    time_zone: Zone | None = None
    texts: dict[Place, dict[Language, Words]] | None = Field(
        None, description="Own words by place (greeting, contact, footer) and language; an empty text takes them away."
    )


class Taken(Told):
    """`more`: there are more than there was time for; ask again."""

    taken: int
    more: bool


def _told(row: Row) -> dict[str, Any]:
    return {**row, "patterns": accounts.as_words(row["customers_like"])}


@router.get("/accounts", response_model=Accounts, summary="List accounts")
def list_accounts(request: Request, caller: Administers) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": [_told(row) for row in accounts.listed(database, caller.scope)]}


@router.post("/accounts", status_code=201, response_model=Taken, summary="Add an account")
def add_account(request: Request, caller: Administers, asked: NewAccount) -> Any:
    """Customers that are there and fit come over at once, as many as there is time for."""
    with portal_of(request).pool.database() as database:
        accounts.add(
            database, caller.scope, asked.id, asked.name, accounts.likes(asked.patterns), author=caller.author, colour=asked.colour,
            time_zone=asked.time_zone,
        )  # fmt: skip
        taken, more = accounts.take(database, caller.scope, asked.id, author=caller.author)
    return {"taken": taken, "more": more}


@router.get("/accounts/{account}", response_model=WholeAccount, summary="One account")
def get_account(request: Request, caller: Administers, account: Key) -> Any:
    with portal_of(request).pool.database() as database:
        row = _found(accounts.one(database, caller.scope, account), account)
        fitting = accounts.waiting(database, caller.scope, row["customers_like"])
    texts = {place: said if isinstance(said, dict) else {"en": said} for place, said in row["texts"].items()}
    return {**_told(row), "texts": texts, "fitting": fitting}


@router.patch("/accounts/{account}", status_code=204, summary="Change an account")
def change_account(request: Request, caller: Administers, account: Key, asked: Change) -> None:
    patterns = None if asked.patterns is None else accounts.likes(asked.patterns)
    texts: dict[tuple[str, str], str] = {
        (place, language): text for place, said in (asked.texts or {}).items() for language, text in said.items()
    }
    with portal_of(request).pool.database() as database:
        _found(accounts.one(database, caller.scope, account), account)
        accounts.change(
            database, caller.scope, account, author=caller.author, name=asked.name, patterns=patterns, time_zone=asked.time_zone
        )  # fmt: skip
        if asked.colour is not None or texts:
            set_brand(database, account, author=caller.author, colour=asked.colour, texts=texts)
    _forget(request, account)


@router.post("/accounts/{account}/customers", response_model=Taken, summary="Take over customers whose number fits")
def take_customers(request: Request, caller: Administers, account: Key) -> Any:
    """Those of no account, with their tickets."""
    with portal_of(request).pool.database() as database:
        _found(accounts.one(database, caller.scope, account), account)
        taken, more = accounts.take(database, caller.scope, account, author=caller.author)
    return {"taken": taken, "more": more}


_PICTURE = {"schema": {"type": "string", "format": "binary", "minLength": 1}}
_PICTURES = ("image/png", "image/jpeg", "image/webp", "image/svg+xml")


@router.put(
    "/accounts/{account}/logo", status_code=204, summary="Set the logo of customers' pages",
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(_PICTURES, _PICTURE)}},
)  # fmt: skip
async def set_logo(request: Request, caller: Administers, account: Key) -> None:
    """The bytes of the picture, at most 500 kB and 4000 pixels each way. What it is tell its bytes; an SVG is cleaned."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _PICTURES:
        raise ProblemError(415, f"A logo comes as {', '.join(_PICTURES)}.")
    content = await request.body()
    if not content:
        raise ProblemError(400, "The body is empty.")
    if len(content) > LARGEST_LOGO:
        raise ProblemError(413, f"A logo has at most {LARGEST_LOGO} bytes.")
    await run_in_threadpool(_set_logo, request, caller, account, content)


@router.delete("/accounts/{account}/logo", status_code=204, summary="Take the logo away")
def remove_logo(request: Request, caller: Administers, account: Key) -> None:
    _set_logo(request, caller, account, b"")


def _set_logo(request: Request, caller: Caller, account: str, content: bytes) -> None:
    with portal_of(request).pool.database() as database:
        _found(accounts.one(database, caller.scope, account), account)
        set_brand(database, account, author=caller.author, logo=content)
    _forget(request, account)


def _forget(request: Request, account: str) -> None:
    selfhelp_of(request).brands.forget(account)


def _found(row: Row | None, account: str) -> Row:
    if row is None:
        raise ProblemError(404, f"There is no account {account!r}.")
    return row
