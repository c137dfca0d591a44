# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Times as people, logs and mail programs write them, and the zone a text states for all of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from abusehandler.reports.freetext.times import find_times
from abusehandler.reports.freetext.zones import stated_zone

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T09:00:05Z",
        "2026-11-20T09:00:05.000000+00:00",
        "2026-11-20 10:00:05 +0100",
        "2026/11/20 10:00:05 CET",
        "20261120T090005Z",
        "[20/Nov/2026:10:00:05 +0100]",
        "Fri, 20 Nov 2026 10:00:05 +0100 (CET)",
        "Fri Nov 20 10:00:05 2026 +0100",
        "Fri Nov 20 09:00:05 UTC 2026",
        "November 20, 2026 09:00:05 AM UTC",
        "Friday 20th of November 2026 09:00:05 AM UTC",
        "Nov 20, 2026 @ 09:00:05.000 UTC",
        "20.11.2026 um 10:00:05 MEZ",
        "20 novembre 2026 à 10:00:05 CET",
        "20 de noviembre de 2026 10:00:05 GMT+1",
        "20. listopadu 2026 v 10:00:05 CET",
        "20 ноября 2026 12:00:05 MSK",
        "2026年11月20日 18:00:05 JST",
        "20/11/2026 04:00:05 (UTC-5)",
        "09:00:05 UTC on 20 November 2026",
        "1795165205 src=192.0.2.1",
        "2026-11-20 10:00:05 Europe/Berlin",
        "20.11.2026, 10:00:05 Uhr MEZ",
        "Start (UTC): 2026-11-20 09:00:05",
    ],
)
def test_one_moment_in_many_ways(text: str) -> None:
    (only,) = find_times(text, NOW)
    assert only.when == datetime(2026, 11, 20, 9, 0, 5, tzinfo=timezone.utc)


def test_the_zone_behind_the_end_of_a_span_holds_for_its_beginning() -> None:
    begin, *_ = find_times("am 20.11.2026 zwischen 10:00:05 und 11:00 Uhr (MEZ)", NOW)
    assert begin.when == datetime(2026, 11, 20, 9, 0, 5, tzinfo=timezone.utc)


def test_a_time_without_zone_stays_naive() -> None:
    (only,) = find_times("2026-11-20 10:00:05 192.0.2.1 22", NOW)
    assert only.when.tzinfo is None
    assert only.at(None) is None
    assert only.at(timezone(timedelta(hours=1))) == datetime(2026, 11, 20, 9, 0, 5, tzinfo=timezone.utc)


def test_syslog_takes_the_last_year_that_fits() -> None:
    (this_year,) = find_times("Nov 20 10:00:05 host sshd[1]:", NOW)
    (last_year,) = find_times("Dec 24 10:00:05 host sshd[1]:", NOW)
    assert (this_year.when.year, last_year.when.year) == (2026, 2025)
    assert this_year.year_guessed


def test_day_and_month_are_told_apart_by_other_dates() -> None:
    assert find_times("03/04/2026 10:00 and 03/25/2026 10:00", NOW)[0].when.month == 3
    assert find_times("03/04/2026 10:00 and 25/03/2026 10:00", NOW)[0].when.month == 4
    assert find_times("03/04/2026 10:00 PM", NOW)[0].when.month == 3


@pytest.mark.parametrize(
    "text",
    ["12:34:56", "ratio 3:45", "2026-13-45 10:00:00", "aa:10:20:30:40:50", "2026-11-20 25:00:00", "+43 1 5056416"],
)
def test_what_is_no_time(text: str) -> None:
    assert find_times(text, NOW) == []


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("All timestamps are in UTC.", 0),
        ("Note: Local timezone is +0200 (CEST)", 2),
        ("Zeitzone: MEZ", 1),
        ("Timezone of the Log is (GMT+9)", 9),
        ("TIME (UTC)   SRC  DST", 0),
        ("The time zone is EST", -5),
        ("All times are Central European Time (Berlin), in winter", 1),
        ("время указано UTC+3", 3),
    ],
)
def test_the_zone_stated_for_all(text: str, hours: int) -> None:
    zone = stated_zone(text)
    assert zone is not None
    assert datetime(2026, 1, 15, tzinfo=zone).utcoffset() == timedelta(hours=hours)


def test_two_zones_are_none() -> None:
    assert stated_zone("The log times are in UTC. The times of the table are in JST.") is None
    assert stated_zone("Time: 2026-11-20 10:00:00 CET") is None


@pytest.mark.parametrize(
    "text", ["Tidszon: UTC+1", "Horário em UTC+1.", "(Zeit in MEZ)", "log excerpt, CET:", "Gli orari sono CET."]
)
def test_a_zone_that_stands_behind_no_number_is_said_of_all_times(text: str) -> None:
    zone = stated_zone(f"{text}\nNov 20 10:00:05 192.0.2.1")
    assert zone is not None
    assert NOW.astimezone(zone).utcoffset() == timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-18 12:00:00 CST", "18:00"),
        ("2026-11-18 12:00:00 CST (+0800)", "04:00"),
        ("Nov 18 12:00:00 CST 2026 sshd\nTimezone of log: +0800", "04:00"),
        ("Nov 18 12:00:00 CST 2026 sshd\nour clock is UTC-6", "18:00"),
        ("攻击时间 2026-11-18 12:00:00 CST", "04:00"),
        ("2026-11-18 12:00:00 IST", "06:30"),
        ("2026-11-18 12:00:00 IST (UTC+2)", "10:00"),
        ("2026-11-18 12:00:00 IST. Our office is in Tel Aviv.", "10:00"),
        ("2026-11-18 12:00:00 BST", "11:00"),
        ("2026-11-18 12:00:00 BST (Dhaka)", "06:00"),
    ],
)
def test_zones_of_one_name_are_told_apart_by_the_rest_of_the_text(text: str, utc: str) -> None:
    (found,) = find_times(text, NOW)
    assert f"{found.when:%H:%M}" == utc
    assert found.when.tzinfo is timezone.utc
