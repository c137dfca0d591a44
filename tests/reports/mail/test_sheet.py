# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Workbooks become CSV, with the values a person sees."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import openpyxl

from abusehandler.reports.mail.limits import Budget, Limits
from abusehandler.reports.mail.sheet import sheets_as_csv

LIMITS = Limits(seconds=60)


def workbook(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def changed(data: bytes, member: str, before: bytes, after: bytes) -> bytes:
    """The same workbook with something replaced in one of its files."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content.replace(before, after) if name == member else content)
    return out.getvalue()


def read(data: bytes, limits: Limits = LIMITS) -> tuple[list[tuple[str, str]], list[str]]:
    budget = Budget(limits)
    return list(sheets_as_csv(data, "2", budget)), budget.notes


def test_texts_numbers_dates_and_gaps() -> None:
    seen = datetime(2026, 11, 20, 10, 0, 0, 500_000)  # noqa: DTZ001
    sheets, notes = read(
        workbook(["IP", None, "Seen", "Port", "Share", "Ok"], ["192.0.2.1", None, seen, 22.0, 0.5, True])
    )
    assert sheets == [("Sheet", "IP,,Seen,Port,Share,Ok\n192.0.2.1,,2026-11-20 10:00:00.500,22,0.5,true\n")]
    assert notes == []


def test_rows_beyond_the_limit_are_named() -> None:
    sheets, notes = read(workbook(*[["192.0.2.1"]] * 20), Limits(seconds=60, sheet_rows=5))
    assert sheets[0][1].count("\n") == 5
    assert notes == ["part 2: sheet 'Sheet' read to row 5 only"]


def test_a_document_type_is_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa">]><worksheet'
    sheets, notes = read(changed(workbook(["192.0.2.1"]), "xl/worksheets/sheet1.xml", b"<worksheet", bomb))
    assert sheets == [] and "document type" in notes[0]


def test_broken_workbooks_are_named() -> None:
    data = workbook(["192.0.2.1"])
    for broken in (data[:2000], changed(data, "xl/workbook.xml", b"<", b"<<"), b"PK\x03\x04", b""):
        sheets, notes = read(broken)
        assert sheets == [] and "cannot be read as a workbook" in notes[0]


def test_one_long_text_in_every_cell_does_not_grow_without_end() -> None:
    data = workbook(*[["x" * 30_000] * 10] * 20)
    sheets, notes = read(data, Limits(seconds=60, text_chars=1_000_000))
    assert sum(len(text) for _, text in sheets) < 3_000_000 and notes
