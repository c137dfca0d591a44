# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customer data in an Excel workbook (.xlsx), read as one reads a CSV file: the first sheet, or the one named `sheet`.

Settings: `path`, `sheet`, and those of RowReader.
"""

from __future__ import annotations

import warnings
import zipfile
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from abusehandler.crm_connector.columns import field_of
from abusehandler.crm_connector.files.source_file import file_mark, is_large, path_setting
from abusehandler.crm_connector.row_reader import ROW_SETTINGS, RowReader
from abusehandler.crm_connector.settings import refuse_unknown
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report

#: A workbook is a ZIP archive: what it may unpack to, and how many rows and columns are looked at.
_LARGEST_UNPACKED = 1_000_000_000
_MOST_ROWS = 2_000_000
_MOST_COLUMNS = 200
#: Bytes that are read in about a second.
_LARGE = 500_000


class Workbook:
    """Reads one sheet with a row for each prefix."""

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, ("path", "sheet", *ROW_SETTINGS))
        self._settings = settings
        self._path = path_setting(settings, base)

    @property
    def background(self) -> bool:
        """A large file is read in the background."""
        return is_large(self._path, _LARGE)

    def mark(self) -> str:
        """Size and time of the file."""
        return file_mark(self._path)

    def read(self, report: Report) -> Iterator[Item]:
        """All rows, then the customers they named."""
        name = self._path.name
        try:
            with zipfile.ZipFile(self._path) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_UNPACKED:
                    raise ConfigurationError(f"{self._path}: unpacks to more than 1 GB; save it as CSV")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # openpyxl's, about styles and extensions that do not matter here
                book = load_workbook(self._path, read_only=True, data_only=True)
        except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError) as error:
            raise ConfigurationError(f"{self._path}: not a workbook ({error}); save it as .xlsx or .csv") from error
        try:
            sheet = self._settings.get("sheet") or book.sheetnames[0]
            if sheet not in book.sheetnames:
                raise ConfigurationError(
                    f"{self._path}: sheet: no sheet {sheet!r}; it has {', '.join(book.sheetnames)}"
                )
            reader = None
            rows = islice(book[sheet].iter_rows(values_only=True, max_col=_MOST_COLUMNS), _MOST_ROWS)
            for line, row in enumerate(rows, 1):
                cells = [_text(value) for value in row]
                if not any(cells):
                    continue
                if reader is None:
                    if self._names_columns(cells):
                        reader = RowReader(cells, self._settings, name, report)
                    elif line > 50:
                        break
                    continue
                if not next(filter(None, cells)).lstrip().startswith(("#", "//")):
                    yield from reader.read(cells, line)
            if reader is None:
                raise ConfigurationError(
                    f"{self._path}: sheet {sheet}: no header found; name the columns prefix, customer_id, email"
                )
            yield from reader.customers()
        finally:
            book.close()

    def _names_columns(self, cells: list[str]) -> bool:
        """Whether these are names of columns: two that we know, those that `columns` says, or any row if it counts them."""
        columns = list((self._settings.get("columns") or {}).values())
        wanted = {name for name in columns if isinstance(name, str)}
        if columns and wanted <= set(cells):
            return True
        return sum(field_of(cell) is not None for cell in cells) >= 2


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (datetime, date)):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return str(value)
