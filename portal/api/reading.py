# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the inbox shows of a report: its text with the places of the values, the events that would come of it, its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.portal.api.caller import SeesReports
from abusehandler.portal.api.fields import InPath, Query, Told
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.reports import page_of
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.desk import letters
from abusehandler.portal.security.headers import FILE_POLICY
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import inbox

if TYPE_CHECKING:
    from abusehandler.portal.desk.letters import Letter

router = APIRouter(route_class=ApiRoute, tags=["reports"])


class Mark(Told):
    """Characters from `start` up to, without, `end`, and the fields whose values stand there."""

    start: int
    end: int
    fields: list[str]


class Part(Told):
    """A text of the report. `html`: its HTML original is the part's file. `cut`: there is more than is told here."""

    path: str
    heading: str
    text: str
    marks: list[Mark]
    html: bool
    cut: bool


class File(Told):
    path: str
    name: str
    content_type: str
    size: int


class Reading(Told):
    """`events` in the order in which a decision's `take` and `corrections` count them, with the fields that can be corrected."""

    parts: list[Part]
    events: list[dict[str, str]]
    files: list[File]


class Counts(Told):
    """Reports by state that wait for a person or a reader."""

    counts: dict[str, int]


class PartQuery(Query):
    path: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")] = Field(
        description="Of a part or file."
    )


@router.get("/reports/counts", response_model=Counts, summary="How many reports wait, by state")
def get_report_counts(request: Request, caller: SeesReports) -> Any:
    with portal_of(request).pool.database() as database:
        return {"counts": inbox.counts(database, caller.scope)}


@router.get("/reports/{number}/reading", response_model=Reading, summary="A report as today's readers see it")
def get_reading(request: Request, caller: SeesReports, number: InPath) -> Any:
    page = page_of(request, caller, number)
    shown = letters.shown(*letters.read_again(portal_of(request), page.report))
    return {
        "parts": [_part(letter) for letter in shown.letters],
        "events": [
            {name: _whole(text) for name, text in letters.fields_of(read.event).items()}
            for read in shown.reading.events[:1000]
        ],
        "files": [
            {"path": file.path, "name": _whole(file.name), "content_type": _whole(file.content_type), "size": file.size}
            for file in shown.files
        ],
    }


def _part(letter: Letter) -> dict[str, Any]:
    marks, at = [], 0
    for piece in letter.pieces:
        if piece.fields:
            marks.append({"start": at, "end": at + len(piece.text), "fields": list(piece.fields)})
        at += len(piece.text)
    return {
        "path": letter.path, "heading": _whole(letter.heading), "text": _whole("".join(piece.text for piece in letter.pieces)),
        "marks": marks, "html": letter.html, "cut": letter.cut,
    }  # fmt: skip


def _whole(text: str) -> str:
    """Without halves of surrogate pairs, which a stranger's mail may hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


@router.get(
    "/reports/{number}/file", summary="One part or file of a report", response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)  # fmt: skip
def get_file(request: Request, caller: SeesReports, number: InPath, asked: Annotated[PartQuery, InQuery()]) -> Response:
    page = page_of(request, caller, number)
    mail, _ = letters.read_again(portal_of(request), page.report)
    found = letters.part_of(mail, asked.path)
    if found is None:
        raise ProblemError(404, "The report has no such part.")
    name = letters.download_name(found.filename, "part")
    return Response(
        found.data or found.text.encode("utf-8", "replace"), media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": FILE_POLICY},
    )  # fmt: skip
