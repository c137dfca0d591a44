# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events: what was observed, by time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.portal.api import shown
from abusehandler.portal.api.caller import Sees, SeesReports
from abusehandler.portal.api.fields import InPath, Moment, Network, Number, Page, Seen, Told, Word
from abusehandler.portal.api.paging import Paged, cursor
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import api_lists
from abusehandler.tickets.explaining import explain
from abusehandler.tickets.incoming import Incoming
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.rules import Rules

router = APIRouter(route_class=ApiRoute, tags=["events"])
_KEY = r"[0-9T:.+-]{19,40}/[0-9a-f-]{36}"


class Event(shown.Event):
    """`customer_match`: one, none (nobody of ours), ambiguous."""

    customer_match: str
    stored_at: Seen


class Events(Page):
    items: list[Event]


class EventQuery(Paged):
    """All that are named must fit."""

    since: Moment | None = Field(
        None, description=f"Observed since; {api_lists.EVENT_DAYS} days before `until` if not set."
    )
    until: Moment | None = Field(None, description="Observed before; now if not set.")
    prefix: Network | None = None
    problem: Word = ""
    feed: Word = ""
    customer: Word = ""
    report: Number | None = None
    match: Literal["one", "none", "ambiguous"] | None = Field(
        None, description="Those of nobody are for operators only."
    )


class Sentence(Told):
    part: str
    sentence: str


class Why(Told):
    """Why an event is where it is, from the report to the notice."""

    facts: dict[str, Any]
    words: list[Sentence]


@router.get("/events", response_model=Events, summary="List events by time, newest first")
def list_events(request: Request, caller: Sees, asked: Annotated[EventQuery, InQuery()]) -> Any:
    wanted = asked.model_dump(exclude={"cursor", "limit", "since", "until"})
    key = asked.key("events", _KEY)
    after = None
    if key:
        at, _, fingerprint = key.partition("/")
        try:
            after = (datetime.fromisoformat(at), fingerprint)
        except ValueError:
            raise ProblemError(400, "This cursor is not of this list; begin without one.") from None
    with portal_of(request).pool.database() as database:
        found = api_lists.events(
            database, caller.scope, wanted, since=asked.since, until=asked.until, after=after, limit=asked.limit + 1
        )
    items = found[: asked.limit]
    more = len(found) > asked.limit
    following = cursor("events", f"{items[-1]['at'].isoformat()}/{items[-1]['fingerprint']}") if more else None
    return {"items": items, "next": following}


@router.get("/events/{number}", response_model=Event, summary="One event")
def get_event(request: Request, caller: Sees, number: InPath) -> Any:
    with portal_of(request).pool.database() as database:
        found = api_lists.event(database, caller.scope, number)
    if found is None:
        raise ProblemError(404, f"There is no event {number}, or it is not yours to see.")
    return found


@router.get("/events/{number}/why", response_model=Why, summary="Why an event went where it went")
def get_why(request: Request, caller: SeesReports, number: InPath) -> Any:
    portal = portal_of(request)
    configuration = portal.configuration
    rules = Rules.load(configuration.rules.path, portal.catalogue)
    incoming = Incoming(portal.catalogue, NoticeSchedule(), ipv6_prefix=configuration.tickets.ipv6_prefix, rules=rules)
    with portal.pool.database() as database:
        explanation = explain(database, number, incoming)
    if explanation is None:
        raise ProblemError(404, f"There is no event {number}.")
    return {
        "facts": explanation.facts,
        "words": [{"part": part, "sentence": sentence} for part, sentence in explanation.words],
    }
