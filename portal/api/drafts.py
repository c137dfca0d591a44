# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drafts of reporter definitions: taught from a corrected mail, tried on the archive, saved by an administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from abusehandler.portal.api.caller import Administers, Decides, SeesReports
from abusehandler.portal.api.fields import Asked, InPath, Seen, Told
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.reports import Events, events_of, page_of
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.desk import drafting, letters, teaching
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import drafts

if TYPE_CHECKING:
    from abusehandler.portal.api.caller import Caller
    from abusehandler.tickets.desk.scope import Row

router = APIRouter(route_class=ApiRoute, tags=["drafts"])


class Line(Told):
    id: int
    report: int | None = Field(validation_alias="report_id")
    name: str
    author: str
    at: Seen


class Drafts(Told):
    items: list[Line]


class Finding(Told):
    level: str
    text: str


class Draft(Line):
    """`findings` of the linter; those of the level `error` must be mended before it can be saved."""

    definition: str
    saved_at: Seen
    dropped_at: Seen
    findings: list[Finding]


class Text(Asked):
    definition: Annotated[str, Field(min_length=1, max_length=50_000, pattern=r"^[^\x00]*$", description="YAML.")]


class Hit(Told):
    """`known_as`: who reads the mail now."""

    report: int
    sender: str
    subject: str
    known_as: str
    events: int


class Tried(Told):
    """`tried`: so many of the newest archived mails."""

    tried: int
    hits: list[Hit]


class Made(Told):
    id: int


@router.post(
    "/reports/{number}/drafts", response_model=Made, status_code=201, summary="Teach: make a definition from a mail"
)
def teach(request: Request, caller: Decides, number: InPath, asked: Events) -> Any:
    """`take` and `corrections` as with a decision: what the definition should find."""
    portal = portal_of(request)
    page = page_of(request, caller, number)
    if page.report["kind"] != "mail":
        raise ProblemError(400, "Only mails can be taught; a feed's file is read by its columns.")
    mail, reading = letters.read_again(portal, page.report)
    events, _ = events_of(asked, reading, portal.zone)
    name, text = drafting.draft(mail, events, report=number, received_at=page.report["received_at"])
    with portal.pool.database() as database:
        return {"id": drafts.add(database, caller.scope, number, name, text, events, author=caller.author)}


@router.get("/drafts", response_model=Drafts, summary="List drafts that wait")
def list_drafts(request: Request, caller: SeesReports) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": drafts.waiting(database, caller.scope)}


@router.get("/drafts/{number}", response_model=Draft, summary="One draft")
def get_draft(request: Request, caller: SeesReports, number: InPath) -> Any:
    found = _draft(request, caller, number)
    _, findings = drafting.checked(found["definition"])
    return {**found, "findings": [{"level": one.level, "text": str(one)} for one in findings]}


@router.get("/drafts/{number}/hits", response_model=Tried, summary="Which archived mails a draft recognises")
def get_hits(request: Request, caller: SeesReports, number: InPath) -> Any:
    definition, findings = drafting.checked(_draft(request, caller, number)["definition"])
    if definition is None or not drafting.is_quick(findings):
        raise ProblemError(409, "The draft is no definition yet, or too slow; its findings say why.")
    tried, hits = teaching.hits_of(portal_of(request), caller.viewer, definition)
    return {"tried": tried, "hits": [
        {"report": one["report"]["id"], "sender": one["report"]["sender"], "subject": one["report"]["subject"],
         "known_as": one["hit"].known_as, "events": len(one["hit"].events)} for one in hits
    ]}  # fmt: skip


@router.put("/drafts/{number}", status_code=204, summary="Write another text")
def put_draft(request: Request, caller: Decides, number: InPath, asked: Text) -> None:
    found = _draft(request, caller, number)
    definition, _ = drafting.checked(asked.definition)
    name = definition.name if definition is not None else str(found["name"])
    with portal_of(request).pool.database() as database:
        drafts.change(database, caller.scope, number, name, asked.definition)


@router.post("/drafts/{number}/save", status_code=204, summary="Put it into the folder of definitions")
def save_draft(request: Request, caller: Administers, number: InPath) -> None:
    portal = portal_of(request)
    found = _draft(request, caller, number)
    definition, findings = drafting.checked(found["definition"])
    if definition is None or any(one.level == "error" for one in findings):
        raise ProblemError(409, "Mend the draft first; its findings say what.")
    teaching.save_definition(portal, definition, found["definition"])
    with portal.pool.database() as database:
        drafts.saved(database, caller.scope, number, definition.name, author=caller.author)


@router.delete("/drafts/{number}", status_code=204, summary="Drop a draft")
def drop_draft(request: Request, caller: Decides, number: InPath) -> None:
    _draft(request, caller, number)
    with portal_of(request).pool.database() as database:
        drafts.drop(database, caller.scope, number, author=caller.author)


def _draft(request: Request, caller: Caller, number: int) -> Row:
    with portal_of(request).pool.database() as database:
        found = drafts.draft(database, caller.scope, number)
    if found is None:
        raise ProblemError(404, f"There is no draft {number}.")
    return found
