# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a mail holds: addresses, sites or the hop that count, gathered step by step, and how sure the choice is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.hops import Hop, hand_over
from abusehandler.reports.freetext.names import host_name, registered_domain
from abusehandler.reports.freetext.passages import Passage, attachments, other_body, passage, passages
from abusehandler.reports.freetext.problem import problems
from abusehandler.reports.freetext.roles import Candidate, Place, candidates, subjects
from abusehandler.reports.freetext.sites import Site, reported, sites

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail


_CONTROL = re.compile(r"(?i)\b(?:c2|c&c|c2s|cnc|command[ -]and[ -]control|control server|controller|sinkhole)\b")

#: "contacted a command and control server in your network"
_CONTROL_HERE = re.compile(
    r"(?i)\b(?:c2|c&c|cnc|command[ -]and[ -]control|control|controller)(?:[ -](?:server|host|panel|infrastructure|node)s?)?[ ]"
    r"(?:in|on|within|inside|hosted (?:on|in|at|by|with)|located (?:in|at|on)|at)[ ](?:your|you)\b"
)

#: "shop.example.net, hosted at 192.0.2.1", "shop.example.net [192.0.2.1]"
_HOST_BESIDE = re.compile(
    r"(?P<host>(?:[\w-]{1,63}\.){1,6}[A-Za-z]{2,24})/?[ \t]?[,;:=]?[ \t]?(?:[\w-]{2,12}[ \t]){0,2}[(\[]?[ \t]?(?:(?:ip|"
    r"IP)\w{0,3}[ \t:=]{1,3})?$"
)
_INFECTED = re.compile(r"(?i)infect|infiz|infik|infett|besmet|zakaż|zainfek|nakaž|заражен|инфицир|感染")


@dataclass(slots=True)
class Findings:
    """What was gathered before the events are written."""

    passages: list[Passage]
    addresses: list[Candidate] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    hop: Hop | None = None
    hop_passage: Passage | None = None
    sureness: float = 0.0
    why: str = ""


def find(mail: Mail, context: ReadContext) -> Findings:
    """Read subject and body; the HTML form, attached logs and the mail inside only where these do not tell."""
    found = Findings(passages(mail))
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
    everything = candidates(passages_, context, controls=_controls(passages_, mail))
    way = " ".join(mail.header_all("received")[:20])
    for one in everything.values():
        if one.ip in way and one.weight < 3:
            one.weight -= 3.0
    _spare_the_house(everything, mail)
    _spare_the_defanged(everything)
    return everything


def _spare_the_house(everything: dict[str, Candidate], mail: Mail) -> None:
    """An address beside a host of the reporter's own domain is the reporter's: "shop.example.net (192.0.2.1)"."""
    house = registered_domain(mail.sender.rpartition("@")[2])
    if len(everything) < 2 or not house:
        return
    label = house.split(".")[0]
    for one in list(everything.values())[:200]:
        for place in one.places[:20]:
            text, start = place.passage.text, place.found.start
            before = text[max(place.line.start, start - 80) : start]
            match = _HOST_BESIDE.search(before) if label in before.lower() and place.role != "source" else None
            if match and registered_domain(host_name(match["host"])) == house:
                one.weight = min(one.weight, 0.0) - 4.0
                break


def _controls(passages_: list[Passage], mail: Mail) -> bool:
    """Whether control servers are what is complained about."""
    body = next((one for one in passages_ if one.kind == "body"), None)
    text = body.text[:8000] if body else ""
    if _CONTROL_HERE.search(text):
        return True
    ranking = problems(mail.subject, text)
    return bool(ranking) and ranking[0].type == "c2-server"


def _is_defanged(place: Place) -> bool:
    return place.passage.refanged.defanged(place.found.start, place.found.end)


def _spare_the_defanged(everything: dict[str, Candidate]) -> None:
    """In a list of infected machines only the control servers are written so that nobody clicks on them."""
    defanged = [one for one in everything.values() if all(_is_defanged(place) for place in one.places)]
    if not defanged or len(defanged) == len(everything):
        return
    texts = {one.places[0].passage.part: one.places[0].passage.text[:20_000] for one in defanged}
    if not any(_CONTROL.search(text) and _INFECTED.search(text) for text in texts.values()):
        return
    for one in defanged:
        one.weight -= 4.0


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


def _judge(found: Findings, top: float) -> None:
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


def _add_logs(found: Findings, mail: Mail, context: ReadContext) -> None:
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
