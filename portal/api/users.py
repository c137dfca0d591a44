# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""People and tokens, for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from abusehandler.portal.api.caller import Administers, TokenScope
from abusehandler.portal.api.fields import Asked, InPath, Name, Seen, Told
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.login import passwords
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import api_tokens
from abusehandler.tickets.desk.users import UserStore

if TYPE_CHECKING:
    from abusehandler.portal.api.caller import Caller
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.desk.users import User

router = APIRouter(route_class=ApiRoute, tags=["users"])
Role = Literal["admin", "desk", "read-only", "tenant"]
Password = Annotated[str, Field(min_length=12, max_length=500, pattern=r"^[^\x00]*$")]


class Person(Told):
    """`totp`, `password`, `oidc`: whether there is one."""

    id: int
    login: str
    name: str
    role: str
    account: str | None
    totp: bool
    password: bool
    oidc: bool
    disabled_at: Seen
    last_login_at: Seen
    sessions: int


class People(Told):
    items: list[Person]


class NewPerson(Asked):
    """Without a password the person comes by single sign-on."""

    login: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
    role: Role
    name: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    account: Name | None = None
    password: Password | None = None


class Change(Asked):
    """What is left out stays."""

    role: Role | None = None
    account: Name | None = Field(None, description="Set together with role.")
    disabled: bool | None = None
    password: Password | None = Field(None, description="All sessions of the person end.")
    forget_second_factor: Literal[True] | None = None
    end_sessions: Literal[True] | None = Field(None, description="The person has to log in again, everywhere.")


class Token(Told):
    id: int
    login: str
    name: str
    scopes: list[str]
    account: str | None
    created_at: Seen
    expires_at: Seen
    used_at: Seen


class Tokens(Told):
    items: list[Token]


class NewToken(Asked):
    login: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
    name: Annotated[Name, Field(max_length=100)]
    scopes: Annotated[list[TokenScope], Field(min_length=1, max_length=6)]
    account: Name | None = Field(None, description="Keeps the token to this account's customers.")
    days: Annotated[int, Field(ge=1, le=3660)] | None = Field(365, description="Until it ends; null for no end.")


class Made(Told):
    token: str = Field(description="Shown this once.")


class Number(Told):
    id: int


@router.get("/users", response_model=People, summary="List people")
def list_users(request: Request, caller: Administers) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": UserStore(database).all()}


@router.post("/users", response_model=Number, status_code=201, summary="Add a person")
def add_user(request: Request, caller: Administers, asked: NewPerson) -> Any:
    secret = passwords.hashed(asked.password) if asked.password is not None else None
    with portal_of(request).pool.database() as database:
        return UserStore(database).add(
            asked.login, asked.role, author=caller.author, name=asked.name, account=asked.account, password_hash=secret
        )


@router.patch("/users/{number}", status_code=204, summary="Change a person")
def change_user(request: Request, caller: Administers, number: InPath, asked: Change) -> None:
    if number == caller.viewer.user.id and (asked.disabled or asked.role is not None):
        raise ProblemError(409, "Nobody can take away his own access; ask another administrator.")
    secret = passwords.hashed(asked.password) if asked.password is not None else None
    with portal_of(request).pool.database() as database:
        store = UserStore(database)
        user = store.by_number(number)
        if user is None:
            raise ProblemError(404, f"There is no user {number}.")
        _change(store, user, caller, asked, secret)


def _change(store: UserStore, user: User, caller: Caller, asked: Change, secret: str | None) -> None:
    if asked.role is not None:
        store.change(user, author=caller.author, role=asked.role, account=asked.account, name=user.name)
    elif asked.account is not None:
        raise ProblemError(400, "Write the role beside the account.")
    if secret is not None:
        store.set_password(user, secret, author=caller.author)
    if asked.forget_second_factor:
        store.set_totp(user, None, author=caller.author)
    if asked.end_sessions:
        store.end_sessions(user, author=caller.author)
    if asked.disabled is not None:
        store.disable(user, asked.disabled, author=caller.author)


@router.get("/tokens", response_model=Tokens, summary="List tokens that were not revoked")
def list_tokens(request: Request, caller: Administers) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": api_tokens.listed(database)}


@router.post("/tokens", response_model=Made, status_code=201, summary="Make a token")
def add_token(request: Request, caller: Administers, asked: NewToken) -> Any:
    request.state.secret = True
    with portal_of(request).pool.database() as database:
        user = _known(database, asked.login)
        text = api_tokens.make(
            database, user, asked.name, asked.scopes, days=asked.days, author=caller.author, account=asked.account
        )
    return {"token": text}


def _known(database: Database, login: str) -> User:
    user = UserStore(database).find(login)
    if user is None:
        raise ProblemError(400, f"There is no user {login!r:.100}.")
    return user


@router.delete("/tokens/{number}", status_code=204, summary="Revoke a token")
def revoke_token(request: Request, caller: Administers, number: InPath) -> None:
    with portal_of(request).pool.database() as database:
        if not api_tokens.revoke(database, number, author=caller.author):
            raise ProblemError(404, f"There is no token {number}, or it is revoked.")
