# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Analytics: any period, charts beside the numbers they draw, every table as CSV."""

from __future__ import annotations

import threading
import time
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import Response

from abusehandler.portal.desk import charts
from abusehandler.portal.desk.spreadsheet import csv_file
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import render
from abusehandler.portal.settings import Portal, portal_of
from abusehandler.tickets.desk import analytics

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.tickets.desk.scope import Row

router = APIRouter()
Counts = Annotated[Viewer, Depends(needs("statistics"))]
#: A chart is an image of its own: its styles are its own, and it may do nothing else.
CHART_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
REMEMBERED_SECONDS = 60.0
MOST_REMEMBERED = 200
NOW = "networks"
#: Reports of a reader from which its yield is more than chance.
ENOUGH = 10
T = TypeVar("T")
_made: dict[tuple[object, ...], tuple[float, object]] = {}
_lock = threading.Lock()
WITHIN = ("10 min", "1 h", "4 h", "12 h", "1 d", "2 d", "4 d", "7 d", "14 d", "30 d", "90 d", "later")


def _recent(key: tuple[object, ...], make: Callable[[], T]) -> T:
    """Figures are at most a minute old: the statistics behind them are made less often anyway."""
    with _lock:
        at, known = _made.get(key, (-REMEMBERED_SECONDS, None))
        if time.monotonic() - at < REMEMBERED_SECONDS and known is not None:
            return cast("T", known)
    made = make()
    with _lock:
        if len(_made) >= MOST_REMEMBERED:
            _made.clear()
        _made[key] = (time.monotonic(), made)
    return made


def _tables(portal: Portal, viewer: Viewer, period: analytics.Period) -> dict[str, list[Row]]:
    with portal.pool.database() as database:
        made = {name: analytics.table(database, viewer.scope, name, period) for name in analytics.TABLES if name != NOW}
        # of the newest tickets, whatever the period
        made[NOW] = _recent((portal.number, NOW), lambda: analytics.table(database, viewer.scope, NOW, period))
        return made


def remark(table: str, row: Row) -> str:
    """What is to be looked at in a row of a table: a feed that went silent, a reader that makes less than half of what it made."""
    if table == "feeds":
        return "silent" if not row["events"] and row["events_before"] else ""
    if table == "readers" and row["reports_before"] >= ENOUGH:
        if not row["reports"]:
            return "silent"
        if row["reports"] >= ENOUGH and row["yield"] * 2 < row["yield_before"]:
            return "yield dropped"
    return ""


def _period(since: str, until: str) -> analytics.Period:
    return analytics.Period.of(since, until, _today())


def _today() -> date:
    return datetime.now(timezone.utc).date()


@router.get("/analytics")
def page(request: Request, viewer: Counts, since: str = "", until: str = "") -> Response:
    period = _period(since, until)
    portal = portal_of(request)
    tables = _recent((portal.number, "tables", period), lambda: _tables(portal, viewer, period))
    work = tables["work"]
    sums = {name: sum(row[name] for row in work) for name in ("opened", "closed", "notices", "failed")}
    opened = sum(row["opened"] for row in tables["problems"])
    relapsed = sum(row["relapsed"] for row in tables["problems"])
    told = sum(row["told"] for row in tables["problems"])
    ended = sum(row["ended"] for row in tables["problems"])
    return render(
        request, "analytics", period=period, tables=tables, sums=sums,
        told_seconds=sum((row["told_seconds"] or 0) * row["told"] for row in tables["problems"]) / told if told else None,
        ended_seconds=sum((row["ended_seconds"] or 0) * row["ended"] for row in tables["problems"]) / ended if ended else None,
        relapse=relapsed / opened * 100 if opened else None, today=_today(),
        columns=analytics.TABLES, remark=remark, charts_days=charts.days_each(period.days),
    )  # fmt: skip


@router.get("/analytics/{name}.svg")
def chart(
    request: Request, viewer: Counts, name: str, since: str = "", until: str = "", dark: bool = False
) -> Response:
    portal, period = portal_of(request), _period(since, until)
    drawn = _recent((portal.number, name, period, dark), lambda: _draw(portal, viewer, name, period, dark=dark))
    return Response(drawn, media_type="image/svg+xml", headers={"Content-Security-Policy": CHART_POLICY})


def _draw(portal: Portal, viewer: Viewer, name: str, period: analytics.Period, *, dark: bool) -> bytes:
    with portal.pool.database() as database:
        if name == "opened":
            days, lines = analytics.opened_by_problem(database, viewer.scope, period)
            drawn = charts.stacked(days, {_name(portal, key): line for key, line in lines.items()}, dark=dark)
        elif name == "open":
            days, levels = analytics.open_over_time(database, viewer.scope, period)
            drawn = charts.line(days, {"open tickets": levels}, dark=dark)
        elif name == "mails":
            days, lines = analytics.mails(database, viewer.scope, period)
            drawn = charts.stacked(days, lines, dark=dark)
        elif name == "within":
            (within,) = analytics.table(database, viewer.scope, "within", period)
            values = {"first notice": within["told"], "end": within["ended"]}
            drawn = charts.columns(WITHIN, values, dark=dark)
        else:
            raise HTTPException(404)
    return drawn


def _name(portal: Portal, problem: str) -> str:
    known = portal.catalogue.problems.get(problem)
    return known.name if known is not None else problem or "others"


@router.get("/analytics/{name}.csv")
def table(request: Request, viewer: Counts, name: str, since: str = "", until: str = "") -> Response:
    if name not in analytics.TABLES:
        raise HTTPException(404)
    period = _period(since, until)
    with portal_of(request).pool.database() as database:
        rows = analytics.table(database, viewer.scope, name, period)
    return table_file(name, period, rows)


def table_file(name: str, period: analytics.Period, rows: list[Row]) -> Response:
    """One of `analytics.TABLES` as CSV."""
    columns = analytics.TABLES[name]
    return csv_file(
        f"{name}-{period.since}-{period.until}.csv", columns, ([row[column] for column in columns] for row in rows)
    )
