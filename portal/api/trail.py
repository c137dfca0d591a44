# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Audit trail, health, and what the timers want a person to look at."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.portal.api.caller import Administers
from abusehandler.portal.api.fields import Asked, Number, Page, Seen, Told, Word
from abusehandler.portal.api.paging import Paged, cut
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.desk import machine
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import administration
from abusehandler.tickets.desk.scope import read

router = APIRouter(route_class=ApiRoute, tags=["administration"])


class Line(Told):
    id: int
    at: Seen
    actor: str
    object: str
    object_id: str
    change: str
    reason: str


class Lines(Page):
    items: list[Line]


class TrailQuery(Paged):
    object: Annotated[str, Field(max_length=30, pattern=r"^[a-z-]*$")] = Field(
        "", description="report, ticket, notice, user …"
    )
    object_id: Word = Field("", description="Number of the object.")
    actor: Word = ""


class Alert(Told):
    id: int
    at: Seen
    kind: str
    ticket: int | None = Field(validation_alias="ticket_id")
    text: str


class Alerts(Told):
    items: list[Alert]


class SeenAlerts(Asked):
    alerts: Annotated[list[Number], Field(min_length=1, max_length=500)]


class Health(Told):
    """Reports and mails that wait, and when something last happened."""

    received: int
    queued: int
    oldest_waiting: Seen
    last_report: Seen
    mails_waiting: int
    mails_failed: int
    mails_in_doubt: int
    notices_held: int
    notices_no_contact: int
    domains_waiting: int
    timers_at: Seen
    statistics_at: Seen
    database_size: int
    schema_version: int = Field(validation_alias="schema")


class Bot(Told):
    """`waiting` and `in_hand` are messages; null for collectors, and while Redis does not answer."""

    id: str
    name: str
    group: str
    process: int | None
    waiting: int | None
    in_hand: int | None


class Machine(Told):
    """`trouble` says why something could not be looked at."""

    bots: list[Bot]
    trouble: str


@router.get("/audit", response_model=Lines, summary="Who changed what, newest first")
def list_audit(request: Request, caller: Administers, asked: Annotated[TrailQuery, InQuery()]) -> Any:
    with portal_of(request).pool.database() as database:
        found = administration.audit(
            database, caller.scope, kind=asked.object, number=asked.object_id, actor=asked.actor,
            before=asked.number("audit"), limit=asked.limit + 1,
        )  # fmt: skip
    return cut(found, asked.limit, "audit")


@router.get("/health", response_model=Health, summary="Whether everything flows")
def get_health(request: Request, caller: Administers) -> Any:
    with portal_of(request).pool.database() as database:
        return administration.health(database, caller.scope)


@router.get("/machine", response_model=Machine, summary="Bots and queues of the portal's machine")
def get_machine(request: Request, caller: Administers) -> Any:
    looked = machine.look(portal_of(request).configuration)
    return {"bots": [asdict(bot) for bot in looked.bots], "trouble": looked.trouble}


@router.get("/alerts", response_model=Alerts, summary="What a person should look at")
def list_alerts(request: Request, caller: Administers) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": administration.alerts(database, caller.scope)}


@router.post("/alerts/seen", status_code=204, summary="These alerts were looked at")
def see_alerts(request: Request, caller: Administers, asked: SeenAlerts) -> None:
    with portal_of(request).pool.database() as database:
        read(database, caller.scope, "api.see_alerts", alerts=asked.alerts, author=caller.author)
