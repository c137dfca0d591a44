# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""ACNS (Automated Copyright Notice System, acns.net, versions 0.7 to 2): copyright notices in XML.

Most stand in the middle of a letter, quoted, wrapped, clear-signed or with typographic quotes, and are no well-formed
XML any more. Therefore tags are searched for instead of parsing a tree; no entity but the plain ones is ever resolved.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from abusehandler.reports.formats import values
from abusehandler.reports.mail.charset import to_text
from abusehandler.reports.reading import BadPart, ReadEvent, Reading, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.mail.message import Mail, Part

_START = re.compile(r"<(?:[A-Za-z]{1,20}:)?Infringement\b", re.I)
_END = re.compile(r"</(?:[A-Za-z]{1,20}:)?Infringement\s{0,5}>", re.I)
_TAG = re.compile(r"<(?:[A-Za-z]{1,20}:)?([A-Za-z_]{2,40})(?:\s[^<>]{0,500})?>([^<]{0,3000})</", re.I)
_BLOCK = re.compile(
    r"<(/?)(?:[A-Za-z]{1,20}:)?(Case|Complainant|Service_Provider|Source|Content|Item|Content_Item|History)\b[^<>]{0,500}>",
    re.I,
)
_QUOTED_LINE = re.compile(r"^[ \t]{0,8}(?:>[ \t]?){1,10}", re.M)
_LARGEST = 200_000
_MOST = 2000


def read_acns(mail: Mail, context: ReadContext) -> Reading | None:
    """The events of all ACNS notices in a mail, attached, inline or forwarded; None if there is none with a source."""
    events: list[ReadEvent] = []
    bad: list[BadPart] = []
    seen: set[tuple[object, ...]] = set()
    for part in mail.parts:
        for start, chunk, exact in _notices(part):
            event, places = _event(chunk)
            if not values.has_resource(event):
                bad.append(BadPart("ACNS notice without a source address", part.path, 0, chunk[:1000]))
                continue
            # The letter, its HTML twin and the attachment say the same.
            key = (
                event.get("source.ip"),
                event.get("source.url"),
                event.get("source.port"),
                event.get("time.source"),
                event.get("extra.case_id"),
            )
            if key not in seen and len(events) < _MOST:
                seen.add(key)
                spans = (
                    {name: Span(part.path, start + a, start + b) for name, (a, b) in places.items()} if exact else {}
                )
                events.append(ReadEvent(event, 1.0, spans))
    if not events:
        return None
    return Reading("report", "acns", "copyright notice in ACNS XML", tuple(events), tuple(bad), kind="acns")


def _notices(part: Part) -> Iterator[tuple[int, str, bool]]:
    """The pieces of XML: where it starts in the part's text, the piece, and whether it stands there literally."""
    texts = [(part.text, True)]
    if part.kind == "html" and b"nfringement" in part.data[:2_000_000]:
        texts.append((to_text(part.data[:2_000_000], html=True), False))  # unknown tags are not shown in the text
    for text, exact in texts:
        position, count = 0, 0
        while count < _MOST and (start := _START.search(text, position)):
            end = _END.search(text, start.end(), start.end() + _LARGEST)
            stop = end.end() if end else min(len(text), start.end() + _LARGEST)
            chunk = text[start.start() : stop]
            if re.search(r"\n[ \t]{0,8}>", chunk):
                yield start.start(), _QUOTED_LINE.sub("", chunk), False
            else:
                yield start.start(), chunk, exact
            position, count = stop, count + 1


def _event(chunk: str) -> tuple[Event, dict[str, tuple[int, int]]]:
    blocks = _by_block(chunk)
    source, content, case = blocks.get("source", {}), blocks.get("content", {}), blocks.get("case", {})
    event: Event = {"classification.type": "copyright"}
    places: dict[str, tuple[int, int]] = {}
    ip = values.address(source.get("ip_address", ("", 0, 0))[0])
    if ip:
        event["source.ip"] = ip
        places["source.ip"] = source["ip_address"][1:]
    number = values.port(source.get("port", ("", 0, 0))[0])
    if number is not None:
        event["source.port"] = number
        places["source.port"] = source["port"][1:]
    for found in (source.get("timestamp"), content.get("timestamp")):
        if found and values.put_time(event, found[0]):
            places["time.source"] = found[1:]
            break
    name = values.host(source.get("dns_name", ("", 0, 0))[0])
    if name and ip:
        event["source.reverse_dns"] = name
    elif name:
        event["source.fqdn"] = name
    for found in (source.get("url"), content.get("url"), None if ip else source.get("url_base")):
        if found and "source.url" not in event and "..." not in found[0]:
            values.put_url(event, "source", found[0])
    values.put_extra(event, "case_id", case.get("id", ("",))[0])
    for extra, tag in (
        ("title", "title"),
        ("file_name", "filename"),
        ("hash", "hash"),
        ("hash", "infohash"),
        ("artist", "artist"),
    ):
        values.put_extra(event, extra, content.get(tag, ("",))[0])
    values.put_extra(event, "p2p_protocol", source.get("type", ("",))[0])
    values.put_extra(event, "rights_holder", blocks.get("complainant", {}).get("entity", ("",))[0])
    return event, places


def _by_block(chunk: str) -> dict[str, dict[str, tuple[str, int, int]]]:
    """The first value of each tag by the block around it; `Item` counts as `Content`. Unknown places count as
    `Source`.
    """
    edges = [(match.start(), match[1] == "/", match[2].lower()) for match in _BLOCK.finditer(chunk)]
    blocks: dict[str, dict[str, tuple[str, int, int]]] = {}
    current, index = "source", 0
    for match in _TAG.finditer(chunk):
        while index < len(edges) and edges[index][0] <= match.start():
            _, closing, name = edges[index]
            name = "content" if name in ("item", "content_item") else name
            current = name if not closing or name == "content" else "source"
            index += 1
        text = html.unescape(match[2]).strip()
        if text:
            blocks.setdefault(current, {}).setdefault(match[1].lower(), (text, match.start(2), match.end(2)))
    return blocks
