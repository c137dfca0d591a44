# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""When it happened, and from which source port: what belongs to an address that was found to be the subject."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.labels import words_of
from abusehandler.reports.freetext.ports import find_ports, port_beside
from abusehandler.reports.freetext.times import FoundTime, find_times
from abusehandler.reports.freetext.zones import stated_zone

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from abusehandler.reports.freetext.passages import Line, Passage
    from abusehandler.reports.freetext.records import Record
    from abusehandler.reports.freetext.roles import Candidate

#: Words before a time that say it is the one of the incident, and those that say it is not.
_INCIDENT = frozenset(
    """
    timestamp timestamps stamp time date datetime detected occurred observed seen start started begin beginning
    happened since between incident attack event first last recorded accessed infringement logged received
    captured evidence found discovered datum zeit zeitstempel uhrzeit zeitpunkt fecha hora date heure data ora
    orario tijd datum tijdstip czas cas datum время дата horodatage momento
    """.split()  # noqa: SIM905
)
_ELSEWHERE = frozenset(
    """
    sent gesendet enviado envoye inviato verzonden wyslano odeslano отправлено expires expire expiry deadline
    before until registered registration created updated generated reported report printed modified notice issued
    opened hold
    """.split()  # noqa: SIM905
)


#: "from 2026-11-19T06:50:00Z until 2026-11-19T07:05:00Z"
_UNTIL = re.compile(
    r"(?i):\d\d(?:\.\d{1,6})?[^\d\n]{0,14}?(?:[-–~至到]|から|\b(?:to|till|until|through|bis|und|and|à|au|jusqu['’]?à?|al?|"
    r"hasta|até|fino a[l]?|tot|t/m|do|aż do|až do|до|по))[ \t]{0,3}"
    r"(?:[\w,.]{2,12}[ \t]{1,2})?$"
)
#: The first of two times is the one of the incident.
_LAST = frozenset(
    """
    last latest letzte letzter dernier derniere ultimo ultima ultimos laatste laatst ostatni ostatnia posledni
    последний последняя senast senaste sidste
    """.split()  # noqa: SIM905
)
_IN_BRACKETS = re.compile(r"[ \t]{0,2}[(\[][ \t]?(?:(?:at|on|since|seen|am|le|el|il|op)[ \t])?")
_DATED = frozenset(("date", "datum", "fecha", "data", "дата", "sent", "gesendet"))
_ENVELOPE = re.compile(
    r"(?mi)^[> \t]*(?:from|von|de|da|od|от|subject|betreff|objet|asunto|assunto|oggetto)[ \t]?:[ \t]"
)
_MOST_RANKED = 200


@dataclass(frozen=True, slots=True)
class Incident:
    """When (UTC) and from which port, each with its place (passage's part, start, end) when it was found."""

    when: datetime | None = None
    when_at: tuple[Passage, int, int] | None = None
    port: int | None = None
    port_at: tuple[Passage, int, int] | None = None


class Clockwork:
    """All times of a report, found once, and the zone it states for them."""

    def __init__(self, passages: list[Passage], now: datetime) -> None:
        self._times: dict[str, list[FoundTime]] = {}
        self._ranks: list[tuple[float, datetime, Passage, int, int]] | None = None
        self._passages = [one for one in passages if one.kind != "subject"] + [
            one for one in passages if one.kind == "subject"
        ]
        self._now = now
        self._zones = {one.part: stated_zone(one.text) for one in passages}
        self.zone: tzinfo | None = next((zone for zone in self._zones.values() if zone is not None), None)

    def times(self, passage: Passage) -> list[FoundTime]:
        if passage.part not in self._times:
            self._times[passage.part] = find_times(passage.text, self._now)
        return self._times[passage.part]

    def on_line(
        self, passage: Passage, line: Line, explicit: bool, behind: int = -1
    ) -> tuple[datetime, Passage, int, int] | None:
        """The first time on the line that has a zone: its own, or (not `explicit`) the one stated for all.

        One in brackets right behind the address that ends at `behind` comes before all others.
        """
        zone = None if explicit else self._zones.get(passage.part) or self.zone
        opened = _IN_BRACKETS.match(passage.text, behind, line.end) if behind >= 0 else None
        if opened:
            for one in self.times(passage):
                if one.start == opened.end() and (when := one.at(zone)) is not None:
                    return when, passage, one.start, one.end
        for one in self.times(passage):
            if one.start >= line.end:
                break
            if one.start >= line.start:
                when = one.at(zone)
                if when is not None:
                    return when, passage, one.start, one.end
        return None

    def of_text(
        self, near: tuple[Passage, int] | None, within: Record | None = None
    ) -> tuple[datetime, Passage, int, int] | None:
        """The time that the text as a whole gives: a labelled one first, then the nearest to the address, then any.

        `within`: only what this record gives.
        """
        best: tuple[float, int] | None = None
        answer = None
        for number, (rank, when, passage, start, end) in enumerate(self._ranked()):
            if within is not None and not (within.passage is passage and within.start <= start < within.end):
                continue
            distance = abs(start - near[1]) if near and near[0] is passage else 5000 + number
            key = (rank, -distance)
            if best is None or key > best:
                best, answer = key, (when, passage, start, end)
        return answer

    def _ranked(self) -> list[tuple[float, datetime, Passage, int, int]]:
        """The first times of each passage with a zone, and how much they look like the one of the incident."""
        if self._ranks is None:
            self._ranks = []
            for order, passage in enumerate(self._passages):
                zone = self._zones.get(passage.part) or self.zone
                kinds = _LineKinds(passage)
                for one in self.times(passage)[:_MOST_RANKED]:
                    when = one.at(zone)
                    rank = self._rank(passage, one, kinds) if when is not None else None
                    if when is not None and rank is not None:
                        self._ranks.append((rank - order * 0.5, when, passage, one.start, one.end))
        return self._ranks

    @staticmethod
    def _rank(passage: Passage, one: FoundTime, kinds: _LineKinds) -> float | None:
        kind, start = kinds.at(one.start)
        if kind == "whois":
            return None
        before = words_of(passage.text[max(start, one.start - 60) : one.start])[-6:]
        if _UNTIL.search(passage.text, max(start, one.start - 60), one.start):
            return -1.5  # where a span ends
        if kind == "header":
            return -1.0 if "received" not in before else -0.5
        if _ELSEWHERE & set(before[-3:]):
            return -2.0
        if (
            _ENVELOPE.search(passage.text, max(0, start - 160), min(len(passage.text), one.end + 160))
            and set(before[-4:]) & _DATED
        ):
            return -1.0  # when a mail was sent on, not when it happened
        rank = 2.0 if _INCIDENT & set(before) else 1.0
        if _LAST & set(before[-3:]):
            rank -= 0.2  # the first of both
        if one.when.tzinfo is None:
            rank -= 0.1  # "Local time: ..." beside "UTC time: ... UTC"
        return rank - (0.5 if one.year_guessed else 0.0)


class _LineKinds:
    """The kind of the line at an offset; offsets are asked in rising order."""

    def __init__(self, passage: Passage) -> None:
        self._lines = passage.lines
        self._index = 0

    def at(self, offset: int) -> tuple[str, int]:
        if self._index and self._lines[self._index].start > offset:
            self._index = 0
        while self._index + 1 < len(self._lines) and self._lines[self._index + 1].start <= offset:
            self._index += 1
        line = self._lines[self._index] if self._lines else None
        return (line.kind, line.start) if line else ("text", 0)


def incident(
    candidate: Candidate, clockwork: Clockwork, passages: list[Passage], alone: bool, record: Record | None = None
) -> Incident:
    """Time and port of one address. `alone`: it is the only subject, so what the text says at large is about it.

    `record`: the lines that are about this one of several.
    """
    when = None
    lines = [one for one in candidate.places[:50] if one.passage.kind != "subject" and one.weight >= -1]
    for explicit in (True, False):
        for place in lines:
            when = when or clockwork.on_line(place.passage, place.line, explicit, place.found.end)
    if when is None:
        told = next((one for one in candidate.places if one.passage.kind != "subject"), None)
        near = (told.passage, told.found.start) if told else None
        when = (clockwork.of_text(near, record) if record else None) or clockwork.of_text(near)
    port = (
        _port(candidate)
        or (_recorded_port(record) if record else None)
        or (_labelled_port(passages) if alone else None)
    )
    return Incident(
        when[0] if when else None, when[1:] if when else None, port[0] if port else None, port[1:] if port else None
    )  # fmt: skip


def _port(candidate: Candidate) -> tuple[int, Passage, int, int] | None:
    for place in candidate.places[:50]:
        if place.weight < 0:
            continue
        text, found = place.passage.text, place.found
        if found.port and not text[max(0, found.start - 3) : found.start].endswith("://"):
            return found.port, place.passage, found.end + 1, found.end + 1 + len(str(found.port))
        one = port_beside(text, found.end, place.line.start, min(place.line.end, found.end + 400))
        if one is not None:
            return one.port, place.passage, one.start, one.end
    return None


def _recorded_port(record: Record) -> tuple[int, Passage, int, int] | None:
    found = find_ports(record.text)
    return (
        (found[0].port, record.passage, record.start + found[0].start, record.start + found[0].end) if found else None
    )


def _labelled_port(passages: list[Passage]) -> tuple[int, Passage, int, int] | None:
    for one in passages:
        found = find_ports(one.text)
        if found:
            return found[0].port, one, found[0].start, found[0].end
    return None
