# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages around the login: come in, go out, single sign-on, and a person's own password, second factor and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import segno
from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.login import passwords
from abusehandler.portal.login.address import client_address
from abusehandler.portal.login.gate import viewer_of
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.login.single_sign_on import ATTEMPT_SECONDS, Attempt, Provider
from abusehandler.portal.pages import done, render
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk.sessions import SessionStore
from abusehandler.tickets.desk.users import User, UserStore

if TYPE_CHECKING:
    from abusehandler.portal.login.seal import Seal

router = APIRouter()
WRONG = "Login, password or code is not right."
THROTTLED = "Too many tries. Wait a quarter of an hour."
Me = Annotated[Viewer, Depends(viewer_of)]


@router.get("/login")
def login_page(request: Request, next: str = "/") -> Response:
    if request.state.viewer is not None:
        return done(_own_path(next))
    sign_on = portal_of(request).configuration.portal.single_sign_on
    return render(request, "login", next=_own_path(next), wrong="", login="", sign_on=sign_on)


@router.post("/login")
def login(
    request: Request, login: Annotated[str, Form(max_length=100)], password: Annotated[str, Form(max_length=500)],
    code: Annotated[str, Form(max_length=20)] = "", next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:  # fmt: skip
    portal = portal_of(request)
    address = client_address(request, portal.configuration.portal.proxies)
    login = login.strip().replace("\0", "")
    with portal.pool.database() as database:
        users = UserStore(database)
        if users.is_throttled(login, address):
            return _again(request, login, next, THROTTLED, 429)
        # counted before it is checked, so that many at once are no more than one after the other
        users.note_failure(login, address)
        user = users.find(login)
    # hashing takes a tenth of a second: not while a connection is held
    right = passwords.is_right(password, user.password_hash if user is not None else None)
    with portal.pool.database() as database:
        users = UserStore(database)
        if (
            not right
            or user is None
            or user.disabled_at is not None
            or not _second_factor(portal.seal, users, user, code)
        ):
            return _again(request, login, next, WRONG, 403)
        if user.password_hash is not None and passwords.is_outdated(user.password_hash):
            users.set_password(user, passwords.hashed(password), author=user.login, audit=False)
        return _let_in(request, database, user, "password" + (" and code" if user.totp_secret else ""), next)


def _second_factor(seal: Seal, users: UserStore, user: User, code: str) -> bool:
    if user.totp_secret is None:
        return True
    secret = seal.open(user.totp_secret, user.id)
    step = passwords.step_of(code, secret)
    if step is None or not users.use_totp_step(user, step):
        return False
    if seal.is_needed(user.totp_secret):
        users.seal_totp(user, seal.close(secret, user.id))
    return True


def _again(request: Request, login: str, next: str, wrong: str, status: int) -> Response:
    sign_on = portal_of(request).configuration.portal.single_sign_on
    return render(request, "login", status, next=_own_path(next), wrong=wrong, login=login, sign_on=sign_on)


def _let_in(request: Request, database: Any, user: User, how: str, next: str) -> Response:
    portal = portal_of(request)
    address = client_address(request, portal.configuration.portal.proxies)
    UserStore(database).note_login(user, address, how)
    value = SessionStore(database, idle=portal.session_idle).begin(
        user, lasts=portal.session_lasts, address=address, agent=request.headers.get("user-agent", "")
    )
    answer = done(_own_path(next))
    # lax: a link in a mail to a ticket opens the ticket; forms are guarded by their token
    answer.set_cookie(
        portal.session_cookie, value, max_age=int(portal.session_lasts.total_seconds()), httponly=True,
        samesite="lax", secure=portal.https, path="/",
    )  # fmt: skip
    return answer


def _own_path(path: str) -> str:
    """A path of this portal, whatever a link to the login page says."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain and not path.startswith("/login") else "/"


@router.post("/logout")
def logout(request: Request, me: Me) -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        SessionStore(database, idle=portal.session_idle).end(me.session, author=me.user.login)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(portal.session_cookie, path="/", secure=portal.https, httponly=True, samesite="lax")
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


# Single sign-on


@router.post("/login/sso")
def begin_single_sign_on(request: Request, next: Annotated[str, Form(max_length=2000)] = "/") -> Response:
    portal = portal_of(request)
    url, attempt = Provider.of(portal).begin(_own_path(next))
    answer = RedirectResponse(url, 303)
    # lax, because the provider sends the browser back from its own site
    answer.set_cookie(
        portal.visit_cookie + "-sso", attempt.text(), max_age=ATTEMPT_SECONDS, httponly=True, samesite="lax",
        secure=portal.https, path="/",
    )  # fmt: skip
    return answer


@router.get("/login/sso")
def end_single_sign_on(request: Request, code: str = "", state: str = "") -> Response:
    portal = portal_of(request)
    attempt = Attempt.of(request.cookies.get(portal.visit_cookie + "-sso", ""))
    if attempt is None:
        raise HTTPException(400, "This login was begun too long ago or in another browser. Begin again.")
    person = Provider.of(portal).end(attempt, code, state)
    with portal.pool.database() as database:
        user = person.user(UserStore(database))
        if user is None or user.disabled_at is not None:
            raise HTTPException(403, f"You are known as {person.login}, but nobody has given you access here.")
        answer = _let_in(request, database, user, "single sign-on", attempt.next)
    answer.delete_cookie(portal.visit_cookie + "-sso", path="/", secure=portal.https, httponly=True, samesite="lax")
    return answer


# A person's own page


@router.get("/me")
def my_page(request: Request, me: Me) -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        sessions = SessionStore(database, idle=portal.session_idle).of_user(me.user.id)
    return render(request, "me", sessions=sessions, wrong="", secret="", qr="")


def _my_page_again(request: Request, me: Viewer, **shown: str) -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        sessions = SessionStore(database, idle=portal.session_idle).of_user(me.user.id)
    status = 400 if shown.get("wrong") else 200
    return render(request, "me", status, sessions=sessions, **{"wrong": "", "secret": "", "qr": "", **shown})


def _confirm(request: Request, me: Viewer, password: str) -> str:
    """What is wrong with the password that confirms a change; counts as a login, so that a stolen session cannot guess."""
    portal = portal_of(request)
    address = client_address(request, portal.configuration.portal.proxies)
    with portal.pool.database() as database:
        if UserStore(database).is_throttled(me.user.login, address):
            return THROTTLED
        UserStore(database).note_failure(me.user.login, address)
    if not passwords.is_right(password, me.user.password_hash):
        return "The present password is not right."
    with portal.pool.database() as database:
        UserStore(database).forgive(me.user.login, address)
    return ""


@router.post("/me/password")
def change_password(
    request: Request, me: Me, present: Annotated[str, Form(max_length=500)], new: Annotated[str, Form(max_length=500)],
    again: Annotated[str, Form(max_length=500)],
) -> Response:  # fmt: skip
    wrong = _confirm(request, me, present)
    if not wrong and new != again:
        wrong = "The new password was typed in two ways."
    if not wrong:
        try:
            hash_of_new = passwords.hashed(new)
        except AbusehandlerError as error:
            wrong = str(error)
    if wrong:
        return _my_page_again(request, me, wrong=wrong)
    with portal_of(request).pool.database() as database:
        UserStore(database).set_password(me.user, hash_of_new, author=me.user.login)
        return _let_in(request, database, me.user, "new password", "/me?done=saved")


@router.post("/me/second-factor")
def second_factor(
    request: Request, me: Me, present: Annotated[str, Form(max_length=500)] = "",
    secret: Annotated[str, Form(max_length=64)] = "", code: Annotated[str, Form(max_length=20)] = "",
) -> Response:  # fmt: skip
    """First without a code: shows a secret as QR code. Then with both, and the password: sets it."""
    secret = secret if secret and set(secret) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") else passwords.new_secret()
    wrong = ""
    if code:
        step = passwords.step_of(code, secret)
        wrong = _confirm(request, me, present)
        if not wrong and step is None:
            wrong = "The code does not fit; are the clocks right?"
        if not wrong:
            with portal_of(request).pool.database() as database:
                users = UserStore(database)
                users.set_totp(me.user, portal_of(request).seal.close(secret, me.user.id), author=me.user.login)
                users.use_totp_step(me.user, step or 0)
            return done("/me", "saved")
    uri = passwords.secret_uri(secret, me.user.login, portal_of(request).configuration.organisation.name)
    drawn = segno.make(uri, error="m", micro=False).svg_inline(
        scale=5, border=2, dark="#000", light="#fff", omitsize=True
    )
    return _my_page_again(request, me, wrong=wrong, secret=secret, qr=drawn)


@router.post("/me/second-factor/off")
def second_factor_off(request: Request, me: Me, present: Annotated[str, Form(max_length=500)]) -> Response:
    wrong = _confirm(request, me, present)
    if wrong:
        return _my_page_again(request, me, wrong=wrong)
    with portal_of(request).pool.database() as database:
        UserStore(database).set_totp(me.user, None, author=me.user.login)
    return done("/me", "saved")


@router.post("/me/sessions/{number}/end")
def end_session(request: Request, me: Me, number: int) -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        SessionStore(database, idle=portal.session_idle).end(number, author=me.user.login, user=me.user.id)
    return done("/me", "revoked")
