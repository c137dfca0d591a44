# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Labelled lines: `Source IP: 192.0.2.1`, `| Port | 22 |`, a label on one line and its value on the next.

A label that comes again begins the next event, so that a mail with three such blocks makes three events.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from abusehandler.reporters.definition import RESOURCES
from abusehandler.reporters.found import MOST_EVENTS, Found, Row, Source
from abusehandler.reporters.values import value_of
from abusehandler.reports.reading import Span

if TYPE_CHECKING:
    from abusehandler.reporters.values import Clock

MOST_LINES = 20_000
LONGEST_LINE = 4_000
_LINE = re.compile(r"[^\r\n]+")
#: what may stand before a label: quoting, bullets, table rules, Markdown
_BEFORE = r"[\s>*|\-•·#+_\"'\u00a0]{0,12}(?:\(?\d{1,3}[.)]\s{1,3})?"
_AFTER = r"[\s*_\"'\u00a0]{0,8}(?:\([^)\n]{0,40}\)\s{0,3})?(?:\.{2,40}\s{0,3})?(?:[:=|\t]|：|\s->|\s-\s)[\s>*:=|_\u00a0]{0,12}"


@lru_cache(maxsize=512)
def _pattern(names: tuple[tuple[str, tuple[str, ...]], ...]) -> re.Pattern[str]:
    labels = sorted({label for _, said in names for label in said}, key=len, reverse=True)
    words = "|".join(r"\s{1,4}".join(map(re.escape, label.split())) for label in labels)
    return re.compile(rf"{_BEFORE}({words}){_AFTER}(.*)|{_BEFORE}({words})[\s*_:]{{0,8}}$", re.IGNORECASE)


@lru_cache(maxsize=512)
def _fields(names: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for field, said in names:
        for label in said:
            fields.setdefault(" ".join(label.lower().split()), []).append(field)
    return fields


def read_labels(names: tuple[tuple[str, tuple[str, ...]], ...], source: Source, clock: Clock) -> list[Row]:
    """The labelled values of a text, grouped into rows; fields before the first resource belong to it."""
    pattern, fields = _pattern(names), _fields(names)
    rows: list[Row] = [{}]
    waiting: list[str] = []
    for count, line in enumerate(_LINE.finditer(source.text)):
        if count > MOST_LINES or len(rows) > MOST_EVENTS:
            break
        text = line.group()[:LONGEST_LINE]
        match = pattern.match(text)
        if match is None:
            if waiting and text.strip():
                _put(rows, waiting, text, source, line.start(), clock)
                waiting = []
            continue
        wanted = fields[" ".join((match.group(1) or match.group(3)).lower().split())]
        said = match.group(2)
        if said is None or not said.strip():
            waiting = wanted
            continue
        waiting = []
        _put(rows, wanted, said, source, line.start() + match.start(2), clock)
    full = [row for row in rows if row]
    return _shared(full)


def _put(rows: list[Row], fields: list[str], text: str, source: Source, start: int, clock: Clock) -> None:
    for field in fields:
        value = value_of(field, text, clock)
        if value is None:
            continue
        place = source.offset + start
        found = Found(value, Span(source.part, place, place + len(text.rstrip())))
        if field in rows[-1] and rows[-1][field].value != value:
            if field not in RESOURCES and not any(name in rows[-1] for name in RESOURCES):
                continue
            rows.append({})
        rows[-1].setdefault(field, found)


def _shared(rows: list[Row]) -> list[Row]:
    """One case number or time at the top goes for all blocks below it, unless a block has its own."""
    if len(rows) < 2:
        return rows
    values: dict[str, set[str]] = {}
    for row in rows:
        for field, one in row.items():
            values.setdefault(field, set()).add(str(one.value))
    for field, said in values.items():
        if len(said) == 1 and field not in RESOURCES:
            one = next(row[field] for row in rows if field in row)
            for row in rows:
                row.setdefault(field, one)
    return rows
