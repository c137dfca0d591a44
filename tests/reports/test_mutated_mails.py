# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Damaged mails: none raises, each ends with a verdict and, where it is no report, a reason.

The long run of 100,000 is `python benchmarks/mutated_mails.py`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from abusehandler.reports.context import ReadContext
from abusehandler.reports.read import read_mail
from benchmarks._mutation import mutated
from benchmarks.mutated_mails import through_linter

SAMPLES = sorted((Path(str(resources.files("abusehandler.reporters"))) / "samples").rglob("*.eml"))


@pytest.mark.parametrize("seed", range(4))
def test_no_damaged_mail_raises_or_vanishes(seed: int) -> None:
    assert SAMPLES
    for number, path in enumerate(SAMPLES[seed::4]):
        _, reading = read_mail(mutated(path.read_bytes(), seed * 10_000 + number), ReadContext())
        assert reading.verdict in ("report", "unread", "not-a-report")
        assert reading.verdict == "report" or reading.reason, path


def test_linter_finds_fault_with_damaged_samples_and_does_not_fail_itself() -> None:
    told = through_linter([path.read_bytes() for path in SAMPLES], 60, 77)
    assert told["findings"] >= 60
