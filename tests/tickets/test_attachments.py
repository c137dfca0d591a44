# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The files beside a notice: XARF reports that the reference library takes, tables without formulas, both bounded."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intelmq.lib.harmonization import ClassificationType
from xarf.schema_validator import SchemaValidator

from abusehandler.tickets import attachments
from abusehandler.tickets.attachments import CUT, event_files
from abusehandler.tickets.notice import Notice, NoticeEvent, NoticeTicket
from abusehandler.tickets.xarf_report import Reporter, xarf_report

AT = datetime(2026, 11, 20, 10, 30, tzinfo=timezone.utc)
REPORTER = Reporter("Example Networks", "abuse@example.net")
VALIDATOR = SchemaValidator()
TYPES = sorted(ClassificationType.allowed_values)


def ticket(*events: dict[str, Any], more: bool = False) -> NoticeTicket:
    told = tuple(NoticeEvent(AT, {"source.ip": "192.0.2.1", **event}) for event in events)
    return NoticeTicket(1, "192.0.2.1", "brute-force", 3, AT, AT, len(events), "new", told, more)


def report(event: dict[str, Any]) -> dict[str, Any]:
    whole = ticket(event)
    found = xarf_report(whole.events[0], whole, REPORTER)
    assert found is not None
    return found


def faults(found: dict[str, Any]) -> list[Any]:
    return list(VALIDATOR.validate(found))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("port", [None, 22])
@pytest.mark.parametrize("url", [None, "http://host.example.com/bad"])
def test_report_of_every_type_is_valid(kind: str, port: int | None, url: str | None) -> None:
    event: dict[str, Any] = {"classification.type": kind, "classification.identifier": "cve-2024-12345"}
    if port:
        event["source.port"] = port
    if url:
        event["source.url"] = url
    assert faults(report(event)) == []


@given(
    kind=st.sampled_from(TYPES),
    data=st.dictionaries(
        st.sampled_from(
            ["classification.identifier", "source.port", "source.url", "source.fqdn", "protocol.transport", "malware.name",
             "protocol.application", "extra.tag", "source.ip"]
        ),
        st.one_of(st.text(max_size=50), st.integers(-5, 100_000), st.none(), st.booleans()),
    ),
)  # fmt: skip
def test_report_of_odd_values_is_valid(kind: str, data: dict[str, Any]) -> None:
    assert faults(report({**data, "classification.type": kind})) == []


def test_examples_of_what_becomes_what() -> None:
    def kind(**event: Any) -> tuple[str, str]:
        found = report({key.replace("_", "."): value for key, value in event.items()})
        return found["category"], found["type"]

    assert kind(classification_type="brute-force", source_port=22) == ("connection", "login_attack")
    assert kind(classification_type="brute-force") == ("reputation", "threat_intelligence")
    assert kind(classification_type="phishing", source_url="http://a.example/") == ("content", "phishing")
    assert kind(classification_type="potentially-unwanted-accessible") == ("vulnerability", "open_service")
    assert kind(classification_type="infected-system") == ("infrastructure", "botnet")
    assert kind(classification_type="spam") == ("messaging", "spam")


def test_same_event_has_the_same_number_and_another_another() -> None:
    one, same, other = (report({"source.port": port}) for port in (22, 22, 23))
    assert one["report_id"] == same["report_id"] != other["report_id"]


def test_whoever_told_us_stays_unnamed() -> None:
    found = json.dumps(
        report({"feed.url": "https://secret.example", "destination.ip": "198.51.100.7", "report.id": 99})
    )
    assert "secret" not in found
    assert "198.51.100.7" not in found


def files(what: Notice) -> tuple[list[list[str]], list[Any], bool]:
    found = event_files(what, REPORTER)
    table, reports = found.files
    rows = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"), newline="")))
    return rows, json.loads(reports.content), found.cut


def test_both_files_hold_every_event() -> None:
    rows, reports, cut = files(Notice(7, "C1", (ticket({"source.port": 22}, {"source.port": 23}),)))
    assert len(rows) == 3
    assert [each["source_port"] for each in reports] == [22, 23]
    assert not cut


def test_too_many_events_are_cut_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_CSV_BYTES", 2000)
    monkeypatch.setattr(attachments, "MAX_XARF_BYTES", 2000)
    rows, reports, cut = files(Notice(7, "C1", (ticket(*({"source.port": port} for port in range(1, 200))),)))
    assert cut
    assert rows[-1] == [CUT]
    assert 1 <= len(reports) < 10
    assert files(Notice(7, "C1", (ticket({}, more=True),)))[2]


@pytest.mark.parametrize("formula", ["=1+1", "＝1+1", "＋1", "－1", "＠x", ["=1"], {"a": "=1"}])
def test_table_holds_no_formula_whatever_the_value(formula: Any) -> None:
    rows, _, _ = files(Notice(7, "C1", (ticket({"malware.name": formula}),)))
    assert not rows[1][rows[0].index("malware.name")].startswith(("=", "＝", "＋", "－", "＠"))


def test_without_events_there_is_no_file() -> None:
    assert event_files(Notice(7, "C1", (ticket(),)), REPORTER).files == ()
