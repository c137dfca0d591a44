# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Times of tables and logs: clocks that are set back, days of 23 and 25 hours, leap days, and what means "no limit"."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.crm_connector.times import parse_moment

VIENNA = ZoneInfo("Europe/Vienna")


def utc(*numbers):
    return datetime(*numbers, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-10-25 01:30", utc(2026, 10, 24, 23, 30), utc(2026, 10, 24, 23, 30)),
        ("2026-10-25 02:30", utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)),
        ("2026-10-25 03:30", utc(2026, 10, 25, 2, 30), utc(2026, 10, 25, 2, 30)),
        ("2026-10-25 02:30 +01:00", utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 1, 30)),
        ("2026-03-29 02:30", utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 1, 30)),
    ],
    ids=["before", "twice", "after", "with its offset", "never"],
)
def test_an_hour_that_comes_twice_or_never(text, begin, end):
    assert parse_moment(text, VIENNA) == begin
    assert parse_moment(text, VIENNA, latest=True) == end


@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "0001-01-01T00:00:00", "0001-01-01 00:00:00+14:00", "9999-12-31 23:59:59", "0000-00-00", "\\N"],
)
def test_no_limit(text):
    assert parse_moment(text, VIENNA) is None


def test_leap_days_and_midnight():
    assert parse_moment("2028-02-29 24:00") == utc(2028, 3, 1)
    assert parse_moment("29.02.2028 24:00:00", VIENNA) == utc(2028, 2, 29, 23)
    assert parse_moment("2016-12-31 23:59:60") == utc(2016, 12, 31, 23, 59, 59)
    for text in ("2027-02-29", "2026-01-31 24:01", "2026-01-31 25:00", "2026-01-31 23:60"):
        with pytest.raises(ValueError, match="is not a time"):
            parse_moment(text)


def test_rows_of_the_night_when_clocks_are_set_back(tmp_path):
    """Between 2 and 3 by the clocks both may have had the address; a session that began in the first 2:50 may end at 2:10."""
    (tmp_path / "c.csv").write_text(
        "prefix,id,valid_from,valid_until\n"
        "192.0.2.1,a,2026-10-24 20:00,2026-10-25 02:30\n192.0.2.1,b,2026-10-25 02:30,2026-10-25 08:00\n"
        "192.0.2.2,c,2026-10-25 02:50,2026-10-25 02:10\n"
    )
    section = {"connector": "csv", "path": "c.csv", "time_zone": "Europe/Vienna", "clock_skew_seconds": 0}
    known = open_directory(section, base=tmp_path)

    def whose(address, *numbers):
        [answer] = known.lookup_many([Query(address, utc(*numbers))])
        return answer.customer.id if answer.customer else answer.outcome

    assert whose("192.0.2.1", 2026, 10, 25, 0, 29, 59) == "a"
    assert whose("192.0.2.1", 2026, 10, 25, 1) == "ambiguous"
    assert whose("192.0.2.1", 2026, 10, 25, 1, 30) == "b"
    assert whose("192.0.2.2", 2026, 10, 25, 1) == "c"
    assert [problem for problem in known.problems() if "left out" in problem] == []


@pytest.mark.parametrize(
    ("day", "ends"), [("2026-03-29", 22), ("2026-10-25", 23), ("2026-06-30", 22), ("2026-12-31", 23)]
)
def test_a_day_that_is_included_ends_with_its_midnight(tmp_path, day, ends):
    (tmp_path / "c.csv").write_text(f"prefix,id,valid_until\n192.0.2.1,a,{day}\n")
    section = {"connector": "csv", "path": "c.csv", "time_zone": "Europe/Vienna", "until_includes_day": True}
    [row] = open_directory(section, base=tmp_path).snapshot.layers[0].assignments()
    assert row.valid_until == datetime.fromisoformat(f"{day}T{ends}:00:00+00:00")
