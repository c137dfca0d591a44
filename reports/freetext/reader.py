# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Read a report from a sender nobody has seen: who is complained about, of what, when, and how sure that is."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.addresses import canonical, is_public
from abusehandler.reports.freetext.hops import Hop, hand_over
from abusehandler.reports.freetext.incident import Clockwork, Incident, incident
from abusehandler.reports.freetext.names import registered_domain
from abusehandler.reports.freetext.passages import Passage, attachments, other_body, passage, passages
from abusehandler.reports.freetext.problem import Problem, identifier, problems
from abusehandler.reports.freetext.roles import Candidate, Place, candidates, subjects
from abusehandler.reports.freetext.sites import Site, reported, sites
from abusehandler.reports.reading import ReadEvent, Reading, Span

if TYPE_CHECKING:
    from datetime import datetime

    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.mail.message import Mail

log = logging.getLogger(__name__)
READER = "free-text"
#: Problems of content: the URL is the thing. In all others URLs are mostly citations.
CONTENT = frozenset(
    ("phishing", "copyright", "malware-distribution", "masquerade", "unauthorised-information-modification", "system-compromise",
     "data-leak", "harmful-speech", "violence", "c2-server", "")
)  # fmt: skip
#: Problems that come with a forwarded mail whose Received lines tell the source.
_MAILED = frozenset(("spam", "phishing", "malware-distribution", "masquerade", ""))
_MOST_EVENTS = 2000
_MOST_URLS = 300


@dataclass(slots=True)
class _Findings:
    """What was gathered before the events are written."""

    passages: list[Passage]
    addresses: list[Candidate] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    hop: Hop | None = None
    hop_passage: Passage | None = None
    sureness: float = 0.0
    why: str = ""


def read(mail: Mail, context: ReadContext) -> Reading:
    """Events from prose. Verdict `report` from `context.sure_enough` on, else `unread` with the proposal; never raises."""
    try:
        return _read(mail, context)
    except Exception:  # a report that breaks the reader must still reach a person
        log.exception("free text could not be read")
        return Reading(
            "unread", READER, "the text could not be read because of an error in the program", confidence=0.0
        )


def _read(mail: Mail, context: ReadContext) -> Reading:
    findings = _find(mail, context)
    ranking = _ranking(findings, mail)
    inner = _wrapped(mail, ranking)
    if inner is not None:
        return _read(inner, context)
    problem = ranking[0] if ranking else None
    # machines are infected, sites distribute
    if problem and problem.type == "infected-system" and not findings.addresses and not findings.hop:
        problem = next((one for one in ranking if one.type == "malware-distribution"), problem)
    elif (
        problem
        and problem.type == "malware-distribution"
        and (not findings.sites or (problem.phrase == "malware" and findings.addresses))
    ):
        problem = next((one for one in ranking if one.type == "infected-system"), problem)
    events = _events(findings, problem, mail, context)
    if not events:
        return Reading("unread", READER, "no address, host or URL in it is complained about", confidence=0.0)
    sureness = findings.sureness
    if problem is None:
        sureness *= 0.6
    elif problem.share < 0.4:
        sureness *= 0.9
    name = (
        identifier(problem.type, mail.subject, "\n".join(one.text[:6000] for one in findings.passages[1:]))
        if problem
        else ""
    )
    if name:
        for one in events:
            one.event["classification.identifier"] = name
    events = [ReadEvent(one.event, round(min(one.confidence, sureness), 2), one.spans) for one in events]
    reason = f"{findings.why}; {f'{problem.type} for {problem.phrase!r}' if problem else 'no word tells the problem'}"
    if any(one.cut for one in findings.passages):
        warnings: tuple[str, ...] = ("the text was longer than what is read of it",)
    else:
        warnings = ()
    enough = sureness >= context.sure_enough
    return Reading(
        "report" if enough else "unread",
        READER,
        reason,
        tuple(events),
        confidence=round(sureness, 2),
        warnings=warnings,
    )


def _ranking(findings: _Findings, mail: Mail) -> list[Problem]:
    """The problems by the complainer's own words where he pastes a mail, by the whole text elsewhere."""
    bodies = [one for one in findings.passages if one.kind not in ("subject", "nested")]
    text = "\n".join(_without_header(one) for one in bodies)
    header = next((line.start for one in bodies for line in one.lines if line.kind == "header"), None)
    if header is not None:
        own = problems("" if findings.hop else mail.subject, bodies[0].text[:header])
        if own and own[0].score >= 2:
            return own
        if findings.hop:
            return problems("", "spam")
    ranking = problems(mail.subject, text)
    if not ranking and (findings.hop or header is not None or any(part.nested is not None for part in mail.parts[:20])):
        return problems("", "spam")  # somebody sends a mail on and says no more
    return ranking


def _without_header(one: Passage) -> str:
    return "\n".join(one.text[line.start : line.end] for line in one.lines[:400] if line.kind != "header")[:8000]


def _wrapped(mail: Mail, ranking: list[Problem]) -> Mail | None:
    """The mail inside, where the outer one says nothing itself (certified mail, silent forwards) and the inner one complains."""
    inner = next((part.nested for part in mail.parts[:20] if part.nested is not None and part.depth == 0), None)
    if inner is None:
        return None
    certified = bool(mail.header("x-trasporto")) or _same_subject(
        mail.subject, inner.subject
    )  # Italian PEC: an envelope around the mail that was sent
    if ranking and ranking[0].score >= 4 and not certified:
        return None
    body = inner.body()
    if body is None:
        return None
    inside = problems(inner.subject, body.text)
    return inner if certified or (inside and inside[0].score >= 6) else None


def _same_subject(outer: str, inner: str) -> bool:
    """Whether a mail was sent on under its own subject, and that subject complains."""
    kept = inner.strip().lower()
    return (
        len(kept) > 12
        and outer.strip().lower().endswith(kept)
        and any(one.score >= 4 for one in problems(inner, "")[:1])
    )


def _find(mail: Mail, context: ReadContext) -> _Findings:
    found = _Findings(passages(mail))
    body = next((one for one in found.passages if one.kind == "body"), None)
    everything = _weighed(found.passages, mail, context)
    cited = sites(found.passages, mail, context)
    if not everything and not reported(cited):
        other = other_body(mail, body)
        if other is not None:
            found.passages.append(other)
            everything = _weighed(found.passages, mail, context)
            cited = sites(found.passages, mail, context)
    top = max((one.weight for one in everything.values()), default=-9.0)
    spoken = _spoken(everything, body)
    listed = sum(one.weight >= 0.8 for one in everything.values()) >= 3
    pointed = any(site.in_subject and site.weight >= 4 for site in cited)
    if top < 2.5 and spoken < 0.8 and not listed and not pointed:
        hop, where = _hop(found.passages, mail, context)
        if hop is not None and (top < 1.0 or hop.sure):
            found.hop, found.hop_passage = hop, where
            if where is not None and where not in found.passages:
                found.passages.append(where)
    if top < 1.2 and found.hop is None:
        more = [one for one in attachments(mail) if one.kind == "attachment"]
        if more:
            with_more = _weighed(found.passages + more, mail, context)
            best = max((one.weight for one in with_more.values()), default=-9.0)
            if best > -3 or not everything:
                everything, top = with_more, best
                found.passages += more
            if not everything and not reported(cited):
                cited = sites(found.passages, mail, context)
    found.sites = reported(cited)
    found.addresses = [] if found.hop else subjects(everything)
    if top < -0.3 and any(site.weight >= 2 for site in found.sites):
        found.addresses = []  # a stray number beside the URL that is meant
    if context.own:
        found.addresses = [one for one in found.addresses if context.own.has_address(one.ip)] or found.addresses
        found.sites = [one for one in found.sites if context.own.has_host(one.host)] or found.sites
    _judge(found, top)
    _add_logs(found, mail, context)
    return found


def _add_logs(found: _Findings, mail: Mail, context: ReadContext) -> None:
    """Let attached logs tell time and port of the addresses that the text named."""
    if not found.addresses or any(one.kind == "attachment" for one in found.passages):
        return
    logs = [one for one in attachments(mail)[:3] if one.kind == "attachment"]
    if not logs:
        return
    seen = candidates(logs, context)
    for one in found.addresses:
        if one.ip in seen:
            one.places += seen[one.ip].places[:20]
    found.passages += logs


def _spoken(everything: dict[str, Candidate], body: Passage | None) -> float:
    """The weight of the heaviest address that stands above any pasted mail header: there the complainer speaks."""
    if body is None:
        return -9.0
    header = next((line.start for line in body.lines if line.kind == "header"), 1 << 60)
    return max(
        (
            place.weight
            for one in everything.values()
            for place in one.places
            if place.passage.kind == "subject" or place.found.start < header
        ),
        default=-9.0,
    )  # fmt: skip


def _weighed(passages_: list[Passage], mail: Mail, context: ReadContext) -> dict[str, Candidate]:
    """The candidates, those of the mail's own way to us pushed down: they are the reporter's."""
    everything = candidates(passages_, context)
    way = " ".join(mail.header_all("received")[:20])
    for one in everything.values():
        if one.ip in way and one.weight < 3:
            one.weight -= 3.0
    return everything


def _hop(found: list[Passage], mail: Mail, context: ReadContext) -> tuple[Hop | None, Passage | None]:
    house = registered_domain(mail.sender.rpartition("@")[2])
    for one in found:
        if one.kind == "body":
            hop = hand_over(one, context.own, house=house)
            if hop:
                return hop, one
    for part in mail.parts[:50]:
        where = None
        if part.kind == "headers" and part.text:
            where = passage(part.path, "nested", part.text)
        elif part.nested is not None and part.depth == 0:
            where = passage(
                part.path, "nested", "\n".join(f"{name}: {value}" for name, value in part.nested.headers[:120])
            )
        elif part.depth == 0 and part.attached and part.text and "received:" in part.text[:20_000].lower():
            where = passage(part.path, "nested", part.text[:60_000])
        if where is not None:
            hop = hand_over(where, context.own, whole=True, house=house)
            if hop:
                return hop, where
    return None, None


def _judge(found: _Findings, top: float) -> None:
    """How sure, from what kind of sign the choice hangs on."""
    if found.hop:
        found.sureness, found.why = (0.65 if found.hop.sure else 0.5), f"{found.hop.ip} handed the mail over"
    elif found.addresses:
        best = found.addresses[0].best()
        found.sureness = (
            0.95
            if top >= 8
            else 0.85
            if top >= 3.5
            else 0.75
            if top >= 2
            else 0.6
            if top >= 1
            else 0.4
            if top >= 0
            else 0.25
        )
        found.why = f"{found.addresses[0].ip} {best.why or 'stands in the text'}"
        if len(found.addresses) > 50 and top < 3:
            found.sureness -= 0.1
    elif found.sites:
        heaviest = max(found.sites, key=lambda one: one.weight)
        found.sureness = (
            0.9 if heaviest.weight >= 5 else 0.75 if heaviest.weight >= 2.5 else 0.55 if heaviest.weight >= 1 else 0.4
        )
        found.why = f"{heaviest.host} {heaviest.places[0].why or 'stands in the text'}"


def _events(found: _Findings, problem: Problem | None, mail: Mail, context: ReadContext) -> list[ReadEvent]:
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
        event = _event(found.hop.ip, None, kind, found.hop.when, None)
        spans = {"source.ip": _span(found.hop_passage, found.hop.start, found.hop.end)}
        return [ReadEvent(event, 1.0, spans)]
    if found.hop and found.hop_passage and not found.sites:
        event = _event(found.hop.ip, None, kind, found.hop.when, None)
        return [ReadEvent(event, 1.0, {"source.ip": _span(found.hop_passage, found.hop.start, found.hop.end)})]
    alone = len(found.addresses) == 1
    beside = {} if alone else _beside(chosen, found.addresses)
    paired: set[int] = set()
    for candidate in found.addresses[:_MOST_EVENTS]:
        facts = incident(candidate, clockwork, found.passages, alone)
        mine = chosen if alone else beside.get(candidate.ip, [])
        mine = [one for one in mine if not canonical(one.host) or canonical(one.host) == candidate.ip]
        paired |= {id(one) for one in mine}
        if not mine:
            out.append(_read_event(candidate, None, kind, facts))
        out.extend(_read_event(candidate, site, kind, facts) for site in mine)
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
    place = _told(candidate)
    spans = {"source.ip": _span(place.passage, place.found.start, place.found.end)}
    if site is not None:
        spans.update(_site_spans(site))
    if facts.when_at:
        spans["time.source"] = _span(*facts.when_at)
    if facts.port_at:
        spans["source.port"] = _span(*facts.port_at)
    return ReadEvent(_event(candidate.ip, site, kind, facts.when, facts.port), 1.0, spans)


def _told(candidate: Candidate) -> Place:
    return candidate.best()


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
