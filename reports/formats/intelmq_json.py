# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events of other IntelMQ installations: JSON (flat or hierarchical), one object, a list, or one object a line."""

from __future__ import annotations

import json
from datetime import timezone
from typing import TYPE_CHECKING, Any

from abusehandler.reports.formats import problems, values
from abusehandler.reports.reading import BadPart, ReadEvent, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.mail.message import Mail

_LARGEST = 30 * 1024 * 1024
_MOST = 20_000
_DEPTH = 6
_TEXT_FIELDS = frozenset({
    "classification.identifier", "classification.taxonomy", "comment", "event_description.text",
    "event_description.target",
    "malware.name", "malware.version", "protocol.application", "protocol.transport", "status", "tlp", "source.account",
    "destination.account", "source.as_name", "source.local_hostname", "source.geolocation.cc",
    "source.geolocation.city",
    "product.name", "product.vendor", "product.version", "product.full_name", "product.vulnerabilities",
    "source.network",
    "malware.hash.md5", "malware.hash.sha1", "malware.hash.sha256", "feed.name", "feed.provider", "feed.code",
    "severity",
})  # fmt: skip
#: Fields that say where the event came from in the other installation; ours are set by our pipeline.
_FEED = {
    "feed.name": "extra.original_feed",
    "feed.provider": "extra.original_provider",
    "feed.code": "extra.original_feed_code",
}


def read_intelmq_json(mail: Mail, context: ReadContext) -> Reading | None:
    """The events of JSON parts in IntelMQ's data format; None if there is none."""
    events: list[ReadEvent] = []
    bad: list[BadPart] = []
    for part in mail.parts:
        text = part.text
        if part.kind in ("data", "text") and text[:200].lstrip()[:1] in ("{", "[") and is_intelmq_json(text):
            for line, item in _items(text):
                event = clean_event(item) if isinstance(item, dict) else {}
                if values.has_resource(event):
                    events.append(ReadEvent(event))
                elif len(bad) < 1000:
                    bad.append(BadPart("no event with a source", part.path, line, str(item)[:1000]))
    if not events:
        return None
    return Reading(
        "report", "intelmq-json", "events in IntelMQ's data format", tuple(events[:_MOST]), tuple(bad), kind="intelmq"
    )


def is_intelmq_json(text: str) -> bool:
    """Whether a JSON text holds IntelMQ events, by the names of its fields."""
    head = text[:20_000]
    return ('"classification.type"' in head or '"classification"' in head) and (
        '"source.' in head or '"source"' in head
    )


def clean_event(item: dict[str, Any]) -> Event:
    """An event with only those fields and values that IntelMQ's format allows; `extra` is kept as it is."""
    flat = dict(_flat(item, "", 0))
    event: Event = {}
    for name, value in flat.items():
        clean = _clean(name, value)
        if clean is not None:
            event[_FEED.get(name, name)] = clean
    return event


def _clean(name: str, value: Any) -> Any:
    if value in (None, "", [], {}):
        return None
    text = str(value).strip()
    if name in ("source.ip", "destination.ip"):
        return values.address(text) or None
    if name in ("source.port", "destination.port"):
        return values.port(value)
    if name in ("source.fqdn", "destination.fqdn", "source.reverse_dns", "destination.reverse_dns"):
        return values.host(text) or None
    if name in ("source.url", "destination.url", "event_description.url"):
        return values.url(text)[0] or None
    if name in ("source.asn", "destination.asn"):
        number = text.upper().removeprefix("AS")
        return int(number) if number.isascii() and number.isdigit() and 0 < int(number) < 2**32 else None
    if name == "time.source":
        moment = values.when(text, timezone.utc)  # the format says UTC
        return values.time_text(moment) if moment else None
    if name == "classification.type":
        return text if text in problems.TYPES else problems.classification_within(text) or None
    if name in _TEXT_FIELDS:
        return text[:2000]
    if name.startswith("extra."):
        return value if isinstance(value, (str, int, float, bool)) else text[:2000]
    return None


def _flat(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and name == "extra" and value[:1] == "{":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return
    if isinstance(value, dict) and depth < _DEPTH:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key), depth + 1)
    elif name:
        yield name, value


def _items(text: str) -> Iterator[tuple[int, Any]]:
    if len(text) > _LARGEST:
        return
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError):
        for number, line in enumerate(text.splitlines()[:_MOST], 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError):
                    yield number, line
        return
    for number, item in enumerate((loaded if isinstance(loaded, list) else [loaded])[:_MOST], 1):
        yield number, item
