# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Feedback reports: ARF (RFC 5965, Source-Port of RFC 6692), authentication failures (RFC 6591, RFC 9991), CFBL (RFC
9477).

Fields are read as they are sent: repeated, folded, in odd case, with comments behind, in a part without a blank line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.reports.formats import problems, values
from abusehandler.reports.formats.received import first_external_hop
from abusehandler.reports.reading import BadPart, ReadEvent, Reading, Span

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.mail.message import Mail, Part

_FIELD = re.compile(
    r"^[ \t]{0,20}([A-Za-z][A-Za-z0-9-]{1,60})[ \t]{0,5}:[ \t]{0,20}([^\n]{0,4000})"
    r"((?:\n[ \t]+[^\s:][^\n]{0,2000}){0,50})",
    re.M,
)
_LINES_IN_TEXT = (
    re.compile(r"^[ \t]{0,20}Feedback-Type[ \t]{0,5}:[ \t]{0,5}[a-z-]{2,30}[ \t]{0,20}$", re.M | re.I),
    re.compile(r"^[ \t]{0,20}(?:Source-IP|Reported-Domain|Reported-URI)[ \t]{0,5}:[ \t]{0,5}\S", re.M | re.I),
)
# RFC 5965 section 3.1 and the IANA registry, with what they say about the class.
_TYPES = {
    "abuse": "spam", "fraud": "phishing", "virus": "malware-distribution", "opt-out": "spam", "opt-out-list": "spam",
    "complaint": "spam", "auth-failure": "spam", "phishing": "phishing", "spam": "spam", "dmarc": "spam",
    "miscategorized": "",
    "other": "", "security": "",
}  # fmt: skip
_FAILURES = {"auth-failure", "dmarc"}
_TIMES = ("arrival-date", "received-date", "original-arrival-date", "incident-date", "abuse-date", "date")
_KEPT = {
    "original-mail-from": "original_mail_from", "original-rcpt-to": "original_rcpt_to",
    "reported-domain": "reported_domain",
    "reported-uri": "reported_uri", "user-agent": "user_agent", "incidents": "incidents",
    "auth-failure": "auth_failure",
    "delivery-result": "delivery_result", "original-envelope-id": "original_envelope_id",
    "identity-alignment": "identity_alignment",
    "dkim-domain": "dkim_domain", "original-message-id": "original_message_id",
    "authentication-results": "authentication_results",
}  # fmt: skip


def read_arf(mail: Mail, context: ReadContext) -> Reading | None:
    """The events of all feedback reports in a mail, attached or forwarded; None if there is none (or it only wraps
    XARF).

    `kind` of the reading is `not-spam` (a correction, no event), `auth-failure` (someone's mail failed DMARC: a report
    when the source may be ours, filed when own networks are known and it is not), `cfbl`, or the feedback type.
    """
    reports = [part for part in mail.parts if part.content_type == "message/feedback-report" and part.text.strip()]
    if not reports:
        # Some senders and those who forward write the fields into the letter.
        reports = [part for part in mail.parts if part.kind == "text" and _has_fields(part.text[:200_000])]
    readings = [found for part in reports[:50] if (found := _one(part, mail, context)) is not None]
    if not readings:
        return None
    events = tuple(event for found in readings for event in found.events)
    first = readings[0]
    if first.verdict == "report" and not events:
        return None  # the text may still say what it is about
    return Reading(
        first.verdict, "arf", first.reason, events,
        tuple(bad for found in readings for bad in found.bad), kind=first.kind,
        confidence=min((event.confidence for event in events), default=1.0),
    )  # fmt: skip


def _has_fields(text: str) -> bool:
    return "eedback-" in text and all(line.search(text) for line in _LINES_IN_TEXT)


def _one(part: Part, mail: Mail, context: ReadContext) -> Reading | None:
    plain = _without_indent(part.text)
    fields, places = _fields(plain, part.path)
    if plain is not part.text:
        places = {}
    kind = fields.get("feedback-type", [""])[0].split(";")[0].strip().lower()
    if kind == "xarf":
        return None
    if kind == "not-spam":
        return Reading("not-a-report", "arf", "the reporter says that the mail is not spam (RFC 6430)", kind="not-spam")
    message = _reported_message(part, mail)
    bad: list[BadPart] = []
    base, spans = _event(kind, fields, places, message)
    sources = list(dict.fromkeys(ip for value in fields.get("source-ip", []) if (ip := values.any_address(value))))
    confidence = 1.0
    if not sources and "source-ip" in fields and not _redacted(fields["source-ip"][0]):
        bad.append(BadPart("Source-IP is no public address", part.path, 0, fields["source-ip"][0][:200]))
    if not sources and message is not None and (hop := first_external_hop(message)):
        sources, confidence = [hop], 0.6
    events = [ReadEvent({**base, "source.ip": source}, confidence, spans) for source in sources]
    if not sources and _about_hosts(base, fields):
        events.append(ReadEvent(base, 0.7, spans))
    events += _own_uris(base, fields, context, spans)
    failure = kind in _FAILURES
    name = "auth-failure" if failure else "cfbl" if _is_cfbl(mail) else kind or "abuse"
    if failure and context.own and not any(_is_own(event.event, context) for event in events):
        return Reading(
            "not-a-report",
            "arf",
            "a mail from foreign addresses failed authentication (RFC 6591)",
            tuple(events),
            kind=name,
        )
    return Reading(
        "report", "arf", f"feedback report of the type {kind or 'abuse'}", tuple(events), tuple(bad), kind=name
    )


def _without_indent(text: str) -> str:
    """Fields that are moved to the right as a block would all look like continuations of the first one."""
    first = _LINES_IN_TEXT[0].search(text[:200_000])
    indent = first[0][: len(first[0]) - len(first[0].lstrip())] if first else ""
    return re.sub(rf"^{re.escape(indent)}", "", text, flags=re.M) if indent else text


def _event(
    kind: str, fields: dict[str, list[str]], places: dict[str, Span], message: Mail | None
) -> tuple[Event, dict[str, Span]]:
    event: Event = {}
    spans: dict[str, Span] = {}
    problem = _TYPES.get(kind) if kind else "spam"
    problem = problems.classification(kind) if problem is None else problem
    if problem:
        event["classification.type"] = problem
    for field, key in (("source-ip", "source.ip"), ("source-port", "source.port")):
        if field in places:
            spans[key] = places[field]
    for name in _TIMES:
        if name in fields and values.put_time(event, fields[name][0].replace("<", "").replace(">", "")):
            if name in places:
                spans["time.source"] = places[name]
            break
    if (number := values.port(fields.get("source-port", [""])[0])) is not None:
        event["source.port"] = number
    for name, extra in _KEPT.items():
        if name in fields:
            values.put_extra(event, extra, fields[name][0] if len(fields[name]) == 1 else fields[name][:20])
    if kind:
        values.put_extra(event, "feedback_type", kind)
    if message is not None:
        values.put_extra(event, "subject", message.subject)
        values.put_extra(event, "message_id", message.message_id)
        values.put_extra(event, "feedback_id", message.header("cfbl-feedback-id") or message.header("feedback-id"))
    return event, spans


def _fields(text: str, path: str) -> tuple[dict[str, list[str]], dict[str, Span]]:
    fields: dict[str, list[str]] = {}
    places: dict[str, Span] = {}
    for match in _FIELD.finditer(text[:200_000]):
        name = match[1].lower()
        fields.setdefault(name, []).append((match[2] + " ".join(match[3].split())).strip())
        places.setdefault(name, Span(path, match.start(2), match.end(2)))
    return fields, places


def _about_hosts(event: Event, fields: dict[str, list[str]]) -> bool:
    """Without an address, a reported URI or domain is what the report is about."""
    return any(values.put_url(event, "source", value) for value in fields.get("reported-uri", [])[:1]) or any(
        values.put_resource(event, "source", value) for value in fields.get("reported-domain", [])[:1]
    )


def _own_uris(
    base: Event, fields: dict[str, list[str]], context: ReadContext, spans: dict[str, Span]
) -> list[ReadEvent]:
    """Advertised URLs on our own hosts are a problem of their own, beside the mail's source."""
    events = []
    for value in fields.get("reported-uri", [])[:20] if context.own else ():
        event = {key: base[key] for key in base if not key.startswith("source.")}
        if values.put_url(event, "source", value) and _is_own(event, context) and event != base:
            events.append(ReadEvent(event, 0.8, {name: span for name, span in spans.items() if name == "time.source"}))
    return events


def _is_own(event: Event, context: ReadContext) -> bool:
    return context.own.has_address(str(event.get("source.ip", ""))) or context.own.has_host(
        str(event.get("source.fqdn", "-"))
    )


def _redacted(value: str) -> bool:
    """RFC 6590: a redacted value is a token that stays equal, never an address."""
    return not any(char in value for char in ".:")


def _is_cfbl(mail: Mail) -> bool:
    return bool(mail.header("cfbl-feedback-id")) or any(
        part.nested is not None and (part.nested.header("cfbl-address") or part.nested.header("cfbl-feedback-id"))
        for part in mail.parts
    )


def _reported_message(report: Part, mail: Mail) -> Mail | None:
    """The mail (or its headers) in the part after the feedback report."""
    paths = [part.path for part in mail.parts]
    start = paths.index(report.path)
    return next(
        (part.nested for part in mail.parts[start + 1 :] if part.depth == report.depth and part.nested is not None),
        None,
    )
