# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sums for longer periods are those of the days, whatever is done to these."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from abusehandler.tickets.desk import analytics
from abusehandler.tickets.desk.analytics import Period
from abusehandler.tickets.desk.scope import EVERYTHING

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database


@pytest.fixture
def year(database: Database) -> Database:
    """Thirteen months of days."""
    database.fetch("INSERT INTO customers (id, name) SELECT 'C' || n, 'Customer ' || n FROM generate_series(0, 9) n")
    database.fetch(
        "INSERT INTO daily_customers SELECT '2025-10-15'::date + n, 'C' || n % 10, 1 + n % 7 FROM generate_series(0, 400) n"
    )
    database.fetch(
        "INSERT INTO daily_events SELECT '2025-10-15'::date + n, 'spam', s, 'Feed ' || n % 3, 'one', s + 1 "
        "FROM generate_series(0, 400) n, generate_series(0, 4) s"
    )
    database.fetch(
        "INSERT INTO daily_tickets SELECT '2025-10-15'::date + n, 'p' || n % 4, s, 'Feed', 5, 1, 2, 3, 4, 60.5, "
        "ARRAY[1,2,3,4,5,6,7,8,9,10,11,12], 3, 7200, ARRAY[0,0,1,0,0,0,0,0,0,2,0,0] "
        "FROM generate_series(0, 400) n, generate_series(0, 4) s"
    )
    return database


def check(database: Database) -> None:
    """All three hold what a sum over the days gives."""
    for kept, summed in (
        (
            "SELECT month, customer_id, events FROM monthly_customers",
            "SELECT date_trunc('month', day::timestamp)::date, customer_id, sum(events)::bigint FROM daily_customers GROUP BY 1, 2",
        ),
        ("SELECT * FROM daily_feeds", "SELECT day, feed, sum(events)::bigint FROM daily_events GROUP BY day, feed"),
        (
            "SELECT day, problem, opened, relapsed, told, told_seconds, ended, ended_seconds, told_within[12], ended_within[10] FROM daily_problems",
            """SELECT day, problem, sum(opened)::bigint, sum(relapsed)::bigint, sum(told)::bigint, sum(told_seconds), sum(ended)::bigint,
                      sum(ended_seconds), sum(told_within[12])::bigint, sum(ended_within[10])::bigint
               FROM daily_tickets GROUP BY day, problem""",
        ),
    ):
        assert sorted(database.fetch(kept)) == sorted(database.fetch(summed)), kept


def test_days_that_come_change_and_go(year: Database) -> None:
    check(year)
    year.fetch("UPDATE daily_customers SET customer_id = 'erased-1' WHERE customer_id = 'C4'")
    check(year)
    year.fetch("UPDATE daily_customers SET events = events + 2 WHERE customer_id = 'C5'")
    check(year)
    year.fetch("DELETE FROM daily_customers WHERE customer_id = 'C6' OR day = '2026-03-01'")
    year.fetch("DELETE FROM daily_tickets WHERE day = '2026-03-01' OR severity = 2")
    year.fetch("UPDATE daily_tickets SET opened = 9 WHERE day > '2026-05-05' AND severity = 1")
    year.fetch("DELETE FROM daily_events WHERE feed = 'Feed 1' AND day < '2026-01-07'")
    check(year)
    assert not year.fetch("SELECT FROM monthly_customers WHERE customer_id IN ('C4', 'C6')")


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2025-10-15", "2026-11-19"), ("2025-11-01", "2025-11-30"), ("2025-11-02", "2025-11-30"), ("2025-11-01", "2025-11-29"),
        ("2025-11-02", "2025-11-29"), ("2025-12-31", "2026-01-01"), ("2026-02-28", "2026-02-28"), ("2025-11-17", "2025-12-31"),
        ("2025-11-03", "2025-12-28"), ("2025-10-24", "2025-11-22"), ("2025-11-20", "2025-12-05"), ("2026-01-05", "2026-10-27"), ("2026-02-02", "2026-02-27"),
    ],
)  # fmt: skip
def test_any_period_counts_each_day_once(year: Database, since: str, until: str) -> None:
    period = Period(date.fromisoformat(since), date.fromisoformat(until))
    found = {row["customer_id"]: row["events"] for row in analytics.table(year, EVERYTHING, "customers", period)}
    assert found == dict(
        year.fetch(
            "SELECT customer_id, sum(events)::bigint FROM daily_customers WHERE day BETWEEN %s AND %s GROUP BY 1",
            (period.since, period.until),
        )  # type: ignore[arg-type]
    )


def test_who_had_most_of_very_many(database: Database) -> None:
    database.fetch("INSERT INTO customers (id, name) SELECT 'C' || n, 'Customer ' || n FROM generate_series(0, 2999) n")
    # each day others lead, and three lead over the whole
    database.fetch(
        "INSERT INTO daily_customers SELECT '2026-01-20'::date + d, 'C' || n, "
        "CASE WHEN n < 3 THEN 60 - n WHEN n / 40 = d THEN 100 ELSE 1 + (n + d) %% 5 END "
        "FROM generate_series(0, 50) d, generate_series(0, 2999) n",
        (),
    )
    for since, until in (
        ("2026-01-20", "2026-03-10"),
        ("2026-01-25", "2026-02-03"),
        ("2026-02-01", "2026-02-28"),
        ("2026-02-14", "2026-02-14"),
    ):
        period = Period(date.fromisoformat(since), date.fromisoformat(until))
        found = [row["events"] for row in analytics.table(database, EVERYTHING, "customers", period)]
        most = database.fetch(
            "SELECT sum(events)::bigint FROM daily_customers WHERE day BETWEEN %s AND %s GROUP BY customer_id ORDER BY 1 DESC LIMIT 30",
            (since, until),
        )
        assert found == [events for (events,) in most]


def test_tickets_that_are_open_now(database: Database) -> None:
    database.fetch("INSERT INTO customers (id) VALUES ('C1')")
    database.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem, state) SELECT gen_random_uuid(), 'C1', 'host', 'spam', "
        "unnest(ARRAY['open', 'open', 'escalated', 'resolved', 'ignored', 'closed', 'closed'])"
    )
    today = Period(date(2026, 1, 1), date(2026, 1, 1))
    assert analytics.table(database, EVERYTHING, "open_now", today) == [{"open": 3}]
