# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Teaching: from a corrected mail to a definition of its sender, tried on archived mails, saved by an administrator."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from abusehandler.errors import AbusehandlerError, EvidenceError
from abusehandler.portal.desk import corrections, drafting, letters
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.settings import Portal, portal_of
from abusehandler.reporters.load import forget, matcher_for
from abusehandler.reports.mail.decode import decode
from abusehandler.tickets.desk import drafts, inbox

if TYPE_CHECKING:
    from abusehandler.reporters.definition import Definition
    from abusehandler.tickets.desk.scope import Row

router = APIRouter()
Decides = Annotated[Viewer, Depends(needs("inbox"))]
Administers = Annotated[Viewer, Depends(needs("administer"))]
#: So many archived mails a draft is tried on.
TRIED = 200
#: Hits that are shown.
SHOWN = 50


@router.post("/inbox/{number}/teach")
async def teach(request: Request, viewer: Decides, number: int) -> Response:
    """Takes the same form as accepting: what stands in its fields is what the definition should find."""
    form = await request.form(max_fields=2000)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    taken = [value for value in form.getlist("take") if isinstance(value, str)]
    return await run_in_threadpool(_teach, request, viewer, number, fields, taken)


def _teach(request: Request, viewer: Viewer, number: int, fields: dict[str, str], taken: list[str]) -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        page = inbox.report_page(database, viewer.scope, number)
    if page is None:
        raise HTTPException(404)
    if page.report["kind"] != "mail":
        raise AbusehandlerError("Only mails can be taught; a feed's file is read by its columns.")
    mail, reading = letters.read_again(portal, page.report)
    events, _ = corrections.corrected(reading, fields, taken, portal.zone)
    name, text = drafting.draft(mail, events, report=number, received_at=page.report["received_at"])
    with portal.pool.database() as database:
        made = drafts.add(database, viewer.scope, number, name, text, events, author=viewer.user.login)
    return done(f"/drafts/{made}")


@router.get("/drafts")
def waiting(request: Request, viewer: Decides) -> Response:
    with portal_of(request).pool.database() as database:
        found = drafts.waiting(database, viewer.scope)
    return render(request, "drafts", drafts=found)


@router.get("/drafts/{number}")
def one(request: Request, viewer: Decides, number: int) -> Response:
    return _page(request, viewer, _draft(request, viewer, number))


def _draft(request: Request, viewer: Viewer, number: int) -> Row:
    with portal_of(request).pool.database() as database:
        found = drafts.draft(database, viewer.scope, number)
    if found is None:
        raise HTTPException(404)
    return found


def _page(request: Request, viewer: Viewer, draft: Row, *, wrong: str = "") -> Response:
    portal = portal_of(request)
    definition, findings = drafting.checked(draft["definition"])
    hits: list[dict[str, Any]] = []
    missing: list[str] = []
    tried = 0
    if definition is not None and drafting.is_quick(findings):
        tried, hits = hits_of(portal, viewer, definition)
        own = next((hit for hit in hits if hit["report"]["id"] == draft["report_id"]), None)
        if own is None:
            missing = ["its own mail is not recognised, or not among the newest mails"]
        elif definition.take:
            missing = drafting.differences(draft["events"], own["hit"].events)
    return render(
        request, "draft", 400 if wrong else 200, draft=draft, findings=findings, hits=hits[:SHOWN], more=len(hits) - SHOWN,
        tried=tried, missing=missing, wrong=wrong, folder=portal.configuration.reading.reporters,
        faulty=any(finding.level == "error" for finding in findings),
    )  # fmt: skip


def hits_of(portal: Portal, viewer: Viewer, definition: Definition) -> tuple[int, list[dict[str, Any]]]:
    """How many mails were tried, and those that it recognises."""
    folder = portal.configuration.reading.reporters
    known = matcher_for(() if folder is None else (str(folder),))
    with portal.pool.database() as database:
        mails = drafts.archived_mails(database, viewer.scope, TRIED)
    hits = []
    for report in mails:
        try:
            mail = decode(portal.evidence.read(report["evidence"], limit=drafts.LARGEST_MAIL))
        except EvidenceError:
            continue
        found = drafting.hit(definition, mail, known, report["received_at"])
        if found is not None:
            hits.append({"report": report, "hit": found})
    return len(mails), hits


@router.post("/drafts/{number}")
def change(
    request: Request, viewer: Decides, number: int, text: Annotated[str, Form(max_length=50_000)],
    verb: Annotated[str, Form(max_length=10)] = "check",
) -> Response:  # fmt: skip
    """Keeps the text and tries it; `save` writes it to the folder of definitions, for administrators."""
    draft = _draft(request, viewer, number)
    text = text.replace("\r\n", "\n").replace("\0", "")
    definition, findings = drafting.checked(text)
    name = definition.name if definition is not None else str(draft["name"])
    with portal_of(request).pool.database() as database:
        drafts.change(database, viewer.scope, number, name, text)
    draft = {**draft, "definition": text, "name": name}
    if verb != "save":
        return done(f"/drafts/{number}")
    if not viewer.may("administer"):
        raise HTTPException(403)
    try:
        if definition is None or any(finding.level == "error" for finding in findings):
            raise AbusehandlerError("Mend what the check says first.")
        save_definition(portal_of(request), definition, text)
    except AbusehandlerError as error:
        return _page(request, viewer, draft, wrong=str(error))
    with portal_of(request).pool.database() as database:
        drafts.saved(database, viewer.scope, number, name, author=viewer.user.login)
    return done(f"/drafts/{number}", "saved")


@router.post("/drafts/{number}/drop")
def drop(request: Request, viewer: Decides, number: int) -> Response:
    with portal_of(request).pool.database() as database:
        drafts.drop(database, viewer.scope, number, author=viewer.user.login)
    return done("/drafts", "done")


def save_definition(portal: Portal, definition: Definition, text: str) -> None:
    """As a whole or not at all, and never over a file that is there. Raises AbusehandlerError."""
    folder = portal.configuration.reading.reporters
    if folder is None:
        raise AbusehandlerError(
            "There is no folder for your definitions: set 'reporters' under 'reading' in abusehandler.yaml and restart."
        )
    # the name is checked by the schema: small letters, digits and - only
    path = Path(folder) / f"{definition.name}.yaml"
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=".draft-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        new = Path(name)
        new.chmod(0o644)
        try:
            os.link(new, path)
        finally:
            new.unlink()
    except FileExistsError:
        raise AbusehandlerError(
            f"{path} is there already; give the definition another name, or change that file."
        ) from None
    except OSError as error:
        raise AbusehandlerError(
            f"{path} cannot be written by the portal: {error}; copy the text there yourself."
        ) from error
    forget()
