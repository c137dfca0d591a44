# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which lines of a text hold certain words: a pattern that is slow on a whole text need only see those."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


def lines_holding(
    text: str, marks: Iterable[str], *, and_next: bool = False, not_behind: Collection[str] = ()
) -> list[tuple[int, int]]:
    """Beginning and end of the lines that hold one of the marks (lower case) in any case, from the front, each once.

    With `and_next` the line behind each goes along. A mark counts not behind two letters of `not_behind`.
    """
    low = text.lower()
    if len(low) != len(text):  # places differ then
        return [(0, len(text))]
    spans: list[tuple[int, int]] = []
    for mark in marks:
        place = low.find(mark)
        while place >= 0:
            if low[max(0, place - 2) : place] in not_behind:
                place = low.find(mark, place + 1)
                continue
            start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
            if and_next and end >= 0:
                end = text.find("\n", end + 1)
            spans.append((start, len(text) if end < 0 else end))
            place = low.find(mark, spans[-1][1])
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
