# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Numbers of a period: how much came, how soon it was told and mended, from whom, and which feeds and readers fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from abusehandler.tickets.desk.scope import Row, Scope, rows

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

LONGEST = timedelta(days=3 * 366)
#: Tables that can be shown and exported, with the columns people see.
TABLES: dict[str, tuple[str, ...]] = {
    "work": ("day", "opened", "closed", "resolved", "reopened", "notices", "mails", "failed"),
    "problems": ("problem", "opened", "relapsed", "told", "told_seconds", "ended", "ended_seconds"),
    "customers": ("customer_id", "name", "events"),
    "networks": ("network", "tickets", "events"),
    "feeds": ("feed", "last_day", "events", "events_before", "days"),
    "readers": ("reader", "reports", "read", "partly", "unread", "filed", "events", "yield", "yield_before", "last_at"),
    "decisions": ("reader", "sender", "decided", "accepted", "corrected", "filed"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, both ends inclusive."""

    since: date
    until: date

    @classmethod
    def of(cls, since: str, until: str, today: date) -> Period:
        """From texts such as 2026-11-01; what is missing or wrong gives the last 30 days."""
        end = _day(until) or today
        begin = _day(since) or end - timedelta(days=29)
        if begin > end:
            begin, end = end, begin
        return cls(max(begin, end - LONGEST), end)

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    def each_day(self) -> list[date]:
        return [self.since + timedelta(days=number) for number in range(self.days)]

    @property
    def months(self) -> list[date]:
        """The first days of the months that the period has days of."""
        found = [self.since.replace(day=1)]
        while (following := _next_month(found[-1])) <= self.until:
            found.append(following)
        return found

    @property
    def whole_months(self) -> list[date]:
        """The first days of the months that lie in the period as a whole."""
        end = self.until + timedelta(days=1)
        return [month for month in self.months if month >= self.since and _next_month(month) <= end]


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def table(database: Database, scope: Scope, name: str, period: Period) -> list[Row]:
    """The rows of one of TABLES."""
    with database.transaction() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '15s'")
        end = period.until + timedelta(days=1)
        whole = period.whole_months
        first, after = (whole[0], _next_month(whole[-1])) if whole else (end, end)
        days = [day for day in period.each_day() if not first <= day < after]
        return rows(
            cursor, scope, f"analytics.{name}", since=period.since, until=period.until, before=period.since - timedelta(days=period.days),
            months=period.months, days=days, first_whole=first, after_whole=after,
        )  # fmt: skip


def opened_by_problem(
    database: Database, scope: Scope, period: Period, most: int = 7
) -> tuple[list[date], dict[str, list[int]]]:
    """The days, and for the most frequent problems how many tickets were opened on each; the rest has the empty name."""
    found = table(database, scope, "opened_by_problem", period)
    sums: dict[str, int] = {}
    for row in found:
        sums[row["problem"]] = sums.get(row["problem"], 0) + row["opened"]
    top = sorted(sums, key=lambda name: (-sums[name], name))[:most]
    days = period.each_day()
    lines: dict[str, list[int]] = {name: [0] * len(days) for name in (*top, "")}
    for row in found:
        name = row["problem"] if row["problem"] in top else ""
        lines[name][(row["day"] - period.since).days] += row["opened"]
    if not any(lines[""]):
        del lines[""]
    return days, lines


def mails(database: Database, scope: Scope, period: Period) -> tuple[list[date], dict[str, list[int]]]:
    """The days, and how many mails were sent and failed on each."""
    work = {row["day"]: row for row in table(database, scope, "work", period)}
    days = period.each_day() if work else []
    return days, {
        word: [work[day][column] if day in work else 0 for day in days]
        for word, column in (("sent", "mails"), ("failed", "failed"))
    }


def open_over_time(database: Database, scope: Scope, period: Period) -> tuple[list[date], list[int]]:
    """How many tickets were open at the end of each day, counted back from now."""
    with database.transaction() as cursor:
        (now,) = rows(cursor, scope, "analytics.open_now")
        (since,) = rows(cursor, scope, "analytics.work_since", until=period.until)
        work = {
            row["day"]: row for row in rows(cursor, scope, "analytics.work", since=period.since, until=period.until)
        }
    level = now["open"] - since["more"]
    days, levels = [], []
    for number in range(period.days):
        day = period.until - timedelta(days=number)
        days.append(day)
        levels.append(max(level, 0))
        row = work.get(day)
        if row is not None:
            level -= row["opened"] + row["reopened"] - row["closed"] - row["resolved"]
    return days[::-1], levels[::-1]
