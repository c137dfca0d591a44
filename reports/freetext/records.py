# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which lines of a text are about which of several addresses: a row each, or a block of labelled lines each.

A block need not begin with its address: what stands in the same way above the first and above the second address
("Time: ...", "Incident 2") belongs to the one below it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abusehandler.reports.freetext.passages import Line, Passage
    from abusehandler.reports.freetext.roles import Candidate, Place

_LABEL = re.compile(r"[^:=|\n]{1,40}?(?=[ \t.]{0,12}[:=|])")
_DIGITS = re.compile(r"\d+")
_MOST_LINES = 40
_MOST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Record:
    """`passage.text[start:end]` is about one address."""

    passage: Passage
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]


def records(candidates: list[Candidate]) -> dict[str, Record]:
    """The record of each address, by address; none for those that share a line or stand alone in their passage."""
    by_passage: dict[str, dict[int, list[tuple[str, Place]]]] = {}
    for one in candidates:
        place = _told(one)
        if place is not None:
            by_passage.setdefault(place.passage.part, {}).setdefault(place.line.number, []).append((one.ip, place))
    found: dict[str, Record] = {}
    for by_line in by_passage.values():
        if len(by_line) > 1 and all(len(there) == 1 for there in by_line.values()):
            found.update(_of_passage([by_line[number][0] for number in sorted(by_line)]))
    return found


def _told(one: Candidate) -> Place | None:
    """The first place that says it is complained about."""
    places = [place for place in one.places[:50] if place.passage.kind != "subject"]
    best = max((place.weight for place in places), default=0.0)
    return next((place for place in places if place.weight >= best - 0.5), None)


def _of_passage(told: list[tuple[str, Place]]) -> dict[str, Record]:
    passage = told[0][1].passage
    text = passage.text
    filled = [line for line in passage.lines if text[line.start : line.end].strip()]
    place_of = {line.number: place for place, line in enumerate(filled)}
    at = [place_of[place.line.number] for _, place in told]
    above = _above(text, filled, at)
    longest = max(b - a for a, b in pairwise(at))
    found: dict[str, Record] = {}
    for number, (ip, _) in enumerate(told):
        first = at[number] - above
        behind = at[number + 1] - above if number + 1 < len(at) else first + longest
        last = min(behind, first + _MOST_LINES, len(filled)) - 1
        start = filled[first].start
        found[ip] = Record(passage, start, min(filled[max(first, last)].end, start + _MOST_TEXT))
    return found


def _above(text: str, filled: list[Line], at: list[int]) -> int:
    """How many lines above the first two addresses are labelled alike."""
    count = 0
    most = min(at[0], at[1] - at[0] - 1, _MOST_LINES)
    while count < most and _label(text, filled[at[0] - count - 1]) == _label(text, filled[at[1] - count - 1]):
        count += 1
    return count


def _label(text: str, line: Line) -> str:
    content = text[line.start : min(line.end, line.start + 120)].strip().lower()
    label = _LABEL.match(content)
    return _DIGITS.sub("0", label[0] if label else content[:24])
