# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which problem a text complains about, by the scored vocabulary in `problems.yaml`, as IntelMQ's classification.type."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from abusehandler.reports.freetext.meant import complaining, enumerates, hedge, meant, without_citations
from abusehandler.reports.freetext.phrases import Phrase, Phrases, Spread, needle_of, phrase_of, spread
from abusehandler.reports.freetext.together import near

if TYPE_CHECKING:
    from collections.abc import Iterable

_WEIGHTS = {"sure": 3.0, "loose": 3.0, "log": 2.5, "likely": 1.5, "vague": 1.5, "hint": 0.5}
#: "Hacking attempt" and "fraudulent calls" are said of these as well; their own words, or what the log lines show, then tell better.
_LOOSE = frozenset(("loose", "vague", "hint"))
_KINDS_OF_ATTACK = ("brute-force", "scanner", "ddos", "system-compromise")
#: What an attempt is one at.
_TRIED = ("exploit", "brute-force")
_KINDS_OF_TARGET = frozenset(("vulnerable-system", "unprivileged-account-compromise"))
#: Two words near each other.
_TOGETHER = 2.5
SUBJECT_FACTOR = 3.0
#: The complaint stands at the front; behind come conditions, advice and law.
_MOST_TEXT = 6000
_FRONT = 1200
#: A line that names the problem outright counts as the subject line does.
_NAMED = re.compile(
    r"(?im)^[ \t>*#|-]{0,12}(?:(?:type|kind|nature|category|class)[ \t]of[ \t](?:the[ \t])?(?:abuse|attack|"
    r"incident|activity|infringement|complaint|threat|event)"
    r"|(?:abuse|attack|incident|threat|violation|report|event|issue|complaint)[ _-]?(?:type|category|class|"
    r"classification|reason|name)"
    r"|category|classification|type|typ|kategorie|art|tipo|tipo[ \t]de[ \t]\w{4,12}|reason|problem|violation|infraction|"
    r"offen[cs]e|threat|kind|verdict|categor[iy]a|categor[ií]e|catégorie|nature|motif|motivo|grund|"
    r"(?:art|typ)[ \t](?:des|der)[ \t]\w{4,20}|angriffsart|type[ \t]d['’e][ \t]?\w{4,14}|soort|reden|rodzaj|powód|druh|důvod|"
    r"typ[ \t]\w{4,14}|вид|тип|причина|вид[ \t]\w{4,14}|тип[ \t]\w{4,14}|种类|类型|類型|攻击类型|事件类型|种别|種別|유형|분류)"
    r"[ \t.]{0,12}[:=|：][ \t]{0,12}(\S.{2,100})$"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with its score, the share it has of all scores (0 to 1), and the phrase that told most."""

    type: str
    score: float
    share: float
    phrase: str = ""


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[tuple[str, ...], Phrases]:
    """The type that each phrase speaks for, and the phrases."""
    data = yaml.safe_load(Path(__file__).with_name("problems.yaml").read_text(encoding="utf-8"))
    pairs = [
        (entry["type"], replace(phrase_of(str(phrase), weight), loose=key in _LOOSE, log=key == "log"))
        for entry in data
        for key, weight in _WEIGHTS.items()
        for phrase in entry.get(key, ())
    ]
    return tuple(kind for kind, _ in pairs), Phrases(phrase for _, phrase in pairs)


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
    subject, text = subject[:500], text[:_MOST_TEXT]
    found = _problems(subject, text)
    if not found and enumerates(spread(text)):
        found = _problems(subject, text, True)
    return list(found)


def _together(head: Spread, text: str, enumerated: bool) -> dict[str, tuple[float, str]]:
    """What words near each other tell, by type: the gain and the words."""
    gains: dict[str, tuple[float, str]] = {}
    body = complaining(spread(without_citations(text[: 2 * _FRONT])), enumerated=enumerated)
    for one in near(body.beginning(_FRONT)):
        if meant(one.type, body, one.place):
            gains[one.type] = (_TOGETHER * hedge(body, one.place), one.words)
    for one in near(head):
        gains[one.type] = (gains.get(one.type, (0.0, ""))[0] + _TOGETHER * SUBJECT_FACTOR, one.words)
    return gains


@lru_cache(maxsize=16)
def _problems(subject: str, text: str, enumerated: bool = False) -> tuple[Problem, ...]:
    """`enumerated`: what is only named among other threats counts too."""
    head = spread(subject[:500] + "\n" + _named(text))
    body = complaining(spread(text[:_MOST_TEXT]), enumerated=enumerated)
    kinds, phrases = _vocabulary()
    in_head, in_body = set(phrases.possible(head)), set(phrases.possible(body))
    scores = _Scores(head, body)
    together = _together(head, text, enumerated)
    for kind, numbers in groupby(sorted(in_head | in_body), kinds.__getitem__):
        words = [(phrases.all[one], one in in_head, one in in_body) for one in numbers]
        scores.count(kind, words, together.get(kind))
    found = scores.weighed(together)
    total = sum(score for score, _, _ in found)
    return tuple(Problem(kind, score, score / total, phrase) for score, kind, phrase in sorted(found, reverse=True))


class _Scores:
    """The scores of the problems of one text while its words are counted.

    `loosely`: told by words alone that are said of much; `strict`: by one that is not; `logged`: by what a program wrote;
    `headed`: in the subject line; `sure`: the gain of its surest words.
    """

    def __init__(self, head: Spread, body: Spread) -> None:
        self.head, self.body = head, body
        self.found: dict[str, tuple[float, str]] = {}
        self.sure: dict[str, float] = {}
        self.loosely: set[str] = set()
        self.strict: set[str] = set()
        self.logged: set[str] = set()
        self.headed: set[str] = set()

    def count(self, kind: str, phrases: Iterable[tuple[Phrase, bool, bool]], pair: tuple[float, str] | None) -> None:
        """The words of one problem, and whether they may stand in head and body; `pair`: the gain of two near each other."""
        score, best = 0.0, (0.0, "")
        for phrase, in_head, in_body in phrases:
            gain = self._gain(kind, phrase, in_head, in_body)
            if not gain:
                continue
            score += gain
            if gain > best[0]:
                best = (gain, phrase.needle.strip())
                (self.loosely.add if phrase.loose else self.loosely.discard)(kind)
            if gain >= 3.0 and phrase.weight >= 3.0:
                self.sure[kind] = gain
            if not phrase.loose and gain >= 2.5:
                self.strict.add(kind)
        if pair is not None and pair > best:  # else the phrase says the same
            score, best = score + pair[0], pair
            self.loosely.discard(kind)
            if kind in _KINDS_OF_ATTACK:
                self.sure[kind] = pair[0]
        if kind in self.logged:
            self.sure.setdefault(kind, best[0])
        if score:
            # several weak words must not outweigh the one that names it
            self.found[kind] = (best[0] * 1.5 + min(score - best[0], 8.0), best[1])

    def _gain(self, kind: str, phrase: Phrase, in_head: bool, in_body: bool) -> float:
        gain = 0.0
        if in_head and phrase.stands_in(self.head):
            gain = phrase.weight * SUBJECT_FACTOR
            self.headed.add(kind)
        place, times = phrase.places(self.body) if in_body else (-1, 0)
        if phrase.log and place >= 0:
            # evidence wherever it stands and however often: many lines of one log say no more than one
            gain = max(gain, phrase.weight if kind not in self.logged else 0.5)
            self.logged.add(kind)
        elif place >= 0 and meant(kind, self.body, place):
            often = 1.0 + 0.25 * (min(4, times) - 1)
            gain += hedge(self.body, place) * phrase.weight * often * (1.0 if place < _FRONT else 0.5)
        return gain

    def weighed(self, together: dict[str, tuple[float, str]]) -> list[tuple[float, str, str]]:
        """Score, problem, words, when all words are counted; `together`: the gains of words near each other."""
        for kind, (gain, words) in together.items():
            if kind not in self.found:
                self.found[kind] = (gain * 1.5, words)
                self.sure[kind] = gain
        found = {kind: score for kind, (score, _) in self.found.items()}
        # "tries default passwords", "tries leaked passwords" are no reports of a system or an account that has one
        for kind in _KINDS_OF_TARGET & found.keys():
            least = _TOGETHER * (SUBJECT_FACTOR if kind in self.headed else 1)
            if any(together.get(tried, (0.0,))[0] >= least for tried in _TRIED):
                found[kind] *= 0.5
        named = {kind for kind in _KINDS_OF_ATTACK if kind in self.sure}
        named |= (self.strict & {"exploit", "c2-server"}) | (self.logged - {"spam"})
        if named:
            most = 0.9 * max(found.get(kind, 0.0) for kind in named)
            for kind in self.loosely - self.strict - named:
                found[kind] = min(found[kind] * 0.3, most)
        return [(score, kind, self.found[kind][1]) for kind, score in found.items()]
