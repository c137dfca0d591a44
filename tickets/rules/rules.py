# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the rules say about a problem and a customer: the narrowest section that names a value wins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.rules.model import LifeTimes, RuleFile
from abusehandler.tickets.rules.reading import read_rule_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from abusehandler.tickets.rules.model import EscalationRule, KeySettings, MuteRule
    from abusehandler.tickets.rules.notice_rules import NoticeRules

REOPEN_WITHIN_DAYS = 30
CLOSE_IGNORED_AFTER_DAYS = 90
#: So long a customer may hold notices about a ticket back by self-help.
PAUSE_DAYS = 14
#: For a problem that is no longer in the catalogue.
CLOSE_AFTER_DAYS = 14


@dataclass(frozen=True, slots=True)
class Times:
    """How long a ticket lives. `close_after` and its kin count from the last sign of life; None is never.

    `reopen_within`: an event so soon after closing opens the ticket again, zero for always a new one.
    """

    reopen_within: timedelta
    close_after: timedelta | None
    close_resolved_after: timedelta | None
    close_ignored_after: timedelta | None

    def silence(self, state: str) -> timedelta | None:
        """After how long without a sign of life a ticket in this state is closed; None for never."""
        if state == "resolved":
            return self.close_resolved_after
        return self.close_ignored_after if state == "ignored" else self.close_after


@dataclass(frozen=True, slots=True)
class KeyRule:
    """What is in a ticket's key beside customer, resource and problem. `ipv6_prefix` None: as abusehandler.yaml says."""

    port: bool = False
    feed: bool = False
    domain: bool = False
    ipv6_prefix: int | None = None


class Rules:
    """The rules of one rules.yaml. Unchanging: a changed file makes a new one, see `RulesInUse`."""

    def __init__(self, file: RuleFile, catalogue: Catalogue) -> None:
        self.file = file
        self._catalogue = catalogue
        self._times: dict[tuple[str, str | None], Times] = {}

    @classmethod
    def load(cls, path: Path | None = None, catalogue: Catalogue | None = None) -> Rules:
        """The rules of this file; the defaults for None and for a file that is not there.

        Raises ConfigurationError with file, line, key, and what to write instead.
        """
        known = catalogue or Catalogue.load()
        return cls(read_rule_file(path, known) if path is not None and path.exists() else RuleFile(), known)

    @property
    def escalation(self) -> Sequence[EscalationRule]:
        """The rules by which tickets are escalated; the first that fits counts."""
        return self.file.escalation

    @property
    def mutes(self) -> Sequence[MuteRule]:
        """What the operator mutes by file; people's mutes are in the database."""
        return self.file.mutes

    @property
    def notices(self) -> NoticeRules:
        """When customers are told."""
        return self.file.notices

    def group_of(self, problem: str) -> str:
        """The group of a problem; empty for one that the catalogue does not have."""
        known = self._catalogue.problems.get(problem)
        return "" if known is None else known.group.id

    def times(self, problem: str, customer: str | None = None) -> Times:
        """How long tickets of this problem live; customer with problem, customer, problem, group, defaults, catalogue."""
        who = customer if customer in self.file.customers else None
        known = self._times.get((problem, who))
        if known is None:
            known = self._times[problem, who] = self._make_times(problem, who)
        return known

    def _first(self, problem: str, customer: str | None, name: str, default: object) -> object:
        """What the narrowest section that speaks of it says."""
        file = self.file
        own = file.customers.get(customer) if customer is not None else None
        layers: list[LifeTimes | None] = [
            None if own is None else own.problems.get(problem),
            own,
            file.problems.get(problem),
            file.groups.get(self.group_of(problem)),
            file.defaults,
        ]
        values = (getattr(layer, name) for layer in layers if layer is not None)
        return next((value for value in values if value is not None), default)

    def _make_times(self, problem: str, customer: str | None) -> Times:
        known = self._catalogue.problems.get(problem)

        def first(name: str, default: object) -> object:
            return self._first(problem, customer, name, default)

        close = first("close_after_days", CLOSE_AFTER_DAYS if known is None else known.close_after_days)
        return Times(
            reopen_within=_days(first("reopen_within_days", REOPEN_WITHIN_DAYS)) or timedelta(),
            close_after=_days(close),
            close_resolved_after=_days(first("close_resolved_after_days", close)),
            close_ignored_after=_days(first("close_ignored_after_days", CLOSE_IGNORED_AFTER_DAYS)),
        )

    def pause_days(self, problem: str, customer: str) -> int:
        """So many days a customer may hold notices about such a ticket back; in the order of `times`."""
        days = self._first(
            problem, customer if customer in self.file.customers else None, "customer_may_pause_days", PAUSE_DAYS
        )
        return days if isinstance(days, int) else 0

    def key(self, problem: str) -> KeyRule:
        """What is in the key of this problem's tickets; problem, group, defaults."""
        file = self.file
        layers: list[KeySettings] = [
            section.key
            for section in (file.problems.get(problem), file.groups.get(self.group_of(problem)), file.defaults)
            if section is not None
        ]

        def first(name: str) -> bool:
            return next((bool(value) for layer in layers if (value := getattr(layer, name)) is not None), False)

        prefix = next((layer.ipv6_prefix for layer in layers if layer.ipv6_prefix is not None), None)
        return KeyRule(port=first("port"), feed=first("feed"), domain=first("domain"), ipv6_prefix=prefix)

    def mark_of_times(self) -> str:
        """Changes whenever a life time changes, in this file or in the catalogue: open tickets are looked at anew then."""
        file = self.file
        said = [
            file.defaults.model_dump_json(exclude={"key", "customer_may_pause_days"}),
            *(f"{kind} {name} {section.model_dump_json(exclude={'key', 'customer_may_pause_days'})}"
              for kind, sections in (("group", file.groups), ("problem", file.problems), ("customer", file.customers))
              for name, section in sorted(sections.items())),
            *(f"{problem.id} {problem.group.id} {problem.close_after_days}"
              for problem in sorted(self._catalogue.problems.values(), key=lambda one: one.id)),
        ]  # fmt: skip
        return hashlib.blake2b("\n".join(said).encode(), digest_size=16).hexdigest()


def _days(value: object) -> timedelta | None:
    return timedelta(days=value) if isinstance(value, int) else None


class RulesInUse:
    """The rules as a long-running process has them: read again when the file has changed."""

    def __init__(self, path: Path | None, catalogue: Catalogue) -> None:
        self._path = path
        self._catalogue = catalogue
        self._mark: object = ()
        self._rules = Rules(RuleFile(), catalogue)
        self._told = ""

    def now(self) -> Rules:
        """The present rules. Raises ConfigurationError when the changed file is wrong; it is looked at again next time."""
        mark = self._changed()
        if mark != self._mark:
            self._rules = Rules.load(self._path, self._catalogue)
            self._mark = mark
        return self._rules

    def right(self, tell: Callable[[str], None]) -> Rules:
        """The present rules; while the file is wrong those that were right last, and `tell` hears of each fault once."""
        try:
            self.now()
            fault = ""
        except AbusehandlerError as error:
            fault = f"the rules that were right last go on: {error}"
        if fault and fault != self._told:
            tell(fault)
        self._told = fault
        return self._rules

    def last(self) -> Rules:
        """The rules that were right last."""
        return self._rules

    def _changed(self) -> object:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
