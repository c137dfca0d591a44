# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Administration: people, tokens, audit trail, health."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from pydantic import Field
from starlette.responses import Response

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.desk import machine
from abusehandler.portal.login import passwords
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import accounts, administration, api_tokens
from abusehandler.tickets.desk.scope import read
from abusehandler.tickets.desk.users import ROLES, Role, User, UserStore

router = APIRouter()
Number = Annotated[int, Field(ge=1, le=9_223_372_036_854_775_807)]
Administers = Annotated[Viewer, Depends(needs("administer"))]


@router.get("/admin")
def health(request: Request, viewer: Administers) -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        numbers = administration.health(database, viewer.scope)
        alerts = administration.alerts(database, viewer.scope)
    return render(request, "admin_health", numbers=numbers, alerts=alerts, machine=machine.look(portal.configuration))


@router.post("/admin/alerts/seen")
def alerts_seen(
    request: Request, viewer: Administers, alert: Annotated[list[Number], Form(max_length=500)]
) -> Response:
    """A person has looked at them."""
    with portal_of(request).pool.database() as database:
        read(database, viewer.scope, "api.see_alerts", alerts=alert, author=viewer.user.login)
    return done("/admin", "done")


@router.get("/admin/users")
def users(request: Request, viewer: Administers) -> Response:
    return _users(request, viewer)


def _users(request: Request, viewer: Viewer, *, wrong: str = "", token: str = "") -> Response:
    with portal_of(request).pool.database() as database:
        people = UserStore(database).all()
        companies = accounts.listed(database, viewer.scope)
        tokens = api_tokens.listed(database)
    return render(
        request, "admin_users", 400 if wrong else 200, people=people, accounts=companies, tokens=tokens, roles=ROLES, wrong=wrong,
        token=token, scopes=api_tokens.SCOPES,
    )  # fmt: skip


@router.post("/admin/users")
def add_user(
    request: Request, viewer: Administers, login: Annotated[str, Form(max_length=100)], role: Annotated[str, Form(max_length=20)],
    name: Annotated[str, Form(max_length=200)] = "", account: Annotated[str, Form(max_length=40)] = "",
    password: Annotated[str, Form(max_length=500)] = "",
) -> Response:  # fmt: skip
    """Without a password the person comes by single sign-on."""
    try:
        secret = passwords.hashed(password) if password else None
        with portal_of(request).pool.database() as database:
            UserStore(database).add(
                login.strip(),
                _role(role),
                author=viewer.user.login,
                name=name,
                account=account or None,
                password_hash=secret,
            )
    except AbusehandlerError as error:
        return _users(request, viewer, wrong=str(error))
    return done("/admin/users", "saved")


@router.post("/admin/users/{number}")
def change_user(
    request: Request, viewer: Administers, number: int, verb: Annotated[str, Form(max_length=20)],
    role: Annotated[str, Form(max_length=20)] = "", account: Annotated[str, Form(max_length=40)] = "",
    password: Annotated[str, Form(max_length=500)] = "",
) -> Response:  # fmt: skip
    if number == viewer.user.id and verb in ("disable", "role"):
        raise AbusehandlerError("Nobody can take away his own access; ask another administrator.")
    secret = passwords.hashed(password) if verb == "password" else ""
    with portal_of(request).pool.database() as database:
        store = UserStore(database)
        user = store.by_number(number)
        if user is None:
            raise HTTPException(404)
        if verb in ("disable", "enable"):
            store.disable(user, verb == "disable", author=viewer.user.login)
        elif verb == "role":
            store.change(user, author=viewer.user.login, role=_role(role), account=account or None, name=user.name)
        elif verb == "password":
            store.set_password(user, secret, author=viewer.user.login)
        elif verb == "end-sessions":
            store.end_sessions(user, author=viewer.user.login)
        elif verb == "forget-second-factor":
            store.set_totp(user, None, author=viewer.user.login)
        else:
            raise HTTPException(400)
    return done("/admin/users", "saved")


def _role(text: str) -> Role:
    if text not in ROLES:
        raise HTTPException(400)
    return text


@router.post("/admin/tokens")
def make_token(
    request: Request, viewer: Administers, login: Annotated[str, Form(max_length=100)], name: Annotated[str, Form(max_length=100)],
    scope: Annotated[list[str] | None, Form()] = None, days: Annotated[int, Form(ge=0, le=3660)] = 365,
    account: Annotated[str, Form(max_length=40)] = "",
) -> Response:  # fmt: skip
    """The token's text is shown once, on the page that answers."""
    with portal_of(request).pool.database() as database:
        user: User | None = UserStore(database).find(login)
        if user is None:
            raise AbusehandlerError(f"there is no user {login!r}")
        try:
            text = api_tokens.make(
                database, user, name, scope or [], days=days or None, author=viewer.user.login, account=account or None
            )
        except AbusehandlerError as error:
            wrong = str(error)
        else:
            return _users(request, viewer, token=text)
    return _users(request, viewer, wrong=wrong)


@router.post("/admin/tokens/{number}/revoke")
def revoke_token(request: Request, viewer: Administers, number: int) -> Response:
    with portal_of(request).pool.database() as database:
        api_tokens.revoke(database, number, author=viewer.user.login)
    return done("/admin/users", "revoked")


@router.get("/admin/audit")
def audit(
    request: Request, viewer: Administers, kind: str = "", number: str = "", actor: str = "", before: int = 0
) -> Response:
    asked = {
        "kind": kind.replace("\0", "")[:30],
        "number": number.replace("\0", "")[:300],
        "actor": actor.replace("\0", "")[:200],
    }
    with portal_of(request).pool.database() as database:
        lines = administration.audit(
            database,
            viewer.scope,
            kind=asked["kind"],
            number=asked["number"],
            actor=asked["actor"],
            before=max(before, 0),
        )
    return render(request, "admin_audit", lines=lines, asked=asked)
