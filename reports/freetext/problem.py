# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which problem a text complains about, by the scored vocabulary in `problems.yaml`, as IntelMQ's classification.type."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

import yaml

from abusehandler.reports.freetext.phrases import Phrase, Spread, needle_of, phrase_of, spread

_WEIGHTS = {"sure": 3.0, "loose": 3.0, "likely": 1.5, "hint": 0.5}
#: "Hacking attempt" is said of these as well; their own words then tell better.
_KINDS_OF_ATTACK = ("brute-force", "scanner", "ddos")
SUBJECT_FACTOR = 3.0
#: The complaint stands at the front; behind come conditions, advice and law.
_MOST_TEXT = 6000
_FRONT = 1200
#: "This machine may be infected": a guess about the cause, not the complaint.
_HEDGED = re.compile(
    r"\b(?:probably|possibly|likely|perhaps|may|might|could|either|maybe|or|if|whether|posiblemente|"
    r"probablemente|vielleicht|eventuell|moglicherweise|"
    r"possivelmente|peut etre|forse|mogelijk|pravdepodobne|возможно)(?: be| have| has| is| it is| been| are| a|"
    r" an| part of a| with a| esta| este| infizierte)* $"
)
#: A line that names the problem outright counts as the subject line does.
_NAMED = re.compile(
    r"(?im)^[ \t>*#|-]{0,12}(?:(?:type|kind|nature|category|class)[ \t]of[ \t](?:the[ \t])?(?:abuse|attack|"
    r"incident|activity|infringement|complaint|threat|event)"
    r"|(?:abuse|attack|incident|threat|violation|report|event|issue|complaint)[ _-]?(?:type|category|class|"
    r"classification|reason|name)"
    r"|category|classification|type|typ|kategorie|art|tipo|tipo[ \t]de[ \t]\w{4,12}|reason|вид|тип|种类|类型)"
    r"[ \t]{0,12}[:=|][ \t]{0,12}(\S.{2,100})$"
)
_NEGATED = re.compile(
    r"(?:\bno|\bnot|\bnever|\bwithout|\bkein|\bkeine|\bpas de|\bno es|\bnao|\bnon)(?: an?| sind| ist| any)? $"
)


#: "Our weekly scan found": the scan is the reporter's.
_OWN_DEED = re.compile(
    r"\b(?:we|our|weekly|daily|regular\w{0,3}|monthly|routine|internet wide|during an?|in an?|security|wir|unser\w{0,3}|wochentlich\w{0,2}|"
    r"regelmassig\w{0,2}|nous|notre|nos|nuestro|nuestros|nosso|nossa|nossos|nostr[oaie]|ons|onze|nasz\w{0,3}|"
    r"nas[ei]\w{0,2}|наш\w{0,3}) (?:\w{1,20} ){0,2}$"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with its score, the share it has of all scores (0 to 1), and the phrase that told most."""

    type: str
    score: float
    share: float
    phrase: str = ""


@lru_cache(maxsize=1)
def _vocabulary() -> dict[str, tuple[Phrase, ...]]:
    data = yaml.safe_load(Path(__file__).with_name("problems.yaml").read_text(encoding="utf-8"))
    return {
        entry["type"]: tuple(
            replace(phrase_of(str(phrase), weight), loose=key == "loose")
            for key, weight in _WEIGHTS.items()
            for phrase in entry.get(key, ())
        )
        for entry in data
    }


@dataclass(frozen=True, slots=True)
class _Index:
    """All phrases in the vocabulary's order with their types, and which of them a text may hold: by their first word, by
    the front of it where any ending goes; those with a short first word, and those in scripts without blanks, always."""

    phrases: list[tuple[str, Phrase]]
    by_word: dict[str, list[int]]
    by_front: dict[str, list[int]]
    short: list[int]
    other: list[int]

    def possible(self, *texts: Spread) -> list[tuple[str, Phrase]]:
        """The phrases whose first word is there, in the vocabulary's order: few of thousands need a search."""
        numbers = {*self.short} if all(text.isascii() for text in texts) else {*self.short, *self.other}
        for text in texts:
            for index, there in ((self.by_word, text.places), (self.by_front, text.fronts)):
                for word in index.keys() & there.keys():
                    numbers.update(index[word])
        return [self.phrases[number] for number in sorted(numbers)]


@lru_cache(maxsize=1)
def _index() -> _Index:
    index = _Index([(kind, phrase) for kind, phrases in _vocabulary().items() for phrase in phrases], {}, {}, [], [])
    for number, (_, phrase) in enumerate(index.phrases):
        if not phrase.first:
            (index.short if phrase.needle.isascii() else index.other).append(number)
        elif phrase.whole:
            index.by_word.setdefault(phrase.first, []).append(number)
        else:
            index.by_front.setdefault(phrase.first[:3], []).append(number)
    return index


@lru_cache(maxsize=1)
def _identifiers() -> dict[str, dict[str, tuple[str, ...]]]:
    data = yaml.safe_load(Path(__file__).with_name("identifiers.yaml").read_text(encoding="utf-8"))
    return {
        kind: {name: tuple(needle_of(str(phrase)) for phrase in phrases) for name, phrases in names.items()}
        for kind, names in data.items()
    }


def identifier(kind: str, subject: str, text: str) -> str:
    """`classification.identifier` for the type, where the words name one clearly more often than any other; else empty."""
    known = _identifiers().get(kind)
    if not known:
        return ""
    head, body = spread(subject[:500]), spread(text[:_MOST_TEXT])
    counts = sorted(
        (
            (sum(3 * head.count(phrase) + min(5, body.count(phrase)) for phrase in phrases), name)
            for name, phrases in known.items()
        ),
        reverse=True,
    )
    least = 3 if kind in ("copyright", "masquerade", "phishing") else 1
    ahead = len(counts) < 2 or counts[0][0] >= 2 * counts[1][0]
    return counts[0][1] if counts[0][0] >= least and ahead else ""


def _named(text: str) -> str:
    """What lines such as "Type of attack: ..." say, and the subject line of a report that is sent on."""
    return "\n".join(match[1] for match in islice(_NAMED.finditer(text[:_MOST_TEXT]), 6))


def problems(subject: str, text: str) -> list[Problem]:
    """All problems with any sign, the likeliest first. Only the first 6,000 characters count. Never raises."""
    return list(_problems(subject[:500], text[:_MOST_TEXT]))


@lru_cache(maxsize=16)
def _problems(subject: str, text: str) -> tuple[Problem, ...]:
    head = spread(subject[:500] + "\n" + _named(text))
    body = spread(text[:_MOST_TEXT])
    found: list[tuple[float, str, str]] = []
    loosely: set[str] = set()
    sure: dict[str, float] = {}
    for kind, phrases in groupby(_index().possible(head, body), itemgetter(0)):
        score, best = 0.0, (0.0, "")
        for _, phrase in phrases:
            gain = 0.0
            if phrase.stands_in(head):
                gain += phrase.weight * SUBJECT_FACTOR
            place, times = phrase.places(body)
            if (
                place >= 0
                and not _NEGATED.search(body, max(0, place - 12), place + 1)
                and not (kind == "scanner" and _OWN_DEED.search(body, max(0, place - 60), place + 1))
            ):
                count = min(4, times)
                hedge = 0.4 if _HEDGED.search(body, max(0, place - 40), place + 1) else 1.0
                gain += hedge * phrase.weight * (1.0 + 0.25 * (count - 1)) * (1.0 if place < _FRONT else 0.5)
            score += gain
            if gain > best[0]:
                best = (gain, phrase.needle.strip())
                (loosely.add if phrase.loose else loosely.discard)(kind)
            if gain >= 3.0 and phrase.weight >= 3.0:
                sure[kind] = gain
        if score:
            # several weak words must not outweigh the one that names it
            found.append((best[0] * 1.5 + min(score - best[0], 8.0), kind, best[1]))
    named = [kind for kind in _KINDS_OF_ATTACK if kind in sure]
    if loosely and named:
        found = [(score * 0.3 if kind in loosely else score, kind, phrase) for score, kind, phrase in found]
    total = sum(score for score, _, _ in found)
    return tuple(Problem(kind, score, score / total, phrase) for score, kind, phrase in sorted(found, reverse=True))
