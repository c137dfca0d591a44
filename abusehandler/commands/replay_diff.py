# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What reading a report again would change: events that come, go, or say something else. Changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abusehandler.configuration.reading import read_context
from abusehandler.errors import EvidenceError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.reports.formats.shadowserver import rows
from abusehandler.reports.read import read_mail
from abusehandler.reports.reading import BadPart
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.incoming import observed_json
from abusehandler.tickets.rereading import mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abusehandler.configuration import Configuration
    from abusehandler.tickets.reports import ReportRecord, ReportStore

Event = dict[str, Any]
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Reread:
    """What today's readers make of a report: its state, why, and the events."""

    state: str
    reader: str
    reason: str = ""
    events: tuple[Event, ...] = ()


class Rereader:
    """Reads evidence as the parser bots do; what intake verified of a mail's signatures is taken from `reports`."""

    def __init__(self, configuration: Configuration, reports: ReportStore) -> None:
        self._reports = reports
        self._configuration = configuration
        self._evidence = EvidenceStore(configuration.evidence.path)
        self._catalogue = Catalogue.load(configuration.reading.catalogue)

    def read(self, report: ReportRecord) -> Reread:
        """Never raises for what is in the report; evidence that is not there makes it `unread`."""
        try:
            return self._feed(report) if report.kind == "feed" else self._mail(report)
        except (EvidenceError, OSError, EOFError) as error:
            return Reread("unread", "", str(error))

    def _mail(self, report: ReportRecord) -> Reread:
        largest = self._configuration.mailbox.max_mail_bytes
        with self._evidence.open(report.evidence) as stream:
            content = stream.read(largest + 1)
        if len(content) > largest:
            return Reread("unread", "mail", f"the mail is larger than mailbox.max_mail_bytes ({largest})")
        proven = self._reports.authentication(report.id)
        _, reading = read_mail(content, read_context(self._configuration, report.received_at), proven=proven)
        if reading.verdict != "report":
            reason = f"{reading.kind}: {reading.reason}" if reading.kind else reading.reason
            return Reread(reading.verdict, reading.reader, reason)
        events = tuple(dict(read.event) for read in reading.events)
        return Reread("partly" if reading.bad else "read", reading.reader, reading.reason, events)

    def _feed(self, report: ReportRecord) -> Reread:
        bad, events = 0, []
        with self._evidence.open(report.evidence) as stream:
            found = rows(
                stream, filename=report.name, catalogue=self._catalogue,
                received_at=report.received_at, feed_name=report.feed or "Shadowserver", warn=lambda *_: None,
            )  # fmt: skip
            for _, _, result in found:
                if isinstance(result, BadPart):
                    bad += 1
                else:
                    events.append(dict(result))
        state = "unread" if bad and not events else "partly" if bad else "read"
        return Reread(state, "shadowserver", f"{bad} row(s) could not be read" if bad else "", tuple(events))


@dataclass(slots=True)
class Difference:
    """`changed` holds (before, after) of events about the same resource; tickets are those of stored events."""

    reread: Reread
    state: str
    added: list[Event] = field(default_factory=list)
    removed: list[tuple[int | None, Event]] = field(default_factory=list)
    changed: list[tuple[int | None, Event, Event]] = field(default_factory=list)
    same: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.added or self.removed or self.changed) and self.state == self.reread.state

    def as_json(self, number: int) -> str:
        """One object on one line."""
        return json.dumps(
            {
                "report": number, "state": self.state, "new_state": self.reread.state, "reader": self.reread.reader,
                "reason": self.reread.reason, "same": self.same, "added": self.added,
                "removed": [{"ticket": ticket, "event": event} for ticket, event in self.removed],
                "changed": [
                    {"ticket": ticket, "fields": _changes(before, after)} for ticket, before, after in self.changed
                ],
            },
            ensure_ascii=False, default=str,
        )  # fmt: skip

    def print(self, number: int, name: str) -> None:
        """For people."""
        state = self.state if self.state == self.reread.state else f"{self.state} → {self.reread.state}"
        print(
            _line(f"report {number} {name}: {state}, reader {self.reread.reader or '-'}, {self.same} events as before")
        )
        if self.reread.reason:
            print(_line(f"  because {self.reread.reason}"))
        for event in self.added[:MOST_SHOWN]:
            print(_line(f"  + {_short(event)}"))
        for ticket, event in self.removed[:MOST_SHOWN]:
            print(_line(f"  - {_short(event)}{_of(ticket)}"))
        for ticket, before, after in self.changed[:MOST_SHOWN]:
            print(_line(f"  ~ {_short(before)}{_of(ticket)}"))
            for key, (old, new) in _changes(before, after).items():
                print(
                    _line(
                        f"      {key}: {old if old is not None else '(nothing)'} → {new if new is not None else '(nothing)'}"
                    )
                )
        left = sum(max(0, len(each) - MOST_SHOWN) for each in (self.added, self.removed, self.changed))
        if left:
            print(f"  … and {left} more")


def difference(reread: Reread, stored: Sequence[tuple[int, int | None, Mapping[str, Any]]], state: str) -> Difference:
    """Compares what is stored of a report with what would be read now.

    An event whose mark comes again is the same. Of the others, an old and a new one about the same resource count as
    one that changed. A report that would end as unread keeps its events (see Rereading.finish).
    """
    found = Difference(reread, state)
    new: dict[str, Event] = {mark(event): _observed(event) for event in reread.events}
    old: list[tuple[int | None, Event]] = []
    for _, ticket, data in stored:
        known = str(data.get("report.mark") or mark(data))
        if known in new:
            new.pop(known)
            found.same += 1
        else:
            old.append((ticket, _observed(data)))
    if reread.state in ("unread", "not-a-report") and not reread.events:
        if reread.state == "not-a-report":
            found.removed = old
        else:
            found.same += len(old)
        return found
    by_resource: dict[str, list[Event]] = {}
    for event in new.values():
        by_resource.setdefault(_resource(event), []).append(event)
    for ticket, before in old:
        partners = by_resource.get(_resource(before))
        if partners:
            found.changed.append((ticket, before, partners.pop(0)))
        else:
            found.removed.append((ticket, before))
    found.added = [event for events in by_resource.values() for event in events]
    return found


def _observed(event: Mapping[str, Any]) -> Event:
    observed: Event = json.loads(observed_json(event))
    return observed


def _resource(event: Mapping[str, Any]) -> str:
    return str(
        event.get("source.ip")
        or event.get("source.fqdn")
        or event.get("source.url")
        or event.get("source.network")
        or ""
    )


def _changes(before: Event, after: Event) -> dict[str, tuple[Any, Any]]:
    """Fields that differ. What experts added to the stored event cannot be told from what the old reader saw."""
    keys = sorted(before.keys() | after.keys())
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def _short(event: Mapping[str, Any]) -> str:
    kind = "/".join(str(event[key]) for key in ("classification.type", "classification.identifier") if event.get(key))
    port = f" port {event['source.port']}" if event.get("source.port") else ""
    return f"{_resource(event)}{port}  {kind}  {event.get('time.source', 'no time')}"


def _of(ticket: int | None) -> str:
    return "" if ticket is None else f"  (ticket {ticket})"


def _line(text: str) -> str:
    """What comes from outside must not reach a terminal as control sequences."""
    return "".join(character if character.isprintable() else " " for character in text)[:300]
