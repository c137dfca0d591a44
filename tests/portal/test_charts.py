# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Charts of long periods have few columns, and count every day once."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from abusehandler.portal.desk import charts


@pytest.mark.parametrize(
    ("days", "columns"), [(1, 1), (62, 62), (63, 9), (70, 10), (365, 53), (434, 62), (435, 16), (1096, 40)]
)
def test_columns_are_few(days: int, columns: int) -> None:
    every = [date(2026, 1, 1) + timedelta(days=number) for number in range(days)]
    drawn = charts.stacked(every, {"all": [1] * days}, dark=False).decode()
    values = [int(value) for value in re.findall(r'<desc class="value">(\d+)</desc>', drawn)]
    assert len(values) == columns
    assert sum(values) == days


def test_nothing_at_all() -> None:
    assert b"Nothing yet" in charts.stacked([], {}, dark=True)
    assert b"Nothing yet" in charts.stacked([], {"all": []}, dark=True)
