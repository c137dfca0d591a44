# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables attached to a mail: CSV, TSV, workbooks, lists in JSON and XML; read by what their columns are called.

Shadowserver's reports are handed to their own reader. A table without a header is read when one column only holds
public addresses. Bad rows become `BadPart`s, the others go on.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.reports.formats import values
from abusehandler.reports.formats.columns import Columns, columns_of, plain_name
from abusehandler.reports.formats.rows import RowReader
from abusehandler.reports.formats.shadowserver_mail import ShadowserverRows, read_shadowserver_part
from abusehandler.reports.formats.xml_records import xml_records
from abusehandler.reports.freetext.addresses import find_addresses
from abusehandler.reports.freetext.refang import refang
from abusehandler.reports.freetext.zones import stated_zone
from abusehandler.reports.reading import BadPart, ReadEvent, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail, Part

_DELIMITERS = (",", ";", "\t", "|")
_HEADER_WITHIN = 15
_MOST_ROWS = 50_000
_MOST_BAD = 200
#: "attack on 192.0.2.1": the subject line names the victim.
_ATTACKED = re.compile(
    r"\b(?:on|against|to|towards|targeting|auf|gegen|contra|contre|sur|versus|na|op|tegen)\s+(?:[\w-]+\s+){0,3}$", re.I
)
_LARGEST_JSON = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Table:
    """What was read from one table."""

    events: tuple[ReadEvent, ...]
    bad: tuple[BadPart, ...] = ()


def read_tables(mail: Mail, context: ReadContext) -> Reading | None:
    """The events of all tables attached to this mail (not to mails inside it); None if there is none."""
    zone: tzinfo | None = None
    found: dict[tuple[object, ...], ReadEvent] = {}
    bad: list[BadPart] = []
    reader = "table"
    candidates = [part for part in mail.own_parts() if _may_be_table(part)]
    if candidates and (body := mail.body()) is not None:
        zone = stated_zone(body.text)
    for part in candidates[:50]:
        table: Table | ShadowserverRows | None = read_shadowserver_part(part, context)
        if table is not None:
            reader = "shadowserver"
        else:
            table = _read_any(part, zone)
        if table is None:
            continue
        for read in table.events:
            key = tuple(
                read.event.get(name)
                for name in (
                    "source.ip",
                    "source.url",
                    "source.fqdn",
                    "source.port",
                    "time.source",
                    "destination.ip",
                    "destination.port",
                    "classification.type",
                )
            )
            found.setdefault(key, read)
        bad += table.bad
    if not found:
        return None
    events = list(found.values())
    if reader == "table":
        events = _as_the_subject_sees_it(mail.subject, events)
    return Reading(
        "report",
        reader,
        "table with a column of sources",
        tuple(events)[:_MOST_ROWS],
        tuple(bad[:_MOST_BAD]),
        kind="table",
        confidence=0.9,
    )


def _read_any(part: Part, zone: tzinfo | None) -> Table | None:
    first = part.text[:200].lstrip()[:1]
    if first and first in "[{":
        return _read_json(part.text, part.path, zone)
    if first == "<":
        return _read_records(xml_records(part.text), part.path, zone)
    return read_table_text(part.text, part.path, zone)


def _as_the_subject_sees_it(subject: str, events: list[ReadEvent]) -> list[ReadEvent]:
    """Flow records name the sides by the packet, letters by the guilt: whom the subject names is the subject.

    When the subject's addresses stand only on the destination's side, the sides are exchanged (an amplifier answers
    queries that were sent to it).
    """
    plain = refang(subject[:1000]).text
    named = {
        found.ip
        for found in find_addresses(plain)
        if found.prefix is None and not _ATTACKED.search(plain[max(0, found.start - 40) : found.start])
    }
    sources = {read.event.get("source.ip") for read in events}
    if not named or named & sources or not named & {read.event.get("destination.ip") for read in events}:
        return events
    exchanged: dict[tuple[object, ...], ReadEvent] = {}
    for read in events:
        event = dict(read.event)
        if event.get("destination.ip") not in named:
            continue
        turned = {_other_side(name): value for name, value in event.items()}
        exchanged.setdefault(
            (turned.get("source.ip"), turned.get("time.source"), turned.get("destination.ip")),
            ReadEvent(turned, read.confidence),
        )
    return list(exchanged.values())


def _other_side(name: str) -> str:
    for side, other in (("source.", "destination."), ("destination.", "source.")):
        if name in (side + "ip", side + "port", side + "fqdn", side + "url"):
            return other + name[len(side) :]
    return name


def _may_be_table(part: Part) -> bool:
    if not part.text or not (part.attached or part.kind == "data") or part.kind not in ("data", "text"):
        return False
    return not part.content_type.startswith(("message/", "text/calendar", "text/x-vcard", "text/vcard"))


def read_table_text(text: str, path: str, zone: tzinfo | None = None) -> Table | None:
    """Read a table with separators. `zone` holds for times that name none; without it they are left out."""
    found = _header(text)
    if found is None:
        return _without_header(text, path, zone)
    columns, delimiter, first = found
    rows_of = RowReader(columns, zone)
    events: list[ReadEvent] = []
    bad: list[BadPart] = []
    rows = tried = 0
    for number, row in _rows(text, delimiter, first):
        if not any(row) or row[0].lstrip().startswith("#"):
            continue
        rows += 1
        if rows > _MOST_ROWS:
            bad.append(BadPart(f"only the first {_MOST_ROWS} rows were read", path, number))
            break
        event = rows_of.event(row)
        if values.has_resource(event):
            events.append(ReadEvent(event, 0.9))
        elif len(bad) < _MOST_BAD:
            bad.append(
                BadPart(
                    "row without an address, host or URL that can be reported", path, number, delimiter.join(row)[:1000]
                )
            )
        tried += 1
        if tried == 40 and len(events) < 8:
            return None
    return Table(tuple(events), tuple(bad)) if events and len(events) * 4 >= len(bad) else None


def _header(text: str) -> tuple[Columns, str, int] | None:
    """The header among the first lines: its meaning, the separator, and the number of the line after it."""
    lines = text[:200_000].split("\n", _HEADER_WITHIN + 1)[: _HEADER_WITHIN + 1]
    for number, line in enumerate(lines[:_HEADER_WITHIN]):
        line = line.strip().lstrip("#;").strip()
        if not 2 <= len(line) <= 10_000 or values.address(line.split(",")[0]):
            continue
        best: tuple[Columns, str] | None = None
        for delimiter in _DELIMITERS:
            if delimiter not in line and delimiter != ",":
                continue
            cells = _cells(line, delimiter)
            columns = columns_of(cells)
            if columns is not None and _plausible(cells) and (best is None or columns.score() > best[0].score()):
                best = columns, delimiter
        if best is not None and (best[0].score() > 1 or best[1] in line or len(line) < 30):
            return best[0], best[1], number + 1
    return None


def _plausible(cells: Sequence[str]) -> bool:
    """Names of columns are short and hold no values; a sentence with commas is no header."""
    said = [cell for cell in cells if cell.strip()]
    return (
        bool(said)
        and all(len(cell) <= 60 and len(cell.split()) <= 6 for cell in said)
        and not any(values.address(cell) for cell in said)
    )


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]
    except csv.Error:
        return []


def _rows(text: str, delimiter: str, skip: int) -> Iterator[tuple[int, list[str]]]:
    lines = io.StringIO(text)
    for _ in range(skip):
        lines.readline()
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        yield skip + reader.line_num, row


def _without_header(text: str, path: str, zone: tzinfo | None) -> Table | None:
    """Rows of values only: one column of public addresses, at least two rows, perhaps a column of times."""
    lines = [
        line
        for line in text[:2_000_000].split("\n")[:_MOST_ROWS]
        if line.strip() and not line.lstrip().startswith(("#", ";"))
    ]
    if len(lines) < 2:
        return None
    delimiter = max(_DELIMITERS, key=lambda mark: sum(line.count(mark) for line in lines[:20]))
    sample = [_cells(line, delimiter) for line in lines[:20]]
    width = max(len(row) for row in sample)
    if width > 60 or any(len(row) != width for row in sample):
        return None
    addresses = [place for place in range(width) if all(values.address(row[place]) for row in sample)]
    if len(addresses) != 1:
        return None
    times = [place for place in range(width) if all(values.when(row[place], zone) for row in sample)]
    places = {"source.ip": addresses[0], **({"time": times[0]} if times else {})}
    columns = Columns(("",) * width, places)
    rows_of = RowReader(columns, zone)
    events = []
    for line in lines:
        event = rows_of.event(_cells(line, delimiter))
        if values.has_resource(event):
            events.append(ReadEvent(event, 0.7))
    return Table(tuple(events)) if events else None


def _read_json(text: str, path: str, zone: tzinfo | None) -> Table | None:
    """A list of flat objects, alone or as the only list in an object."""
    if len(text) > _LARGEST_JSON:
        return None
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _read_records([_flat(item) for item in _list_of_objects(loaded, 0)[:_MOST_ROWS]], path, zone)


def _read_records(records: list[dict[str, str]], path: str, zone: tzinfo | None) -> Table | None:
    names = list(dict.fromkeys(name for item in records[:50] for name in item))[:200]
    columns = columns_of(names)
    if columns is None:
        return None
    rows_of = RowReader(columns, zone)
    events: list[ReadEvent] = []
    bad: list[BadPart] = []
    for number, item in enumerate(records, 1):
        event = rows_of.event([item.get(name, "") for name in names])
        if values.has_resource(event):
            events.append(ReadEvent(event, 0.9))
        elif len(bad) < _MOST_BAD:
            bad.append(
                BadPart("record without an address, host or URL that can be reported", path, number, str(item)[:1000])
            )
    return Table(tuple(events), tuple(bad)) if events else None


def _list_of_objects(loaded: Any, depth: int) -> list[dict[str, Any]]:
    if isinstance(loaded, list):
        return [item for item in loaded if isinstance(item, dict)]
    if isinstance(loaded, dict) and depth < 4:
        for kind in (list, dict):
            found = [
                rows
                for value in loaded.values()
                if isinstance(value, kind) and (rows := _list_of_objects(value, depth + 1))
            ]
            if len(found) == 1:
                return found[0]
            if found:
                break
        if any(not isinstance(value, (list, dict)) for value in loaded.values()):
            return [loaded]
    return []


def _flat(item: dict[str, Any]) -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in list(item.items())[:200]:
        if isinstance(value, dict):
            for inner, deep in list(value.items())[:50]:
                if isinstance(deep, (str, int, float)):
                    out[f"{plain_name(str(key))}_{plain_name(str(inner))}"] = str(deep)
        elif isinstance(value, (str, int, float)):
            out[str(key)] = str(value)
        elif isinstance(value, list) and value and all(isinstance(one, (str, int)) for one in value[:5]):
            out[str(key)] = str(value[0])
    return out
