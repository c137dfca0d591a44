# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customer data in a CSV or TSV file as it comes out of Excel, a billing system, or an editor.

Settings: `path`, and if guessing is not wanted `delimiter`, `encoding`, `header: false`; further those of RowReader.
Comments begin with # or //. Found out by itself: delimiter, encoding, which line is the header, and without a
header which column is what.
"""

from __future__ import annotations

import codecs
import csv
import re
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from abusehandler.crm_connector.addresses import parse_block
from abusehandler.crm_connector.columns import field_of
from abusehandler.crm_connector.files.source_file import file_mark, is_large, path_setting
from abusehandler.crm_connector.plain_rows import single_items
from abusehandler.crm_connector.row_reader import ROW_SETTINGS, RowReader
from abusehandler.crm_connector.settings import refuse_unknown
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report
    from abusehandler.crm_connector.plain_rows import Block

_DELIMITERS = ",;\t|"
#: A quote that is not closed within so many lines was a stray one (a customer called 5" Disk Ltd).
_MOST_LINES_A_ROW = 40
_LONGEST_LINE = 200_000
_MOST_ABOVE_HEADER = 10
#: A line that begins so may be empty or a comment.
_UNUSUAL = frozenset("#/ \t\r\n,;|")
#: Bytes that are read in about a second.
_LARGE = 8_000_000
_LINES_AT_ONCE = 500

#: Numbers of lines, and the cells of each.
RowBlock: TypeAlias = "tuple[Sequence[int], Sequence[list[str]]]"


class DelimitedFile:
    """Reads one file with a row for each prefix."""

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, ("path", "delimiter", "encoding", "header", *ROW_SETTINGS))
        self._settings = settings
        self._path = path_setting(settings, base)
        delimiter = settings.get("delimiter", "")
        if delimiter in ("tab", "\\t"):
            delimiter = "\t"
        if not isinstance(delimiter, str) or len(delimiter) > 1:
            raise ConfigurationError(f"delimiter: one character or `tab`, this is {delimiter!r}")
        self._delimiter = delimiter
        self._encoding = str(settings.get("encoding", ""))
        try:
            codecs.lookup(self._encoding or "utf-8")
        except LookupError as error:
            raise ConfigurationError(f"encoding: no encoding {self._encoding!r}; write utf-8 or cp1252") from error

    @property
    def background(self) -> bool:
        """A large file is read in the background."""
        return is_large(self._path, _LARGE)

    def mark(self) -> str:
        """Size and time of the file."""
        return file_mark(self._path)

    def read(self, report: Report) -> Iterator[Item]:
        """All rows, then the customers they named."""
        return single_items(self.blocks(report))

    def blocks(self, report: Report) -> Iterator[Block]:
        """The same, many rows at once."""
        name = self._path.name
        encoding = self._encoding or find_encoding(self._path)
        if encoding == "cp1252" and not self._encoding:
            report(f"{name}: not UTF-8, read as Windows-1252; save it as UTF-8 or set encoding")
        with self._path.open(encoding=encoding, errors="replace", newline="") as stream:
            first = list(islice(stream, 60))
            delimiter = self._delimiter or find_delimiter(first)
            lines = _Lines(chain(first, stream))
            reader, waiting = self._begin(_rows(lines, delimiter, report, name), name, report)
            blocks = chain([_columns(waiting)], _row_blocks(lines, delimiter, report, name))
            for numbers, rows in (
                blocks if ends_with_newline(self._path) else _but_cut_one(blocks, reader.width, report, name)
            ):
                yield from reader.read_block(numbers, rows)
            yield from reader.customers()

    def _begin(
        self, rows: Iterator[tuple[int, list[str]]], name: str, report: Report
    ) -> tuple[RowReader, list[tuple[int, list[str]]]]:
        """The reader for this file's header, and the rows that were read to find it."""
        waiting: list[tuple[int, list[str]]] = []
        for line, cells in rows:
            bare = [cell.strip().lstrip("#/").strip() for cell in cells]
            comment = cells[0].lstrip().startswith(("#", "//"))
            # A title may stand above the header, but no address.
            if self._settings.get("header", True) and self._names_columns(bare, strict=comment or bool(waiting)):
                for above, _ in waiting:
                    report(f"{name}:{above}: above the header; not read")
                return RowReader(bare, self._settings, name, report), []
            if not comment:
                waiting.append((line, cells))
                if len(waiting) >= _MOST_ABOVE_HEADER or any(_is_block(cell) for cell in bare if cell):
                    break
        waiting += islice((row for row in rows if not row[1][0].lstrip().startswith("#")), 20)
        if not waiting:
            if self.mark():
                report(f"{name}: the file holds no rows")
            return RowReader(["prefix", "customer_id"], {}, name, report), []
        mapping = self._settings.get("columns")
        if mapping:
            width = max(len(cells) for _, cells in waiting)
            numbered = all(isinstance(at, int) for at in mapping.values())
            header = [""] * width if numbered else waiting[0][1]
            return RowReader(header, self._settings, name, report), waiting if numbered else waiting[1:]
        header = guess_columns([cells for _, cells in waiting])
        if not {"prefix", "first"} & set(header):
            raise ConfigurationError(
                f"{self._path}: line {waiting[0][0]} is no header with known names and no column holds addresses; "
                "name the columns prefix, customer_id, email, or say under columns: what they are called"
            )
        report(f"{name}: no header; columns taken as {', '.join(title or '(not used)' for title in header)}")
        return RowReader(header, self._settings, name, report), waiting

    def _names_columns(self, cells: Sequence[str], *, strict: bool) -> bool:
        """Whether these are names of columns: some that we know, or those that `columns` says."""
        wanted = {name for name in (self._settings.get("columns") or {}).values() if isinstance(name, str)}
        if wanted and wanted <= set(cells):
            return True
        return _is_header(cells, strict=strict)


def find_encoding(path: Path) -> str:
    """`utf-8-sig`, `utf-16` or, when the bytes are neither, `cp1252`."""
    with path.open("rb") as stream:
        begin = stream.read(4)
        if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        stream.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for chunk in iter(lambda: stream.read(1 << 20), b""):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "cp1252"
        # A file cut inside a character is still UTF-8.
    return "utf-8-sig"


def ends_with_newline(path: Path) -> bool:
    """Whether the last line is complete."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 2))
        return stream.read().rstrip(b"\0").endswith((b"\n", b"\r"))


def _but_cut_one(blocks: Iterator[RowBlock], width: int, report: Report, name: str) -> Iterator[RowBlock]:
    """All rows but the last if it has too few cells: half of `192.0.2.128/25` is somebody else's address."""
    last: RowBlock = [], []
    for block in blocks:
        if block[0]:
            yield last
            last = block
    numbers, rows = last
    if rows and len(rows[-1]) < width:
        report(f"{name}:{numbers[-1]}: the file ends within this row; left out. Is the file complete?")
        yield numbers[:-1], rows[:-1]
    else:
        yield last


def find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that divides most lines into the same number of cells, more than one."""
    best, best_score = ",", 0.0
    plain = [re.sub(r'"[^"]*"', "", line) for line in lines if line.strip() and not line.startswith("#")]
    for delimiter in _DELIMITERS:
        counts = [line.count(delimiter) for line in plain]
        if not counts:
            continue
        usual = max(set(counts), key=counts.count)
        # More cells decide between equally regular ones: "a;b;c@x,d@x" has a comma in each line too.
        score = counts.count(usual) / len(counts) + min(usual, 20) / 100 if usual else 0.0
        if score > best_score:
            best, best_score = delimiter, score
    return best


def guess_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Names for the columns of rows without a header, by what stands in them; empty for what is not used."""
    width = max(len(row) for row in rows)
    names = [""] * width
    for at in range(width):
        cells = [row[at].strip() for row in rows if at < len(row) and row[at].strip()]
        if not cells:
            continue
        addresses = sum(map(_is_block, cells))
        if addresses * 2 > len(cells):
            names[at] = "prefix"
        elif sum("@" in cell for cell in cells) * 2 > len(cells):
            names[at] = "email"
    with_addresses = [row for row in rows if any(_is_block(cell.strip()) for cell in row)]
    if names.count("prefix") == 2 and all(_is_range_of(row, names) for row in with_addresses):
        names[names.index("prefix")] = "first"
        names[names.index("prefix")] = "last"
        return _name_the_rest(rows, names, "first")
    return _name_the_rest(rows, names, "prefix")


def _name_the_rest(rows: Sequence[Sequence[str]], names: list[str], have: str) -> list[str]:
    if have not in names:
        return names
    rest = [at for at, name in enumerate(names) if not name and any(at < len(row) and row[at].strip() for row in rows)]
    languages = [
        at for at in rest if all(len(row[at].strip()) == 2 for row in rows if at < len(row) and row[at].strip())
    ]
    for at in languages:
        if len(rest) > 1 and all(row[at].strip().isalpha() for row in rows if at < len(row) and row[at].strip()):
            names[at] = "language"
            rest.remove(at)
            break
    for at, name in zip(rest, ("customer_id", "name"), strict=False):
        names[at] = name
    return names


def _is_range_of(row: Sequence[str], names: Sequence[str]) -> bool:
    ends = [row[at].strip() for at, name in enumerate(names) if name == "prefix" and at < len(row)]
    return len(ends) == 2 and all("/" not in end and "-" not in end for end in ends)


def _is_block(cell: str) -> bool:
    try:
        return bool(parse_block(cell)[0])
    except ValueError:
        return False


def _is_header(cells: Sequence[str], *, strict: bool) -> bool:
    known = [cell for cell in cells if field_of(cell)]
    if not known or any(_is_block(cell) for cell in cells if cell):
        return False
    return len(known) >= 2 if strict else bool(known)


def _columns(rows: Iterable[tuple[int, list[str]]]) -> RowBlock:
    numbers, cells = [], []
    for number, row in rows:
        numbers.append(number)
        cells.append(row)
    return numbers, cells


class _Lines:
    """Lines with their numbers, from 1; one by one, or many at once."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._number = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        text = next(self._texts)
        self._number += 1
        return self._number, text

    def some(self, most: int) -> tuple[Sequence[int], list[str]]:
        """The next lines, none at the end."""
        texts = list(islice(self._texts, most))
        first = self._number + 1
        self._number += len(texts)
        return range(first, first + len(texts)), texts


def _row_blocks(lines: _Lines, delimiter: str, report: Report, name: str) -> Iterator[RowBlock]:
    """Line numbers and cells of all rows behind the header, some hundred at a time."""
    while True:
        numbers, texts = lines.some(_LINES_AT_ONCE)
        if not texts:
            return
        whole = "".join(texts)
        if (
            '"' in whole
            or "\0" in whole
            or len(whole) > _LONGEST_LINE
            or not _UNUSUAL.isdisjoint(map(itemgetter(0), texts))
        ):
            yield _columns(_rows(zip(numbers, texts, strict=True), delimiter, report, name, lines))
        elif "\r" in whole:
            yield numbers, [text.rstrip("\r\n").split(delimiter) for text in texts]
        else:
            yield numbers, [text.split(delimiter) for text in whole.removesuffix("\n").split("\n")]


def _rows(
    lines: Iterator[tuple[int, str]],
    delimiter: str,
    report: Report,
    name: str,
    more: Iterator[tuple[int, str]] | None = None,
) -> Iterator[tuple[int, list[str]]]:
    """Cells with the number of the line they begin on; a comment in front of the header is passed on as it is.

    With `more` the header was there before; a quoted cell at the end of `lines` goes on in it.
    """
    began = more is not None
    for number, line in lines:
        if '"' not in line and began and line[0] not in _UNUSUAL and len(line) < _LONGEST_LINE and "\0" not in line:
            yield number, line.rstrip("\r\n").split(delimiter)
            continue
        text = line.strip()
        if not text.strip(delimiter + " "):
            continue
        if len(line) > _LONGEST_LINE:
            report(f"{name}:{number}: line of {len(line)} characters; left out")
            continue
        if text.startswith(("#", "//")):
            if not began:
                yield number, text.split(delimiter)
            continue
        began = True
        line = line.replace("\0", "")
        if '"' not in line:
            yield number, line.rstrip("\r\n").split(delimiter)
            continue
        taken = [(number, line)]
        while _is_open(taken, delimiter) and len(taken) < _MOST_LINES_A_ROW:
            following = next(lines, None) or next(more or iter(()), None)
            if following is None:
                break
            taken.append(following)
        if _is_open(taken, delimiter):
            report(f"{name}:{number}: a quote is opened and not closed; quotes of this line are taken as they are")
            for one, rest in taken:
                if rest.strip():
                    yield one, [cell.strip('"') for cell in rest.rstrip("\r\n").split(delimiter)]
            continue
        try:
            yield number, next(csv.reader([rest for _, rest in taken], delimiter=delimiter, skipinitialspace=True))
        except (csv.Error, StopIteration) as error:
            report(f"{name}:{number}: {error}; row left out")


def _is_open(lines: Sequence[tuple[int, str]], delimiter: str) -> bool:
    """Whether a quoted cell goes on after these lines. Only a quote at the start of a cell opens one (RFC 4180)."""
    text = "".join(line for _, line in lines)
    if text.count('"') % 2 == 0:
        return False
    return bool(re.search(r"(?:^|[" + re.escape(delimiter) + r']) *"', text))
