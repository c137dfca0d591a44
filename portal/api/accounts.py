# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Accounts: companies that share the box, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from abusehandler.portal.api.caller import Administers
from abusehandler.portal.api.fields import Asked, Name, Seen, Told
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import administration, customers

router = APIRouter(route_class=ApiRoute, tags=["accounts"])


class Account(Told):
    """`patterns`: LIKE patterns of the numbers of customers that belong to it from the start."""

    id: str
    name: str
    patterns: list[str] = Field(validation_alias="customers_like")
    colour: str
    created_at: Seen
    users: int


class Accounts(Told):
    items: list[Account]


class NewAccount(Asked):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    name: Annotated[Name, Field(max_length=200)]
    patterns: Annotated[list[Name], Field(max_length=100)] = Field(
        [], description="Numbers of customers; * stands for anything."
    )
    colour: Annotated[str, Field(pattern=r"^(#[0-9a-f]{6})?$")] = ""


@router.get("/accounts", response_model=Accounts, summary="List accounts")
def list_accounts(request: Request, caller: Administers) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": customers.accounts(database, caller.scope)}


@router.post("/accounts", status_code=201, summary="Add an account")
def add_account(request: Request, caller: Administers, asked: NewAccount) -> None:
    likes = [
        word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%") for word in asked.patterns
    ]
    with portal_of(request).pool.database() as database:
        administration.add_account(
            database, caller.scope, asked.id, asked.name, likes, asked.colour, author=caller.author
        )
