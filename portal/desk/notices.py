# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A notice from a ticket: seen before it goes, sent now, or an answer in the desk's own words."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from abusehandler.configuration.sending import notice_schedule, notice_writer
from abusehandler.errors import AbusehandlerError
from abusehandler.portal.desk import acting
from abusehandler.portal.desk.contacts import contacts
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.settings import portal_of
from abusehandler.tickets import notice_actions
from abusehandler.tickets.desk import ticket_page

router = APIRouter()
Acts = Annotated[Viewer, Depends(needs("act"))]


@router.get("/tickets/{number}/notice")
def preview(request: Request, viewer: Acts, number: int, language: str = "") -> Response:
    portal = portal_of(request)
    mails, wrong = [], ""
    with portal.pool.database() as database:
        ticket = ticket_page.ticket(database, viewer.scope, number)
        if ticket is None:
            raise HTTPException(404)
        try:
            found = contacts(portal)
            configuration = portal.configuration
            seen = notice_actions.preview(
                database, notice_schedule(configuration), portal.catalogue, notice_writer(configuration, portal.catalogue),
                [number], found.recipients, found.name, domain=configuration.message_id_domain,
                language=language if language.isalpha() and len(language) == 2 else None,
            )  # fmt: skip
            mails = [(one, _letter(one.mail)) for one in seen]
        except AbusehandlerError as error:
            wrong = str(error)
    return render(request, "notice", ticket=ticket, mails=mails, wrong=wrong, language=language)


def _letter(mail: bytes) -> dict[str, object]:
    parsed = message_from_bytes(mail, policy=policy.default)
    body = parsed.get_body(("plain",))
    return {
        "subject": str(parsed["Subject"] or ""),
        "from": str(parsed["From"] or ""),
        "text": body.get_content() if body is not None else "",
        "files": [(part.get_filename() or "", part.get_content_type()) for part in parsed.iter_attachments()],
    }


@router.post("/tickets/{number}/notice")
def send(request: Request, viewer: Acts, number: int, reason: Annotated[str, Form(max_length=500)] = "") -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        acting.check_visible(database, viewer, [number])
        schedule = notice_schedule(portal.configuration)
        notice_actions.send_now(database, schedule, portal.catalogue, [number], author=viewer.user.login, reason=reason)
    return done(f"/tickets/{number}", "sent")


@router.post("/tickets/{number}/answer")
def answer(request: Request, viewer: Acts, number: int, text: Annotated[str, Form(max_length=100_000)]) -> Response:
    with portal_of(request).pool.database() as database:
        ticket = ticket_page.ticket(database, viewer.scope, number)
        if ticket is None:
            raise HTTPException(404)
        notice_actions.answer(database, ticket["customer_id"], [number], text, author=viewer.user.login)
        ticket_page.note_answers_seen(database, viewer.scope, number, author=viewer.user.login)
    return done(f"/tickets/{number}", "sent")
