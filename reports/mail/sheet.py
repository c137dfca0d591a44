# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Excel workbooks (XLSX) as CSV text, one for each sheet."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.reports.mail.limits import Budget


def sheets_as_csv(data: bytes, path: str, budget: Budget) -> Iterator[tuple[str, str]]:
    """Yield (sheet name, CSV text); stops at the limits for rows, columns and time and notes it. Never raises."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > min(budget.left_bytes(), 50 * 1024 * 1024):
            budget.note(f"part {path}: workbook of {unpacked} bytes when unpacked, not read")
            return
        yield from _sheets(data, path, budget)
    except Exception as error:  # openpyxl lets anything through that zipfile, XML and its own checks raise
        budget.note(f"part {path}: cannot be read as a workbook ({type(error).__name__}: {str(error)[:100]})")


def _sheets(data: bytes, path: str, budget: Budget) -> Iterator[tuple[str, str]]:
    import openpyxl  # takes a third of a second to import, and few mails need it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unknown styles and extensions
        workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            for sheet in workbook.worksheets[:20]:
                sheet.reset_dimensions()  # the declared size may be wrong
                out = io.StringIO()
                writer = csv.writer(out, lineterminator="\n")
                for number, row in enumerate(sheet.iter_rows(values_only=True, max_col=budget.limits.sheet_columns), 1):
                    if number > budget.limits.sheet_rows or (number % 200 == 0 and budget.late()):
                        budget.note(f"part {path}: sheet {sheet.title!r} read to row {number - 1} only")
                        break
                    values = [_cell(value) for value in row]
                    while values and not values[-1]:  # many sheets are formatted far to the right of their data
                        values.pop()
                    if values:
                        writer.writerow(values)
                if out.tell():
                    yield str(sheet.title), out.getvalue()
        finally:
            workbook.close()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()[:32_000]
