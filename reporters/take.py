# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Carry out the steps of a definition on a mail: labelled lines, patterns, tables, JSON, XML, lists of addresses.

The first step that finds a resource makes the events. Each later step only adds what they lack, and only where it
found one value, so that nothing is joined by chance.
"""

from __future__ import annotations

import fnmatch
import time
from typing import TYPE_CHECKING, Any

from abusehandler.reporters.definition import RESOURCES
from abusehandler.reporters.found import MOST_EVENTS, Found, Row, Source
from abusehandler.reporters.labels import read_labels
from abusehandler.reporters.patterns import GROUPS
from abusehandler.reporters.structured import read_json, read_table, read_xml
from abusehandler.reporters.values import value_of
from abusehandler.reports.freetext.addresses import find_addresses, is_public
from abusehandler.reports.freetext.names import find_hosts, find_urls
from abusehandler.reports.freetext.refang import refang
from abusehandler.reports.reading import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.reporters.definition import Definition, Step
    from abusehandler.reporters.values import Clock
    from abusehandler.reports.mail.message import Mail, Part

#: patterns see this much of a text; files are read whole by `table`, `json`, `xml` up to LARGEST_FILE
PATTERN_READ = 60_000
LARGEST_FILE = 8_000_000
MOST_PARTS = 20
#: seconds of processor time for all steps of one mail, checked between matches: on a busy machine a mail gives as many events
TIME_LIMIT = 1.0


def take(definition: Definition, mail: Mail, clock: Clock) -> list[Row]:
    """The events that a definition's steps find, as rows of values with their places; empty when no step finds a resource."""
    rows: list[Row] = []
    waiting: list[Row] = []
    deadline = time.thread_time() + TIME_LIMIT
    for step in definition.take:
        found = [row for source in sources(step, mail) for row in _read(step, source, clock, deadline)]
        if not rows and any(_has_resource(row) for row in found):
            rows = [row for row in found if _has_resource(row)][:MOST_EVENTS]
            for earlier in waiting:
                _add(rows, [earlier])
        elif rows:
            _add(rows, found)
        else:
            waiting += [dict(single) for single in [_single(found)] if single]
        if time.thread_time() > deadline:
            break
    return _without_doubles(rows)


def _has_resource(row: Row) -> bool:
    return any(field in row for field in RESOURCES)


def _single(found: list[Row]) -> Row:
    """The fields for which all rows together hold exactly one value."""
    values: dict[str, dict[Any, Found]] = {}
    for row in found:
        for field, one in row.items():
            values.setdefault(field, {}).setdefault(one.value, one)
    return {field: next(iter(ones.values())) for field, ones in values.items() if len(ones) == 1}


def _add(rows: list[Row], found: list[Row]) -> None:
    for field, one in _single(found).items():
        for row in rows:
            row.setdefault(field, one)


def _without_doubles(rows: list[Row]) -> list[Row]:
    kept: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(sorted((field, str(one.value)) for field, one in row.items()))
        kept.setdefault(key, row)
    return list(kept.values())


def sources(step: Step, mail: Mail) -> Iterator[Source]:
    """The texts that a step looks at, cut by its `start` and `end`."""
    for source in list(_sources(step.place, mail))[:MOST_PARTS]:
        text, offset = source.text, source.offset
        if step.start is not None:
            opened = step.start.search(text, 0, PATTERN_READ)
            if not opened:
                continue
            text, offset = text[opened.end() :], offset + opened.end()
        if step.end is not None:
            closed = step.end.search(text, 0, PATTERN_READ)
            text = text[: closed.start()] if closed else text
        yield Source(source.part, text, offset, source.data)


def _sources(place: str, mail: Mail) -> Iterator[Source]:
    if place == "subject":
        yield Source("subject", mail.subject[:1000])
    elif place == "body":
        body = mail.body()
        if body:
            yield Source(body.path, body.text)
    elif place.startswith("header:"):
        name = place.partition(":")[2].lower()
        for value in mail.header_all(name)[:5]:
            yield Source(f"header:{name}", value[:2000])
    elif place.startswith("attached-header:"):
        name = place.partition(":")[2].lower()
        for part in mail.parts:
            if part.nested is not None and part.depth == 0:
                for value in part.nested.header_all(name)[:5]:
                    yield Source(f"{part.path}:header:{name}", value[:2000])
    else:
        glob = place.partition(":")[2].lower()
        for part in mail.parts:
            if _is_named(part, glob) and len(part.text) <= LARGEST_FILE:
                yield Source(part.path, part.text, data=part.data)


def _is_named(part: Part, glob: str) -> bool:
    name = (part.filename or part.path).lower()
    return bool(part.text) and (fnmatch.fnmatchcase(name, glob) or fnmatch.fnmatchcase(part.content_type.lower(), glob))


def _read(step: Step, source: Source, clock: Clock, deadline: float) -> list[Row]:
    if step.kind == "find":
        return _find(step, source, clock, deadline)
    if step.kind == "every":
        return _every(step, source)
    if step.kind == "labels":
        return read_labels(step.names, source, clock)
    if step.kind == "table":
        return read_table(step, source, clock)
    if step.kind == "json":
        return read_json(step, source, clock)
    return read_xml(step, source, clock)


def _find(step: Step, source: Source, clock: Clock, deadline: float) -> list[Row]:
    assert step.pattern is not None
    rows: list[Row] = []
    for match in step.pattern.finditer(source.text, 0, PATTERN_READ):
        row: Row = {}
        for group, text in match.groupdict().items():
            if text is None or group not in GROUPS:
                continue
            field = GROUPS[group]
            value = value_of(field, text, clock)
            if value is not None:
                start = source.offset + match.start(group)
                row[field] = Found(value, Span(source.part, start, start + len(text)))
        if row:
            rows.append(row)
            if step.first:
                break
        if len(rows) >= MOST_EVENTS or time.thread_time() > deadline:
            break
    return rows


def _every(step: Step, source: Source) -> list[Row]:
    """Each address, URL or host name of the text is an event."""
    plain = refang(source.text[: PATTERN_READ * 4])
    rows: dict[str, Row] = {}
    places: list[tuple[str, int, int]] = []
    if step.field == "source.ip":
        places = [
            (one.ip, one.start, one.end)
            for one in find_addresses(plain.text)
            if is_public(one.ip) and not one.bound and one.prefix is None
        ]
    elif step.field == "source.url":
        places = [(one.url, one.start, one.end) for one in find_urls(plain.text)]
        places += [(one.url, one.start, one.end) for one in find_hosts(plain.text) if one.url] if not places else []
    else:
        places = [(one.host, one.start, one.end) for one in find_hosts(plain.text)]
    for value, start, end in places[: 1 if step.first else MOST_EVENTS]:
        span = Span(source.part, source.offset + plain.original(start), source.offset + plain.original(end))
        rows.setdefault(value, {step.field: Found(value, span)})
    return list(rows.values())
