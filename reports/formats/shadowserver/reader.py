# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads a file of Shadowserver's into events, row by row, in flat memory."""

from __future__ import annotations

import csv
import logging
from datetime import timedelta, timezone
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from abusehandler.reports.formats.shadowserver.lines import Lines
from abusehandler.reports.formats.shadowserver.members import UNPACK_ERRORS, Limits, TooBig, tables
from abusehandler.reports.formats.shadowserver.plan import BadRow, Plan
from abusehandler.reports.formats.shadowserver.report_types import detect_report_type, report_types_by_tag
from abusehandler.reports.reading import BadPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from abusehandler.harmonization.catalogue import Catalogue
    from abusehandler.reports.event import Event
    from abusehandler.reports.formats.shadowserver.members import Source

    Row = tuple[int, str, Event | BadPart]

_log = logging.getLogger(__name__)

#: Columns of the widest real report: about 120.
COLUMNS = 500
#: A quoted cell may hold line ends; one that never closes would swallow the rest of the file.
LINES_OF_A_ROW = 200
#: How much of a row that cannot be read is kept.
RAW_KEPT = 4096

DEFAULT_LIMITS = Limits()


def read(
    stream: BinaryIO,
    *,
    filename: str,
    catalogue: Catalogue,
    received_at: datetime,
    max_rows: int | None = None,
    feed_name: str = "Shadowserver",
    limits: Limits = DEFAULT_LIMITS,
    warn: Callable[[str], None] = _log.warning,
) -> Iterator[Event | BadPart]:
    """The events of a report, and a BadPart for each row or piece that gave none.

    `stream` holds CSV, gzip, or ZIP, told apart by the first bytes; `filename` tells the report type, a ZIP's members
    have names of their own. `received_at` (aware): rows that claim to be from later than a day after it are bad.
    After `max_rows` rows reading stops with a BadPart that says so. `warn` is called once for each report type that
    the catalogue does not know. What the file holds raises nothing; errors of the stream itself (OSError) do.
    """
    for _, _, result in rows(
        stream,
        filename=filename,
        catalogue=catalogue,
        received_at=received_at,
        max_rows=max_rows,
        feed_name=feed_name,
        limits=limits,
        warn=warn,
    ):
        yield result


def rows(
    stream: BinaryIO,
    *,
    filename: str,
    catalogue: Catalogue,
    received_at: datetime,
    max_rows: int | None = None,
    feed_name: str = "Shadowserver",
    limits: Limits = DEFAULT_LIMITS,
    warn: Callable[[str], None] = _log.warning,
    on_header: Callable[[str, str, str], None] | None = None,
) -> Iterator[Row]:
    """As `read`, with the number of the row's first line (from 1) and its text as it stood there before each result.

    Line ends are left out of the text, except those within a row. Line number 0 is used for what is no row.
    `on_header` is told the name of the table, its report type and its header line, before the table's first row.
    """
    latest = _day_after(received_at)
    warned: set[str] = set()
    done = 0
    for table in tables(stream, filename, limits):
        if isinstance(table, BadPart):
            yield 0, "", table
            continue
        name, source = table
        part = name if name != filename else ""
        try:
            for row in _table_rows(name, part, source, catalogue, feed_name, latest, warn, warned, on_header):
                if max_rows is not None and done >= max_rows:
                    yield row[0], row[1], BadPart(f"only the first {max_rows} rows are read", part=part, line=row[0])
                    return
                done += 1
                yield row
        except TooBig as error:
            yield 0, "", BadPart(f"not read any further: {error}", part=part)
            return
        except UNPACK_ERRORS as error:
            yield 0, "", BadPart(f"broken archive, read as far as possible: {error}", part=part)


def _day_after(received_at: datetime) -> str:
    """The greatest time that a row may claim, as text that compares with the events' times."""
    return (received_at.astimezone(timezone.utc) + timedelta(days=1)).isoformat()


def _table_rows(
    name: str,
    part: str,
    source: Source,
    catalogue: Catalogue,
    feed_name: str,
    latest: str,
    warn: Callable[[str], None],
    warned: set[str],
    on_header: Callable[[str, str, str], None] | None,
) -> Iterator[Row]:
    records = _Records(Lines(source))
    header_line = records.header()
    if header_line is None:
        yield 0, "", BadPart("the file is empty", part=part)
        return
    header = records.header_cells
    if len(header) > COLUMNS:
        yield (
            1,
            header_line[:RAW_KEPT],
            BadPart(f"{len(header)} columns; {COLUMNS} are read at most", part=part, line=1),
        )
        return
    found = iter(records)
    report_type = detect_report_type(name, header)
    if report_type is None:
        first = next(found, None)
        if first is not None:
            found = chain((first,), found)
            tagged = report_types_by_tag(header, first[2]) if isinstance(first[2], list) else []
            report_type = next((candidate for candidate in tagged if catalogue.feed(candidate)), None)
    report_type = report_type or "unknown"
    feed = catalogue.feed(report_type)
    if feed is None:
        feed = catalogue.guess_feed(report_type)
    plan = Plan(header, feed, catalogue, feed_name, report_type)
    if plan.complaint:
        yield (
            1,
            header_line,
            BadPart(
                f"no Shadowserver report: {plan.complaint}",
                part=part,
                line=records.header_number,
                raw=header_line[:RAW_KEPT],
            ),
        )
        return
    if not feed.known and report_type not in warned:
        warned.add(report_type)
        warn(
            f"Report type {report_type!r} ({name}) is not in the catalogue; its events are read as "
            f"{feed.type}/{feed.identifier}. Add it under `feeds:` in the catalogue file to say what it means."
        )
    if on_header is not None:
        on_header(name, report_type, header_line)
    make = plan.event
    for number, raw, cells, complete in found:
        if isinstance(cells, str):
            yield number, raw, BadPart(cells, part=part, line=number, raw=raw[:RAW_KEPT])
            continue
        if cells == header:
            continue
        try:
            event = make(cells, complete)
        except BadRow as error:
            if not any(cells):
                continue  # spreadsheets leave such rows behind
            yield number, raw, BadPart(str(error), part=part, line=number, raw=raw[:RAW_KEPT])
            continue
        if event["time.source"] > latest:
            reason = f"time {event['time.source']} lies in the future"
            yield number, raw, BadPart(reason, part=part, line=number, raw=raw[:RAW_KEPT])
            continue
        yield number, raw, event


class _Runaway(Exception):
    """A row that took more lines than a row has."""


class _Records:
    """Rows of cells with the number and text of their lines.

    Iteration gives (number of the first line, text, cells or the reason why there are none, whether the line has an
    end). Where a quote that never closes has swallowed other rows, these are read again one by one.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._iterator = iter(lines)
        self._taken: list[str] = []
        self._number = 1
        self._delimiter = ","
        self.header_cells: list[str] = []
        self.header_number = 0

    def header(self) -> str | None:
        """The first line that is not empty, as text; sets `header_cells`. None at the end of the file."""
        for line in self._iterator:
            number = self._number
            self._number += 1
            if not line.strip():
                continue
            text = line.rstrip("\n")
            # Spreadsheets of some countries save with semicolons.
            self._delimiter = max(",;\t", key=text.count)
            cells = self._cells_of(text)
            self.header_cells = cells if isinstance(cells, list) else [text]
            self.header_number = number
            return text
        return None

    def __iter__(self) -> Iterator[tuple[int, str, list[str] | str, bool]]:
        width = len(self.header_cells)
        taken = self._taken
        too_long = self._lines.too_long
        reader = csv.reader(self._feed(), delimiter=self._delimiter)
        while True:
            problem = ""
            cells: list[str] = []
            try:
                cells = next(reader)
            except StopIteration:
                if not taken:
                    return
            except (csv.Error, _Runaway) as error:
                problem = str(error) or "a quote is not closed"
                reader = csv.reader(self._feed(), delimiter=self._delimiter)
            number = self._number
            if len(taken) == 1 and not problem:
                raw = taken[0]
                taken.clear()
                self._number = number + 1
                complete = raw[-1] == "\n"
                if complete:
                    raw = raw[:-1]
                if not raw.strip():
                    continue
                if too_long and number in too_long:
                    yield number, raw, "the line is too long", complete
                elif not complete and raw.count('"') % 2:
                    yield number, raw, "cut off within a quoted cell", complete
                else:
                    yield number, raw, cells, complete
                continue
            lines = taken.copy()
            taken.clear()
            self._number = number + len(lines)
            if not problem and len(cells) == width and lines and "".join(lines).count('"') % 2 == 0:
                yield number, "".join(lines).rstrip("\n"), cells, lines[-1].endswith("\n")
                continue
            yield from self._one_by_one(number, lines, problem)

    def _feed(self) -> Iterator[str]:
        taken = self._taken
        for line in self._iterator:
            taken.append(line)
            if len(taken) > LINES_OF_A_ROW:
                raise _Runaway
            yield line

    def _one_by_one(
        self, number: int, lines: list[str], problem: str
    ) -> Iterator[tuple[int, str, list[str] | str, bool]]:
        for at, line in enumerate(lines, number):
            raw = line.rstrip("\n")
            if not raw.strip():
                continue
            complete = line.endswith("\n")
            if at in self._lines.too_long:
                yield at, raw, "the line is too long", complete
                continue
            cells = self._cells_of(raw)
            if isinstance(cells, list) and raw.count('"') % 2:
                cells = problem or "a quote is not closed"
            yield at, raw, cells, complete

    def _cells_of(self, text: str) -> list[str] | str:
        """The cells of one line, or why it has none."""
        try:
            return next(csv.reader([text], delimiter=self._delimiter), [])
        except csv.Error as error:
            return str(error)
