# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports: handed in, looked at, decided about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi import Query as InQuery
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from abusehandler.portal.api import intake
from abusehandler.portal.api.caller import Decides, HandsIn, SeesReports
from abusehandler.portal.api.fields import Asked, InPath, Moment, Name, Page, Query, Reason, Seen, Severity, Told, Word
from abusehandler.portal.api.paging import Paged, cut
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.desk import corrections, letters
from abusehandler.portal.security.headers import FILE_POLICY
from abusehandler.portal.settings import portal_of
from abusehandler.tickets import decisions
from abusehandler.tickets.desk import api_lists, inbox
from abusehandler.tickets.desk.scope import note
from abusehandler.tickets.rereading import Rereading

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from abusehandler.portal.api.caller import Caller
    from abusehandler.reports.reading import Reading
    from abusehandler.tickets.desk.inbox import ReportPage

router = APIRouter(route_class=ApiRoute, tags=["reports"])
State = Literal["received", "queued", "read", "partly", "unread", "not-a-report"]


class Report(Told):
    """One thing that was received."""

    id: int
    received_at: Seen
    kind: str
    channel: str
    name: str
    feed: str
    sender: str
    subject: str
    size: int
    evidence: str = Field(description="SHA-256 of the bytes.")
    times_received: int
    state: str
    state_at: Seen
    reason: str
    reader: str
    confidence: float | None
    events: int
    unread_parts: int


class Reports(Page):
    items: list[Report]


class BadPart(Told):
    """What could not be read."""

    number: int
    part: str
    line: int
    reason: str
    raw: str


class ReportEvent(Told):
    id: int
    at: Seen
    ip: str | None
    port: int | None
    problem: str
    severity: Severity
    ticket: int | None = Field(validation_alias="ticket_id")
    customer_match: str


class Decision(Told):
    at: Seen
    author: str
    decision: str
    reason: str


class WholeReport(Report):
    """`proposal` is what an unsure reader would have made of it."""

    proposal: list[Any] | None
    bad_parts: list[BadPart]
    found: list[ReportEvent] = Field(description="Events that came of it, at most 100.")
    decisions: list[Decision]


class Taken(Told):
    """One report that is stored now; `new` is false where the same bytes were here before."""

    id: int
    evidence: str
    size: int
    new: bool


class TakenAll(Told):
    reports: list[Taken]


class ReportQuery(Paged):
    state: list[State] = Field([], max_length=6)
    reader: Word = ""
    channel: Word = ""
    sender: Word = Field("", description="A part of the sender's address.")
    evidence: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$", max_length=64)] = ""
    since: Moment | None = None
    until: Moment | None = None


class HandInQuery(Query):
    name: Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9._ -]*$")] = Field("", description="A file name.")
    feed: Word = Field("", description="Name of the feed, for statistics and rules.")


class Events(Asked):
    """Which events count, and how."""

    take: Annotated[list[Annotated[int, Field(ge=0, le=9999)]], Field(max_length=100)] | None = Field(
        None, description="Which of the proposed events count, from 0; all where it is not set."
    )
    corrections: Annotated[dict[Annotated[str, Field(max_length=5)], dict[Name, Word]], Field(max_length=100)] = Field(
        {}, description="Number of the event (from 0; a new number adds one) to fields of IntelMQ with their text."
    )


class Decided(Events):
    """accepted: the reader's proposal counts, with `corrections` if there are any. not-a-report and rejected: filed.
    read-again: today's readers read it again, and what a person had decided counts no more.
    """

    decision: Literal["accepted", "not-a-report", "rejected", "read-again"]
    reason: Reason = ""


_BYTES = {"schema": {"type": "string", "format": "binary"}}
_XARF = {
    "schema": {
        "oneOf": [
            {"type": "object", "minProperties": 1},
            {"type": "array", "items": {"type": "object", "minProperties": 1}, "minItems": 1, "maxItems": intake.MOST},
        ]
    }
}


@router.post(
    "/reports", response_model=TakenAll, status_code=202, summary="Hand in reports",
    openapi_extra={"requestBody": {"required": True, "content": {
        "message/rfc822": _BYTES, "application/mbox": _BYTES, "application/json": _XARF, "application/xarf+json": _XARF,
        "text/csv": _BYTES,
    }}},
)  # fmt: skip
async def hand_in(request: Request, caller: HandsIn, asked: Annotated[HandInQuery, InQuery()]) -> Any:
    """One mail, an mbox of mails, one XARF report or an array of them, or a CSV file. 202: it is stored and will be read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in intake.TYPES:
        raise ProblemError(415, f"Reports come as {', '.join(intake.TYPES)}.")
    body = await intake.body_of(request)
    try:
        taken = await run_in_threadpool(
            intake.take, portal_of(request), caller, kind, body, name=asked.name, feed=asked.feed
        )
    finally:
        body.close()
    return {"reports": taken}


@router.get("/reports", response_model=Reports, summary="List reports, newest first")
def list_reports(request: Request, caller: SeesReports, asked: Annotated[ReportQuery, InQuery()]) -> Any:
    wanted = asked.model_dump(exclude={"cursor", "limit", "state"})
    with portal_of(request).pool.database() as database:
        found = api_lists.reports(
            database, caller.scope, wanted, states=asked.state, before=asked.number("reports"), limit=asked.limit + 1
        )
    return cut(found, asked.limit, "reports")


@router.get("/reports/{number}", response_model=WholeReport, summary="One report")
def get_report(request: Request, caller: SeesReports, number: InPath) -> Any:
    page = page_of(request, caller, number)
    return {
        **page.report, "bad_parts": page.bad_parts, "found": page.events, "decisions": page.decisions,
    }  # fmt: skip


def page_of(request: Request, caller: Caller, number: int) -> ReportPage:
    """One report. Raises ProblemError 404."""
    with portal_of(request).pool.database() as database:
        page = inbox.report_page(database, caller.scope, number)
    if page is None:
        raise ProblemError(404, f"There is no report {number}.")
    return page


@router.get(
    "/reports/{number}/evidence", summary="The bytes as they came", response_class=Response,
    responses={200: {"content": {"application/octet-stream": _BYTES}}},
)  # fmt: skip
def get_evidence(request: Request, caller: SeesReports, number: InPath) -> Response:
    """Who took them is noted."""
    portal = portal_of(request)
    page = page_of(request, caller, number)
    stream = portal.evidence.open(page.report["evidence"])
    with portal.pool.database() as database, database.transaction() as cursor:
        note(cursor, caller.author, "report", number, "raw bytes downloaded")
    return StreamingResponse(
        iter(lambda: stream.read(intake.PIECE), b""), media_type="application/octet-stream", background=BackgroundTask(stream.close),
        headers={"Content-Disposition": f'attachment; filename="report-{number}.bin"', "Content-Security-Policy": FILE_POLICY},
    )  # fmt: skip


@router.post("/reports/{number}/decision", status_code=204, summary="Decide about a report, as in the inbox")
def decide(request: Request, caller: Decides, number: InPath, asked: Decided) -> None:
    portal = portal_of(request)
    page = page_of(request, caller, number)
    if asked.decision == "accepted":
        _, reading = letters.read_again(portal, page.report)
        events, changes = events_of(asked, reading, portal.zone)
        with portal.pool.database() as database:
            decisions.decide(
                database, number, "corrected" if changes else "accepted", author=caller.author, reason=asked.reason, events=events,
                corrections=changes,
            )  # fmt: skip
        return
    with portal.pool.database() as database:
        if asked.decision != "read-again":
            decisions.decide(database, number, asked.decision, author=caller.author, reason=asked.reason)
        elif decisions.latest(database, number) is not None:
            decisions.decide(database, number, "read-again", author=caller.author, reason=asked.reason)
        else:
            Rereading(database).ask_again([number], actor=caller.author, reason=asked.reason or "asked for by API")


def events_of(asked: Events, reading: Reading, zone: ZoneInfo) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The events that count, and what differs from the reading, as the form of the inbox gives them."""
    take = range(len(reading.events)) if asked.take is None else asked.take
    fields = {f"{event}|{field}": text for event, said in asked.corrections.items() for field, text in said.items()}
    numbers = dict.fromkeys([*(str(one) for one in take), *asked.corrections])
    return corrections.corrected(reading, {**_as_form(reading.events, numbers), **fields}, list(numbers), zone)


def _as_form(events: Any, numbers: Any) -> dict[str, str]:
    """The proposed events as the page of the inbox would send them back unchanged."""
    form = {}
    for number in numbers:
        if number.isascii() and number.isdigit() and int(number) < len(events):
            event = events[int(number)].event
            form.update({f"{number}|{field}": str(event.get(field, "") or "") for field in letters.FIELDS})
    return form
