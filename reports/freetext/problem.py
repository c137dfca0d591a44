# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which problem a text complains about, by the scored vocabulary in `problems.yaml`, as IntelMQ's classification.type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import yaml

from abusehandler.reports.freetext.labels import plain

_WEIGHTS = {"sure": 3.0, "likely": 1.5, "hint": 0.5}
SUBJECT_FACTOR = 3.0
#: The complaint stands at the front; behind come conditions, advice and law.
_MOST_TEXT = 6000
_FRONT = 1200
_NO_WORD = re.compile(r"[\W_]+")
_SCRIPTS = re.compile(r"(?<=[a-z0-9])(?=[\u3040-\u9fff\uac00-\ud7a3])|(?<=[\u3040-\u9fff\uac00-\ud7a3])(?=[a-z0-9])")
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


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that speak for a problem: `needle` as it is searched in spread text (no blank behind it where any ending goes)."""

    needle: str
    weight: float
    first: str = ""
    whole: bool = False

    def may_stand_in(self, words: frozenset[str], fronts: frozenset[str]) -> bool:
        """A cheap look before the search: whether its first word is there (`fronts`: first three letters of all words)."""
        if not self.first:
            return True
        return self.first in words if self.whole else self.first[:3] in fronts


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
            phrase_of(str(phrase), weight) for key, weight in _WEIGHTS.items() for phrase in entry.get(key, ())
        )
        for entry in data
    }


@lru_cache(maxsize=1)
def _identifiers() -> dict[str, dict[str, tuple[str, ...]]]:
    data = yaml.safe_load(Path(__file__).with_name("identifiers.yaml").read_text(encoding="utf-8"))
    return {
        kind: {name: tuple(_needle(str(phrase)) for phrase in phrases) for name, phrases in names.items()}
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


def _needle(phrase: str) -> str:
    open_end = phrase.endswith("*")
    words = _NO_WORD.sub(" ", plain(phrase.replace("*", ""))).strip()
    if any(
        "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" or "\u1100" <= char <= "\u11ff" for char in words
    ):
        return words  # no blanks between words there
    return f" {words}" if open_end else f" {words} "


def phrase_of(text: str, weight: float = 1.0, open_end: bool = False) -> Phrase:
    """A phrase ready to be searched in spread text; with `open_end`, or a `*` behind it, any ending goes."""
    needle = _needle(text + "*" if open_end and not text.endswith("*") else text)
    pieces = needle.split()
    spaced = needle.startswith(" ") and len(pieces[0]) >= 3
    return Phrase(needle, weight, pieces[0] if spaced else "", len(pieces) > 1 or needle.endswith(" "))


@lru_cache(maxsize=16)  # the same text is asked several questions
def spread(text: str) -> str:
    """The text as the phrases are searched in it: plain words between single blanks."""
    words = _NO_WORD.sub(" ", plain(text))
    # scripts without blanks put `ddos` right beside their own words
    return f" {words if words.isascii() else _SCRIPTS.sub(' ', words)} "


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
    there = {*head.split(), *body.split()}
    words, fronts = frozenset(there), frozenset(word[:3] for word in there)
    found: list[tuple[float, str, str]] = []
    for kind, phrases in _vocabulary().items():
        score, best = 0.0, (0.0, "")
        for phrase in phrases:
            if not phrase.may_stand_in(words, fronts):
                continue
            gain = 0.0
            if phrase.needle in head:
                gain += phrase.weight * SUBJECT_FACTOR
            place = body.find(phrase.needle)
            if place >= 0 and not _NEGATED.search(body, max(0, place - 12), place + 1):
                count = min(4, body.count(phrase.needle))
                hedge = 0.4 if _HEDGED.search(body, max(0, place - 40), place + 1) else 1.0
                gain += hedge * phrase.weight * (1.0 + 0.25 * (count - 1)) * (1.0 if place < _FRONT else 0.5)
            score += gain
            if gain > best[0]:
                best = (gain, phrase.needle.strip())
        if score:
            # several weak words must not outweigh the one that names it
            found.append((best[0] * 1.5 + min(score - best[0], 8.0), kind, best[1]))
    total = sum(score for score, _, _ in found)
    return tuple(Problem(kind, score, score / total, phrase) for score, kind, phrase in sorted(found, reverse=True))
