# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Saved views of the desk's list of tickets: those of the token's user, and those that others share."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from pydantic import Field

from abusehandler.portal.api.caller import Sees, Writes
from abusehandler.portal.api.fields import Asked, InPath, Told
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.pages import query
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import views
from abusehandler.tickets.desk.ticket_list import TicketFilter

router = APIRouter(route_class=ApiRoute, tags=["views"])


class View(Told):
    """`query` is the part of the address of the desk's page after the question mark. `own`: the user may remove it."""

    id: int
    name: str
    query: str
    shared: bool
    own: bool


class Views(Told):
    items: list[View]


class NewView(Asked):
    """One of the same name is replaced."""

    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
    query: Annotated[str, Field(max_length=2000, pattern=r"^[ -~]*$")] = Field(
        "", description="Filters as in the desk's address, for example state=open&severity=high."
    )
    shared: bool = Field(False, description="For all people of the same account; needs a role that may act.")


class Made(Told):
    id: int


@router.get("/views", response_model=Views, summary="List saved views")
def list_views(request: Request, caller: Sees) -> Any:
    user = caller.viewer.user
    with portal_of(request).pool.database() as database:
        return {"items": views.of_user(database, user.id, account=user.account)}


@router.post("/views", response_model=Made, status_code=201, summary="Save a view")
def add_view(request: Request, caller: Writes, asked: NewView) -> Any:
    """What is no filter of the list is left out."""
    if asked.shared:
        caller.require("write", "act")
        if caller.viewer.user.role == "tenant":
            raise ProblemError(403, "People of an account keep their views to themselves.")
    wanted = query(TicketFilter.of(parse_qs(asked.query)).address())
    with portal_of(request).pool.database() as database:
        return {"id": views.save(database, caller.viewer.user.id, asked.name, wanted, shared=asked.shared)}


@router.delete("/views/{number}", status_code=204, summary="Remove a view of one's own")
def remove_view(request: Request, caller: Writes, number: InPath) -> None:
    with portal_of(request).pool.database() as database:
        if not views.remove(database, caller.viewer.user.id, number):
            raise ProblemError(404, f"There is no view {number} of yours.")
