# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Numbers of a period, from the daily statistics."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.portal.api.caller import Counts
from abusehandler.portal.api.fields import Query, Told
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import analytics
from abusehandler.tickets.incoming import now_utc

router = APIRouter(route_class=ApiRoute, tags=["statistics"])
Table = Literal["work", "problems", "customers", "networks", "feeds", "readers", "decisions"]


class PeriodQuery(Query):
    """Days in UTC, both ends inclusive; the last 30 days where nothing is said, at most three years."""

    since: Annotated[date, Field(ge=date(1971, 1, 1), le=date(2200, 1, 1))] | None = None
    until: Annotated[date, Field(ge=date(1971, 1, 1), le=date(2200, 1, 1))] | None = None


class Numbers(Told):
    """`rows` have the columns of the desk's CSV."""

    table: str
    since: date
    until: date
    columns: list[str]
    rows: list[dict[str, Any]]


class OpenDay(Told):
    day: date
    open: int


class OpenDays(Told):
    items: list[OpenDay]


def _period(asked: PeriodQuery) -> analytics.Period:
    until = asked.until or now_utc().date()
    since = asked.since or until - timedelta(days=29)
    if since > until or until - since > analytics.LONGEST:
        raise ProblemError(400, "The period ends before it begins, or is longer than three years.")
    return analytics.Period(since, until)


@router.get("/statistics/open", response_model=OpenDays, summary="Open tickets at the end of each day")
def get_open(request: Request, caller: Counts, asked: Annotated[PeriodQuery, InQuery()]) -> Any:
    with portal_of(request).pool.database() as database:
        days, levels = analytics.open_over_time(database, caller.scope, _period(asked))
    return {"items": [{"day": day, "open": level} for day, level in zip(days, levels, strict=True)]}


@router.get("/statistics/{table}", response_model=Numbers, summary="A table of a period")
def get_table(request: Request, caller: Counts, table: Table, asked: Annotated[PeriodQuery, InQuery()]) -> Any:
    period = _period(asked)
    with portal_of(request).pool.database() as database:
        found = analytics.table(database, caller.scope, table, period)
    return {
        "table": table,
        "since": period.since,
        "until": period.until,
        "columns": analytics.TABLES[table],
        "rows": found,
    }
