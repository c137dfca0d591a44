# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Phrases of the vocabularies, and the form of a text in which they are looked for: plain words between single blanks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.labels import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_WORD = re.compile(r"[\W_]+")
_SCRIPTS = re.compile(r"(?<=[a-z0-9])(?=[\u1100-\u11ff\u3040-\u9fff])|(?<=[\u1100-\u11ff\u3040-\u9fff])(?=[a-z0-9])")
#: First words that are shorter are in every text: looking them up would find too much.
_SHORTEST_FIRST = 3


class Spread(str):
    """A text as the phrases are looked for in it. It knows where its words stand: each phrase need not search all of it."""

    __slots__ = ("_fronts", "_places")

    _places: dict[str, list[int]]
    _fronts: dict[str, list[str]]

    @property
    def places(self) -> dict[str, list[int]]:
        """Word → where the blanks before it stand."""
        try:
            return self._places
        except AttributeError:
            places: dict[str, list[int]] = {}
            self._places = places
            at = 0
            for word in self.split():
                if word in places:
                    places[word].append(at)
                else:
                    places[word] = [at]
                at += len(word) + 1
            return places

    @property
    def fronts(self) -> dict[str, list[str]]:
        """The first three letters → the words that begin so."""
        try:
            return self._fronts
        except AttributeError:
            fronts: dict[str, list[str]] = {}
            self._fronts = fronts
            for word in self.places:
                fronts.setdefault(word[:_SHORTEST_FIRST], []).append(word)
            return fronts

    def beginning(self, length: int) -> Spread:
        """So many characters from the front."""
        return Spread(self[:length])

    def and_also(self, other: Spread) -> Spread:
        """Both texts, one behind the other."""
        return Spread(self + other[1:])

    def without(self, words: str | re.Pattern[str]) -> Spread:
        """What is left when some words are taken away."""
        left = self.replace(words, " ") if isinstance(words, str) else words.sub(" ", self)
        if left == self:
            return self  # it knows its places already
        return Spread(f" {' '.join(left.split())} ")


@lru_cache(maxsize=16)  # the same text is asked several questions
def spread(text: str) -> Spread:
    """The text as the phrases are searched in it."""
    words = _NO_WORD.sub(" ", plain(text)).strip()
    # scripts without blanks put `ddos` right beside their own words
    return Spread(f" {words if words.isascii() else _SCRIPTS.sub(' ', words)} ")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that speak for something: `needle` as it is searched in spread text (no blank behind it where any ending goes).

    `first` is the first word, or its beginning where nothing follows and any ending goes (not `whole`); it is empty
    where words are too short, or have no blanks between them. `loose` words are said of much; `log`: a program writes it.
    """

    needle: str
    weight: float
    first: str = ""
    whole: bool = False
    pattern: re.Pattern[str] | None = None
    loose: bool = False
    log: bool = False

    def stands_in(self, text: Spread) -> bool:
        """Whether it stands in the text."""
        return self.places(text)[0] >= 0

    def places(self, text: Spread) -> tuple[int, int]:
        """Where it first stands in the text (-1: nowhere), and how often."""
        if self.first:
            if self.whole:
                places = text.places.get(self.first)
            else:
                words = [
                    word for word in text.fronts.get(self.first[:_SHORTEST_FIRST], ()) if word.startswith(self.first)
                ]
                places = sorted(place for word in words for place in text.places[word]) if words else None
            if not places:
                return -1, 0
            if self.pattern is None:
                needle = self.needle
                found = [place for place in places if text.startswith(needle, place)]
                return (found[0], len(found)) if found else (-1, 0)
        if self.pattern is not None:
            found = [match.start() for match in islice(self.pattern.finditer(text), 5)]
            return (found[0] if found else -1), len(found)
        first = text.find(self.needle)
        return first, text.count(self.needle) if first >= 0 else 0


def phrase_of(text: str, weight: float = 1.0, open_end: bool = False) -> Phrase:
    """A phrase ready to be searched in spread text; with `open_end`, or a `*` behind it, any ending goes."""
    needle = needle_of(text + "*" if open_end and not text.endswith("*") else text)
    if "*" in text.rstrip("*"):
        return _with_endings(text, weight)
    pieces = needle.split()
    spaced = needle.startswith(" ") and len(pieces[0]) >= _SHORTEST_FIRST
    return Phrase(needle, weight, pieces[0] if spaced else "", len(pieces) > 1 or needle.endswith(" "))


def needle_of(phrase: str) -> str:
    """The phrase as it stands in spread text."""
    open_end = phrase.endswith("*")
    words = _NO_WORD.sub(" ", plain(phrase.replace("*", ""))).strip()
    if any(
        "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" or "\u1100" <= char <= "\u11ff" for char in words
    ):
        return _SCRIPTS.sub(" ", words)  # no blanks between words there, but around those of other scripts
    return f" {words}" if open_end else f" {words} "


def _with_endings(text: str, weight: float) -> Phrase:
    """A phrase with a `*` inside, where any ending goes: `подбор* парол*`."""
    words = [(_NO_WORD.sub(" ", plain(word.replace("*", ""))).strip(), word.endswith("*")) for word in text.split()]
    pattern = re.compile(
        " "
        + " ".join(rf"{re.escape(word)}\w{{0,12}}" if any_end else re.escape(word) for word, any_end in words)
        + ("" if words[-1][1] else " ")
    )
    first, any_end = words[0]
    return Phrase(f" {first}", weight, first if len(first) >= _SHORTEST_FIRST else "", not any_end, pattern)


def _rarest(phrase: Phrase) -> str:
    """The longest whole word: the one that the fewest texts have. Empty where all are short or may have any ending."""
    if phrase.pattern is not None or not phrase.needle.startswith(" "):
        return ""
    words = phrase.needle.split()
    longest = max(words if phrase.needle.endswith(" ") else words[:-1], key=len, default="")
    return longest if len(longest) >= _SHORTEST_FIRST else ""


class Phrases:
    """Phrases in their order, and which of them a text may hold: by their longest word, or by the front of the first where
    any ending goes; those of short words, and those in scripts without blanks, it may always hold.
    """

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self.all = tuple(phrases)
        self._by_word: dict[str, list[int]] = {}
        self._by_front: dict[str, list[int]] = {}
        self._short: set[int] = set()
        self._other: set[int] = set()
        for number, phrase in enumerate(self.all):
            if key := _rarest(phrase):
                self._by_word.setdefault(key, []).append(number)
            elif not phrase.first:
                (self._short if phrase.needle.isascii() else self._other).add(number)
            elif phrase.whole:
                self._by_word.setdefault(phrase.first, []).append(number)
            else:
                self._by_front.setdefault(phrase.first[:_SHORTEST_FIRST], []).append(number)

    def possible(self, *texts: Spread) -> list[int]:
        """The places, in `all`, of those that may stand in one of the texts: few of thousands need a search."""
        numbers = self._short.copy() if all(text.isascii() for text in texts) else self._short | self._other
        for text in texts:
            for index, there in ((self._by_word, text.places), (self._by_front, text.fronts)):
                for word in index.keys() & there.keys():
                    numbers.update(index[word])
        return sorted(numbers)

    def standing_in(self, text: Spread) -> list[Phrase]:
        """Those that stand in the text, in their order."""
        return [phrase for phrase in map(self.all.__getitem__, self.possible(text)) if phrase.stands_in(text)]
