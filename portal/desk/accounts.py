# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Accounts at the desk: whose customers they are, and what their customers' pages look like, with a preview."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.security.headers import FRAMED_POLICY
from abusehandler.portal.selfhelp import rendering
from abusehandler.portal.selfhelp.brand import ENOUGH, shades
from abusehandler.portal.selfhelp.pages import title
from abusehandler.portal.selfhelp.service import selfhelp_of
from abusehandler.portal.selfhelp.words import languages, words
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import accounts
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.logo import LARGEST_LOGO, MOST_PIXELS
from abusehandler.tickets.selfhelp_brand import LONGEST_TEXT, PLACES, set_brand
from abusehandler.tickets.selfhelp_links import Link

if TYPE_CHECKING:
    from abusehandler.tickets.desk.scope import Row

router = APIRouter()
Administers = Annotated[Viewer, Depends(needs("administer"))]
Key = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
#: What the preview tells of: an address for documentation (RFC 5737), so that nobody is named.
SAMPLE_PROBLEM, SAMPLE_ADDRESS, SAMPLE_PORT = "open-dns-resolver", "192.0.2.5", 53


@functools.cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")))


@router.get("/admin/accounts")
def all_accounts(request: Request, viewer: Administers) -> Response:
    return _all(request, viewer)


def _all(request: Request, viewer: Viewer, wrong: str = "") -> Response:
    with portal_of(request).pool.database() as database:
        found = accounts.listed(database, viewer.scope)
    return render(
        request, "admin_accounts", 400 if wrong else 200, accounts=found, wrong=wrong, zones=_zones(), as_words=accounts.as_words,
    )  # fmt: skip


@router.post("/admin/accounts")
def add_account(
    request: Request, viewer: Administers, key: Annotated[str, Form(max_length=40)], name: Annotated[str, Form(max_length=200)],
    patterns: Annotated[str, Form(max_length=2000)] = "", colour: Annotated[str, Form(max_length=7)] = "",
    time_zone: Annotated[str, Form(max_length=60)] = "",
) -> Response:  # fmt: skip
    """Customers that fit come over at once, as many as there is time for."""
    try:
        with portal_of(request).pool.database() as database:
            accounts.add(
                database, viewer.scope, key, name, accounts.likes(patterns.split()),
                author=viewer.user.login, colour=colour.lower(), time_zone=time_zone,
            )  # fmt: skip
            accounts.take(database, viewer.scope, key, author=viewer.user.login)
    except AbusehandlerError as error:
        return _all(request, viewer, str(error))
    return done(f"/admin/accounts/{key}", "saved")


@router.get("/admin/accounts/{key}")
def one_account(request: Request, viewer: Administers, key: Key) -> Response:
    return _one(request, viewer, key)


def _one(request: Request, viewer: Viewer, key: str, wrong: str = "") -> Response:
    with portal_of(request).pool.database() as database:
        account = _found(accounts.one(database, viewer.scope, key))
        waiting = accounts.waiting(database, viewer.scope, account["customers_like"])
    selfhelp = selfhelp_of(request)
    own = {place: said if isinstance(said, dict) else {"en": said} for place, said in account["texts"].items()}
    return render(
        request, "admin_account", 400 if wrong else 200, account=account, waiting=waiting, wrong=wrong, zones=_zones(),
        patterns=" ".join(accounts.as_words(account["customers_like"])), own=own, places=PLACES, shades=shades(account["colour"]),
        languages=[(each, words(each)["language_name"]) for each in languages()], operator=selfhelp.brands.operator(),
        enough=ENOUGH, largest=LARGEST_LOGO, pixels=MOST_PIXELS, longest=LONGEST_TEXT,
    )  # fmt: skip


def _found(account: Row | None) -> Row:
    if account is None:
        raise HTTPException(404)
    return account


@router.post("/admin/accounts/{key}")
def change_account(
    request: Request, viewer: Administers, key: Key, name: Annotated[str, Form(max_length=200)],
    patterns: Annotated[str, Form(max_length=2000)] = "", time_zone: Annotated[str, Form(max_length=60)] = "",
) -> Response:  # fmt: skip
    try:
        with portal_of(request).pool.database() as database:
            changed = accounts.change(
                database, viewer.scope, key, author=viewer.user.login, name=name, time_zone=time_zone,
                patterns=accounts.likes(patterns.split()),
            )  # fmt: skip
    except AbusehandlerError as error:
        return _one(request, viewer, key, str(error))
    if not changed:
        raise HTTPException(404)
    selfhelp_of(request).brands.forget(key)
    return done(f"/admin/accounts/{key}", "saved")


@router.post("/admin/accounts/{key}/take")
def take_customers(request: Request, viewer: Administers, key: Key) -> Response:
    """Customers that are there already and fit the patterns; the page says if there are more than there was time for."""
    with portal_of(request).pool.database() as database:
        _found(accounts.one(database, viewer.scope, key))
        taken, more = accounts.take(database, viewer.scope, key, author=viewer.user.login)
    return done(f"/admin/accounts/{key}", "done" if taken or more else "nothing")


@router.post("/admin/accounts/{key}/looks")
async def change_looks(request: Request, viewer: Administers, key: Key) -> Response:
    """Colour, logo, and words as `place|language`; a logo is known by its bytes alone."""
    form = await request.form(max_files=2, max_fields=200)
    texts = {}
    for name, value in form.items():
        place, bar, language = name.partition("|")
        if bar and isinstance(value, str):
            texts[place, language] = value.replace("\r\n", "\n").strip()
    file = form.get("logo")
    logo = await file.read(LARGEST_LOGO + 1) if isinstance(file, UploadFile) else b""
    remove = form.get("remove_logo") == "yes"
    colour = str(form.get("colour", "")).strip().lower()
    return await run_in_threadpool(_looks, request, viewer, key, colour, logo or (b"" if remove else None), texts)


def _looks(
    request: Request, viewer: Viewer, key: str, colour: str, logo: bytes | None, texts: dict[tuple[str, str], str]
) -> Response:
    try:
        with portal_of(request).pool.database() as database:
            _found(accounts.one(database, viewer.scope, key))
            set_brand(database, key, author=viewer.user.login, colour=colour, logo=logo, texts=texts)
    except AbusehandlerError as error:
        return _one(request, viewer, key, str(error))
    selfhelp_of(request).brands.forget(key)
    return done(f"/admin/accounts/{key}#looks", "saved")


@router.get("/admin/accounts/{key}/preview")
def preview(request: Request, viewer: Administers, key: Key) -> Response:
    """A customer's page as the account's customers see it, with a made-up ticket; its forms do nothing."""
    with portal_of(request).pool.database() as database:
        account = _found(accounts.one(database, viewer.scope, key))
    selfhelp = selfhelp_of(request)
    link = Link(0, "", None, "", "", key, account["time_zone"])
    language = rendering.language_of(request, link)
    problem = selfhelp.portal.catalogue.problems[SAMPLE_PROBLEM]
    answer = rendering.render(
        request, "preview", link=link, token="", title=title(selfhelp, SAMPLE_PROBLEM, language), address=SAMPLE_ADDRESS,
        port=SAMPLE_PORT, seen_at=now_utc() - timedelta(hours=5),
        help=selfhelp.help_texts.of(problem, language, address=SAMPLE_ADDRESS, port=SAMPLE_PORT, host=None),
    )  # fmt: skip
    answer.headers["Content-Security-Policy"] = FRAMED_POLICY
    return answer
