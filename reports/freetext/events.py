# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Write the events of a report from what was found in it, each value with its place."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.addresses import canonical, is_public
from abusehandler.reports.freetext.incident import Clockwork, Incident, incident
from abusehandler.reports.freetext.problem import SUBJECT_FACTOR, problems
from abusehandler.reports.freetext.records import Record, records
from abusehandler.reports.reading import ReadEvent, Span

if TYPE_CHECKING:
    from datetime import datetime

    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.freetext.findings import Findings
    from abusehandler.reports.freetext.passages import Passage
    from abusehandler.reports.freetext.problem import Problem
    from abusehandler.reports.freetext.roles import Candidate
    from abusehandler.reports.freetext.sites import Site
    from abusehandler.reports.mail.message import Mail

#: Problems of content: the URL is the thing. In all others URLs are mostly citations.
CONTENT = frozenset(
    ("phishing", "copyright", "malware-distribution", "masquerade", "unauthorised-information-modification", "system-compromise",
     "data-leak", "harmful-speech", "violence", "c2-server", "")
)  # fmt: skip
#: Problems that come with a forwarded mail whose Received lines tell the source.
_MAILED = frozenset(("spam", "phishing", "malware-distribution", "masquerade", ""))

_MOST_EVENTS = 2000
_MOST_KINDS = 60
#: A request in a log is evidence; it does not name the problem.
_REQUEST = re.compile(r"\"(?:GET|POST|HEAD|PUT|OPTIONS|CONNECT|DELETE)\b[^\"\n]{0,500}\"")
#: `"category": "phishing"`, `type=spam`
_CALLED = re.compile(
    r"(?i)(?<![^\W_])(?:category|classification|type|abuse_?type|attack_?type|incident_?type|kind|attack|threat|taxonomy)"
    r"[\"']?[ \t]{0,3}[:=][ \t]{0,3}"
    r"[\"']?([^\"',;|\n<>]{3,60})"
)
#: One sure word.
_NAMED_OUTRIGHT = 4.5
_MOST_URLS = 300


def write_events(found: Findings, problem: Problem | None, mail: Mail, context: ReadContext) -> list[ReadEvent]:
    """One event for each address and URL that is complained about; none when there is neither."""
    kind = problem.type if problem else ""
    now = mail.sent_at or context.received_at
    clockwork = Clockwork(found.passages, now)
    chosen = (
        found.sites
        if kind in CONTENT or not (found.addresses or found.hop)
        else [one for one in found.sites if one.weight >= 4.5]
    )
    chosen = chosen[:_MOST_URLS]
    out: list[ReadEvent] = []
    if found.hop and found.hop_passage and kind in _MAILED:
        told = None if found.hop.when else clockwork.of_text((found.hop_passage, found.hop.start))
        event = _event(found.hop.ip, None, kind, told[0] if told else found.hop.when, None)
        spans = {"source.ip": _span(found.hop_passage, found.hop.start, found.hop.end)}
        if told:
            spans["time.source"] = _span(*told[1:])
        return [ReadEvent(event, 1.0, spans)]
    if found.hop and found.hop_passage and not found.sites:
        event = _event(found.hop.ip, None, kind, found.hop.when, None)
        return [ReadEvent(event, 1.0, {"source.ip": _span(found.hop_passage, found.hop.start, found.hop.end)})]
    alone = len(found.addresses) == 1
    own = {} if alone else records(found.addresses)
    kinds = _kinds(own, mail.subject)
    beside = {} if alone else _beside(chosen, found.addresses)
    paired: set[int] = set()
    for candidate in found.addresses[:_MOST_EVENTS]:
        facts = incident(candidate, clockwork, found.passages, alone, own.get(candidate.ip))
        its = kinds.get(candidate.ip, kind)
        mine = chosen if alone else beside.get(candidate.ip, [])
        mine = [one for one in mine if not canonical(one.host) or canonical(one.host) == candidate.ip]
        paired |= {id(one) for one in mine}
        if not mine:
            out.append(_read_event(candidate, None, its, facts))
        out.extend(_read_event(candidate, site, its, facts) for site in mine)
    rest = [one for one in chosen if id(one) not in paired]
    if not found.addresses or (kind in CONTENT and not alone):
        when = clockwork.of_text(None)
        for site in rest:
            ip = canonical(site.host)
            if ip and not is_public(ip):
                continue
            event = _event(ip, site, kind, when[0] if when else None, None)
            spans = _site_spans(site)
            if when:
                spans["time.source"] = _span(*when[1:])
            out.append(ReadEvent(event, 1.0, spans))
    return out[:_MOST_EVENTS]


def _kinds(own: dict[str, Record], subject: str) -> dict[str, str]:
    """The problem of each address, where their records name different ones outright and the subject line names no single
    one: it knows better what log lines are evidence of."""
    outright = [one for one in problems(subject, "") if one.score >= _NAMED_OUTRIGHT * SUBJECT_FACTOR]
    if len(outright) == 1:
        return {}
    told: dict[str, str] = {}
    for ip, record in islice(own.items(), _MOST_KINDS):
        text = _REQUEST.sub(" ", record.text)
        called = _CALLED.search(text)
        first = next(iter(problems(called[1] if called else "", text)), None)
        if first is not None and first.score >= _NAMED_OUTRIGHT:
            told[ip] = first.type
    return told if len(set(told.values())) > 1 else {}


def _beside(chosen: list[Site], addresses: list[Candidate]) -> dict[str, list[Site]]:
    """The URLs that stand on the same line as an address, or on the line before or behind it, by address."""
    at_line: dict[tuple[str, int], list[str]] = {}
    for candidate in addresses[:_MOST_EVENTS]:
        for place in candidate.places[:20]:
            at_line.setdefault((place.passage.part, place.line.number), []).append(candidate.ip)
    found: dict[str, list[Site]] = {}
    for site in chosen:
        near = {
            ip
            for place in site.places[:20]
            for step in (0, 1, -1)
            for ip in at_line.get((place.passage.part, place.line.number + step), [])[:10]
        }
        for ip in near:
            found.setdefault(ip, []).append(site)
    return found


def _read_event(candidate: Candidate, site: Site | None, kind: str, facts: Incident) -> ReadEvent:
    place = candidate.best()
    spans = {"source.ip": _span(place.passage, place.found.start, place.found.end)}
    if site is not None:
        spans.update(_site_spans(site))
    if facts.when_at:
        spans["time.source"] = _span(*facts.when_at)
    if facts.port_at:
        spans["source.port"] = _span(*facts.port_at)
    return ReadEvent(_event(candidate.ip, site, kind, facts.when, facts.port), 1.0, spans)


def _site_spans(site: Site) -> dict[str, Span]:
    place = max(site.places, key=lambda one: one.weight)
    span = _span(place.passage, place.found.start, place.found.end)
    return {"source.url": span} if site.url else {"source.fqdn": span}


def _span(where: Passage, start: int, end: int) -> Span:
    return Span(where.part, where.refanged.original(start), where.refanged.original(end))


def _event(ip: str, site: Site | None, kind: str, when: datetime | None, port: int | None) -> Event:
    event: Event = {}
    if ip:
        event["source.ip"] = ip
    if site is not None:
        if not canonical(site.host):
            event["source.fqdn"] = site.host
        if site.url:
            event["source.url"] = site.url
    if port:
        event["source.port"] = port
    if kind:
        event["classification.type"] = kind
    if when is not None:
        event["time.source"] = when.isoformat()
    return event
