# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Problems told by two words near each other, whatever stands between them and whichever comes first (`together.yaml`)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from abusehandler.reports.freetext.labels import plain

if TYPE_CHECKING:
    from abusehandler.reports.freetext.phrases import Spread

#: How far apart, in characters: eight words or so.
_NEAR = 60
#: Scripts without blanks say more in fewer characters.
_NEAR_SIGNS = 24
_FRONT_LETTERS = 3
#: Words that are remembered; nobody's text may fill the memory.
_MOST_KNOWN, _LONGEST_KNOWN = 20_000, 40
#: Stands between the two words of a pair where they are shown.
NEAR = " … "


@dataclass(frozen=True, slots=True)
class Near:
    """Two words that tell a problem, and where the first of them stands in spread text."""

    type: str
    words: str
    place: int


@dataclass(frozen=True, slots=True)
class _Words:
    """Where words of one side are looked up: whole ones, beginnings, and signs of scripts without blanks."""

    whole: dict[str, list[int]]
    fronts: dict[str, list[tuple[str, int]]]
    signs: tuple[tuple[str, int], ...]
    known: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def numbers(self, word: str) -> tuple[int, ...]:
        """The entries that the word is one of; mails use the same words again and again."""
        numbers = self.known.get(word)
        if numbers is None:
            of_front = self.fronts.get(word[:_FRONT_LETTERS], ())
            numbers = tuple(
                {*self.whole.get(word, ()), *(number for front, number in of_front if word.startswith(front))}
            )
            if len(self.known) < _MOST_KNOWN and len(word) < _LONGEST_KNOWN:
                self.known[word] = numbers
        return numbers


def near(text: Spread) -> list[Near]:
    """For each problem the first pair of its words that stand near each other. Linear in the text, never raises."""
    types, within, ones, others = _vocabulary()
    one, other = _standing(text, ones), _standing(text, others)
    found: dict[str, Near] = {}
    for number in one.keys() & other.keys():
        pair = _closest(one[number], other[number], within[number])
        if pair is not None:
            (first, left), (second, right) = pair
            known = found.get(types[number])
            if known is None or known.place > min(first, second):
                found[types[number]] = Near(types[number], f"{left}{NEAR}{right}", min(first, second))
    return list(found.values())


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[tuple[str, ...], tuple[int, ...], _Words, _Words]:
    data = yaml.safe_load(Path(__file__).with_name("together.yaml").read_text(encoding="utf-8"))
    return (
        tuple(entry["type"] for entry in data),
        tuple(entry.get("within", _NEAR) for entry in data),
        _words([entry["one"] for entry in data]),
        _words([entry["other"] for entry in data]),
    )


def _words(lists: list[list[str]]) -> _Words:
    whole: dict[str, list[int]] = {}
    fronts: dict[str, list[tuple[str, int]]] = {}
    signs: list[tuple[str, int]] = []
    for number, words in enumerate(lists):
        for entry in words:
            word = plain(str(entry).rstrip("*"))
            if any(char >= "\u1100" for char in word):  # `plain` takes Korean syllables apart
                signs.append((word, number))
            elif str(entry).endswith("*"):
                fronts.setdefault(word[:_FRONT_LETTERS], []).append((word, number))
            else:
                whole.setdefault(word, []).append(number)
    return _Words(whole, fronts, tuple(signs))


def _standing(text: Spread, words: _Words) -> dict[int, list[tuple[int, str]]]:
    """The places of each entry's words in the text, in order."""
    found: dict[int, list[tuple[int, str]]] = {}
    for word, places in text.places.items():
        for number in words.numbers(word):
            found.setdefault(number, []).extend((place, word) for place in places[:20])
    if not text.isascii():
        for sign, number in words.signs:
            place = text.find(sign)
            if place >= 0:
                found.setdefault(number, []).append((place, sign))
    for places_of in found.values():
        places_of.sort()
    return found


def _closest(
    one: list[tuple[int, str]], other: list[tuple[int, str]], within: int
) -> tuple[tuple[int, str], tuple[int, str]] | None:
    """The first word of one side that has a different one of the other side near it."""
    for place, word in one:
        reach = _NEAR_SIGNS if word[0] >= "\u3040" else within
        index = bisect_left(other, (place - reach, ""))
        for there, its in other[index : index + 8]:
            if there > place + reach:
                break
            if its != word:
                return (place, word), (there, its)
    return None
