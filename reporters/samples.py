# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The samples beside a definition: what must come of each, and what comes of it now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

from abusehandler.reporters.definition import RESOURCES
from abusehandler.reporters.load import forget
from abusehandler.reporters.match import Look, look_at
from abusehandler.reports.context import ReadContext
from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.reporters.definition import Definition
    from abusehandler.reports.mail.message import Mail

#: samples are read as if they had come at this moment, so that a log line without a year stays the same for ever
RECEIVED_AT = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Sample:
    """A mail beside a definition, and what must come of it (`None` where the file with the expectation is missing).

    `relayed`: it is the letter of a relay, so another sender's report may stand in it.
    """

    path: Path
    owner: str
    relayed: bool = False

    @cached_property
    def raw(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def mail(self) -> Mail:
        return decode(self.raw)

    @cached_property
    def look(self) -> Look:
        return look_at(self.mail)

    @property
    def expected_path(self) -> Path:
        return self.path.with_suffix(".expected.json")

    @cached_property
    def expected(self) -> dict[str, Any] | None:
        if not self.expected_path.is_file():
            return None
        loaded = json.loads(self.expected_path.read_text(encoding="utf-8"))
        return loaded if isinstance(loaded, dict) else None


def definition_folder(definition: Definition) -> Path:
    """The folder in which the definition's file stands."""
    assert definition.path is not None
    return definition.path.resolve().parent


def samples_of(definition: Definition) -> list[Sample]:
    """The samples of a definition: `samples/NAME/*.eml` beside its file."""
    folder = definition_folder(definition) / "samples" / definition.name
    return [Sample(path, definition.name, definition.inside is not None) for path in sorted(folder.glob("*.eml"))]


def outcome(raw: bytes, folder: Path) -> dict[str, Any]:
    """What the whole reading makes of a sample, with the definitions of this folder, in the form of `.expected.json`."""
    from abusehandler.reports.read import read_mail

    context = ReadContext(received_at=RECEIVED_AT, reporter_folders=(str(folder),))
    _, reading = read_mail(raw, context)
    said: dict[str, Any] = {"verdict": reading.verdict}
    if reading.kind and reading.verdict == "not-a-report":
        said["kind"] = reading.kind
    if reading.events:
        said["events"] = [dict(sorted(one.event.items())) for one in reading.events]
    loaded: dict[str, Any] = json.loads(json.dumps(said))
    return loaded


def difference(expected: dict[str, Any], now: dict[str, Any]) -> str:
    """The first thing that was expected and is not so, in words; empty when all is. What is not named is not judged."""
    for key in ("verdict", "kind"):
        if key in expected and expected[key] != now.get(key):
            return f"{key}: expected {expected[key]!r}, read {now.get(key)!r}"
    wanted, read = expected.get("events", []), now.get("events", [])
    if len(wanted) != len(read):
        return f"expected {len(wanted)} events, read {len(read)}"
    for number, (one, other) in enumerate(zip(wanted, read, strict=True), 1):
        for field in sorted(one):
            if one[field] != other.get(field):
                return f"event {number}, {field}: expected {one[field]!r}, read {other.get(field)!r}"
    return ""


def _expectation(definition: Definition, now: dict[str, Any]) -> dict[str, Any]:
    """What a new expectation names: all, or what the definition answers for where free text finds the resources."""
    if definition.take or "events" not in now:
        return now
    names = (*RESOURCES[:1], "classification.type", "classification.identifier", "time.source")
    return {**now, "events": [{field: event[field] for field in names if field in event} for event in now["events"]]}


def write_expected(definition: Definition) -> list[Path]:
    """Write what is read now beside each sample that has no expectation yet; returns the new files."""
    written = []
    forget()
    for sample in samples_of(definition):
        if not sample.expected_path.exists():
            now = _expectation(definition, outcome(sample.raw, definition_folder(definition)))
            text = json.dumps(now, indent=2, ensure_ascii=False)
            sample.expected_path.write_text(text + "\n", encoding="utf-8")
            written.append(sample.expected_path)
    return written
