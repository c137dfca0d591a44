# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""XARF in JSON: version 4 (xarf.org specification), version 3, and the "versions" 1 and 2 that senders made of it.

Tolerant on purpose: a report with a source is a report, whatever else is missing; what the specification demands and
the sender left out becomes a warning. Fields that begin with `_` are internal to the sender and are not read.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from abusehandler.reports.formats import problems, values
from abusehandler.reports.formats.tables import read_table_text
from abusehandler.reports.mail.charset import to_text
from abusehandler.reports.reading import BadPart, ReadEvent, Reading

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.mail.message import Mail

_LARGEST = 20 * 1024 * 1024
_MOST = 5000
# Category and type of version 4, where the type's own name does not tell the class.
_BY_CATEGORY = {
    ("connection", "infectedhost"): "infected-system", ("connection", "reconnaissance"): "scanner",
    ("connection", "scraping"): "unauthorized-use-of-resources", ("connection", "sqlinjection"): "exploit",
    ("connection", "ddos"): "ddos", ("content", "fraud"): "masquerade", ("content", "brandinfringement"): "masquerade",
    ("content", "malware"): "malware-distribution", ("content", "remotecompromise"): "application-compromise",
    ("content", "exposeddata"): "data-leak", ("content", "suspiciousregistration"): "masquerade",
    ("content", "csam"): "violence", ("content", "csem"): "violence", ("infrastructure", "botnet"): "infected-system",
    ("infrastructure", "compromisedserver"): "system-compromise", ("reputation", "blocklist"): "blacklist",
    ("reputation", "threatintelligence"): "blacklist", ("vulnerability",
    "openservice"): "potentially-unwanted-accessible",
    ("vulnerability", "cve"): "vulnerable-system", ("vulnerability", "misconfiguration"): "misconfiguration",
}  # fmt: skip
_CATEGORIES = {"copyright": "copyright", "messaging": "spam", "vulnerability": "vulnerable-system"}
_SOURCES = (
    "sourceidentifier",
    "sourceip",
    "sourceaddress",
    "sourceipaddress",
    "ip",
    "sourceipv4",
    "sourceipv6",
    "source",
    "sourcehost",
)
_URLS = ("url", "sourceurl", "sourceuri", "uri", "infringingurl", "targeturl", "reportedurl")
_TIMES = ("timestamp", "date", "firstseen", "incidentdate", "reportdate", "lastseen", "time")
_KEPT = (
    "reportid", "smtpfrom", "smtpmailfromaddress", "subject", "attackvector", "scantype", "cveid", "service",
    "servicename", "targetbrand",
    "worktitle", "rightsholder", "p2pprotocol", "description", "evidencesource", "reportercaseid", "useragent",
    "threattype",
)  # fmt: skip
_NEEDED_V4 = ("xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "category", "type")


def read_xarf(mail: Mail, context: ReadContext) -> Reading | None:
    """The events of all XARF reports in a mail's JSON parts; None if there is none that says what it is about."""
    events: list[ReadEvent] = []
    bad: list[BadPart] = []
    warnings: list[str] = []
    for part in mail.parts:
        text = part.text
        if part.kind not in ("data", "text") or text[:200].lstrip()[:1] not in ("{", "["):
            continue
        if ("xarf_version" in text or "Report" in text or "report" in text) and len(text) <= _LARGEST:
            try:
                found, said = read_xarf_text(text)
            except (ValueError, RecursionError) as error:
                bad.append(BadPart(f"JSON cannot be read: {str(error)[:200]}", part.path, 0, text[:1000]))
                continue
            events += [ReadEvent(event) for event in found]
            warnings += said
    if not events:
        return None
    return Reading(
        "report",
        "xarf",
        "XARF report in JSON",
        tuple(events[:_MOST]),
        tuple(bad),
        kind="xarf",
        warnings=tuple(dict.fromkeys(warnings)),
    )


def read_xarf_text(text: str) -> tuple[list[Event], list[str]]:
    """Events and warnings of one JSON text: a report or a list of reports. Raises ValueError if it is no JSON."""
    loaded = json.loads(text)
    events: list[Event] = []
    warnings: list[str] = []
    for item in (loaded if isinstance(loaded, list) else [loaded])[:_MOST]:
        if not isinstance(item, dict):
            continue
        if "xarf_version" in item or ("source_identifier" in item and "category" in item):
            missing = [name for name in _NEEDED_V4 if not item.get(name)]
            if missing:
                warnings.append(f"XARF 4 without {', '.join(missing)}")
            events += _report(item, item)
        else:
            report = item.get("Report") or item.get("report")
            if isinstance(report, dict) and _is_report(item, report):
                events += _report(report, item)
    return events, warnings


def _is_report(item: dict[str, Any], report: dict[str, Any]) -> bool:
    names = {_plain(name) for name in [*item, *report]}
    return len(names & {"version", "reporterinfo", "reportclass", "reporttype", "disclosure", "sourceip"}) >= 2


def _report(report: dict[str, Any], whole: dict[str, Any]) -> list[Event]:
    fields = {_plain(name): value for name, value in report.items() if not name.startswith("_")}
    event: Event = {}
    kind, category = (
        str(fields.get("type") or fields.get("reporttype") or ""),
        str(fields.get("category") or fields.get("reportclass") or ""),
    )
    problem = (
        _BY_CATEGORY.get((_plain(category), _plain(kind)))
        or problems.classification(kind)
        or _CATEGORIES.get(_plain(category), "")
        or problems.classification(str(fields.get("reportsubtype") or ""))
        or problems.classification(category)
    )
    if problem:
        event["classification.type"] = problem
    for name in _TIMES:
        if name in fields and values.put_time(event, fields[name] if fields[name] is not None else ""):
            break
    _destination(event, fields)
    for name in _KEPT:
        if isinstance(fields.get(name), (str, int, float)):
            values.put_extra(event, name, fields[name])
    values.put_extra(event, "report_type", "/".join(word for word in (category, kind) if word))
    reporter = whole.get("reporter") or whole.get("ReporterInfo")
    if isinstance(reporter, dict):
        values.put_extra(event, "reporter", str(reporter.get("org") or reporter.get("ReporterOrg") or ""))
    events = _with_sources(event, fields)
    return events or _from_samples(event, fields)


def _with_sources(event: Event, fields: dict[str, Any]) -> list[Event]:
    sources = next((fields[name] for name in _SOURCES if fields.get(name)), None)
    url = next((str(fields[name]) for name in _URLS if isinstance(fields.get(name), str) and fields[name]), "")
    events = []
    for source in (sources if isinstance(sources, list) else [sources])[:_MOST]:
        one = dict(event)
        if isinstance(source, str):
            values.put_resource(one, "source", source)
        if url and (
            _plain(str(fields.get("category", ""))) in ("content", "copyright", "") or not values.has_resource(one)
        ):
            ip, name = one.get("source.ip"), one.get("source.fqdn")
            values.put_url(one, "source", url)
            one.update({key: value for key, value in (("source.ip", ip), ("source.fqdn", name)) if value})
        if values.has_resource(one):
            if (number := values.port(fields.get("sourceport", ""))) is not None:
                one["source.port"] = number
            events.append(one)
    return events


def _destination(event: Event, fields: dict[str, Any]) -> None:
    if destination := values.address(str(fields.get("destinationip") or fields.get("destinationaddress") or "")):
        event["destination.ip"] = destination
    if (number := values.port(fields.get("destinationport") or fields.get("targetport") or "")) is not None:
        event["destination.port"] = number
    transport = str(fields.get("protocol") or fields.get("transportprotocol") or "").lower()
    if transport in ("tcp", "udp", "icmp", "sctp"):
        event["protocol.transport"] = transport
    elif transport.isalnum() and len(transport) < 20:
        event["protocol.application"] = transport
    family = fields.get("malwarefamily") or fields.get("botname")
    if isinstance(family, str) and family.strip():
        event["malware.name"] = family.strip().lower()[:100]


def _from_samples(event: Event, fields: dict[str, Any]) -> list[Event]:
    """Without a source of its own, a report may hold a table of sources as its sample."""
    samples = fields.get("samples") or fields.get("evidence") or []
    for sample in samples[:20] if isinstance(samples, list) else []:
        inside = {_plain(str(name)): value for name, value in sample.items()} if isinstance(sample, dict) else {}
        payload = inside.get("payload")
        if (
            not isinstance(payload, str)
            or len(payload) > 5_000_000
            or not str(inside.get("contenttype", "text/")).startswith("text/")
        ):
            continue
        if inside.get("base64encoded") is True:
            try:
                payload = to_text(base64.b64decode(payload, validate=True))
            except (binascii.Error, ValueError):
                continue
        if payload.count("\n") < 2:  # line ends were made spaces on the way
            payload = payload.replace(" ", "\n")
        if table := read_table_text(payload, "xarf"):
            return [{**event, **read.event} for read in table.events]
    return []


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
