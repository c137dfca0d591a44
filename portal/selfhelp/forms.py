# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a customer does: an answer, a pause, another contact, a check from outside. Each ends with a page by GET."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from abusehandler.portal.selfhelp.rendering import (
    Refused,
    SelfHelpRoute,
    check_form,
    check_visitor,
    language_of,
    opened,
)
from abusehandler.portal.selfhelp.service import selfhelp_of
from abusehandler.tickets import selfhelp_answers, selfhelp_pages
from abusehandler.tickets.recheck import asking
from abusehandler.tickets.selfhelp_answers import KINDS, NotDone

if TYPE_CHECKING:
    from abusehandler.portal.selfhelp.service import SelfHelp
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.selfhelp_links import Link

router = APIRouter(route_class=SelfHelpRoute)
Text = Annotated[str, Form()]
#: A form costs as much as so many pages.
COST = 3


@router.post("/help/{token}/say")
def say(
    request: Request, token: str, csrf: Text = "", kind: Text = "", text: Text = "", name: Text = "", page: Text = "",
    ticket: Annotated[list[str] | None, Form()] = None,
) -> Response:  # fmt: skip
    """An answer to one ticket or to several."""
    check_visitor(request, COST)
    check_form(request, token, csrf)
    numbers = sorted({int(one) for one in ticket or () if one.isdigit() and len(one) < 18})
    back = int(page) if page.isdigit() and len(page) < 18 else 0
    with selfhelp_of(request).portal.pool.database() as database:
        link = opened(request, database, token)
        try:
            if kind not in KINDS:
                raise NotDone("empty")
            selfhelp_answers.say(database, link, numbers, kind, text, name=name, terms=selfhelp_of(request).terms)
        except NotDone as error:
            return _back(request, token, back, wrong=error.why)
    return _back(request, token, back, done="said")


@router.post("/help/{token}/{number}/pause")
def pause(request: Request, token: str, number: int, csrf: Text = "", days: Text = "") -> Response:
    """Notices wait for some days."""
    check_visitor(request, COST)
    check_form(request, token, csrf)
    selfhelp = selfhelp_of(request)
    wanted = int(days) if days.isdigit() and len(days) < 5 else 0
    with selfhelp.portal.pool.database() as database:
        link = opened(request, database, token)
        try:
            most = selfhelp.pause_days(_problem(database, selfhelp, link, number), link.customer)
            selfhelp_answers.pause(database, link, number, wanted, most_days=most, terms=selfhelp.terms)
        except NotDone as error:
            return _back(request, token, number, wrong=error.why)
    return _back(request, token, number, done="paused")


@router.post("/help/{token}/{number}/resume")
def resume(request: Request, token: str, number: int, csrf: Text = "") -> Response:
    """The customer's own pause ends."""
    check_visitor(request, COST)
    check_form(request, token, csrf)
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        link = opened(request, database, token)
        try:
            selfhelp_answers.resume(database, link, number, terms=selfhelp.terms)
        except NotDone as error:
            return _back(request, token, number, wrong=error.why)
    return _back(request, token, number, done="resumed")


@router.post("/help/{token}/{number}/contact")
def contact(
    request: Request, token: str, number: int, csrf: Text = "", address: Text = "", name: Text = "", phone: Text = "",
    text: Text = "",
) -> Response:  # fmt: skip
    """Somebody else who should get the notices; the desk decides."""
    check_visitor(request, COST)
    check_form(request, token, csrf)
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        link = opened(request, database, token)
        try:
            selfhelp_answers.propose_contact(
                database, link, number, address=address, name=name, phone=phone, said=text,
                language=language_of(request, link), terms=selfhelp.terms,
            )  # fmt: skip
        except NotDone as error:
            return _back(request, token, number, wrong=error.why)
    return _back(request, token, number, done="proposed")


@router.post("/help/{token}/{number}/check")
def check(request: Request, token: str, number: int, csrf: Text = "", target: Text = "") -> Response:
    """One probe from outside, to one of the addresses and ports that the page offered."""
    check_visitor(request, COST)
    check_form(request, token, csrf)
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        link = opened(request, database, token)
        _problem(database, selfhelp, link, number)
        try:
            asked = asking.ask(database, number, target, selfhelp.recheck, author=link.author)
        except asking.NotNow:
            return _back(request, token, number, wrong="too-often")
        except asking.NotAllowed:
            return _back(request, token, number, wrong="not-allowed")
    selfhelp.runner.wake()
    finished = wait_for(selfhelp, asked)
    return _back(request, token, number, done="" if finished else "checking", place="check")


def wait_for(selfhelp: SelfHelp, recheck: int) -> bool:
    """Waits a moment for the result, so that the next page can show it; whether it came."""
    return selfhelp.runner.wait_for(recheck, min(selfhelp.recheck.budget.seconds, 4) + 0.5)


def _problem(database: Database, selfhelp: SelfHelp, link: Link, number: int) -> str:
    """The problem of a ticket behind the link. Raises Refused if it is not behind it."""
    with database.transaction() as cursor:
        record = selfhelp_pages.ticket_of(cursor, link, number if 0 < number < 2**62 else 0, selfhelp.terms)
    if record is None:
        raise Refused(404, "gone")
    return str(record["problem"])


def _back(
    request: Request, token: str, ticket: int, *, done: str = "", wrong: str = "", place: str = "said"
) -> Response:
    """To the ticket's page, or with 0 to the list. The words are ours: a link cannot make a page say something."""
    said = {"lang": request.query_params.get("lang", "")[:5], "done": done, "wrong": wrong}
    query = urlencode({key: value for key, value in said.items() if value})
    path = f"/help/{token}" + (f"/{ticket}" if ticket else "")
    return RedirectResponse(f"{path}{'?' + query if query else ''}#{place}", 303)
