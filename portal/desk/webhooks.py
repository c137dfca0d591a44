# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Webhooks at the desk: which programs are told, what became of the messages, what failed sent again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import accounts
from abusehandler.tickets.webhooks.store import KINDS, STATES, WebhookStore
from abusehandler.tickets.webhooks.target import Reach

router = APIRouter()
Administers = Annotated[Viewer, Depends(needs("administer"))]
PER_PAGE = 50
_LAST = 9_223_372_036_854_775_807


@router.get("/admin/webhooks")
def webhooks(request: Request, viewer: Administers) -> Response:
    return _page(request, viewer)


def _page(
    request: Request, viewer: Viewer, *, wrong: str = "", secret: str = "", url: str = "", kinds: tuple[str, ...] = KINDS
) -> Response:  # fmt: skip
    with portal_of(request).pool.database() as database:
        found = WebhookStore(database).listed()
        companies = accounts.listed(database, viewer.scope)
    return render(
        request, "admin_webhooks", 400 if wrong else 200, webhooks=found, accounts=companies, all_kinds=KINDS, wrong=wrong,
        secret=secret, url=url, kinds=kinds,
    )  # fmt: skip


@router.post("/admin/webhooks")
def add(
    request: Request, viewer: Administers, url: Annotated[str, Form(max_length=2000)],
    kind: Annotated[list[str] | None, Form()] = None, account: Annotated[str, Form(max_length=40)] = "",
) -> Response:  # fmt: skip
    """The secret is shown once, on the page that answers. Where messages may not go is refused (tickets/webhooks/target.py)."""
    portal = portal_of(request)
    reach = Reach.of(portal.configuration.webhooks.allowed_networks, portal.configuration.networks.prefixes)
    try:
        with portal.pool.database() as database:
            made = WebhookStore(database).add(
                url.strip(), kind or [], reach, author=viewer.user.login, account=account or None
            )
    except AbusehandlerError as error:
        return _page(request, viewer, wrong=str(error), url=url, kinds=tuple(kind or ()))
    return _page(request, viewer, secret=made.secret)


@router.get("/admin/webhooks/{number}")
def deliveries(request: Request, viewer: Administers, number: int, state: str = "", before: int = 0) -> Response:
    state = state if state in STATES else ""
    before = before if 0 < before < _LAST else 0
    with portal_of(request).pool.database() as database:
        store = WebhookStore(database)
        webhook = store.find(number)
        if webhook is None:
            raise HTTPException(404)
        found = store.deliveries(number, state=state or None, before=before, limit=PER_PAGE + 1)
    return render(
        request, "admin_webhook", webhook=webhook, deliveries=found[:PER_PAGE], state=state, states=STATES, before=before,
        older=found[PER_PAGE - 1]["id"] if len(found) > PER_PAGE else 0,
    )  # fmt: skip


@router.post("/admin/webhooks/{number}")
def change(
    request: Request, viewer: Administers, number: int, verb: Annotated[str, Form(max_length=20)],
    delivery: Annotated[int, Form(ge=0, le=_LAST)] = 0,
) -> Response:  # fmt: skip
    author = viewer.user.login
    with portal_of(request).pool.database() as database:
        store = WebhookStore(database)
        if store.find(number) is None:
            raise HTTPException(404)
        if verb == "pause":
            changed = store.pause(number, author=author)
        elif verb == "enable":
            changed = store.enable(number, author=author)
        elif verb == "test":
            changed = store.test(number, author=author)
        elif verb == "retry":
            changed = bool(store.try_again(number, author=author, delivery=delivery or None))
        elif verb == "remove":
            store.remove(number, author=author)
            return done("/admin/webhooks", "done")
        else:
            raise HTTPException(400)
    return done(f"/admin/webhooks/{number}", "done" if changed else "nothing")
