# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A report for a person's eyes: its text with the values marked where they were found, its files listed, nothing of it run."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nh3

from abusehandler.configuration.reading import read_context
from abusehandler.reports.read import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abusehandler.portal.settings import Portal
    from abusehandler.reports.mail.message import Mail, Part
    from abusehandler.reports.reading import Reading
    from abusehandler.tickets.desk.scope import Row

#: Characters of one part that are shown; the rest is in the file.
SHOWN = 200_000
#: Bytes of a report that are read for showing.
LARGEST = 60_000_000
MARKS = 500
_KEPT = 12
_read: OrderedDict[tuple[str, int], tuple[Mail, Reading]] = OrderedDict()
_lock = threading.Lock()

_TAGS = {
    "abbr", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em",
    "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "li", "ol", "p", "pre", "q", "s", "small", "span", "strike",
    "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"align", "dir", "lang", "title"}, "td": {"colspan", "rowspan", "valign", "width"},
    "th": {"colspan", "rowspan", "valign", "width"}, "table": {"border", "cellpadding", "cellspacing", "width"}, "ol": {"start", "type"},
}  # fmt: skip
#: The cleaner takes time that grows with the square of depth, and copies open formatting into each paragraph: what is deeper
#: or has more tags than any letter needs is cut off (100,000 nested <div> took 100 s).
DEEPEST, MOST_TAGS = 64, 10_000
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]{0,30})")
_CLOSED_BY_THE_NEXT = frozenset({
    "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p", "param",
    "source", "td", "th", "tr", "wbr",
})  # fmt: skip
_PLAIN_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text, and the fields whose value stands there, if any."""

    text: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """One part with text. `html`: there is an HTML original that can be looked at."""

    path: str
    heading: str
    pieces: tuple[Piece, ...]
    html: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class File:
    """One attachment."""

    path: str
    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A report as it is shown."""

    mail: Mail
    reading: Reading
    letters: tuple[Letter, ...]
    files: tuple[File, ...]


def read_again(portal: Portal, report: Row) -> tuple[Mail, Reading]:
    """The mail and what today's readers make of it; the last few are remembered. Raises EvidenceError."""
    key = (f"{portal.evidence.folder} {report['evidence']}", int(report["reading"]))
    with _lock:
        if key in _read:
            _read.move_to_end(key)
            return _read[key]
    content = portal.evidence.read(report["evidence"], limit=LARGEST)
    name = str(report["name"]) or ("mail.eml" if report["kind"] == "mail" else "file")
    if report["kind"] == "mail" and not name.endswith(".eml"):
        name += ".eml"
    found = read_file(content, name, read_context(portal.configuration, report["received_at"]))
    with _lock:
        _read[key] = found
        while len(_read) > _KEPT:
            _read.popitem(last=False)
    return found


def shown(mail: Mail, reading: Reading) -> Shown:
    """What the page shows of a decoded report."""
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for read in reading.events[:50]:
        for name, span in read.spans.items():
            spans.setdefault(span.part, []).append((span.start, span.end, name))
    letters = []
    if mail.subject:
        letters.append(Letter("subject", "Subject", marked(mail.subject, spans.get("subject", ())), False, False))
    for part in mail.parts:
        if not part.text.strip() or part.kind == "headers":
            continue
        letters.append(
            Letter(
                part.path, _heading(part), marked(part.text[:SHOWN], spans.get(part.path, ())), part.kind == "html",
                len(part.text) > SHOWN,
            )
        )  # fmt: skip
        if len(letters) > 30:
            break
    files = [
        File(part.path, part.filename or f"part {part.path}", part.content_type, len(part.data) or len(part.text))
        for part in mail.parts[:200]
        if part.attached or part.kind in ("data", "mail")
    ]
    return Shown(mail, reading, tuple(letters), tuple(files))


def _heading(part: Part) -> str:
    said = f"Part {part.path}"
    if part.filename:
        said += f", {part.filename}"
    return said + {"html": ", HTML as text", "data": f", {part.content_type}"}.get(part.kind, "")


def marked(text: str, spans: Iterable[tuple[int, int, str]]) -> tuple[Piece, ...]:
    """The text in pieces; where spans overlap the one that begins first wins, fields of the same span share it."""
    places: dict[tuple[int, int], list[str]] = {}
    for start, end, name in sorted(spans):
        if 0 <= start < end <= len(text):
            names = places.setdefault((start, end), [])
            if name not in names:
                names.append(name)
    pieces, at = [], 0
    for (start, end), names in list(places.items())[:MARKS]:
        if start < at:
            continue
        if start > at:
            pieces.append(Piece(text[at:start]))
        pieces.append(Piece(text[start:end], tuple(names)))
        at = end
    if at < len(text):
        pieces.append(Piece(text[at:]))
    return tuple(pieces)


def harmless(part: Part) -> str:
    """The HTML of a part without scripts, forms, frames, images, styles and links that lead anywhere, as a whole page.

    The page is served with a policy that forbids the same again (security/headers.py).
    """
    text = part.data.decode("utf-8", "replace") if part.data else part.text
    clean = nh3.clean(
        _bounded(text[:2_000_000]), tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None,
        clean_content_tags={"script", "style", "title", "noscript", "template", "iframe", "object", "svg", "math"},
    )  # fmt: skip
    return (
        '<!doctype html><html lang="und"><head><meta charset="utf-8"><title>HTML of the report</title>'
        "<style>body{font:15px/1.5 sans-serif;margin:12px;color:#111;background:#fff;overflow-wrap:anywhere}</style></head><body>"
        + clean
        + "</body></html>"
    )


def _bounded(text: str) -> str:
    """The text up to where it goes too deep or has too many tags."""
    depth = 0
    for count, tag in enumerate(_TAG.finditer(text)):
        if tag[2].lower() not in _CLOSED_BY_THE_NEXT:
            depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > DEEPEST or count >= MOST_TAGS:
            return text[: tag.start()] + "… (the rest is in the original)"
    return text


def download_name(name: str, fallback: str) -> str:
    """A file name without anything that a header or a file system could take for more."""
    plain = _PLAIN_NAME.sub("_", name).strip("._")[-80:]
    return plain or fallback


def part_of(mail: Mail, path: str) -> Part | None:
    """The part with this path."""
    return next((part for part in mail.parts if part.path == path), None)


def fields_of(event: dict[str, Any]) -> dict[str, str]:
    """The values of an event that a person corrects, as text."""
    return {name: str(event.get(name, "") or "") for name in FIELDS}


#: What can be corrected, with what it is called.
FIELDS: dict[str, str] = {
    "source.ip": "Address", "source.port": "Port", "source.fqdn": "Host name", "source.url": "URL", "time.source": "Time (UTC)",
    "classification.type": "Class", "classification.identifier": "Identifier", "protocol.transport": "Transport",
    "event_description.text": "Description",
}  # fmt: skip
