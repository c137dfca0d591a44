# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The list of tickets: filters in the address, saved views, actions on many with undo."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from abusehandler.portal.desk import acting
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, query, render
from abusehandler.portal.settings import Portal, portal_of
from abusehandler.tickets.desk import ticket_list, views
from abusehandler.tickets.desk.scope import read

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

router = APIRouter()
Sees = Annotated[Viewer, Depends(needs("see"))]
Acts = Annotated[Viewer, Depends(needs("act"))]
#: Names of feeds and counts by state are looked up at most this often.
REMEMBERED_SECONDS = 30
_remembered: dict[tuple[str, str | None, int], tuple[float, Any]] = {}


@router.get("/")
def start() -> Response:
    return done("/tickets")


@router.get("/tickets")
def tickets(request: Request, viewer: Sees, after: str = "", before: str = "", undo: int = 0) -> Response:
    asked = ticket_list.TicketFilter.of(parse_qs(request.url.query))
    portal = portal_of(request)
    with portal.pool.database() as database:
        page = ticket_list.page(database, viewer.scope, asked, after=after, before=before)
        counts = _counts(portal, database, viewer)
        feeds = _feeds(portal, database, viewer)
        own_views = views.of_user(database, viewer.user.id, account=viewer.user.account)
    address = asked.address()
    back = "/tickets?" + query(address, after=after, before=before)
    return render(
        request, "tickets", page=page, asked=asked, address=address, counts=counts, feeds=feeds, views=own_views,
        problem_groups=problem_groups(portal), undo=undo, back=back,
    )  # fmt: skip


def _counts(portal: Portal, database: Database, viewer: Viewer) -> dict[str, Any]:
    """Tickets by state, remembered for a moment: counting a million takes longer than reading a page of them."""
    key = ("counts", viewer.user.account, portal.number)
    at, known = _remembered.get(key, (-1e9, {}))
    if time.monotonic() - at > REMEMBERED_SECONDS:
        known = {row["state"]: row for row in read(database, viewer.scope, "ticket_list.counts_by_state")}
        _remembered[key] = (time.monotonic(), known)
    return dict(known)


def _feeds(portal: Portal, database: Database, viewer: Viewer) -> list[str]:
    if viewer.scope.account is not None:
        return []
    key = ("feeds", None, portal.number)
    at, known = _remembered.get(key, (-1e9, []))
    if time.monotonic() - at > REMEMBERED_SECONDS:
        known = [row["feed"] for row in read(database, viewer.scope, "ticket_list.feeds")]
        _remembered[key] = (time.monotonic(), known)
    return list(known)


def problem_groups(portal: Portal) -> list[tuple[str, list[Any]]]:
    """The catalogue's problems by group, for a choice."""
    groups: dict[str, list[Any]] = {}
    for problem in sorted(portal.catalogue.problems.values(), key=lambda one: one.name.lower()):
        groups.setdefault(problem.group.name, []).append(problem)
    return sorted(groups.items(), key=lambda one: one[0].lower())


@router.post("/tickets/act")
def act(
    request: Request, viewer: Acts, verb: Annotated[str, Form(max_length=30)],
    ticket: Annotated[list[int] | None, Form()] = None, reason: Annotated[str, Form(max_length=500)] = "",
    back: Annotated[str, Form(max_length=3000)] = "/tickets",
) -> Response:  # fmt: skip
    with portal_of(request).pool.database() as database:
        number = acting.act(database, viewer, verb, ticket or [], reason=reason)
    return done(back, "done" if number else "nothing", undo=str(number or ""))


@router.post("/undo/{number}")
def undo(
    request: Request, viewer: Acts, number: int, back: Annotated[str, Form(max_length=3000)] = "/tickets"
) -> Response:
    with portal_of(request).pool.database() as database:
        acting.undo(database, viewer, number)
    return done(back, "undone")


@router.post("/views")
def save_view(
    request: Request, viewer: Sees, name: Annotated[str, Form(max_length=60)], query: Annotated[str, Form(max_length=2000)],
    shared: Annotated[str, Form(max_length=3)] = "",
) -> Response:  # fmt: skip
    for_all = shared == "yes" and viewer.may("act") and viewer.user.role != "tenant"
    with portal_of(request).pool.database() as database:
        views.save(database, viewer.user.id, name, query, shared=for_all)
    return done("/tickets?" + query, "saved")


@router.post("/views/{number}/remove")
def remove_view(request: Request, viewer: Sees, number: int) -> Response:
    with portal_of(request).pool.database() as database:
        views.remove(database, viewer.user.id, number)
    return done("/tickets", "done")
