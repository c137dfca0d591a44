# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Numbers of a period, from the daily statistics."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.portal.api.caller import Counts
from abusehandler.portal.api.fields import Query, Told
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.desk.analytics import WITHIN, table_file
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


class Opened(Told):
    """`problems`: for each the number of each of `days`."""

    days: list[date]
    problems: dict[str, list[int]]


class Within(Told):
    """Of the tickets opened in the period, how many had their first notice (`told`) and their end within each time."""

    within: list[str]
    told: list[int]
    ended: list[int]


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


@router.get("/statistics/opened", response_model=Opened, summary="Tickets opened on each day, by problem")
def get_opened(request: Request, caller: Counts, asked: Annotated[PeriodQuery, InQuery()]) -> Any:
    """The most frequent problems; the rest together under the empty name."""
    with portal_of(request).pool.database() as database:
        days, lines = analytics.opened_by_problem(database, caller.scope, _period(asked))
    return {"days": days, "problems": lines}


@router.get("/statistics/within", response_model=Within, summary="How soon tickets were told of and ended")
def get_within(request: Request, caller: Counts, asked: Annotated[PeriodQuery, InQuery()]) -> Any:
    with portal_of(request).pool.database() as database:
        (row,) = analytics.table(database, caller.scope, "within", _period(asked))
    return {"within": WITHIN, "told": row["told"], "ended": row["ended"]}


@router.get(
    "/statistics/{table}.csv", summary="The same table as CSV", response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)  # fmt: skip
def get_csv(request: Request, caller: Counts, table: Table, asked: Annotated[PeriodQuery, InQuery()]) -> Response:
    """With cells that a spreadsheet would calculate made harmless."""
    period = _period(asked)
    with portal_of(request).pool.database() as database:
        return table_file(table, period, analytics.table(database, caller.scope, table, period))


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
