# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""rules.yaml: what it says counts, and what is wrong in it is told with its line."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.rules import KeyRule, Rules
from abusehandler.tickets.rules.rules import RulesInUse

if TYPE_CHECKING:
    from pathlib import Path


def load(tmp_path: Path, text: str) -> Rules:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return Rules.load(path)


def fault(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    return str(caught.value)


def days(number: int) -> timedelta:
    return timedelta(days=number)


def test_without_a_file_the_defaults_apply(tmp_path: Path) -> None:
    rules = Rules.load(tmp_path / "absent.yaml")
    times = rules.times("brute-force", "C1")
    assert times.close_after == days(Catalogue.load().problems["brute-force"].close_after_days)
    assert times.close_resolved_after == times.close_after
    assert (times.reopen_within, times.close_ignored_after) == (days(30), days(90))
    assert rules.key("brute-force") == KeyRule()
    assert (rules.escalation, rules.mutes) == ((), ())


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_empty_file_is_no_fault(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).times("spam").reopen_within == days(30)


def test_narrower_sections_win_key_by_key(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        "defaults: {reopen_within_days: 10, close_after_days: 11}\n"
        "groups: {traffic: {close_after_days: 12}}\n"
        "problems: {spam: {close_after_days: 13}}\n"
        "customers: {C1: {close_after_days: 14, problems: {spam: {reopen_within_days: 0, close_resolved_after_days: never}}}}\n",
    )
    assert rules.times("phishing").close_after == days(11)
    assert rules.times("brute-force").close_after == days(12)
    assert rules.times("spam", "C2").close_after == days(13)
    assert rules.times("spam", "C1").close_after == days(14)
    assert rules.times("spam", "C1").reopen_within == days(0)
    assert rules.times("spam", "C1").close_resolved_after is None
    assert rules.times("spam", "C2").close_resolved_after == days(13)


def test_silence_depends_on_the_state(tmp_path: Path) -> None:
    times = load(
        tmp_path,
        "defaults: {close_after_days: 1, close_resolved_after_days: 2, close_ignored_after_days: 3}",
    ).times("spam")
    states = ("open", "escalated", "resolved", "ignored")
    assert [times.silence(state) for state in states] == [days(1), days(1), days(2), days(3)]


def test_key_of_a_problem(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        "defaults: {key: {ipv6_prefix: 56}}\n"
        "groups: {traffic: {key: {port: true}}}\n"
        "problems: {spam: {key: {port: false, feed: true}}, phishing: {key: {domain: true}}}\n",
    )
    assert rules.key("brute-force") == KeyRule(port=True, ipv6_prefix=56)
    assert rules.key("spam") == KeyRule(feed=True, ipv6_prefix=56)
    assert rules.key("phishing") == KeyRule(domain=True, ipv6_prefix=56)


def test_mute_ends_with_its_day_or_at_its_moment(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        "mutes:\n"
        "- {name: a, network: 192.0.2.7, until: 2026-12-31, reason: r}\n"
        "- {name: b, customer: C1, until: 2026-12-31 08:00:00, reason: r}\n"
        "- {name: c, customer: C1, until: '2026-12-31', reason: r}\n",
    )
    new_year = datetime(2027, 1, 1, tzinfo=timezone.utc)
    assert [mute.ends_at for mute in rules.mutes] == [
        new_year,
        datetime(2026, 12, 31, 8, tzinfo=timezone.utc),
        new_year,
    ]
    assert rules.mutes[0].network == "192.0.2.7/32"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("defaults:\n  reopen_within_day: 3\n", 2, "write 'reopen_within_days'"),
        ("default: {}\n", 1, "write 'defaults'"),
        ("defaults: {close_after_days: soon}\n", 1, "'never'"),
        ("defaults: {close_after_days: 0}\n", 1, "greater than or equal to 1"),
        ("defaults:\n  key:\n    prot: true\n", 3, "write 'port'"),
        ("groups:\n  trafic: {}\n", 2, "write 'traffic'"),
        ("problems:\n  brute-forc: {}\n", 2, "write 'brute-force'"),
        ("customers:\n  C1:\n    problems:\n      brute-forc: {}\n", 4, "write 'brute-force'"),
        ("escalation:\n- name: x\n", 2, "add one of events, severity, relapses, open_days"),
        ("escalation:\n- {name: x, events: 3}\n- {name: x, events: 4}\n", 3, "stands twice"),
        ("escalation:\n- name: x\n  events: 3\n  evnts: 4\n", 4, "write 'events'"),
        ("escalation:\n- events: 3\n", 2, "name: is missing"),
        ("escalation:\n- {name: x, events: 3, severity: bad}\n", 2, "'critical'"),
        ("escalation:\n- {name: x, events: 3, prefixes: [192.0.2.1/24]}\n", 2, "write 192.0.2.0/24"),
        ("mutes:\n- {name: x, until: 2026-12-31, reason: r}\n", 2, "mute everything"),
        ("mutes:\n- name: x\n  problem: spm\n  until: 2026-12-31\n  reason: r\n", 3, "write 'spam'"),
        ("mutes:\n- {name: x, customer: C1, until: 2026-12-31}\n", 2, "reason: is missing"),
        ("mutes:\n- {name: x, customer: C1, until: tomorrow, reason: r}\n", 2, "until"),
        ("notices:\n  rules:\n  - problems: [spm]\n    when: at-once\n", 3, "write 'spam'"),
    ],
)
def test_fault_is_told_with_line_and_what_to_write(tmp_path: Path, text: str, line: int, words: str) -> None:
    said = fault(tmp_path, text)
    assert f"rules.yaml, line {line}: " in said
    assert words in said


@pytest.mark.parametrize(
    "text", ["- a\n", "a: [\n", "a: &a [*a]\n", "a: 1\na: 2\n", "a: !!python/name:os.system x\n", "[" * 5000, "\x00"]
)
def test_what_is_no_rule_file_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    assert "rules.yaml" in fault(tmp_path, text)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    assert len(fault(tmp_path, "defalts: {}\nescalation:\n- name: x\nmutes: 3\n").splitlines()) == 3


def test_mark_changes_with_the_times_alone(tmp_path: Path) -> None:
    plain = load(tmp_path, "").mark_of_times()
    assert load(tmp_path, "escalation: [{name: x, events: 3}]").mark_of_times() == plain
    assert load(tmp_path, "defaults: {key: {port: true}}").mark_of_times() == plain
    assert load(tmp_path, "defaults: {close_after_days: 99}").mark_of_times() != plain
    assert load(tmp_path, "customers: {C1: {close_after_days: 99}}").mark_of_times() != plain


def write(path: Path, text: str) -> None:
    """Two changes within one tick of a file system's clock (4 ms before Linux 6.13) look like one."""
    before = path.stat().st_mtime_ns if path.exists() else None
    while before == (path.stat().st_mtime_ns if path.exists() else None):
        path.write_text(text, encoding="utf-8")


def test_changed_file_is_read_again_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    used = RulesInUse(path, Catalogue.load())
    assert used.now().times("spam").reopen_within == days(30)
    write(path, "defaults: {reopen_within_days: 5}")
    first = used.now()
    assert first.times("spam").reopen_within == days(5)
    assert used.now() is first
    write(path, "defaults: {reopen_within_day: 99}")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="reopen_within_days"):
            used.now()
    assert used.last() is first
    write(path, "defaults: {reopen_within_days: 1111}")
    assert used.now().times("spam").reopen_within == days(1111)
