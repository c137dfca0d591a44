# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables (text or CSV), JSON and XML, read by the names that a definition gives for columns and paths."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import defusedxml.ElementTree as ElementTree
from defusedxml.common import DefusedXmlException

from abusehandler.reporters.found import MOST_EVENTS, Found, Row, Source
from abusehandler.reporters.values import value_of
from abusehandler.reports.reading import Span

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from abusehandler.reporters.definition import Step
    from abusehandler.reporters.values import Clock

MOST_LINES = 200_000
HEADER_WITHIN = 400
_WIDE_GAP = re.compile(r"\t|\s{2,}")
#: "Timestamp (UTC)" is the column "timestamp"; "Format: ASN" is "asn"
_NOTE = re.compile(r"\([^)]{0,40}\)|^format:")
_DEPTH = 40
#: columns of a table that is written one cell a line
WIDEST = 40
#: such tables in one text
MOST_STACKED = 20


def read_table(step: Step, source: Source, clock: Clock) -> list[Row]:
    """The lines below a header line that names the columns; a line that does not fit ends a text table.

    Where no line has the columns side by side, cells one below another are tried: mail programs write HTML tables so.
    """
    lines = source.text.splitlines(keepends=True)[:MOST_LINES]
    offsets = _offsets(lines)
    for number, line in enumerate(lines[:HEADER_WITHIN]):
        separator = step.separator or _separator(line)
        columns = _columns(step, _cells(line, separator))
        if columns:
            return _table_rows(columns, separator, lines[number + 1 :], offsets[number + 1 :], source, clock)
    return _stacked_rows(step, lines, offsets, source, clock)


def _stacked_rows(step: Step, lines: list[str], offsets: list[int], source: Source, clock: Clock) -> list[Row]:
    """Tables with one cell on each line: the distance from the head of a column to its first value is the width."""
    cells = [(line.strip(), offset) for line, offset in zip(lines, offsets, strict=True) if line.strip()]
    fields = {name.lower(): field for field, names in step.names for name in names}
    rows: list[Row] = []
    begin = 0
    for _ in range(MOST_STACKED):
        heads: dict[str, int] = {}
        for number in range(begin, min(begin + HEADER_WITHIN, len(cells))):
            field = fields.get(_head(cells[number][0]))
            if field is not None and number - min(heads.values(), default=number) <= WIDEST:
                heads.setdefault(field, number)
        key = next((field for field in ("source.ip", "source.url", "source.fqdn") if field in heads), None)
        if key is None or len(heads) < min(2, len(step.names)):
            break
        last = max(heads.values())
        near = range(last + 1, min(heads[key] + WIDEST, len(cells)))
        first = next((number for number in near if value_of(key, cells[number][0], clock)), None)
        if first is None:
            break
        width = first - heads[key]
        begin = first
        for start in range(width, len(cells), width):
            row = _stacked_row(cells, {field: head + start for field, head in heads.items()}, source, clock)
            if key not in row or len(rows) >= MOST_EVENTS:
                break
            rows.append(row)
            begin = heads[key] + start + 1
    return rows


def _stacked_row(cells: list[tuple[str, int]], places: dict[str, int], source: Source, clock: Clock) -> Row:
    row: Row = {}
    for field, place in places.items():
        text, offset = cells[place] if place < len(cells) else ("", 0)
        value = value_of(field, text, clock) if text else None
        if value is not None:
            row[field] = Found(value, Span(source.part, source.offset + offset, source.offset + offset + len(text)))
    return row


def _offsets(lines: list[str]) -> list[int]:
    offsets, place = [], 0
    for line in lines:
        offsets.append(place)
        place += len(line)
    return offsets


def _separator(line: str) -> str:
    counted = {mark: line.count(mark) for mark in ("\t", "|", ";", ",")}
    best = max(counted, key=lambda mark: counted[mark])
    return best if counted[best] else " "


def _cells(line: str, separator: str) -> list[str]:
    line = line.strip("\r\n")
    if separator == " ":
        return [cell.strip() for cell in _WIDE_GAP.split(line.strip())]
    if separator == "|":
        return [cell.strip(" \t*_") for cell in line.strip().strip("|").split("|")]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]
    except csv.Error:
        return [cell.strip(' "') for cell in line.split(separator)]


def _head(cell: str) -> str:
    """The name of a column without notes and decoration."""
    return " ".join(_NOTE.sub("", cell[:200].lower()).strip("#*\"' :").split())


def _columns(step: Step, cells: list[str]) -> dict[str, int]:
    """Field → index of its column; empty unless all fields' first wishes or one of their other names are there."""
    heads = [_head(cell) for cell in cells]
    found: dict[str, int] = {}
    for field, names in step.names:
        for name in names:
            if name.lower() in heads:
                found[field] = heads.index(name.lower())
                break
    enough = len(found) >= min(2, len(step.names)) and any(field.startswith("source.") for field in found)
    return found if enough else {}


def _table_rows(
    columns: dict[str, int], separator: str, lines: list[str], offsets: list[int], source: Source, clock: Clock
) -> list[Row]:
    rows: list[Row] = []
    misfits = 0
    for line, offset in zip(lines, offsets, strict=True):
        if not line.strip() or not line.strip(" \t-+=|_\r\n"):
            continue
        cells = _cells(line, separator)
        span = Span(source.part, source.offset + offset, source.offset + offset + len(line.rstrip()))
        row: Row = {}
        for field, index in columns.items():
            value = value_of(field, cells[index], clock) if index < len(cells) else None
            if value is not None:
                row[field] = Found(value, span)
        if row and any(field.startswith("source.") for field in row):
            rows.append(row)
            misfits = 0
            if len(rows) >= MOST_EVENTS:
                break
        else:
            misfits += 1
            if misfits > 3 and separator in (" ", "|"):
                break
    return rows


def read_json(step: Step, source: Source, clock: Clock) -> list[Row]:
    """Objects at the path `each` (`reports.*`; `.` is the whole), fields at paths below each of them."""
    text = source.text.strip()
    begin = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=-1)
    if begin < 0:
        return []
    try:
        document, _ = json.JSONDecoder().raw_decode(text[begin:])
    except (ValueError, RecursionError):
        return []
    whole = Span(source.part, source.offset, source.offset + len(source.text))
    rows: list[Row] = []
    for item in _walk(document, step.each)[:MOST_EVENTS]:
        row: Row = {}
        for field, paths in step.names:
            for path in paths:
                value = next(
                    (made for made in (_scalar(field, one, clock) for one in _walk(item, path)) if made is not None),
                    None,
                )
                if value is not None:
                    row[field] = Found(value, whole)
                    break
        if row:
            rows.append(row)
    return rows


def _walk(document: Any, path: str) -> list[Any]:
    found = [document]
    for piece in path.split(".")[:_DEPTH]:
        if not piece:
            continue
        following: list[Any] = []
        for item in found:
            if piece == "*":
                following += item if isinstance(item, list) else list(item.values()) if isinstance(item, dict) else []
            elif isinstance(item, dict) and piece in item:
                following.append(item[piece])
            elif isinstance(item, list) and piece.isdecimal() and int(piece) < len(item):
                following.append(item[int(piece)])
        found = following[: MOST_EVENTS * 2]
    return found


def _scalar(field: str, value: Any, clock: Clock) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return value_of(field, str(value), clock)


def read_xml(step: Step, source: Source, clock: Clock) -> list[Row]:
    """Elements named `each` anywhere; fields are names of elements below it, `@name` its attributes. Name spaces are ignored."""
    begin, end = source.text.find("<"), source.text.rfind(">")
    if begin < 0 or end < begin:
        return []
    try:
        root = ElementTree.fromstring(source.text[begin : end + 1])
    except (ElementTree.ParseError, DefusedXmlException, ValueError, RecursionError):
        return []
    whole = Span(source.part, source.offset, source.offset + len(source.text))
    rows: list[Row] = []
    for element in root.iter():
        if _name(element) != step.each:
            continue
        row: Row = {}
        for field, names in step.names:
            for name in names:
                text = _xml_text(element, name)
                value = value_of(field, text, clock) if text else None
                if value is not None:
                    row[field] = Found(value, whole)
                    break
        if row:
            rows.append(row)
        if len(rows) >= MOST_EVENTS:
            break
    return rows


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _xml_text(element: Element, name: str) -> str:
    if name.startswith("@"):
        return str(element.get(name[1:]) or "")
    return next((child.text or "" for child in element.iter() if _name(child) == name), "")
