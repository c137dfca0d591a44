# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""X-ARF 0.1 and 0.2 (x-arf.org, 2011): a mail with a YAML or JSON part of `Key: value` lines.

The `Schema-URL` in it is never fetched. Most senders write lines that only look like YAML (times with colons, `null`),
so the lines are read as they are; the YAML parser comes second.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from abusehandler.reports.formats import problems, values
from abusehandler.reports.reading import BadPart, ReadEvent, Reading, Span

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.mail.message import Mail, Part

_LINE = re.compile(r"^[ \t>]{0,20}\"?([A-Z][A-Za-z-]{2,40})\"?[ \t]{0,5}:[ \t]+([^\n]{1,4000})$", re.M)
_MARKS = ("Reported-From", "Report-Type", "Schema-URL", "Source-Type", "Report-ID")
_EMPTY = {"", "null", "none", "~", "n/a", "unknown", "-"}
_URI_TYPES = {"uri", "url"}


def read_xarf_legacy(mail: Mail, context: ReadContext) -> Reading | None:
    """The events of all X-ARF 0.x parts of a mail, forwarded ones included; None if there is none."""
    events: list[ReadEvent] = []
    bad: list[BadPart] = []
    for part in mail.parts[:200]:
        if part.kind in ("text", "data") and _looks_like_xarf(part.text[:20_000]):
            found = _read_part(part)
            if found is None:
                bad.append(BadPart("X-ARF without a source that can be read", part.path, 0, part.text[:1000]))
            else:
                events += found
    if not events:
        return None
    return Reading("report", "x-arf", "X-ARF report in a part of its own", tuple(events), tuple(bad), kind="x-arf")


def _looks_like_xarf(text: str) -> bool:
    return "Source" in text and sum(mark in text for mark in _MARKS) >= 3


def _read_part(part: Part) -> list[ReadEvent] | None:
    fields, spans = _fields(part)
    sources = fields.get("source", "")
    if sources.lower() in _EMPTY:
        return None
    events = []
    pieces = [sources] if "://" in sources else re.split(r"[\s,;]{1,5}", sources)
    for source in pieces[:500]:
        event = _event(fields)
        if not values.put_resource(event, "source", source):
            continue
        _ports(event, fields)
        if "source.fqdn" not in event and (name := values.host(fields.get("domain", ""))):
            event["source.fqdn"] = name
        if "source.ip" not in event and (ip := values.address(fields.get("ip", "") or fields.get("ip-address", ""))):
            event["source.ip"] = ip
        places = {name: spans[key] for name, key in _PLACES.items() if name in event and key in spans}
        events.append(ReadEvent(event, 1.0, places))
    return events or None


_PLACES = {
    "source.ip": "source", "source.url": "source", "source.fqdn": "source", "time.source": "date",
    "classification.type": "report-type",
}  # fmt: skip


def _event(fields: dict[str, str]) -> Event:
    event: Event = {}
    problem = problems.classification_within(fields.get("report-type", "")) or problems.classification(
        fields.get("category", "")
    )
    if problem:
        event["classification.type"] = problem
    values.put_time(event, fields.get("date", ""))
    if (service := fields.get("service", "").lower()) not in _EMPTY and len(service) < 40:
        event["protocol.application"] = service
    destination = values.address(fields.get("destination", ""))
    if destination:
        event["destination.ip"] = destination
    for name in ("report-id", "report-type", "category", "user-agent", "reported-from"):
        if fields.get(name, "").lower() not in _EMPTY:
            values.put_extra(event, name.replace("-", "_"), fields[name])
    return event


def _ports(event: Event, fields: dict[str, str]) -> None:
    """`Port` is the port of the service: of the attacked one, or of the site that is reported."""
    number = values.port(fields.get("port", ""))
    side = "source.port" if fields.get("source-type", "").lower() in _URI_TYPES else "destination.port"
    if number is not None:
        event.setdefault(side, number)
    own = values.port(fields.get("source-port", ""))
    if own is not None:
        event["source.port"] = own


def _fields(part: Part) -> tuple[dict[str, str], dict[str, Span]]:
    text = part.text[:200_000]
    fields: dict[str, str] = {}
    spans: dict[str, Span] = {}
    if not text.lstrip().startswith("{"):
        for match in _LINE.finditer(text):
            name = match[1].lower()
            if name not in fields:
                fields[name] = match[2].strip().strip("'\"").strip()
                spans[name] = Span(part.path, match.start(2), match.end(2))
    if fields.get("source", "").lower() in _EMPTY:
        for key, value in _loaded(text).items():
            if isinstance(value, (str, int, float)):
                fields[str(key).lower().replace("_", "-")] = str(value).strip()
            elif isinstance(value, list) and len(value) < 1000:
                fields[str(key).lower()] = " ".join(str(item) for item in value if isinstance(item, str))
    return fields, spans


def _loaded(text: str) -> dict[Any, Any]:
    try:
        loaded = (
            json.loads(text) if text.lstrip().startswith("{") else next(iter(yaml.safe_load_all(text[:20_000])), None)
        )
    except (ValueError, yaml.YAMLError, RecursionError, TypeError, AttributeError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
