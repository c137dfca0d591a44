# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a machine format leaves open, filled from the text around it, where that text says one thing only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.addresses import find_addresses, is_public
from abusehandler.reports.freetext.refang import refang
from abusehandler.reports.reading import ReadEvent, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.reports.mail.message import Mail
    from abusehandler.reports.reading import Reading

_FILLED = ("classification.type", "classification.identifier", "time.source", "source.port")
_VAGUE = {"other", "undetermined"}
_LONGEST = 200_000


def is_partial(read: ReadEvent) -> bool:
    """Whether an event lacks something that the text around it may say."""
    event = read.event
    return "source.ip" not in event or "time.source" not in event or event.get("classification.type", "other") in _VAGUE


def complete(machine: Reading, text: Reading | None, mail: Mail) -> Reading:
    """The machine format's events; a missing class, time, port or address is taken from the free text if it is
    unambiguous.

    What the machine format says is never changed, except the classes that say nothing (`other`, `undetermined`). An
    address is added to an event about a host when it is the only one on the lines that name the host, or when the free
    text gives only one address at all.
    """
    said = text.events if text is not None else ()
    hosts: dict[str, tuple[str, Span] | None] = {}
    events = []
    for read in machine.events:
        name = read.event.get("source.fqdn")
        if "source.ip" not in read.event and name:
            if name not in hosts and len(hosts) < 20:
                hosts[name] = _address_beside(str(name), mail)
            if found := hosts.get(name):
                read = ReadEvent(
                    {**read.event, "source.ip": found[0]}, read.confidence, {**read.spans, "source.ip": found[1]}
                )
        events.append(_fill(read, said, len(machine.events)) if said and is_partial(read) else read)
    return machine if tuple(events) == machine.events else replace(machine, events=tuple(events))


def _address_beside(name: str, mail: Mail) -> tuple[str, Span] | None:
    """The only public address on the lines that name the host (`http://host.example/ [192.0.2.1]`), in any part."""
    for part in mail.parts:
        if part.kind not in ("text", "html") or not part.text:
            continue
        plain = refang(part.text[:_LONGEST])
        found: dict[str, Span] = {}
        position = plain.text.find(name)
        for _ in range(200):
            if position < 0:
                break
            end = plain.text.find("\n", position)
            end = min(len(plain.text) if end < 0 else end, position + 3000)
            start = max(plain.text.rfind("\n", 0, position) + 1, position - 500)
            for one in find_addresses(plain.text[start:end]):
                if is_public(one.ip) and one.prefix is None:
                    found.setdefault(
                        one.ip, Span(part.path, plain.original(start + one.start), plain.original(start + one.end))
                    )
            position = plain.text.find(name, end)
        if len(found) == 1:
            return next(iter(found.items()))
    return None


def _fill(read: ReadEvent, said: Sequence[ReadEvent], count: int) -> ReadEvent:
    event = dict(read.event)
    spans = dict(read.spans)
    if event.get("classification.type") in _VAGUE:
        if len({other.event.get("classification.type") for other in said} - _VAGUE - {None}) != 1:
            return read
        del event["classification.type"]
        event.pop("classification.taxonomy", None)
    if "source.ip" not in event:
        name = event.get("source.fqdn")
        beside = tuple(other for other in said if name and other.event.get("source.fqdn") == name)
        _take("source.ip", beside or said, event, spans)
    same = tuple(other for other in said if other.event.get("source.ip") == event.get("source.ip")) or (
        said if count == 1 else ()
    )
    for name in _FILLED:
        # The class is the mail's; a time or port belongs to one resource.
        if name not in event and (name != "classification.identifier" or "classification.type" not in read.event):
            _take(name, said if name.startswith("classification.") else same, event, spans)
    return ReadEvent(event, read.confidence, spans)


def _take(name: str, said: Sequence[ReadEvent], event: dict[str, object], spans: dict[str, Span]) -> None:
    found = {other.event[name] for other in said if other.event.get(name) not in (None, "other", "undetermined")}
    if len(found) == 1:
        event[name] = found.pop()
        for other in said:
            if other.event.get(name) == event[name] and name in other.spans:
                spans[name] = other.spans[name]
                return
