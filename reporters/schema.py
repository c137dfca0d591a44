# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""YAML of one definition to its value, with the line of each mistake and the word that was probably meant."""

from __future__ import annotations

import difflib
import re
from datetime import timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from abusehandler.errors import ConfigurationError
from abusehandler.reporters.definition import FIELDS, Alternative, Definition, Inside, Problem, Step
from abusehandler.reporters.patterns import UnsafePattern, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LARGEST_FILE = 200_000
#: libyaml's parser is ten times as fast as the one in Python; both make the same nodes
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

TOP = (
    "name", "about", "documented", "recognise", "spoofable", "verdict", "kind", "machine", "inside", "take", "problem", "ignore", "zone",
    "confidence",
)  # fmt: skip
ALTERNATIVE = ("from", "dkim", "subject", "body", "header", "reply")
PROBLEM = ("type", "identifier", "when", "in")
STEP_KINDS = ("labels", "find", "table", "json", "xml", "every")
STEP = (*STEP_KINDS, "in", "start", "end", "first", "separator", "each")

#: classification.type of IntelMQ 3.5 (RSIT); the same list as its harmonization.conf, which the core does not read
TYPES = frozenset({
    "application-compromise", "blacklist", "brute-force", "burglary", "c2-server", "copyright", "data-leak", "data-loss",
    "ddos", "ddos-amplifier", "dga-domain", "dos", "exploit", "harmful-speech", "ids-alert", "infected-system",
    "information-disclosure", "malware", "malware-configuration", "malware-distribution", "masquerade", "misconfiguration",
    "other", "outage", "phishing", "potentially-unwanted-accessible", "privileged-account-compromise", "proxy", "sabotage",
    "scanner", "sniffing", "social-engineering", "spam", "system-compromise", "test", "tor",
    "unauthorised-information-access", "unauthorised-information-modification", "unauthorized-use-of-resources",
    "undetermined", "unprivileged-account-compromise", "violence", "vulnerable-system", "weak-crypto",
})  # fmt: skip
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


class Node:
    """A YAML node with its place, so that each mistake can name the line."""

    def __init__(self, file: str, node: yaml.Node) -> None:
        self.file = file
        self.node = node
        self.line = node.start_mark.line + 1

    def wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self.file}, line {self.line}: {what}")

    def mapping(self, allowed: Iterable[str] | None = None, what: str = "key") -> dict[str, Node]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong("a list of `key: value` lines must stand here")
        found: dict[str, Node] = {}
        for key_node, value in self.node.value:
            key = Node(self.file, key_node)
            name = key.text()
            if name in found:
                raise key.wrong(f"{what} {name!r} is there twice; keep one")
            if allowed is not None and name not in allowed:
                raise key.wrong(f"unknown {what} {name!r}{_nearest(name, allowed)}")
            found[name] = Node(self.file, value)
        return found

    def sequence(self) -> list[Node]:
        """The items of a list; a single value counts as a list of one."""
        if isinstance(self.node, yaml.SequenceNode):
            return [Node(self.file, item) for item in self.node.value]
        return [self]

    def text(self) -> str:
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.wrong("a single text must stand here")
        return str(self.node.value)

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.sequence())

    def one_of(self, allowed: Iterable[str], what: str) -> str:
        value = self.text()
        if value not in allowed:
            raise self.wrong(f"unknown {what} {value!r}{_nearest(value, allowed)}")
        return value

    def truth(self) -> bool:
        return self.one_of(("true", "false"), "value (true or false)") == "true"

    def pattern(self) -> re.Pattern[str]:
        try:
            return compile_pattern(self.text())
        except UnsafePattern as error:
            raise self.wrong(f"the pattern {error}") from error


def _nearest(word: str, allowed: Iterable[str]) -> str:
    names = sorted(allowed)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; one of: {', '.join(names)}"


def parse_zone(name: str) -> tzinfo:
    """`UTC`, `+02:00`, or a name of the zone database as `Europe/Berlin`; raises ValueError."""
    if name.upper() in {"UTC", "GMT", "Z"}:
        return timezone.utc
    if match := _OFFSET.fullmatch(name):
        minutes = int(match.group(2)) * 60 + int(match.group(3))
        if minutes > 15 * 60:
            raise ValueError(f"{name!r} is further from UTC than any zone")
        return timezone(timedelta(minutes=-minutes if match.group(1) == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no zone; write UTC, +02:00 or a name such as Europe/Berlin") from error


def parse_definition(text: str, file: str, path: Path | None = None) -> Definition:
    """The definition that a YAML text says; raises ConfigurationError with file, line and what to write."""
    if len(text) > LARGEST_FILE:
        raise ConfigurationError(f"{file}: larger than {LARGEST_FILE} characters; a definition is one sender")
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{file}{line}: no YAML: {getattr(error, 'problem', None) or error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{file}: nested too deep") from error
    if root is None:
        raise ConfigurationError(f"{file}: is empty; docs/read-a-new-reporter.md shows what a definition looks like")
    _refuse_aliases(root, file)
    return _definition(Node(file, root), path)


def _refuse_aliases(root: yaml.Node, file: str) -> None:
    """An alias is a node that stands in two places; a few lines of them can mean millions of values."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            line = node.start_mark.line + 1
            raise ConfigurationError(
                f"{file}, line {line}: what stands here is used again by `*alias`; write the value again"
            )
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [item for pair in node.value for item in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _definition(node: Node, path: Path | None) -> Definition:
    top = node.mapping(TOP)
    for key in ("name", "about", "recognise"):
        if key not in top:
            raise node.wrong(f"`{key}:` is missing")
    name = top["name"].text()
    if not _NAME.fullmatch(name):
        raise top["name"].wrong(f"the name {name!r} may have small letters, digits and `-` only")
    verdict = top["verdict"].one_of(("report", "not-a-report"), "verdict") if "verdict" in top else "report"
    if verdict == "not-a-report" and "kind" not in top:
        raise node.wrong("`kind:` is missing; say what it is instead of a report: receipt, newsletter, ...")
    zone_name = top["zone"].text() if "zone" in top else ""
    zone = None
    if zone_name:
        try:
            zone = parse_zone(zone_name)
        except ValueError as error:
            raise top["zone"].wrong(str(error)) from error
    return Definition(
        name=name,
        about=top["about"].text(),
        documented=top["documented"].texts() if "documented" in top else (),
        recognise=tuple(_alternative(item) for item in top["recognise"].sequence()),
        spoofable=top["spoofable"].truth() if "spoofable" in top else True,
        verdict=cast("Literal['report', 'not-a-report']", verdict),
        kind=top["kind"].text() if "kind" in top else "",
        machine=cast(
            "Literal['keep', 'correct']",
            top["machine"].one_of(("keep", "correct"), "value") if "machine" in top else "keep",
        ),
        inside=_inside(top["inside"]) if "inside" in top else None,
        take=tuple(_step(item) for item in top["take"].sequence()) if "take" in top else (),
        problem=tuple(_problem(item) for item in top["problem"].sequence()) if "problem" in top else (),
        ignore=tuple(text.lower() for text in top["ignore"].texts()) if "ignore" in top else (),
        zone=zone,
        zone_name=zone_name,
        confidence=_confidence(top["confidence"]) if "confidence" in top else 0.9,
        path=path,
    )


def _inside(node: Node) -> Inside:
    said = node.mapping(("start", "end"))
    if "start" not in said:
        raise node.wrong("`start:` is missing: a pattern for what stands before the report that is passed on")
    return Inside(said["start"].pattern(), said["end"].pattern() if "end" in said else None)


def _confidence(node: Node) -> float:
    try:
        value = float(node.text())
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise node.wrong(f"confidence is a number above 0 and up to 1, not {node.text()!r}")
    return value


def _alternative(node: Node) -> Alternative:
    said = node.mapping(ALTERNATIVE)
    made = Alternative(
        senders=tuple(text.lower() for text in said["from"].texts()) if "from" in said else (),
        dkim=tuple(text.lower() for text in said["dkim"].texts()) if "dkim" in said else (),
        subject=said["subject"].pattern() if "subject" in said else None,
        body=tuple(" ".join(text.lower().split()) for text in said["body"].texts()) if "body" in said else (),
        headers=tuple((name.lower(), value.pattern()) for name, value in said["header"].mapping().items())
        if "header" in said
        else (),
        reply=said["reply"].truth() if "reply" in said else True,
        line=node.line,
    )
    if not (made.senders or made.dkim or made.subject or made.body or made.headers):
        raise node.wrong("an alternative must say at least one of: from, dkim, subject, body, header")
    return made


def _problem(node: Node) -> Problem:
    said = node.mapping(PROBLEM)
    if "type" not in said:
        raise node.wrong("`type:` is missing (a classification.type of IntelMQ)")
    place = said["in"].one_of(("subject", "body", "all"), "place") if "in" in said else "all"
    return Problem(
        type=said["type"].one_of(TYPES, "classification.type"),
        identifier=said["identifier"].text() if "identifier" in said else "",
        when=said["when"].pattern() if "when" in said else None,
        place=cast("Literal['subject', 'body', 'all']", place),
        line=node.line,
    )


def _place(node: Node) -> str:
    place = node.text()
    known = ("subject", "body")
    if place in known or re.fullmatch(r"(?:header|attached-header):[\w-]{1,60}|attachment:\S{1,80}", place):
        return place
    raise node.wrong(
        f"unknown place {place!r}; one of: subject, body, header:NAME, attached-header:NAME, attachment:*.csv"
    )


def _step(node: Node) -> Step:
    said = node.mapping(STEP)
    kinds = [key for key in STEP_KINDS if key in said]
    if len(kinds) != 1:
        raise node.wrong(f"a step says exactly one of: {', '.join(STEP_KINDS)}")
    kind = cast("Literal['labels', 'find', 'table', 'json', 'xml', 'every']", kinds[0])
    names: list[tuple[str, tuple[str, ...]]] = []
    pattern = None
    field = ""
    if kind == "find":
        pattern = said["find"].pattern()
        if not pattern.groupindex:
            raise said["find"].wrong("the pattern takes nothing; put a field in it, as <source.ip>")
    elif kind == "every":
        field = said["every"].one_of(("source.ip", "source.url", "source.fqdn"), "field")
    else:
        for name, value in said[kind].mapping(FIELDS, "field").items():
            names.append((name, value.texts()))
    if kind in ("json", "xml") and "each" not in said:
        raise node.wrong(f"`each:` is missing: the path of what becomes one event in the {kind}")
    return Step(
        kind=kind,
        place=_place(said["in"]) if "in" in said else "body",
        start=said["start"].pattern() if "start" in said else None,
        end=said["end"].pattern() if "end" in said else None,
        names=tuple(names),
        pattern=pattern,
        each=said["each"].text() if "each" in said else "",
        field=field,
        first=said["first"].truth() if "first" in said else False,
        separator=said["separator"].text() if "separator" in said else "",
        line=node.line,
    )
