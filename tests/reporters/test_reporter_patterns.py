# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Patterns of definitions: placeholders, and the refusal of slow ones."""

from __future__ import annotations

import pytest

from abusehandler.reporters.patterns import UnsafePattern, compile_pattern, evil_texts, expand
from abusehandler.reporters.slowness import slow_patterns


def test_a_placeholder_is_a_named_group():
    match = compile_pattern(r"from <source.ip> port <source.port>").search("seen from 192[.]0[.]2[.]1 port 4022")
    assert match is not None
    assert match.groupdict() == {"source_ip": "192[.]0[.]2[.]1", "source_port": "4022"}


def test_named_groups_and_html_tags_stay():
    assert expand("(?P<problem>scan)") == "(?P<problem>scan)"
    assert expand("<br>") == "<br>"


@pytest.mark.parametrize(
    "pattern", ["a*", "a+b", "(?:a{0,300}){0,300}b", r"(a)\1", "(?P<nothing>a)", "<source.nothing>", "("]
)
def test_what_may_not_be_written(pattern: str):
    with pytest.raises(UnsafePattern):
        compile_pattern(pattern)


def test_the_timed_check_finds_what_reading_the_pattern_does_not():
    assert slow_patterns([r"^IP: <source.ip>", r"[^\n]{0,500}[^x]{0,500}[^y]{0,500}z"]) == [1]


def test_evil_texts_have_the_size_that_was_asked_for():
    texts = list(evil_texts(compile_pattern(r"Source:\s{0,20}<source.ip>"), 5_000))
    assert len(texts) > 10
    assert {len(text) for text in texts} == {5_001}
