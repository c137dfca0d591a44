# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which problem a text complains about, by the scored vocabulary in `problems.yaml`, as IntelMQ's classification.type."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path

import yaml

from abusehandler.reports.freetext.phrases import Phrases, Spread, needle_of, phrase_of, spread
from abusehandler.reports.freetext.together import near

_WEIGHTS = {"sure": 3.0, "loose": 3.0, "likely": 1.5, "hint": 0.5}
#: "Hacking attempt" is said of these as well; their own words then tell better.
_KINDS_OF_ATTACK = ("brute-force", "scanner", "ddos", "system-compromise")
#: Two words near each other.
_TOGETHER = 2.5
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
    r"|category|classification|type|typ|kategorie|art|tipo|tipo[ \t]de[ \t]\w{4,12}|reason|problem|violation|infraction|"
    r"offen[cs]e|threat|kind|verdict|categor[iy]a|categor[ií]e|catégorie|nature|motif|motivo|grund|"
    r"(?:art|typ)[ \t](?:des|der)[ \t]\w{4,20}|angriffsart|type[ \t]d['’e][ \t]?\w{4,14}|soort|reden|rodzaj|powód|druh|důvod|"
    r"typ[ \t]\w{4,14}|вид|тип|причина|вид[ \t]\w{4,14}|тип[ \t]\w{4,14}|种类|类型|類型|攻击类型|事件类型|种别|種別|유형|분류)"
    r"[ \t.]{0,12}[:=|：][ \t]{0,12}(\S.{2,100})$"
)
#: "A web shell may have been installed"
_HEDGED_BEHIND = re.compile(r"(?:\w{1,20} ){1,4}?(?:may|might|could) (?:have been|be) ")
_NEGATED = re.compile(
    r"(?:\bno|\bnot|\bnever|\bwithout|\bkein|\bkeine|\bpas de|\bno es|\bnao|\bnon)(?: an?| sind| ist| any)? $"
)


#: "Our weekly scan found": the scan is the reporter's. But "we saw scans" speaks of somebody else's.
_OWN_DEED = re.compile(
    r"\b(?:(?:we|our|wir|unser\w{0,3}|nous|notre|nos|nuestros?|nosso|nossa|nossos|nostr[oaie]|ons|onze|wij|nasz\w{0,3}|"
    r"nas[ei]\w{0,2}|наш\w{0,3}|мы) "
    r"(?:(?:last|latest|recent|own|automat\w{0,8}|period\w{0,8}|routin\w{0,5}|nightly|continuous\w{0,2}|internet|global|wide|"
    r"ipv4|ipv6|external|public|security|vulnerability|port|network|research|non|intrusive|also|a|an|the|of|run|ran|do|did|use|"
    r"conduct\w{0,3}|perform\w{0,3}|carr\w{1,3}|out|weekly|daily|monthly|regel\w{0,10}|regul\w{0,8}|taglich\w{0,2}|"
    r"letzt\w{0,2}|fuhren|eigen\w{0,2}|dernier\w{0,2}|effectu\w{0,4}|realiz\w{0,6}|effettu\w{0,6}|ultim[oa]s?|diari[oa]s?|"
    r"semanal\w{0,3}|settimanal\w|wekelijks\w?|dagelijks\w?|laatste|ostatni\w{0,3}|cyklicz\w{0,4}|pravideln\w{0,3}|"
    r"posledni\w{0,2}|регулярн\w{0,3}|ежедневн\w{0,3}|еженедельн\w{0,3}|планов\w{0,3}|последн\w{0,3}) ){0,4}"
    r"|(?:weekly|daily|regular\w{0,3}|monthly|routine|internet wide|during an?|in an?|security|wochentlich\w{0,2}|"
    r"regelmassig\w{0,2}) (?:\w{1,20} ){0,2})$"
)
#: What programs and companies say of themselves, and what stands at the foot of pages.
_BOILERPLATE = re.compile(
    r"\bcopyright(?: c)?(?: by)?(?: (?:19|20)\d\d)+|\bc copyright|\banti (?:spam|virus|phishing|malware|abuse|fraud|ddos|piracy)|"
    r"\bscanned (?:for|by)(?: \w{1,20}){0,2} (?:virus\w{0,2}|threats|malware|spam|antivirus)|\bvirus (?:free|checked|scanned|transmitted)|"
    r"\bpresence of \w{0,9} ?virus\w{0,2}|\bany virus\w{0,2}|\bcyber(?: security)? threats"
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
        (entry["type"], replace(phrase_of(str(phrase), weight), loose=key == "loose"))
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
    return list(_problems(subject[:500], text[:_MOST_TEXT]))


def _meant(kind: str, body: Spread, place: int) -> bool:
    """Whether what stands here is said of the other side."""
    return not _NEGATED.search(body, max(0, place - 12), place + 1) and not (
        kind == "scanner" and _OWN_DEED.search(body, max(0, place - 60), place + 1)
    )


def _hedge(body: Spread, place: int) -> float:
    """How much a phrase weighs that may stand behind or before a "may be"."""
    hedged = _HEDGED.search(body, max(0, place - 40), place + 1) or _HEDGED_BEHIND.match(body, place + 1)
    return 0.4 if hedged else 1.0


def _together(head: Spread, body: Spread) -> dict[str, tuple[float, str]]:
    """What words near each other tell, by type: the gain and the words."""
    gains: dict[str, tuple[float, str]] = {}
    for one in near(body.beginning(_FRONT)):
        if _meant(one.type, body, one.place):
            gains[one.type] = (_TOGETHER * _hedge(body, one.place), one.words)
    for one in near(head):
        gains[one.type] = (gains.get(one.type, (0.0, ""))[0] + _TOGETHER * SUBJECT_FACTOR, one.words)
    return gains


@lru_cache(maxsize=16)
def _problems(subject: str, text: str) -> tuple[Problem, ...]:
    head = spread(subject[:500] + "\n" + _named(text))
    body = spread(text[:_MOST_TEXT]).without(_BOILERPLATE)
    found: list[tuple[float, str, str]] = []
    loosely: set[str] = set()
    sure: dict[str, float] = {}
    kinds, phrases = _vocabulary()
    together = _together(head, body)
    for kind, numbers in groupby(phrases.possible(head, body), kinds.__getitem__):
        score, best = 0.0, (0.0, "")
        for phrase in map(phrases.all.__getitem__, numbers):
            gain = 0.0
            if phrase.stands_in(head):
                gain += phrase.weight * SUBJECT_FACTOR
            place, times = phrase.places(body)
            if place >= 0 and _meant(kind, body, place):
                count = min(4, times)
                gain += (
                    _hedge(body, place) * phrase.weight * (1.0 + 0.25 * (count - 1)) * (1.0 if place < _FRONT else 0.5)
                )
            score += gain
            if gain > best[0]:
                best = (gain, phrase.needle.strip())
                (loosely.add if phrase.loose else loosely.discard)(kind)
            if gain >= 3.0 and phrase.weight >= 3.0:
                sure[kind] = gain
        pair = together.pop(kind, best)
        if pair > best:  # else the phrase says the same
            score, best = score + pair[0], pair
            loosely.discard(kind)
            if kind in _KINDS_OF_ATTACK:
                sure[kind] = pair[0]
        if score:
            # several weak words must not outweigh the one that names it
            found.append((best[0] * 1.5 + min(score - best[0], 8.0), kind, best[1]))
    found += [(gain * 1.5, kind, words) for kind, (gain, words) in together.items()]
    sure.update((kind, gain) for kind, (gain, _) in together.items())
    named = [kind for kind in _KINDS_OF_ATTACK if kind in sure]
    if loosely and named:
        found = [(score * 0.3 if kind in loosely else score, kind, phrase) for score, kind, phrase in found]
    total = sum(score for score, _, _ in found)
    return tuple(Problem(kind, score, score / total, phrase) for score, kind, phrase in sorted(found, reverse=True))
