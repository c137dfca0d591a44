# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clocks whose date stands further above, and the zones that people name by their country."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from abusehandler.reports.freetext.times import find_times
from abusehandler.reports.freetext.zones import stated_zone

NOW = datetime(2026, 11, 19, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        "On 18 November 2026 our server was attacked from 192.0.2.1, beginning at 14:05 UTC.",
        "Samples of Nov 18 2026:\n14:05:00 UTC 192.0.2.1 -> 198.51.100.7",
        "Datum 18. 11. 2026\n[14:05:00 UTC] 192.0.2.1 denied",
        "date 11/18/2026\n14:05:00 UTC x",
        "Le 2026-11-18, notre serveur, voir ci-dessous, est tombé à 14:05 UTC",
    ],
)
def test_the_date_that_was_written_above(text: str) -> None:
    found = find_times(text, NOW)
    assert found[0].when == datetime(2026, 11, 18, 14, 5, tzinfo=timezone.utc)
    assert found[0].year_guessed


def test_the_last_date_above_counts() -> None:
    found = find_times("2026-11-17\n09:00:01 UTC a\n09:00:02 UTC b\n2026-11-18\n10:00:00 UTC c", NOW)
    assert [one.when.day for one in found] == [17, 17, 18]


def test_a_date_in_another_paragraph_is_not_that_of_a_clock_in_prose() -> None:
    assert find_times("Our office opened on 18 November 2026.\n\nCall us from 09:00 UTC.", NOW) == []


@pytest.mark.parametrize(
    "text", ["99.99.2026\n10:00:00 UTC x", "2026-13-44\n10:00:00 UTC x", "1 Foo 2026\n10:00:00 UTC x"]
)
def test_what_is_no_date(text: str) -> None:
    assert find_times(text, NOW) == []


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("18.11.2026 o godz. 23:47 (czas polski)", 1),
        ("alle Angaben in österreichischer Zeit", 1),
        ("21:15 (hora de Lima)", -5),
        ("Dutch local time", 1),
        ("středoevropského času", 1),
        ("orario di Roma", 1),
        ("Samples (all in UTC):", 0),
    ],
)
def test_the_zone_by_the_name_of_the_country(text: str, hours: int) -> None:
    zone = stated_zone(text)
    assert zone is not None
    offset = zone.utcoffset(datetime(2026, 1, 1))  # noqa: DTZ001  (in the zone itself)
    assert offset is not None
    assert offset.total_seconds() == hours * 3600
