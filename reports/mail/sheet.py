# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Excel workbooks (XLSX, ECMA-376) as CSV text, one for each sheet.

Done by hand although openpyxl reads them: with hostile XML switched off it needs 0.35 ms for a row of twelve cells (its
parser is Python then), and a sheet of 20,000 rows would take seven seconds. Only values are read: no formulas, no styles
but those that make a number a date.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abusehandler.reports.mail.limits import Budget

_LARGEST = 50 * 1024 * 1024
_CHUNK = 64 * 1024
_MOST_SHEETS = 20
_LONGEST_CELL = 32_767
_COLUMN = re.compile(r"([A-Z]{1,3})\d{0,7}")
#: numFmtIds that are dates or times (ECMA-376 part 1, 18.8.30); custom formats are judged by their letters.
_DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_DATE_LETTERS = re.compile(r"[ymdhs]", re.I)
_FORMAT_TEXT = re.compile(r"\"[^\"]{0,100}\"|\[[^\]]{0,100}\]|\\.")


class WorkbookError(Exception):
    """The file is no workbook that can be read safely."""


class _Enough(Exception):
    """The limit for rows, text or time is reached."""


def sheets_as_csv(data: bytes, path: str, budget: Budget) -> Iterator[tuple[str, str]]:
    """Yield (sheet name, CSV text); stops at the limits for rows, columns and time and notes it. Never raises."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > min(budget.left_bytes(), _LARGEST):
                budget.note(f"part {path}: workbook of {unpacked} bytes when unpacked, not read")
                return
            yield from _Workbook(archive).sheets(path, budget)
    except (
        WorkbookError,
        expat.ExpatError,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        OSError,
        EOFError,
        RuntimeError,
    ) as error:
        budget.note(f"part {path}: cannot be read as a workbook ({type(error).__name__}: {str(error)[:100]})")
    except Exception as error:  # damaged archives raise from zlib and struct as well
        budget.note(f"part {path}: cannot be read as a workbook ({type(error).__name__})")


class _Workbook:
    """The parts of a workbook that all sheets share."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names: list[tuple[str, str]] = []
        self.epoch = datetime(1899, 12, 30)  # noqa: DTZ001  # cells have no zone
        self.shared: list[str] = []
        self.dates: list[bool] = []
        self._read_names()
        self._read_shared()
        self._read_styles()

    def sheets(self, path: str, budget: Budget) -> Iterator[tuple[str, str]]:
        for name, member in self.names[:_MOST_SHEETS]:
            sheet = _Sheet(self, budget)
            try:
                self.parse(member, sheet.start, sheet.end, sheet.text)
            except _Enough:
                budget.note(f"part {path}: sheet {name!r} read to row {sheet.rows - 1} only")
            if text := sheet.out.getvalue():
                yield name, text

    def parse(
        self,
        member: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        """Parse one file of the archive; a document type is refused, so that no entity can grow."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = lambda name, attributes: start(name.rpartition(":")[2], attributes)
        if end is not None:
            closing = end
            parser.EndElementHandler = lambda name: closing(name.rpartition(":")[2])
        if text is not None:
            parser.CharacterDataHandler = text

        def refuse(*_: Any) -> None:
            raise WorkbookError("document type in a workbook")

        parser.StartDoctypeDeclHandler = refuse
        size = 0
        with self.archive.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > _LARGEST:
                    raise WorkbookError("larger than its directory says")
                parser.Parse(chunk, False)
        parser.Parse(b"", True)

    def _read_names(self) -> None:
        targets: dict[str, str] = {}
        listed: list[tuple[str, str]] = []

        def relation(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship":
                targets[attributes.get("Id", "")] = attributes.get("Target", "")

        def sheet(name: str, attributes: dict[str, str]) -> None:
            if name == "sheet":
                key = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), "")
                listed.append((attributes.get("name", "Sheet")[:60].replace("/", "_"), key))
            elif name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
                self.epoch = datetime(1904, 1, 1)  # noqa: DTZ001

        self.parse("xl/_rels/workbook.xml.rels", relation)
        self.parse("xl/workbook.xml", sheet)
        for name, key in listed:
            target = targets.get(key, "")
            member = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if target and member in self.archive.namelist():
                self.names.append((name, member))

    def _read_shared(self) -> None:
        if "xl/sharedStrings.xml" not in self.archive.namelist():
            return
        pieces: list[str] = []
        state = {"text": False, "phonetic": False}

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "si":
                pieces.clear()
            elif name == "rPh":  # reading aid in Japanese, no part of the text
                state["phonetic"] = True
            state["text"] = name == "t" and not state["phonetic"]

        def end(name: str) -> None:
            state["text"] = False
            if name == "si":
                self.shared.append("".join(pieces)[:_LONGEST_CELL])
            elif name == "rPh":
                state["phonetic"] = False

        self.parse("xl/sharedStrings.xml", start, end, lambda text: pieces.append(text) if state["text"] else None)

    def _read_styles(self) -> None:
        if "xl/styles.xml" not in self.archive.namelist():
            return
        custom: set[int] = set()
        inside: list[str] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            inside.append(name)
            number = int(attributes.get("numFmtId", "0") or 0)
            if name == "numFmt" and _DATE_LETTERS.search(_FORMAT_TEXT.sub("", attributes.get("formatCode", "")[:500])):
                custom.add(number)
            elif name == "xf" and "cellXfs" in inside:
                self.dates.append(number in _DATE_FORMATS or number in custom)

        def end(name: str) -> None:
            inside.pop()

        self.parse("xl/styles.xml", start, end)


class _Sheet:
    """Handlers for one worksheet: each finished row goes to `out` as a line of CSV."""

    def __init__(self, book: _Workbook, budget: Budget) -> None:
        self.book = book
        self.budget = budget
        self.out = io.StringIO()
        self.writer = csv.writer(self.out, lineterminator="\n")
        self.rows = 0
        self.row: list[str] = []
        self.place = -1
        self.kind = ""
        self.is_date = False
        self.reading = False
        self.pieces: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self.row, self.place = [], -1
            self.rows += 1
            if self.rows > self.budget.limits.sheet_rows or (self.rows % 500 == 0 and self.budget.late()):
                raise _Enough
        elif name == "c":
            self.pieces.clear()
            self.kind = attributes.get("t", "n")
            style = attributes.get("s", "0")
            self.is_date = style.isdecimal() and int(style) < len(self.book.dates) and self.book.dates[int(style)]
            self.place = _column(attributes.get("r", ""), self.place + 1)
        elif name in ("v", "t"):
            self.reading = True

    def text(self, text: str) -> None:
        if self.reading:
            self.pieces.append(text)

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self.reading = False
        elif name == "c":
            value = self.value()
            if value and self.place < self.budget.limits.sheet_columns:
                self.row.extend([""] * (self.place - len(self.row)))
                self.row[self.place :] = [value]
        elif name == "row" and self.row:
            self.writer.writerow(self.row)
            if self.out.tell() > self.budget.limits.text_chars // 2:  # one long shared text in every cell
                raise _Enough

    def value(self) -> str:
        raw = "".join(self.pieces)[:_LONGEST_CELL].strip()
        if not raw or self.kind in ("inlineStr", "str", "d", "e"):
            return "" if self.kind == "e" else raw
        if self.kind == "s":
            return self.book.shared[int(raw)].strip() if raw.isdecimal() and int(raw) < len(self.book.shared) else ""
        if self.kind == "b":
            return "true" if raw == "1" else "false"
        return self.date(raw) if self.is_date else _number(raw)

    def date(self, raw: str) -> str:
        try:
            moment = self.book.epoch + timedelta(milliseconds=round(float(raw) * 86_400_000))
        except (ValueError, OverflowError):
            return raw
        return moment.isoformat(sep=" ", timespec="milliseconds" if moment.microsecond else "seconds")


def _column(reference: str, otherwise: int) -> int:
    """`A1` → 0, `AB7` → 27; cells without a reference follow one another."""
    match = _COLUMN.match(reference)
    if not match:
        return otherwise
    number = 0
    for letter in match[1]:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _number(raw: str) -> str:
    if raw.isdecimal():
        return raw
    try:
        value = float(raw)
    except ValueError:
        return raw
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else raw
