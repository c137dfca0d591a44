# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which ticket each event of a batch goes to: an open one, a closed one that it reopens or comes too late for, or a new one.

A ticket that was resolved or closed comes back when something was observed after that moment; what was observed before and
only reported late is counted with it and changes nothing else. Longer after closing than the rules say (`reopen_within`),
a new ticket is opened that follows the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from abusehandler.tickets.incoming import IncomingEvent
    from abusehandler.tickets.policy import Due
    from abusehandler.tickets.rules import Rules


@dataclass(slots=True)
class Place:
    """A ticket that is there, locked by this transaction. `since`: when it got its state, as events write times."""

    ticket: int
    state: str
    since: str
    reopens: bool = False

    @classmethod
    def of(cls, ticket: int, state: str, since: datetime) -> Place:
        return cls(ticket, state, since.isoformat())


@dataclass(slots=True)
class Sum:
    """What the new events of one ticket come to; times as events write them."""

    example: IncomingEvent
    count: int
    first: str
    last: str
    severity: int
    due: Due
    place: Place | None = None
    follows: int | None = None
    last_id: int = 0

    @classmethod
    def of(cls, event: IncomingEvent) -> Sum:
        return cls(event, 1, event.at, event.at, event.severity, event.due)

    def add(self, event: IncomingEvent) -> None:
        self.count += 1
        if event.at < self.first:
            self.first = event.at
        elif event.at > self.last:
            self.last = event.at
        if event.severity > self.severity:
            self.severity = event.severity
        if event.due is not self.due:
            self.due = sooner(self.due, event.due)

    @property
    def relapse(self) -> bool:
        """Whether the ticket was done with, and something was observed after that."""
        place = self.place
        return place is not None and place.state in ("resolved", "closed") and self.last > place.since

    def why_again(self) -> str:
        """The relapse in words."""
        assert self.place is not None
        return f"observed again at {self.last[:19]}Z, after it was {self.place.state} at {self.place.since[:19]}Z"


def sooner(one: Due, other: Due) -> Due:
    """Of two due times the one that comes first; a time comes before never."""
    if one.first is None or (other.first is not None and other.first < one.first):
        return other
    return one


#: A ticket that is there by its number, one that is to be opened by its key.
Target = Union[int, str]  # noqa: UP007 - at run time


def place_events(
    events: Iterable[IncomingEvent], places: Mapping[str, Place], rules: Rules
) -> tuple[list[Target | None], dict[Target, Sum]]:
    """For each event its ticket (None: it has none), and what they come to for each ticket.

    `places`: the tickets that are there by key of the events.
    """
    events = list(events)
    if any(place.state == "closed" for place in places.values()):
        _mark_reopening(events, places, rules)
    targets: list[Target | None] = []
    sums: dict[Target, Sum] = {}
    for event in events:
        key = event.key
        if key is None:
            targets.append(None)
            continue
        place = places.get(key)
        if place is None:
            target: Target = key
        elif place.state == "closed" and not place.reopens and event.at > place.since:
            target = key
        else:
            target = place.ticket
        targets.append(target)
        known = sums.get(target)
        if known is not None:
            known.add(event)
            continue
        known = sums[target] = Sum.of(event)
        if place is not None:
            if target is key:
                known.follows = place.ticket
            else:
                known.place = place
    return targets, sums


def _mark_reopening(events: Iterable[IncomingEvent], places: Mapping[str, Place], rules: Rules) -> None:
    for event in events:
        place = None if event.key is None else places.get(event.key)
        if place is None or place.reopens or place.state != "closed" or event.at <= place.since:
            continue
        within = rules.times(event.problem, event.customer).reopen_within
        if within and event.at <= _later(place.since, within):
            place.reopens = True


def _later(moment: str, by: timedelta) -> str:
    return (datetime.fromisoformat(moment) + by).isoformat()
