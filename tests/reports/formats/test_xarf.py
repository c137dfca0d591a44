# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""XARF in JSON, as the specification has it and as senders make it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from abusehandler.reports.context import ReadContext
from abusehandler.reports.formats.xarf import read_xarf
from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from abusehandler.reports.reading import Reading


def read(value: Any) -> Reading | None:
    text = value if isinstance(value, str) else json.dumps(value)
    raw = 'Content-Type: application/json; name="xarf.json"\nContent-Disposition: attachment\n\n' + text
    return read_xarf(decode(raw.encode()), ReadContext())


VERSION_4 = {
    "xarf_version": "4.2.0", "report_id": "8f14e45f-ceea-467f-a5d2-000000000001", "timestamp": "2026-11-20T10:00:00Z",
    "reporter": {"org": "Example CERT", "contact": "cert@example.com", "domain": "example.com"},
    "sender": {"org": "Example CERT", "contact": "cert@example.com", "domain": "example.com"},
    "source_identifier": "192.0.2.1", "source_port": 49152, "category": "connection", "type": "login_attack",
    "destination_ip": "198.51.100.1", "destination_port": 22, "protocol": "tcp", "_internal": {"ticket": "secret"},
}  # fmt: skip


def test_version_4() -> None:
    reading = read(VERSION_4)
    assert reading is not None and reading.warnings == ()
    event = reading.events[0].event
    assert event["source.ip"] == "192.0.2.1"
    assert event["source.port"] == 49152
    assert event["destination.ip"] == "198.51.100.1"
    assert event["destination.port"] == 22
    assert event["protocol.transport"] == "tcp"
    assert event["time.source"] == "2026-11-20T10:00:00+00:00"
    assert event["classification.type"] == "brute-force"
    assert "secret" not in json.dumps(event)


@pytest.mark.parametrize(
    ("category", "kind", "problem"),
    [
        ("messaging", "spam", "spam"),
        ("messaging", "bulk_messaging", "spam"),
        ("connection", "port_scan", "scanner"),
        ("connection", "sql_injection", "exploit"),
        ("connection", "ddos", "ddos"),
        ("connection", "infected_host", "infected-system"),
        ("content", "phishing", "phishing"),
        ("content", "malware", "malware-distribution"),
        ("content", "fraud", "masquerade"),
        ("content", "csam", "violence"),
        ("copyright", "p2p", "copyright"),
        ("copyright", "cyberlocker", "copyright"),
        ("copyright", "never_heard_of", "copyright"),
        ("vulnerability", "cve", "vulnerable-system"),
        ("vulnerability", "open_service", "potentially-unwanted-accessible"),
        ("infrastructure", "botnet", "infected-system"),
        ("infrastructure", "compromised_server", "system-compromise"),
        ("reputation", "blocklist", "blacklist"),
    ],
)
def test_classes_of_version_4(category: str, kind: str, problem: str) -> None:
    reading = read({**VERSION_4, "category": category, "type": kind})
    assert reading is not None and reading.events[0].event["classification.type"] == problem


def test_what_is_missing_is_a_warning_not_a_loss() -> None:
    reading = read({"xarf_version": "4.9", "source_identifier": "192.0.2.1", "category": "content", "type": "phishing"})
    assert reading is not None and len(reading.events) == 1
    assert "sender" in reading.warnings[0] and "timestamp" in reading.warnings[0]


def test_content_keeps_url_and_address() -> None:
    reading = read({**VERSION_4, "category": "content", "type": "phishing", "url": "https://login.example.net/a"})
    assert reading is not None
    event = reading.events[0].event
    assert (event["source.ip"], event["source.fqdn"], event["source.url"]) == (
        "192.0.2.1", "login.example.net", "https://login.example.net/a",
    )  # fmt: skip


def test_version_3_and_the_versions_that_never_were() -> None:
    for version in ("1", "2", "3"):
        reading = read({
            "Version": version, "ReporterInfo": {"ReporterOrg": "Example"}, "Disclosure": True,
            "Report": {"ReportClass": "Activity", "ReportType": "PortScan", "Date": "2026-11-20T11:00:00+01:00",
                       "SourceIp": "192.0.2.1", "SourcePort": 40000, "DestinationPort": 443},
        })  # fmt: skip
        assert reading is not None
        event = reading.events[0].event
        assert event["classification.type"] == "scanner"
        assert event["time.source"] == "2026-11-20T10:00:00+00:00"
        assert event["source.port"] == 40000
        assert event["extra.reporter"] == "Example"


def test_a_list_of_reports() -> None:
    reading = read([VERSION_4, {**VERSION_4, "source_identifier": "192.0.2.2"}, "rubbish", None])
    assert reading is not None and len(reading.events) == 2


def test_sources_in_a_sample_table() -> None:
    payload = "timestamp_UTC,sourceAddress,destinationPort\n2026-11-20T10:00:00Z,192.0.2.1,22\n2026-11-20T10:01:00Z,192.0.2.2,22\n"
    reading = read({
        "Version": "3", "ReporterInfo": {}, "Report": {"ReportClass": "Activity", "ReportType": "PortScan", "SourceIp": "", "Date": "",
        "Samples": [{"ContentType": "text/plain", "Base64Encoded": False, "Payload": payload}]},
    })  # fmt: skip
    assert reading is not None
    assert [read.event["source.ip"] for read in reading.events] == ["192.0.2.1", "192.0.2.2"]
    assert {read.event["classification.type"] for read in reading.events} == {"scanner"}


@pytest.mark.parametrize(
    "value", ["{", '{"Report": ' * 100_000, {"Report": 5}, {"xarf_version": 4}, [], {"Report": {"Version": []}}]
)
def test_rubbish_is_not_mine(value: Any) -> None:
    assert read(value) is None
