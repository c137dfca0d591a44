# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a corrected mail to the draft of a definition: who sent it, where each value stood, which problem it is.

For each value of the first event its place in the mail becomes a step: a label where its line has one, else a pattern of the words
around it. What cannot be found again in the text is left to free text, which completes what the steps lack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from abusehandler.errors import ConfigurationError
from abusehandler.reporters.definition import FIELDS, RESOURCES
from abusehandler.reporters.lint import CHECKS, FREE_MAIL, Case, Finding
from abusehandler.reporters.match import BODY_READ, Matcher, look_at, plain_subject
from abusehandler.reporters.schema import parse_definition
from abusehandler.reporters.slowness import patterns_of, slow_patterns
from abusehandler.reporters.take import take
from abusehandler.reporters.values import Clock, value_of, with_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from abusehandler.reporters.definition import Definition
    from abusehandler.reports.mail.message import Mail

#: Checks that need no samples beside the file: an operator's own mails cannot be samples, they name people.
_WITHOUT_SAMPLES = frozenset(
    {"narrow-enough", "takes-resource", "default-problem-last", "forgery-claim", "fast-patterns"}
)
#: Fields that are looked for, the resource first.
_LOOKED_FOR = (*RESOURCES, "time.source", "source.port", "destination.ip", "destination.port", "malware.name")
_LABEL = re.compile(r"[\s>*|•·#-]{0,12}([^\s:=|>*#-][^:=|\n]{0,38}?)[ \t]{0,8}(?:[:=|]|->)[ \t]{0,12}")
_WORDS = re.compile(r"\S{1,30}")
_HOST_PART = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """What a definition makes of one mail: the events that its steps take, and who reads the mail now."""

    events: tuple[dict[str, Any], ...]
    known_as: str


def draft(mail: Mail, events: Sequence[Mapping[str, Any]], *, report: int, received_at: datetime) -> tuple[str, str]:
    """Name and YAML of a definition that should find `events` in the mail. Never raises."""
    domain = mail.sender.rpartition("@")[2]
    # one person's mailbox at a large provider is no sender of machines
    who = mail.sender if domain in FREE_MAIL or not domain else domain
    name = _HOST_PART.sub("-", (who or "unknown").lower()).strip("-")[:50].strip("-") or "sender"
    proven = bool(domain) and any(domain == one or domain.endswith(f".{one}") for one in mail.authentication.dkim)
    alternative: dict[str, Any] = {"from": [who]} if who else {}
    if who == mail.sender:
        alternative["subject"] = _subject(mail.subject)
    event = dict(events[0]) if events else {}
    made: dict[str, Any] = {
        "name": name, "about": f"mails of {mail.sender_name or who or 'an unknown sender'}"[:120],
        "documented": [f"mails of the sender, report {report}"], "spoofable": not proven,
        "recognise": [{key: value for key, value in alternative.items() if value}],
    }  # fmt: skip
    steps = _steps(mail, event, received_at)
    if steps:
        made["take"] = steps
    if event.get("classification.type"):
        problem = {"type": str(event["classification.type"])}
        if event.get("classification.identifier"):
            problem["identifier"] = str(event["classification.identifier"])
        made["problem"] = [problem]
    return name, yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)


def _subject(subject: str) -> str:
    """The subject as a pattern in which digits may be others."""
    words = plain_subject(subject)[:80]
    return re.sub(
        r"(?:\d|\\\.|\\:)*\d", lambda _: r"[\\d.:]{1,40}".replace("\\\\", "\\"), re.escape(words).replace(r"\ ", " ")
    )


def _steps(mail: Mail, event: Mapping[str, Any], received_at: datetime) -> list[dict[str, Any]]:
    body = mail.body()
    labels: dict[str, str] = {}
    patterns: list[dict[str, Any]] = []
    if body is None:
        return []
    clock = Clock(None, mail.sent_at or received_at)
    for field in _LOOKED_FOR:
        if event.get(field) in (None, ""):
            continue
        for place, text in (("body", body.text[:BODY_READ]), ("subject", plain_subject(mail.subject))):
            found = _place(field, event[field], text, clock)
            if found is None:
                continue
            label, pattern = found
            if label and place == "body":
                labels[field] = label
            elif pattern:
                patterns.append({**({"in": place} if place != "body" else {}), "find": pattern})
            break
    steps: list[dict[str, Any]] = [{"labels": labels}] if labels else []
    return steps + patterns


def _place(field: str, value: Any, text: str, clock: Clock) -> tuple[str, str] | None:
    """Label or pattern for where this value stands in the text."""
    for line in text.splitlines()[:2000]:
        if len(line) > 1000:
            continue
        label = _LABEL.match(line)
        if label is not None and _same(field, value_of(field, line[label.end() :], clock), value):
            return label[1].strip(), ""
        if field == "time.source":
            continue
        start = line.lower().find(str(value).lower())
        if start >= 0 and not line[max(0, start - 1) : start].isalnum():
            return "", _around(line, start, start + len(str(value)), field)
    return None


def _same(field: str, found: Any, value: Any) -> bool:
    """Whether a line's value is this one; the minutes tell a time whose zone the line does not say."""
    if found is None:
        return False
    if field == "time.source":
        return str(found)[14:19] == str(value)[14:19]
    return str(found).lower() == str(value).lower()


def _around(line: str, start: int, end: int, field: str) -> str:
    """The value's placeholder between the two words before it and the word after it."""
    before = "".join(_generalised(one) for one in _WORDS.findall(line[max(0, start - 60) : start])[-2:])
    after = _WORDS.findall(line[end : end + 40])[:1]
    if field not in FIELDS:
        return ""
    joined = before + f"<{field}>"
    if not before and after:
        joined += r"\s{1,4}" + re.escape(after[0])
    return joined


def _generalised(word: str) -> str:
    """A word, with other digits allowed, and the gap after it."""
    return re.sub(r"\d+", lambda _: r"\d{1,20}", re.escape(word)) + r"\s{0,4}"


def checked(text: str) -> tuple[Definition | None, list[Finding]]:
    """The definition that a text says, and what the linter finds, without the checks that need samples."""
    try:
        definition = parse_definition(text.replace("\r\n", "\n"), "draft")
    except ConfigurationError as error:
        return None, [Finding("draft", 0, "error", "readable", str(error).rstrip("."), "Mend this first")]
    patterns = sorted({pattern.pattern for _, pattern in patterns_of(definition)})
    slow = frozenset(patterns[index] for index in slow_patterns(patterns, 10.0))
    case = Case(definition, [], [], Matcher([definition]), slow)
    return definition, [
        Finding("draft", line, check.level, check.name, what, check.recommendation)
        for check in CHECKS
        if check.name in _WITHOUT_SAMPLES
        for line, what in check.look(case)
    ]


def is_quick(findings: Sequence[Finding]) -> bool:
    """Whether the definition may be run in this process, whose threads all wait while a pattern is matched."""
    return not any(finding.check == "fast-patterns" for finding in findings)


def hit(definition: Definition, mail: Mail, known: Matcher, received_at: datetime) -> Hit | None:
    """What the definition makes of a mail; None when it does not recognise it. Never raises."""
    look = look_at(mail)
    if Matcher([definition]).match_look(look) is None:
        return None
    rows = take(definition, mail, Clock(definition.zone, mail.sent_at or received_at)) if definition.take else []
    events = tuple(
        with_host({field: found.value for field, found in row.items() if field != "problem"}) for row in rows
    )
    now = known.match_look(look)
    return Hit(events, now.definition.name if now is not None else "")


def differences(wanted: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """In words, what the steps do not find as a person has corrected it."""
    words = []
    by_resource = {_resource(event): event for event in found}
    for event in wanted:
        other = by_resource.get(_resource(event))
        if other is None:
            words.append(f"{_resource(event)} is not found")
            continue
        words += [
            f"{_resource(event)}: {field} is {other.get(field) or 'left to free text'}, not {event[field]}"
            for field in _LOOKED_FOR
            if event.get(field) and str(other.get(field, "")).lower() != str(event[field]).lower()
        ]
    return words


def _resource(event: Mapping[str, Any]) -> str:
    return next((str(event[name]).lower() for name in RESOURCES if event.get(name)), "")
