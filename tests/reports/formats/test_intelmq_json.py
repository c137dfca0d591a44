# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events of other IntelMQ installations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from abusehandler.reports.context import ReadContext
from abusehandler.reports.formats.intelmq_json import read_intelmq_json
from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from abusehandler.reports.reading import Reading

FLAT = {
    "source.ip": "192.0.2.1", "source.port": 22, "source.asn": "AS64496", "classification.type": "brute-force",
    "time.source": "2026-11-20T10:00:00+00:00", "feed.name": "Their feed", "extra.note": "seen", "extra": '{"count": 3}',
    "source.fqdn": "not a host", "rtir_id": 5,
}  # fmt: skip


def read(text: str) -> Reading | None:
    raw = 'Content-Type: application/json; name="events.json"\nContent-Disposition: attachment\n\n' + text
    return read_intelmq_json(decode(raw.encode()), ReadContext())


def test_flat_event() -> None:
    reading = read(json.dumps(FLAT))
    assert reading is not None
    assert reading.events[0].event == {
        "source.ip": "192.0.2.1", "source.port": 22, "source.asn": 64496, "classification.type": "brute-force",
        "time.source": "2026-11-20T10:00:00+00:00", "extra.original_feed": "Their feed", "extra.note": "seen", "extra.count": 3,
    }  # fmt: skip


def test_hierarchical_events_one_a_line() -> None:
    line = json.dumps({"source": {"ip": "192.0.2.1"}, "classification": {"type": "scanner"}})
    reading = read(f"{line}\n{line.replace('.2.1', '.2.2')}\nrubbish\n")
    assert reading is not None
    assert [found.event["source.ip"] for found in reading.events] == ["192.0.2.1", "192.0.2.2"]
    assert reading.bad[0].line == 3


def test_other_json_is_not_mine() -> None:
    assert read('[{"ip": "192.0.2.1"}]') is None
