# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The page of one ticket: what was seen, what happened, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from abusehandler.portal.desk import acting
from abusehandler.portal.desk.letters import LARGEST, download_name
from abusehandler.portal.desk.spreadsheet import csv_file
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.security.headers import FILE_POLICY
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import ticket_page

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.desk.scope import Scope

router = APIRouter()
Sees = Annotated[Viewer, Depends(needs("see"))]
Acts = Annotated[Viewer, Depends(needs("act"))]
#: What people look at first, in this order; the rest of an event unfolds.
FIRST = (
    "source.port", "protocol.transport", "protocol.application", "source.fqdn", "source.url", "malware.name", "destination.ip",
    "destination.port", "event_description.text", "extra.tag", "product.name",
)  # fmt: skip
MOST_CSV_ROWS = 100_000


@router.get("/tickets/{number}")
def one_ticket(request: Request, viewer: Sees, number: int, undo: int = 0) -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        page = ticket_page.ticket_page(database, viewer.scope, number, zone=portal.zone.key)
    if page is None:
        raise HTTPException(404)
    return render(request, "ticket", page=page, ticket=page.ticket, first=FIRST, undo=undo, details=details)


def details(event: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields of an event for its row: those people look at first, as name and text."""
    data = event["data"]
    return [(name, str(data[name])) for name in FIRST if data.get(name) not in (None, "")]


@router.get("/tickets/{number}/events")
def more_events(request: Request, viewer: Sees, number: int, before: int = 0) -> Response:
    """A page of events; for htmx only the rows."""
    with portal_of(request).pool.database() as database:
        ticket = ticket_page.ticket(database, viewer.scope, number)
        if ticket is None:
            raise HTTPException(404)
        found, more = ticket_page.events(database, viewer.scope, number, before=before)
    name = "event_rows" if request.headers.get("hx-request") else "events"
    return render(request, name, ticket=ticket, events=found, more_events=more, details=details)


@router.get("/tickets/{number}/events.csv")
def events_csv(request: Request, viewer: Sees, number: int) -> Response:
    with portal_of(request).pool.database() as database:
        found = events_file(database, viewer.scope, number)
    if found is None:
        raise HTTPException(404)
    return found


def events_file(database: Database, scope: Scope, number: int) -> Response | None:
    """The events of a ticket as CSV, newest first, at most MOST_CSV_ROWS; None for one that is not there to be seen."""
    if ticket_page.ticket(database, scope, number) is None:
        return None
    rows: list[tuple[object, ...]] = []
    before, more = 0, True
    while more and len(rows) < MOST_CSV_ROWS:
        found, more = ticket_page.events(database, scope, number, before=before, limit=5000)
        rows.extend(
            (
                event["id"], event["at"].isoformat(), event["ip"], event["port"], event["feed"], event["severity"],
                event["report_id"], *(event["data"].get(name, "") for name in FIRST),
            )
            for event in found
        )  # fmt: skip
        before = found[-1]["id"] if found else 0
    columns = ("event", "time", "ip", "port", "feed", "severity", "report", *FIRST)
    return csv_file(f"ticket-{number}-events.csv", columns, rows)


@router.post("/tickets/{number}/act")
def act(
    request: Request, viewer: Acts, number: int, verb: Annotated[str, Form(max_length=30)],
    reason: Annotated[str, Form(max_length=500)] = "", argument: Annotated[str, Form(max_length=200)] = "",
) -> Response:  # fmt: skip
    with portal_of(request).pool.database() as database:
        action = acting.act(database, viewer, verb, [number], reason=reason, argument=argument)
    return done(f"/tickets/{number}", "done" if action else "nothing", undo=str(action or ""))


@router.post("/tickets/{number}/note")
def note(
    request: Request, viewer: Acts, number: int, text: Annotated[str, Form(max_length=20_000)],
    public: Annotated[str, Form(max_length=3)] = "",
) -> Response:  # fmt: skip
    with portal_of(request).pool.database() as database:
        acting.note(database, viewer, number, text, public=public == "yes")
    return done(f"/tickets/{number}", "saved")


@router.post("/tickets/{number}/seen")
def answers_seen(request: Request, viewer: Acts, number: int) -> Response:
    with portal_of(request).pool.database() as database:
        ticket_page.note_answers_seen(database, viewer.scope, number, author=viewer.user.login)
    return done(f"/tickets/{number}", "done")


@router.get("/tickets/{number}/answers/{answer}/files/{file}")
def answer_file(request: Request, viewer: Sees, number: int, answer: int, file: int) -> Response:
    """A file that came with an answer, as a download of unknown kind."""
    portal = portal_of(request)
    with portal.pool.database() as database:
        found = ticket_page.answer_file(database, viewer.scope, number, answer, file)
    if found is None:
        raise HTTPException(404)
    return Response(
        portal.evidence.read(found["evidence"], limit=LARGEST), media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{download_name(found["name"], "file")}"',
            "Content-Security-Policy": FILE_POLICY,
        },
    )  # fmt: skip
