# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads and checks the catalogue's files; what a later file says about a key replaces what an earlier one said."""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from abusehandler.harmonization.catalogue import (
    NOTIFY,
    SEVERITIES,
    Case,
    Catalogue,
    Family,
    Feed,
    Group,
    Notify,
    Problem,
    Severity,
)
from abusehandler.harmonization.located_yaml import Located, describe, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: Shadowserver's overview of its reports; each has a page of its own below it.
DOCUMENTATION = "https://www.shadowserver.org/what-we-do/network-reporting/"

# https://github.com/enisaeu/Reference-Security-Incident-Taxonomy-Task-Force, as IntelMQ 3.5 has it.
TAXONOMIES = (
    "abusive-content", "availability", "fraud", "information-content-security", "information-gathering",
    "intrusion-attempts", "intrusions", "malicious-code", "other", "test", "vulnerable",
)  # fmt: skip

# The sections, and the keys of their entries. `identifiers` has free keys.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "groups": ("name", "severity", "notify", "close_after_days"),
    "problems": ("name", "group", "severity", "notify", "close_after_days", "help"),
    "types": ("taxonomy", "problem"),
    "identifiers": (),
    "feeds": (
        "name", "page", "problem", "type", "identifier", "identifier_from", "transport", "application", "severity",
        "constants", "columns", "cases",
    ),
    "families": ("type", "identifier", "identifier_from", "application", "severity", "columns"),
}  # fmt: skip
CASE_KEYS = ("field", "contains", "type", "identifier", "identifier_from", "severity", "problem")

_PROBLEM_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_REPORT_TYPE = re.compile(r"[a-z][a-z0-9_]*")
_FIELD = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")
# A column that could move a row to another customer or time must keep its meaning in every report.
_FIELD_BEGINS = (
    "source.", "destination.", "extra.", "malware.", "product.", "protocol.", "event_description.", "time.source",
)  # fmt: skip

_Entry = dict[str, Located]


def read_catalogue(files: Iterable[Path]) -> Catalogue:
    """The catalogue that the files make together. Raises ConfigurationError."""
    return _Builder(_merge(files)).build()


def _merge(files: Iterable[Path]) -> dict[str, dict[str, tuple[Located, _Entry]]]:
    """section -> key -> (place of the last mention, field -> value)."""
    merged: dict[str, dict[str, tuple[Located, _Entry]]] = {section: {} for section in SECTIONS}
    for file in files:
        document = load(file)
        for section, entries in document.mapping("the file").items():
            if section not in SECTIONS:
                entries.fail(f"section {section!r} is not known; write one of: {', '.join(SECTIONS)}")
            for key, entry in entries.mapping(section).items():
                fields = entry.mapping(f"{section}: {key}")
                for name, value in fields.items():
                    if SECTIONS[section] and name not in SECTIONS[section]:
                        value.fail(
                            f"{section}: {key}: key {name!r} is not known; write one of: {', '.join(SECTIONS[section])}"
                        )
                place, known = merged[section].get(key, (entry, {}))
                merged[section][key] = (entry if not known else place, {**known, **fields})
    return merged


class _Builder:
    def __init__(self, merged: dict[str, dict[str, tuple[Located, _Entry]]]) -> None:
        self.merged = merged
        self.groups: dict[str, tuple[Group, _Entry]] = {}
        self.problems: dict[str, Problem] = {}
        self.taxonomies: dict[str, str] = {}
        self.by_type: dict[str, Problem] = {}
        self.by_pair: dict[tuple[str, str], Problem] = {}
        self.by_beginning: dict[str, tuple[tuple[str, Problem], ...]] = {}
        self.pair_places: dict[tuple[str, str], Located] = {}

    def build(self) -> Catalogue:
        for key, (_, entry) in self.merged["groups"].items():
            name = entry["name"].text("name") if "name" in entry else key
            self.groups[key] = (Group(key, name), entry)
        for key, (place, entry) in self.merged["problems"].items():
            self.problems[key] = self.problem(key, place, entry)
        for key, (place, entry) in self.merged["types"].items():
            self.taxonomies[key] = self.wanted(place, entry, "taxonomy").choice("taxonomy", TAXONOMIES)
            self.by_type[key] = self.problem_named(self.wanted(place, entry, "problem"))
        feeds = {key: self.feed(key, place, entry) for key, (place, entry) in self.merged["feeds"].items()}
        # Last, so that what is said about a pair outright is stronger than what a feed says by the way.
        for type_, (place, entry) in self.merged["identifiers"].items():
            self.known_type(place, type_)
            beginnings = []
            for identifier, value in entry.items():
                if identifier.endswith("*"):
                    beginnings.append((identifier[:-1], self.problem_named(value)))
                else:
                    self.by_pair[type_, identifier] = self.problem_named(value)
            self.by_beginning[type_] = tuple(sorted(beginnings, key=lambda pair: len(pair[0]), reverse=True))
        for key, feed in feeds.items():
            said = self.by_pair[feed.type, feed.identifier]
            if said is not feed.problem:
                feeds[key] = replace(feed, problem=said)
        families = [self.family(key, place, entry) for key, (place, entry) in self.merged["families"].items()]
        families.sort(key=lambda family: len(family.begins), reverse=True)
        return Catalogue(
            problems=MappingProxyType(self.problems),
            feeds=MappingProxyType(feeds),
            taxonomies=MappingProxyType(self.taxonomies),
            families=tuple(families),
            documentation=DOCUMENTATION,
            by_pair=MappingProxyType(self.by_pair),
            by_beginning=MappingProxyType(self.by_beginning),
            by_type=MappingProxyType(self.by_type),
        )

    def problem(self, key: str, place: Located, entry: _Entry) -> Problem:
        if not _PROBLEM_ID.fullmatch(key):
            place.fail(f"problem {key!r}: an id has small letters, digits and single hyphens, like open-dns-resolver")
        group_place = self.wanted(place, entry, "group")
        if group_place.value not in self.groups:
            known = ", ".join(self.groups)
            group_place.fail(f"group {describe(group_place.value)} is not known; write one of: {known}")
        group, defaults = self.groups[group_place.value]
        both = {**defaults, **entry}
        return Problem(
            id=key,
            name=self.wanted(place, entry, "name").text("name"),
            severity=cast("Severity", self.wanted(place, both, "severity").choice("severity", SEVERITIES)),
            notify=cast("Notify", self.wanted(place, both, "notify").choice("notify", NOTIFY)),
            close_after_days=self.wanted(place, both, "close_after_days").whole_number("close_after_days", 1, 3650),
            group=group,
            help=entry["help"].text("help") if "help" in entry else key,
        )

    def feed(self, key: str, place: Located, entry: _Entry) -> Feed:
        if not _REPORT_TYPE.fullmatch(key):
            place.fail(f"feed {key!r}: a report type is the name part of a file, like scan_dns")
        type_ = self.type_of(place, entry)
        identifier = self.wanted(place, entry, "identifier").text("identifier")
        problem = self.problem_named(entry["problem"]) if "problem" in entry else self.by_type[type_]
        self.pair(type_, identifier, problem, entry.get("problem", place))
        page = entry["page"].text("page") if "page" in entry else ""
        constants = entry["constants"].mapping("constants") if "constants" in entry else {}
        for name, value in constants.items():
            self.event_field(value, name)
        return Feed(
            report_type=key,
            name=entry["name"].text("name") if "name" in entry else key,
            documentation=page if page.startswith("http") else f"{DOCUMENTATION}{page}/" if page else DOCUMENTATION,
            problem=problem,
            type=type_,
            identifier=identifier,
            severity=self.severity(entry) or problem.severity,
            transport=entry["transport"].choice("transport", ("tcp", "udp")) if "transport" in entry else "",
            application=entry["application"].text("application").lower() if "application" in entry else "",
            identifier_from=self.identifier_from(entry),
            constants=MappingProxyType({name: value.text(name) for name, value in constants.items()}),
            columns=self.columns(entry),
            cases=self.cases(entry, type_, identifier),
        )

    def family(self, key: str, place: Located, entry: _Entry) -> Family:
        return Family(
            begins=key,
            type=self.type_of(place, entry),
            identifier=self.wanted(place, entry, "identifier").text("identifier"),
            application=entry["application"].text("application") if "application" in entry else "",
            severity=self.severity(entry),
            identifier_from=self.identifier_from(entry),
            columns=self.columns(entry),
        )

    def cases(self, entry: _Entry, type_: str, identifier: str) -> tuple[Case, ...]:
        if "cases" not in entry:
            return ()
        if not isinstance(entry["cases"].value, tuple):
            entry["cases"].fail("cases must be a list, each with a `field`")
        made = []
        for item in entry["cases"].value:
            fields = dict(item.mapping("a case"))
            for name, value in fields.items():
                if name not in CASE_KEYS:
                    value.fail(f"a case's key {name!r} is not known; write one of: {', '.join(CASE_KEYS)}")
            case = Case(
                field=self.wanted(item, fields, "field").text("field"),
                contains=fields["contains"].text("contains") if "contains" in fields else "",
                type=self.type_of(item, fields) if "type" in fields else "",
                identifier=fields["identifier"].text("identifier") if "identifier" in fields else "",
                identifier_from=self.identifier_from(fields),
                severity=self.severity(fields),
            )
            if "problem" in fields:
                pair_type, pair_identifier = case.type or type_, case.identifier or identifier
                self.pair(pair_type, pair_identifier, self.problem_named(fields["problem"]), fields["problem"])
            made.append(case)
        return tuple(made)

    def columns(self, entry: _Entry) -> Mapping[str, str]:
        if "columns" not in entry:
            return MappingProxyType({})
        columns = {}
        for column, value in entry["columns"].mapping("columns").items():
            target = value.text(f"columns: {column}")
            if target:
                self.event_field(value, target)
            columns[column.lower()] = target
        return MappingProxyType(columns)

    def event_field(self, place: Located, name: str) -> None:
        if not _FIELD.fullmatch(name) or not name.startswith(_FIELD_BEGINS):
            place.fail(f"{name!r} is no event field that a column can fill, like source.port or extra.{name}")

    def pair(self, type_: str, identifier: str, problem: Problem, place: Located) -> None:
        """Notes the problem of a pair; two feeds must not say different things about the same one."""
        said = self.by_pair.get((type_, identifier))
        if said is not None and said is not problem:
            other = self.pair_places[type_, identifier]
            place.fail(
                f"({type_}, {identifier}) is problem {problem.id!r} here and {said.id!r} at {other.file}:{other.line}; "
                "give the identifier another name or the same problem"
            )
        self.by_pair[type_, identifier] = problem
        self.pair_places[type_, identifier] = place

    def problem_named(self, place: Located) -> Problem:
        problem = self.problems.get(place.value) if isinstance(place.value, str) else None
        if problem is None:
            place.fail(f"problem {describe(place.value)} is not known; add it under `problems:` or write a known one")
        return problem

    def type_of(self, place: Located, entry: _Entry) -> str:
        value = self.wanted(place, entry, "type")
        type_ = value.text("type")
        self.known_type(value, type_)
        return type_

    def known_type(self, place: Located, type_: str) -> None:
        if type_ not in self.by_type:
            place.fail(f"classification.type {type_!r} is not known; write one of: {', '.join(self.by_type)}")

    def identifier_from(self, entry: _Entry) -> tuple[str, ...]:
        return entry["identifier_from"].texts("identifier_from") if "identifier_from" in entry else ()

    def severity(self, entry: _Entry) -> Severity | None:
        if "severity" not in entry:
            return None
        return cast("Severity", entry["severity"].choice("severity", SEVERITIES))

    def wanted(self, place: Located, entry: Mapping[str, Located], key: str) -> Located:
        if key not in entry:
            place.fail(f"key {key!r} is missing; add `{key}: ...`")
        return entry[key]
