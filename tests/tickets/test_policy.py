# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""When customers are told."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from abusehandler.tickets.policy import NoticeSchedule

VIENNA = ZoneInfo("Europe/Vienna")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def test_at_once_waits_only_for_others() -> None:
    due = NoticeSchedule(settle=timedelta(seconds=60), again=timedelta(hours=12)).due(
        "at-once", utc("2026-11-20T10:00")
    )
    assert due.first == utc("2026-11-20T10:01")
    assert due.again == timedelta(hours=12)


def test_never() -> None:
    assert NoticeSchedule().due("never", utc("2026-11-20T10:00")).first is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T06:59", "2026-11-20T07:00"),
        ("2026-11-20T07:00", "2026-11-21T07:00"),
        ("2026-11-20T23:30", "2026-11-21T07:00"),
        # the night before summer time begins (29 March) and ends (25 October)
        ("2026-03-28T12:00", "2026-03-29T06:00"),
        ("2026-10-24T12:00", "2026-10-25T07:00"),
        ("2026-12-31T22:59", "2027-01-01T07:00"),
    ],
)
def test_daily_digest_goes_at_its_hour_where_the_organisation_is(now: str, expected: str) -> None:
    due = NoticeSchedule(digest_hour=8, zone=VIENNA).due("daily", utc(now))
    assert due.first == utc(expected)
    assert due.again == timedelta(days=1)


@pytest.mark.parametrize("now", ["2026-03-28T12:00", "2026-03-29T00:30", "2026-10-24T12:00", "2026-10-25T00:30"])
def test_hour_that_the_clock_skips_or_repeats_is_found(now: str) -> None:
    due = NoticeSchedule(digest_hour=2, zone=VIENNA).due("daily", utc(now))
    assert due.first is not None
    assert timedelta() < due.first - utc(now) <= timedelta(hours=26)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T10:00", "2026-11-23T08:00"),
        ("2026-11-23T07:59", "2026-11-23T08:00"),
        ("2026-11-23T08:00", "2026-11-30T08:00"),
    ],
)
def test_weekly_digest_goes_on_mondays(now: str, expected: str) -> None:
    due = NoticeSchedule(digest_hour=8).due("weekly", utc(now))
    assert due.first == utc(expected)
    assert due.again == timedelta(days=7)


def test_unknown_word_counts_as_daily() -> None:
    schedule = NoticeSchedule(digest_hour=8)
    assert schedule.due("whenever", utc("2026-11-20T10:00")) == schedule.due("daily", utc("2026-11-20T10:00"))


def test_policy_of_the_operator_overrules_the_problems() -> None:
    assert NoticeSchedule(policy="never").due("at-once", utc("2026-11-20T10:00")).first is None
