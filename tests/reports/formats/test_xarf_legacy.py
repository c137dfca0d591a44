# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""X-ARF 0.1 and 0.2."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from abusehandler.reports.context import ReadContext
from abusehandler.reports.formats.xarf_legacy import read_xarf_legacy
from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from abusehandler.reports.reading import Reading

FIELDS = {
    "Reported-From": "ids@example.com", "Category": "abuse", "Report-Type": "login-attack", "Service": "ssh", "Version": "0.1",
    "User-Agent": "test", "Date": "Fri, 20 Nov 2026 11:00:00 +0100", "Source-Type": "ip-address", "Source": "192.0.2.1",
    "Port": "22", "Report-ID": "1@example.com", "Schema-URL": "http://www.x-arf.org/schema/abuse_login-attack_0.1.2.json",
    "Attachment": "text/plain",
}  # fmt: skip


def read(text: str) -> Reading | None:
    raw = f'Content-Type: text/plain; name="report.txt"\n\n{text}'
    return read_xarf_legacy(decode(raw.encode()), ReadContext())


def as_yaml(**changes: str) -> str:
    fields = {**FIELDS, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return "---\n" + "\n".join(f"{name}: {value}" for name, value in fields.items() if value) + "\n"


def test_yaml() -> None:
    reading = read(as_yaml())
    assert reading is not None
    event = reading.events[0].event
    assert event["source.ip"] == "192.0.2.1"
    assert event["destination.port"] == 22  # the port of the attacked service
    assert event["time.source"] == "2026-11-20T10:00:00+00:00"
    assert event["classification.type"] == "brute-force"
    assert event["protocol.application"] == "ssh"
    span = reading.events[0].spans["source.ip"]
    assert as_yaml()[span.start : span.end] == "192.0.2.1"


def test_json() -> None:
    reading = read(json.dumps(FIELDS))
    assert reading is not None and reading.events[0].event["source.ip"] == "192.0.2.1"


def test_a_reported_url() -> None:
    reading = read(
        as_yaml(
            Source="hxxps://login[.]example.net/a",
            Source_Type="uri",
            Report_Type="phishing",
            Port="443",
            Category="fraud",
        )
    )
    assert reading is not None
    event = reading.events[0].event
    assert event["source.url"] == "https://login.example.net/a"
    assert event["source.fqdn"] == "login.example.net"
    assert event["source.port"] == 443
    assert event["classification.type"] == "phishing"


def test_the_time_of_javascript() -> None:
    reading = read(as_yaml(Date="Fri Nov 20 2026 02:00:00 GMT-0800 (PST)"))
    assert reading is not None and reading.events[0].event["time.source"] == "2026-11-20T10:00:00+00:00"


def test_an_unknown_type_has_no_class() -> None:
    reading = read(as_yaml(Report_Type="info", Category="info"))
    assert reading is not None and "classification.type" not in reading.events[0].event


def test_several_sources() -> None:
    reading = read(as_yaml(Source="192.0.2.1, 2001:db8::1"))
    assert reading is not None and len(reading.events) == 2


def test_without_a_source_it_is_not_mine() -> None:
    assert read(as_yaml(Source="null")) is None
    assert read("Source: 192.0.2.1") is None
