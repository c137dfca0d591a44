# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mail of a known sender to events, and what is known of the sender added to what other readers found.

`read` is asked after the machine formats and before free text; `refine` is given each machine reading. Neither raises:
a definition that no longer fits its sender costs exactness, never a report.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from abusehandler.reporters.definition import RESOURCES
from abusehandler.reporters.load import matcher_for
from abusehandler.reporters.match import domain_and_parents
from abusehandler.reporters.take import take
from abusehandler.reporters.values import Clock, event_time, with_host
from abusehandler.reports.context import ReadContext
from abusehandler.reports.freetext.reader import read as read_free_text
from abusehandler.reports.freetext.times import find_times
from abusehandler.reports.freetext.zones import stated_zone
from abusehandler.reports.reading import ReadEvent, Reading, Span, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from abusehandler.reporters.definition import Definition, Problem
    from abusehandler.reporters.found import Row
    from abusehandler.reporters.match import Match
    from abusehandler.reports.mail.message import Mail

log = logging.getLogger(__name__)
#: how much of the text the `when` of a problem is searched in
PROBLEM_READ = 20_000
#: what a definition says of a sender that our own mail server found to be forged
FORGED = 0.4
#: machine readers that read what looks like a table or a log, not a format that names itself
GUESSED = ("table", "loglines")
#: what free text may add to an event that a definition's steps found
COMPLETED = ("time.source", "source.port", "destination.ip", "destination.port", "protocol.transport")
#: how far into a text the letter of a relay may reach
UNWRAP_READ = 60_000
_MAIL_ADDRESS = re.compile(r"[\w.+=&'-]{1,100}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_KEPT_HEADERS = frozenset({"date", "message-id"})


def read(mail: Mail, context: ReadContext) -> Reading | None:
    """What a known sender's mail says; None when nobody knows the sender or its definition finds nothing. Never raises.

    An operator's own definitions stand in `context.reporter_folders`. A definition without steps to take leaves the resources to the free
    text reader and adds problem, zone and confidence to what that finds.
    """
    try:
        match = matcher_for(context.reporter_folders).match(mail)
        if match is None:
            return None
        definition = match.definition
        if definition.verdict == "not-a-report":
            return Reading("not-a-report", _reader(definition), definition.about, kind=definition.kind)
        if definition.inside is not None:
            return _relayed(match, mail, context)
        reading = _taken(match, mail, context) if definition.take else None
        return reading or _hinted(match, mail, context)
    except Exception:
        log.exception("A definition failed; the mail goes on to free text")
        return None


def refine(mail: Mail, reading: Reading, context: ReadContext | None = None) -> Reading:
    """A machine reading with the sender's own words for the problem, where its definition says `machine: correct`.

    With `machine: keep` only problems that the machine reader left open (`undetermined`, `other`, missing) are filled.
    Where the machine reader only guessed from log lines or a table, the steps of a definition go before it.
    """
    try:
        context = context or ReadContext(received_at=mail.sent_at or datetime.now(timezone.utc))
        match = matcher_for(context.reporter_folders).match(mail)
        if match is None or reading.verdict == "not-a-report" or not reading.events:
            return reading
        definition = match.definition
        if definition.verdict == "not-a-report":
            return reading
        if reading.reader in GUESSED and (definition.take or definition.inside):
            known = _relayed(match, mail, context) if definition.inside else _taken(match, mail, context)
            if known is not None and len(known.events) >= len(reading.events):
                return known
        problem = _problem(definition, mail)
        events = tuple(_corrected(event, problem, definition) for event in reading.events)
        return replace(reading, events=events, warnings=reading.warnings + _doubts(match, mail))
    except Exception:
        log.exception("A definition failed; the machine reading stays as it is")
        return reading


def _reader(definition: Definition) -> str:
    return f"reporter:{definition.name}"


def _taken(match: Match, mail: Mail, context: ReadContext) -> Reading | None:
    definition = match.definition
    body = mail.body()
    zone = definition.zone or (stated_zone(body.text) if body else None)
    rows = take(definition, mail, Clock(zone, mail.sent_at or context.received_at))
    if not rows:
        return None
    whole = _problem(definition, mail)
    guess: tuple[str, str] | None = None
    events = []
    doubts = _doubts(match, mail)
    confidence = min(definition.confidence, FORGED) if doubts else definition.confidence
    for row in rows:
        event = with_host({field: found.value for field, found in row.items() if field != "problem"})
        spans = {field: found.span for field, found in row.items() if found.span is not None and field != "problem"}
        problem = _row_problem(definition, row) or whole
        if problem is None and guess is None:
            guess = _free_text_problem(mail, context)
        kind, identifier = (problem.type, problem.identifier) if problem else guess or ("undetermined", "")
        event["classification.type"] = kind
        if identifier:
            event["classification.identifier"] = identifier
        events.append(ReadEvent(event, confidence, spans))
    if not all("time.source" in one.event for one in events):
        events = _completed(events, mail, context)
    reason = f"known sender: {definition.about}"
    return Reading(
        _verdict(confidence, context),
        _reader(definition),
        reason,
        tuple(events),
        confidence=confidence,
        warnings=doubts,
    )


def _completed(events: list[ReadEvent], mail: Mail, context: ReadContext) -> list[ReadEvent]:
    """Time and ports that the steps left open, from what free text reads about the same resource in log lines and the like."""
    told: dict[tuple[str, str], ReadEvent] = {}
    for one in read_free_text(mail, context).events:
        for field in RESOURCES[:3]:
            if field in one.event:
                told.setdefault((field, str(one.event[field])), one)
    completed = []
    for one in events:
        keys = [(field, str(one.event[field])) for field in RESOURCES[:3] if field in one.event]
        more = next((told[key] for key in keys if key in told), None)
        if more is None:
            completed.append(one)
            continue
        fields = {field: more.event[field] for field in COMPLETED if field in more.event and field not in one.event}
        spans = {field: more.spans[field] for field in fields if field in more.spans}
        completed.append(replace(one, event={**one.event, **fields}, spans={**one.spans, **spans}))
    return completed


def _relayed(match: Match, mail: Mail, context: ReadContext) -> Reading | None:
    """The report that a relay wrapped into a letter of its own, read as if it had come alone."""
    definition = match.definition
    inner = unwrap(definition, mail)
    if inner is None:
        return _hinted(match, mail, context)
    within = matcher_for(context.reporter_folders).match(inner)
    reading = None
    if within is not None and within.definition.verdict == "report" and within.definition.inside is None:
        reading = _taken(within, inner, context) if within.definition.take else None
        reading = reading or _hinted(within, inner, context)
    reading = reading or _hinted(match, inner, context)
    if reading is None:
        return None
    by = f"; inside it {within.definition.about}" if within is not None and within.definition is not definition else ""
    return replace(reading, reader=_reader(definition), reason=f"known sender: {definition.about}{by}")


def unwrap(definition: Definition, mail: Mail) -> Mail | None:
    """The wrapped report as a mail of its own: the text before and after it blanked, so that places stay true."""
    body, inside = mail.body(), definition.inside
    if body is None or inside is None:
        return None
    begun = inside.start.search(body.text, 0, UNWRAP_READ)
    if begun is None:
        return None
    closed = inside.end.search(body.text, begun.end(), begun.end() + UNWRAP_READ) if inside.end else None
    end = closed.start() if closed else len(body.text)
    text = "\n" * begun.end() + body.text[begun.end() : end]
    groups = begun.groupdict()
    subject = (groups.get("inner_subject") or "").strip()
    sender = _MAIL_ADDRESS.search(groups.get("inner_from") or "")
    parts = tuple(replace(part, text=text) if part is body else part for part in mail.parts)
    hidden = {part.path for part in mail.parts if part.kind == "html" and part.depth == 0 and part is not body}
    return replace(
        mail,
        subject=" ".join(subject.split()) or mail.subject,
        sender=sender.group().lower() if sender else "",
        headers=tuple((name, value) for name, value in mail.headers if name in _KEPT_HEADERS),
        parts=tuple(part for part in parts if part.path not in hidden),
    )


def _verdict(confidence: float, context: ReadContext) -> Verdict:
    return "report" if confidence >= context.sure_enough else "unread"


def _hinted(match: Match, mail: Mail, context: ReadContext) -> Reading | None:
    """Free text finds the resources; the definition says what it knows better."""
    definition = match.definition
    reading = read_free_text(mail, context)
    if reading.verdict == "not-a-report" or not reading.events:
        return None
    problem = _problem(definition, mail)
    doubts = _doubts(match, mail)
    events = []
    for one in _complained_about(definition, reading.events):
        event = dict(one.event)
        spans = dict(one.spans)
        if problem is not None:
            _set_problem(event, problem)
        if definition.zone is not None and "time.source" not in event:
            told = _only_time(mail, definition.zone, context)
            if told:
                event["time.source"], spans["time.source"] = told
        confidence = (
            one.confidence if doubts else max(one.confidence, min(definition.confidence, 0.5 + one.confidence / 2))
        )
        events.append(ReadEvent(event, confidence, spans))
    confidence = max(event.confidence for event in events)
    return replace(
        reading,
        verdict=_verdict(confidence, context),
        reader=_reader(definition),
        reason=f"known sender: {definition.about}; resources found as in free text",
        events=tuple(events),
        confidence=confidence,
        warnings=reading.warnings + doubts,
    )


def _complained_about(definition: Definition, events: tuple[ReadEvent, ...]) -> tuple[ReadEvent, ...]:
    """The events without those about the sender itself and what its definition ignores, if any are left then."""
    senders = {name for one in definition.recognise for name in (*one.senders, *one.dkim) if "@" not in name}
    names = senders | set(definition.ignore)

    def is_named(event: Mapping[str, object]) -> bool:
        if event.get("source.ip"):
            return str(event["source.ip"]) in names
        return any(parent in names for parent in domain_and_parents(str(event.get("source.fqdn") or "")))

    return tuple(one for one in events if not is_named(one.event)) or events


def _only_time(mail: Mail, zone: tzinfo, context: ReadContext) -> tuple[str, Span] | None:
    """The time of a mail that names a single one, read in the sender's zone."""
    body = mail.body()
    if body is None:
        return None
    found = [one for one in find_times(body.text[:PROBLEM_READ], context.received_at) if not one.year_guessed]
    if not found or len({one.when for one in found}) != 1:
        return None
    when = found[0].at(zone)
    return (event_time(when), Span(body.path, found[0].start, found[0].end)) if when else None


def _problem(definition: Definition, mail: Mail) -> Problem | None:
    """The first rule found in the subject, else the first found in the text, else the one without `when`."""
    body = mail.body()
    text = body.text[:PROBLEM_READ] if body else ""
    subject = mail.subject[:1000]
    conditional = [rule for rule in definition.problem if rule.when is not None]
    for place, said in (("subject", subject), ("body", text)):
        for rule in conditional:
            if rule.place in (place, "all") and rule.when is not None and rule.when.search(said):
                return rule
    return next((rule for rule in definition.problem if rule.when is None), None)


def _row_problem(definition: Definition, row: Row) -> Problem | None:
    """The rule that knows the reporter's own word, if the row has one."""
    if "problem" not in row:
        return None
    said = str(row["problem"].value)
    return next((rule for rule in definition.problem if rule.when is not None and rule.when.search(said)), None)


def _set_problem(event: dict[str, object], problem: Problem) -> None:
    if event.get("classification.type") != problem.type or problem.identifier:
        event.pop("classification.identifier", None)
    event["classification.type"] = problem.type
    if problem.identifier:
        event["classification.identifier"] = problem.identifier


def _corrected(one: ReadEvent, problem: Problem | None, definition: Definition) -> ReadEvent:
    event = dict(one.event)
    open_ = event.get("classification.type") in (None, "", "undetermined", "other")
    if problem is not None and (definition.machine == "correct" or open_):
        _set_problem(event, problem)
    return replace(one, event=event)


def _free_text_problem(mail: Mail, context: ReadContext) -> tuple[str, str]:
    """The problem as free text reads it, for a definition that leaves it open."""
    types = Counter(
        (str(one.event.get("classification.type") or ""), str(one.event.get("classification.identifier") or ""))
        for one in read_free_text(mail, context).events
    )
    best = types.most_common(1)
    return best[0][0] if best and best[0][0][0] else ("undetermined", "")


def _doubts(match: Match, mail: Mail) -> tuple[str, ...]:
    """Why the sender may be another than the one the definition describes."""
    if match.proven or not (match.alternative.senders or match.alternative.dkim):
        return ()
    believed = dict(mail.authentication.believed)
    failed = [method for method in ("dmarc", "dkim", "spf") if believed.get(method) == "fail"]
    if believed.get("dmarc") == "fail" or (failed and not match.definition.spoofable):
        return (f"the mail says it is from {match.definition.name}, but {', '.join(failed)} failed",)
    return ()


def has_resource(event: dict[str, object]) -> bool:
    """Whether an event names anything that a ticket can be about."""
    return any(event.get(field) for field in RESOURCES)
