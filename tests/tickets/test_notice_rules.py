# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What rules.yaml may say about notices, and what comes of it for a ticket."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import ValidationError

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.policy import NoticePolicy, NoticeSchedule
from abusehandler.tickets.rules.notice_rules import NoticeRules

CATALOGUE = Catalogue.load()
VIENNA = ZoneInfo("Europe/Vienna")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def policy(
    said: dict[str, Any], problem: str = "brute-force", severity: str = "high", customer: str = "C1", **other: Any
) -> NoticePolicy:
    schedule = NoticeSchedule(rules=NoticeRules.model_validate(said), **other)
    return schedule.policy_of(CATALOGUE.problems[problem], severity, customer)


def first(said: dict[str, Any], now: str, zone: ZoneInfo = VIENNA) -> datetime | None:
    schedule = NoticeSchedule(rules=NoticeRules.model_validate(said), zone=zone, settle=timedelta(seconds=60))
    return schedule.due_of(CATALOGUE.problems["brute-force"], "high", "C1", utc(now)).first


def test_without_rules_the_simple_form_holds() -> None:
    simple = policy({}, settle=timedelta(seconds=5), again=timedelta(hours=6), hold=True, policy="at-once")
    assert (simple.when, simple.settle, simple.again, simple.hold) == (
        "at-once",
        timedelta(seconds=5),
        timedelta(hours=6),
        True,
    )
    assert simple.reminders == ()
    assert simple.quiet is None


def test_the_last_rule_that_fits_wins_and_each_sets_only_what_it_names() -> None:
    said = {
        "default": {"when": "digest", "digest_hours": [8], "repeat_hours": 48},
        "rules": [
            {"severities": ["high", "critical"], "when": "at-once"},
            {"customers": ["C1"], "repeat_hours": 12},
            {"problems": ["brute-force"], "customers": ["C2"], "when": "never"},
        ],
    }
    high = policy(said)
    assert (high.when, high.again) == ("at-once", timedelta(hours=12))
    assert policy(said, severity="low", customer="C9").when == "digest"
    assert policy(said, severity="low", customer="C9").again == timedelta(hours=48)
    assert policy(said, customer="C2").when == "never"


def test_groups_fit() -> None:
    group = CATALOGUE.problems["brute-force"].group.id
    assert policy({"rules": [{"groups": [group], "hold": True}]}).hold
    assert not policy({"rules": [{"groups": ["none"], "hold": True}]}).hold


@pytest.mark.parametrize(
    ("said", "now", "expected"),
    [
        ({"when": "digest", "digest_hours": [16, 8]}, "2026-11-20T08:00", "2026-11-20T15:00"),
        ({"when": "digest", "digest_hours": [8, 16]}, "2026-11-20T15:30", "2026-11-21T07:00"),
        (
            {"when": "digest", "digest_hours": [8], "digest_days": ["mon", "thu"]},
            "2026-11-20T08:00",
            "2026-11-23T07:00",
        ),
        ({"when": "interval", "every_hours": 4}, "2026-11-20T08:00", "2026-11-20T11:00"),
        ({"when": "weekly", "digest_days": ["fri"]}, "2026-11-20T08:00", "2026-11-27T07:00"),
        (
            {"when": "at-once", "quiet_hours": {"begin": "20:00", "end": "07:00"}},
            "2026-11-20T20:00",
            "2026-11-21T06:00",
        ),
        (
            {"when": "at-once", "quiet_hours": {"begin": "20:00", "end": "07:00"}},
            "2026-11-21T02:00",
            "2026-11-21T06:00",
        ),
        (
            {"when": "at-once", "quiet_hours": {"begin": "20:00", "end": "07:00"}},
            "2026-11-20T12:00",
            "2026-11-20T12:01",
        ),
        ({"when": "at-once", "quiet_hours": {"days": ["sat", "sun"]}}, "2026-11-20T23:30", "2026-11-23T06:00"),
        (
            {"when": "at-once", "quiet_hours": {"begin": "12:00", "end": "13:30"}},
            "2026-11-20T11:59",
            "2026-11-20T12:30",
        ),
    ],
)
def test_due_times_in_the_organisations_zone(said: dict[str, Any], now: str, expected: str) -> None:
    assert first({"default": said}, now) == utc(expected)


def test_interval_allows_an_update_each_time() -> None:
    assert policy({"default": {"when": "interval", "every_hours": 6}}).again == timedelta()


def test_reminders_come_one_after_the_other() -> None:
    twice = policy({"default": {"reminder_days": [7, 14]}})
    assert [twice.reminder(told) for told in range(3)] == [timedelta(days=7), timedelta(days=14), None]


def test_quiet_hours_end_on_the_night_the_clock_is_put_forward() -> None:
    end = first({"default": {"when": "at-once", "quiet_hours": {"begin": "20:00", "end": "02:30"}}}, "2026-03-28T22:00")
    assert end is not None
    assert timedelta(hours=2) < end - utc("2026-03-28T22:00") < timedelta(hours=5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"default": {"when": "sometimes"}},
        {"default": {"digest_hours": []}},
        {"default": {"digest_hours": [24]}},
        {"default": {"quiet_hours": {"begin": "25:00"}}},
        {"default": {"quiet_hours": {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}}},
        {"default": {"reminder_days": [0]}},
        {"rules": [{"problems": ["brute-force"]}]},
        {"rules": [{"hold": True, "unknown": 1}]},
        {"unknown": 1},
    ],
)
def test_what_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NoticeRules.model_validate(wrong)


def test_example_of_the_documentation_holds() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "notices.md").read_text(encoding="utf-8")
    example = yaml.safe_load(text.split("```yaml")[1].split("```")[0])["notices"]
    rules = NoticeRules.model_validate(example)
    assert rules.faults(CATALOGUE.problems, {problem.group.id for problem in CATALOGUE.problems.values()}) == []
    assert policy(example, severity="critical").quiet is None
    assert policy(example, "open-dns-resolver", "medium").hours == (8, 16)
    assert policy(example, customer="C1042").hold


def test_names_that_the_catalogue_does_not_know_are_found_with_their_place() -> None:
    rules = NoticeRules.model_validate({"rules": [{"hold": True}, {"problems": ["brute-forse"], "hold": True}]})
    ((place, said),) = rules.faults(CATALOGUE.problems, {"x"})
    assert place == ("rules", 1, "problems", 0)
    assert "write 'brute-force'" in said
