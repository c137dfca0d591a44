# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a stranger wrote is calculated by no spreadsheet, whatever it takes for the ends of cells."""

from __future__ import annotations

import csv
import io

import pytest

from abusehandler.tickets.spreadsheet_cells import safe_cell

EVIL = (
    "=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "x;=cmd|' /C calc'!A0", "x\n=1", "x\t=1", 'x;"=1', "x; @A1", "x;+1",
)  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("text", EVIL)
def test_no_cell_is_a_formula(text: str, delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow(["first", safe_cell(text), "last"])
    for line in out.getvalue().splitlines():
        for row in csv.reader([line], delimiter=delimiter):
            for cell in row:
                assert not cell.strip(' "').startswith(("=", "+", "-", "@", "＝")), row


def test_what_is_harmless_stays() -> None:
    for value in ("192.0.2.1", "a=1", "http://shop.example.net/?a=1;b=2", "2026-11-20", -5, 1.5, True):
        assert safe_cell(value) == value
    assert safe_cell(None) == ""
