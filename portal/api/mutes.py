# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mutes: whom the customer is not told about for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.portal.api.caller import Acts, Mutes, SeesRules
from abusehandler.portal.api.fields import Asked, InPath, LongText, Moment, Name, Network, Page, Seen, Told
from abusehandler.portal.api.paging import Paged, cut
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.settings import portal_of
from abusehandler.tickets import mutes
from abusehandler.tickets.desk import api_lists
from abusehandler.tickets.desk.scope import read
from abusehandler.tickets.incoming import now_utc

router = APIRouter(route_class=ApiRoute, tags=["mutes"])
LONGEST = timedelta(days=730)


class Mute(Told):
    """All that is named must fit. `by_file`: it stands in rules.yaml."""

    id: int
    name: str
    by_file: bool
    ticket: int | None
    network: str | None
    customer: str | None
    problem: str | None
    feed: str | None
    starts_at: Seen
    ends_at: Seen
    reason: str
    author: str
    ended_at: Seen
    ended_by: str | None


class MutePage(Page):
    items: list[Mute]


class MuteQuery(Paged):
    in_force: bool = True


class NewMute(Asked):
    """At least one of network, customer, problem, feed; all that are named must fit."""

    network: Network | None = None
    customer: Name | None = None
    problem: Name | None = None
    feed: Name | None = None
    until: Moment = Field(description="At most two years from now.")
    reason: Annotated[LongText, Field(max_length=500)]


@router.get("/mutes", response_model=MutePage, summary="List mutes, newest first")
def list_mutes(request: Request, caller: SeesRules, asked: Annotated[MuteQuery, InQuery()]) -> Any:
    with portal_of(request).pool.database() as database:
        found = api_lists.mutes(
            database, caller.scope, in_force=asked.in_force, before=asked.number("mutes"), limit=asked.limit + 1
        )
    return cut(found, asked.limit, "mutes")


@router.post("/mutes", response_model=Mute, status_code=201, summary="Mute")
def add_mute(request: Request, caller: Mutes, asked: NewMute) -> Any:
    """The same again is the mute that is there."""
    if asked.until > now_utc() + LONGEST:
        raise ProblemError(400, "A mute lasts two years at most.")
    about = mutes.Scope(network=asked.network, customer=asked.customer, problem=asked.problem, feed=asked.feed)
    with portal_of(request).pool.database() as database:
        number = mutes.add(database, about, asked.until, author=caller.author, reason=asked.reason)
        return api_lists.mute(database, caller.scope, number)


@router.delete("/mutes/{number}", status_code=204, summary="End a mute; what it held back is due at once")
def end_mute(request: Request, caller: Acts, number: InPath) -> None:
    """A ticket's mute by whoever may act on the ticket, others by operators."""
    with portal_of(request).pool.database() as database:
        of_ticket = read(database, caller.scope, "api.mute_of_ticket", mute=number)
        if not of_ticket:
            caller.require("write", "rules")
            if api_lists.mute(database, caller.scope, number) is None:
                raise ProblemError(404, f"There is no mute {number}.")
        mutes.end(database, number, author=caller.author, reason="ended by API")
