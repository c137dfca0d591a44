# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The inbox: reports that wait for a person, shown safely, corrected by hand, accepted or filed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from abusehandler.errors import EvidenceError
from abusehandler.portal.desk import corrections, letters
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.security.headers import FILE_POLICY, MAIL_POLICY
from abusehandler.portal.settings import Portal, portal_of
from abusehandler.reporters.schema import TYPES
from abusehandler.tickets import decisions
from abusehandler.tickets.desk import inbox
from abusehandler.tickets.desk.scope import Row, note
from abusehandler.tickets.rereading import Rereading

router = APIRouter()
Decides = Annotated[Viewer, Depends(needs("inbox"))]
SeesEvidence = Annotated[Viewer, Depends(needs("evidence"))]


@router.get("/inbox")
def waiting(request: Request, viewer: Decides, tab: str = "waiting", sender: str = "", before: int = 0) -> Response:
    return _page(request, viewer, None, tab, sender, before)


@router.get("/inbox/{number}")
def one(
    request: Request, viewer: Decides, number: int, tab: str = "waiting", sender: str = "", before: int = 0
) -> Response:
    return _page(request, viewer, number, tab, sender, before)


def _page(
    request: Request, viewer: Viewer, number: int | None, tab: str, sender: str, before: int, wrong: str = ""
) -> Response:
    portal = portal_of(request)
    tab = tab if tab in inbox.TABS else "waiting"
    sender = sender.replace("\0", "")[:200]
    with portal.pool.database() as database:
        found, more = inbox.waiting(database, viewer.scope, tab, sender=sender, before=max(before, 0))
        counts = inbox.counts(database, viewer.scope)
        number = found[0]["id"] if number is None and found else number
        page = None if number is None else inbox.report_page(database, viewer.scope, number)
    if number is not None and page is None:
        raise HTTPException(404)
    shown, missing = _shown(portal, page.report) if page is not None else (None, "")
    return render(
        request, "inbox", 400 if wrong else 200, reports=found, more=more, counts=counts, tab=tab, tabs=list(inbox.TABS),
        sender=sender, page=page, shown=shown, missing=missing, fields=letters.FIELDS, fields_of=letters.fields_of,
        classes=sorted(TYPES), wrong=wrong,
    )  # fmt: skip


def _shown(portal: Portal, report: Row) -> tuple[letters.Shown | None, str]:
    try:
        return letters.shown(*letters.read_again(portal, report)), ""
    except EvidenceError as error:
        return None, str(error)


@router.get("/reports/{number}")
def report(request: Request, viewer: SeesEvidence, number: int) -> Response:
    portal = portal_of(request)
    page = _report_page(request, viewer, number)
    shown, missing = _shown(portal, page.report)
    return render(request, "report", page=page, shown=shown, missing=missing)


def _report_page(request: Request, viewer: Viewer, number: int) -> inbox.ReportPage:
    with portal_of(request).pool.database() as database:
        page = inbox.report_page(database, viewer.scope, number)
    if page is None:
        raise HTTPException(404)
    return page


@router.get("/reports/{number}/raw")
def raw(request: Request, viewer: SeesEvidence, number: int) -> Response:
    """The bytes as they came; who took them is noted."""
    portal = portal_of(request)
    page = _report_page(request, viewer, number)
    with portal.pool.database() as database, database.transaction() as cursor:
        note(cursor, viewer.user.login, "report", number, "raw bytes downloaded")
    content = portal.evidence.read(page.report["evidence"])
    return _download(content, f"report-{number}." + ("eml" if page.report["kind"] == "mail" else "bin"))


@router.get("/reports/{number}/html")
def html(request: Request, viewer: SeesEvidence, number: int, part: str) -> Response:
    """The HTML of a part, cleaned, for a frame without any rights."""
    page = _report_page(request, viewer, number)
    mail, _ = letters.read_again(portal_of(request), page.report)
    found = letters.part_of(mail, part)
    if found is None or found.kind != "html":
        raise HTTPException(404)
    return HTMLResponse(letters.harmless(found), headers={"Content-Security-Policy": MAIL_POLICY})


@router.get("/reports/{number}/file")
def file(request: Request, viewer: SeesEvidence, number: int, part: str) -> Response:
    """One attachment, as a download of unknown kind: nothing opens it by itself."""
    page = _report_page(request, viewer, number)
    mail, _ = letters.read_again(portal_of(request), page.report)
    found = letters.part_of(mail, part)
    if found is None:
        raise HTTPException(404)
    return _download(found.data or found.text.encode(), letters.download_name(found.filename, "part"))


def _download(content: bytes, name: str) -> Response:
    return Response(
        content, media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": FILE_POLICY},
    )  # fmt: skip


@router.post("/inbox/{number}/accept")
async def accept(request: Request, viewer: Decides, number: int) -> Response:
    form = await request.form(max_fields=2000)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    taken = [value for value in form.getlist("take") if isinstance(value, str)]
    return await run_in_threadpool(_accept, request, viewer, number, fields, taken)


def _accept(request: Request, viewer: Viewer, number: int, fields: dict[str, str], taken: list[str]) -> Response:
    portal = portal_of(request)
    page = _report_page(request, viewer, number)
    _, reading = letters.read_again(portal, page.report)
    events, changes = corrections.corrected(reading, fields, taken, portal.zone)
    kind: decisions.Kind = "corrected" if changes else "accepted"
    with portal.pool.database() as database:
        decisions.decide(
            database,
            number,
            kind,
            author=viewer.user.login,
            reason=fields.get("reason", ""),
            events=events,
            corrections=changes,
        )
    return done("/inbox", "queued")


@router.post("/inbox/{number}/file")
def file_away(
    request: Request, viewer: Decides, number: int, kind: Annotated[str, Form(max_length=20)],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:  # fmt: skip
    if kind not in ("not-a-report", "rejected"):
        raise HTTPException(400)
    with portal_of(request).pool.database() as database:
        decisions.decide(
            database,
            number,
            "rejected" if kind == "rejected" else "not-a-report",
            author=viewer.user.login,
            reason=reason,
        )
    return done("/inbox", "decided")


@router.post("/inbox/{number}/again")
def again(request: Request, viewer: Decides, number: int) -> Response:
    """Reads a report again; what a person had decided counts no more."""
    with portal_of(request).pool.database() as database:
        if decisions.latest(database, number) is not None:
            decisions.decide(database, number, "read-again", author=viewer.user.login)
        else:
            Rereading(database).ask_again([number], actor=viewer.user.login, reason="asked for at the desk")
    return done("/inbox", "queued")
