# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The catalogue: which problem an event is about, what each report type means, and what happens by default."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Severity = Literal["critical", "high", "medium", "low", "info"]
Notify = Literal["at-once", "daily", "weekly", "never"]

#: From worst to least.
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
NOTIFY: tuple[Notify, ...] = ("at-once", "daily", "weekly", "never")

PACKAGE_DATA = Path(__file__).resolve().with_name("catalogue")


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Group:
    """Problems that are handled alike; `id` is the fallback for help texts."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What a ticket is about.

    `name` is for people (English; translations go by `id`). `help` is the key of the help text: templates look for
    it first, then for `group.id`. `notify` says when the customer is told, unless a policy says otherwise;
    `close_after_days` without a new event close the ticket.
    """

    id: str
    name: str
    severity: Severity
    notify: Notify
    close_after_days: int
    group: Group
    help: str


@dataclass(frozen=True, slots=True)
class Case:
    """A row that means something else than its report: `field` (event field or column) has a value, or contains one."""

    field: str
    contains: str = ""
    type: str = ""
    identifier: str = ""
    identifier_from: tuple[str, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """What a report type means.

    `type` and `identifier` are `classification.type` and `.identifier`; `identifier_from` names event fields or
    columns whose value replaces the identifier. `transport` and `application` hold where the report has no such column.
    `constants` are further event fields; `columns` says which event field a column goes to (an empty text: nowhere).
    `known` is false for a feed made from the shape of its name.
    """

    report_type: str
    name: str
    documentation: str
    problem: Problem
    type: str
    identifier: str
    severity: Severity
    transport: str = ""
    application: str = ""
    identifier_from: tuple[str, ...] = ()
    constants: Mapping[str, str] = field(default_factory=_nothing)
    columns: Mapping[str, str] = field(default_factory=_nothing)
    cases: tuple[Case, ...] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class Family:
    """What report types whose name has this beginning mean, as far as one can guess; `{service}` is the rest."""

    begins: str
    type: str
    identifier: str
    application: str = ""
    severity: Severity | None = None
    identifier_from: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Problems, feeds, and the way from a classification to its problem. Look-ups are one or two dict look-ups."""

    problems: Mapping[str, Problem]
    feeds: Mapping[str, Feed]
    taxonomies: Mapping[str, str]
    families: tuple[Family, ...] = ()
    documentation: str = ""
    by_pair: Mapping[tuple[str, str], Problem] = field(default_factory=dict)
    by_beginning: Mapping[str, tuple[tuple[str, Problem], ...]] = field(default_factory=dict)
    by_type: Mapping[str, Problem] = field(default_factory=dict)

    @classmethod
    def load(cls, extra: Path | str | None = None) -> Catalogue:
        """The catalogue of the package, with an operator's file laid over it.

        Kept in memory; an operator's file is read again when it has changed. Raises ConfigurationError with file,
        line, and what to write instead.
        """
        if extra is None:
            return _load(None, 0)
        path = Path(extra)
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            changed = 0
        return _load(path, changed)

    def problem_of(self, type: str | None, identifier: str | None = None) -> Problem:
        """The problem of a classification; an unknown identifier gives the type's, an unknown type `undetermined`."""
        type, identifier = type or "", identifier or ""
        problem = self.by_pair.get((type, identifier))
        if problem is not None:
            return problem
        for beginning, problem in self.by_beginning.get(type, ()):
            if identifier.startswith(beginning):
                return problem
        return self.by_type.get(type) or self.problems["undetermined"]

    def taxonomy_of(self, type: str) -> str:
        """`classification.taxonomy` of a type, `other` for an unknown one."""
        return self.taxonomies.get(type, "other")

    def feed(self, report_type: str) -> Feed | None:
        """The feed of this report type, an IPv6 twin included; None for one that is not listed."""
        feed = self.feeds.get(report_type)
        if feed is None:
            twin = ipv4_twin(report_type)
            feed = self.feeds.get(twin) if twin else None
        return feed

    def guess_feed(self, report_type: str) -> Feed:
        """A feed for a report type that is not listed, from the beginning of its name."""
        family = next(family for family in self.families if report_type.startswith(family.begins))
        service = report_type[len(family.begins) :].strip("_").replace("_", "-")[:60]
        identifier = family.identifier.replace("{service}", service).strip("-").replace("open-open-", "open-")
        if service.endswith("-vulnerable"):
            # As in scan_smtp_vulnerable, which is not about the service being there.
            service = service[: -len("-vulnerable")]
            identifier = f"vulnerable-{service}"
        problem = self.problem_of(family.type, identifier)
        return Feed(
            report_type=report_type,
            name=report_type,
            documentation=self.documentation,
            problem=problem,
            type=family.type,
            identifier=identifier,
            severity=family.severity or problem.severity,
            application=family.application.replace("{service}", service),
            identifier_from=family.identifier_from,
            columns=family.columns,
            known=False,
        )


def ipv4_twin(report_type: str) -> str:
    """`scan_ssh` for `scan6_ssh`, `event4_sinkhole` for `event6_sinkhole`, `device_id` for `device_id6`; else empty."""
    head, _, rest = report_type.partition("_")
    if rest and head == "event6":
        return "event4_" + rest
    if rest and len(head) > 1 and head.endswith("6"):
        return head[:-1] + "_" + rest
    if report_type.endswith("6") and len(report_type) > 1:
        return report_type[:-1]
    return ""


@lru_cache(maxsize=8)
def _load(extra: Path | None, changed: int) -> Catalogue:
    # Imported here because the reader of the files builds the values of this module.
    from abusehandler.harmonization.catalogue_files import read_catalogue

    files = [PACKAGE_DATA / name for name in ("problems.yaml", "classification.yaml", "shadowserver.yaml")]
    return read_catalogue([*files, extra] if extra else files)
