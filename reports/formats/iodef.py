# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""IODEF, version 1 (RFC 5070) and 2 (RFC 7970): incidents in XML."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree as SafeTree
from defusedxml.common import DefusedXmlException

from abusehandler.reports.formats import problems, values
from abusehandler.reports.reading import BadPart, ReadEvent, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.mail.message import Mail

_LARGEST = 20 * 1024 * 1024
_MOST = 10_000
_ADDRESSES = {"ipv4-addr", "ipv6-addr", "ipv4", "ipv6", ""}
_SOURCES = {"source", "infrastructure", "intermediate", ""}
_TIMES = ("DetectTime", "StartTime", "DateTime", "EndTime")
_WORDLESS = {"admin", "ext-value", "unknown", "other", "new"}


def read_iodef(mail: Mail, context: ReadContext) -> Reading | None:
    """The events of all IODEF documents attached to a mail; None if there is none. Broken XML is reported in `bad`."""
    events: list[ReadEvent] = []
    bad: list[BadPart] = []
    for part in mail.parts:
        if part.kind not in ("data", "text") or "IODEF-Document" not in part.text[:5000]:
            continue
        try:
            events += [ReadEvent(event) for event in read_iodef_text(part.text)]
        except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
            bad.append(BadPart(f"IODEF cannot be read: {str(error)[:200]}", part.path, 0, part.text[:1000]))
    if not events:
        return None
    return Reading("report", "iodef", "IODEF document", tuple(events[:_MOST]), tuple(bad), kind="iodef")


def read_iodef_text(text: str) -> list[Event]:
    """The events of one document. Raises ParseError or DefusedXmlException when it is no harmless XML."""
    if len(text) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST} characters")
    start = text.find("<")
    # A declaration of another encoding is wrong by now: the text is decoded already.
    body = text[start:] if start >= 0 else text
    if body.startswith("<?xml"):
        body = body[body.find("?>") + 2 :]
    root = SafeTree.fromstring(body, forbid_dtd=True)
    events: list[Event] = []
    for incident in _all(root, "Incident"):
        base = _of_incident(incident)
        for data in _all(incident, "EventData"):
            for event in _of_data(data, base):
                if len(events) >= _MOST:
                    return events
                events.append(event)
    return events


def _of_incident(incident: Element) -> Event:
    event: Event = {}
    words: list[str] = []
    for impact in [*_all(incident, "Impact"), *_all(incident, "SystemImpact"), *_all(incident, "IncidentCategory")]:
        words += [impact.get("ext-type", ""), impact.get("type", "")]
    words += [_text(name) for name in _all(incident, "ReferenceName")]
    words += [_text(child) for child in incident if _name(child) == "Description"]
    event_class = next(
        (found for word in words if word not in _WORDLESS and (found := problems.classification_within(word))), ""
    )
    if event_class:
        event["classification.type"] = event_class
    # The incident's own times come before those of its parts; ReportTime is when it was told, not when it happened.
    times = {_name(child): _text(child) for child in incident}
    for name in _TIMES:
        if name in times and values.put_time(event, times[name]):
            break
    for number in (child for child in incident if _name(child) == "IncidentID"):
        values.put_extra(event, "incident_id", _text(number))
    values.put_extra(event, "reference", next((_text(name) for name in _all(incident, "ReferenceName")), ""))
    return event


def _of_data(data: Element, base: Event) -> Iterator[Event]:
    event = dict(base)
    times = {_name(child): _text(child) for child in [*data, *_all(data, "DateTime")]}
    for name in _TIMES if "time.source" not in event else ():
        if name in times and values.put_time(event, times[name]):
            break
    sources: list[Event] = []
    for system in _all(data, "System"):
        category = system.get("category", "")
        if category in ("target", "destination"):
            for key, value in _of_system(system, "destination").items():
                event.setdefault(key, value)
        elif category in _SOURCES or category == "ext-value":
            sources.append(_of_system(system, "source"))
    for source in sources:
        if values.has_resource(source):
            yield {**event, **source}


def _of_system(system: Element, side: str) -> Event:
    event: Event = {}
    addresses = [*_all(system, "Address")]
    for address in addresses:
        text = _text(address)
        if address.get("category", "") in _ADDRESSES and (ip := values.address(text)):
            event.setdefault(f"{side}.ip", ip)
        elif address.get("category") == "ext-value" and address.get("ext-category") == "url":
            values.put_url(event, side, text)
        elif address.get("ext-category") == "protocol" and text.lower() in ("tcp", "udp", "icmp"):
            event["protocol.transport"] = text.lower()
    for name in [*_all(system, "NodeName"), *_all(system, "DomainData"), *_all(system, "Name")]:
        if found := values.host(_text(name)):
            event.setdefault(f"{side}.fqdn" if f"{side}.ip" not in event else f"{side}.reverse_dns", found)
    for url in _all(system, "URL"):
        values.put_url(event, side, _text(url))
    for port in _all(system, "Port"):
        if (number := values.port(_text(port))) is not None:
            event.setdefault(f"{side}.port", number)
    return event


def _all(element: Element, name: str) -> Iterator[Element]:
    """The element's descendants of this name, whatever their namespace (senders mix them up)."""
    return (child for child in element.iter() if child is not element and _name(child) == name)


def _name(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _text(element: Element) -> str:
    return (element.text or "").strip()[:2000]
