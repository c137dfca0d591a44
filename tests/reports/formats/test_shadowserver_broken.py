# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Broken and hostile reports: a bad row is told with its line and reason, and the others go on."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.reports.formats.shadowserver import read
from abusehandler.reports.formats.shadowserver.lines import LINE_BYTES
from abusehandler.reports.reading import BadPart

if TYPE_CHECKING:
    from abusehandler.reports.event import Event

RECEIVED = datetime(2026, 11, 21, 6, tzinfo=timezone.utc)
CATALOGUE = Catalogue.load()
HEADER = b'"timestamp","ip","protocol","port","hostname","tag","asn","geo"\n'


def row(last: int, **cells: str) -> bytes:
    said = {
        "timestamp": "2026-11-20 01:02:03", "ip": f"192.0.2.{last}", "protocol": "tcp", "port": "22",
        "hostname": f"h{last}.example.net", "tag": "ssh", "asn": "64496", "geo": "AT", **cells,
    }  # fmt: skip
    return ",".join(f'"{cell}"' for cell in said.values()).encode() + b"\n"


def split(data: bytes, name: str = "scan_ssh.csv", **options: int) -> tuple[list[Event], list[BadPart]]:
    found = list(read(io.BytesIO(data), filename=name, catalogue=CATALOGUE, received_at=RECEIVED, **options))  # type: ignore[arg-type]
    return (
        [event for event in found if not isinstance(event, BadPart)],
        [bad for bad in found if isinstance(bad, BadPart)],
    )


def addresses(events: list[Event]) -> list[str]:
    return [event["source.ip"] for event in events]


@pytest.mark.parametrize(
    ("bad_row", "reason"),
    [
        (row(2, ip="192.0.2.256"), "'192.0.2.256' is no IP address"),
        (row(2, ip="192.0.2.0/24"), "is no IP address"),
        (row(2, ip="0.0.0.0"), "is no IP address"),
        (row(2, ip="2001:db8::g"), "is no IP address"),
        (row(2, ip=""), "neither an address nor a host name"),
        (row(2, timestamp="bad-05-01 00:00:00"), "is no time like"),
        (row(2, timestamp="2026-13-01 00:00:00"), "is no time like"),
        (row(2, timestamp="2026-11-20"), "is no time like"),
        (row(2, timestamp="20.11.2026 01:02:03"), "is no time like"),
        (row(2, timestamp="0000-00-00 00:00:00"), "is no time like"),
        (row(2, timestamp=""), "is no time like"),
        (row(2, timestamp="2030-01-01 00:00:00"), "lies in the future"),
        (b'"2026-11-20 01:02:03","192.0.2.2"\n', "2 cells, the header has 8"),
        (row(2)[:-1] + b',"more"\n', "9 cells, the header has 8"),
        (b'"2026-11-20 01:02:03","192.0.2.2","tcp","ssh","h.example.net","22","64496"\n', "does not fit"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_read(bad_row: bytes, reason: str) -> None:
    events, bad = split(HEADER + row(1) + bad_row + row(3))
    assert addresses(events) == ["192.0.2.1", "192.0.2.3"]
    assert len(bad) == 1
    assert reason in bad[0].reason
    assert bad[0].line == 3
    assert bad[0].raw == bad_row.decode().rstrip("\n")


def test_what_a_field_cannot_hold_goes_to_extra() -> None:
    (event,), bad = split(
        HEADER + row(1, port="70000", hostname="not a host", protocol="carrier pigeon", asn="many", geo="Austria")
    )
    assert not bad
    assert event["extra.port"] == "70000"
    assert event["extra.hostname"] == "not a host"
    assert event["extra.protocol"] == "carrier pigeon"
    assert event["extra.asn"] == "many"
    assert event["extra.geo"] == "Austria"
    assert event["protocol.transport"] == "tcp"  # as the catalogue says
    assert not {"source.port", "source.reverse_dns", "source.asn", "source.geolocation.cc"} & set(event)


def test_a_header_that_grew_before_its_rows() -> None:
    grown = HEADER[:-1] + b',"new_column"\n'
    events, bad = split(grown + row(1) + row(2))
    assert addresses(events) == ["192.0.2.1", "192.0.2.2"]
    assert not bad


def test_empty_cells_behind_the_last_column_do_no_harm() -> None:
    events, bad = split(HEADER + row(1)[:-1] + b",,\n")
    assert addresses(events) == ["192.0.2.1"]
    assert not bad


# Not where only the last cell is gone, the comma before it still there: that is what an empty last cell looks like.
@pytest.mark.parametrize("kept", [kept for kept in range(1, len(row(2)) - 1) if kept != row(2).rindex(b",") + 1])
def test_a_file_cut_off_in_the_last_row(kept: int) -> None:
    events, bad = split(HEADER + row(1) + row(2)[:kept])
    assert addresses(events) == ["192.0.2.1"]
    assert [part.line for part in bad] == [3]


def test_a_last_row_without_line_end_is_whole() -> None:
    events, bad = split(HEADER + row(1) + row(2)[:-1])
    assert addresses(events) == ["192.0.2.1", "192.0.2.2"]
    assert not bad


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"\0\0\0"])
def test_an_empty_file(data: bytes) -> None:
    events, bad = split(data)
    assert not events
    assert [part.reason for part in bad] == ["the file is empty"]


def test_a_report_without_findings_is_fine() -> None:
    assert split(HEADER) == ([], [])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<html>not found</html>\n", "no column 'timestamp'"),
        (b"ip,port\n192.0.2.1,2\n", "no column 'timestamp'"),
        (b"timestamp,tag\n2026-11-20 00:00:00,x\n", "no column for an address"),
        (b",".join(b"c%d" % number for number in range(600)) + b"\n", "600 columns"),
    ],
)
def test_something_that_is_no_report(data: bytes, reason: str) -> None:
    events, bad = split(data)
    assert not events
    assert len(bad) == 1
    assert reason in bad[0].reason


@pytest.mark.parametrize("newline", [b"\r\n", b"\r", b"\n"])
def test_line_ends_of_every_kind(newline: bytes) -> None:
    events, bad = split((HEADER + row(1) + row(2)).replace(b"\n", newline))
    assert addresses(events) == ["192.0.2.1", "192.0.2.2"]
    assert not bad


def test_nuls_byte_order_mark_and_a_repeated_header() -> None:
    events, bad = split(b"\xef\xbb\xbf" + HEADER + row(1).replace(b"ssh", b"s\0sh") + HEADER + row(2))
    assert addresses(events) == ["192.0.2.1", "192.0.2.2"]
    assert events[0]["extra.tag"] == "ssh"
    assert not bad


def test_utf8_latin1_and_utf16() -> None:
    text = (HEADER + row(1, tag="Zürich")).decode()
    for data in (text.encode(), text.encode("latin-1"), text.encode("utf-16")):
        (event,), bad = split(data)
        assert event["extra.tag"] == "Zürich"
        assert not bad
    # One odd byte does not spoil the rest of the report.
    events, bad = split(HEADER + row(1, tag="Zürich") + b'"2026-11-20 01:02:03","192.0.2.2","","","","caf\xe9","",""\n')
    assert [event["extra.tag"] for event in events] == ["Zürich", "café"]


def test_rows_without_any_cell_are_no_rows() -> None:
    events, bad = split(HEADER + row(1) + b",,,,,,,\n" + row(2) + b",,,,,,,\n")
    assert len(events) == 2
    assert not bad


def test_semicolons_from_a_spreadsheet() -> None:
    events, bad = split((HEADER + row(1)).replace(b",", b";"))
    assert addresses(events) == ["192.0.2.1"]
    assert not bad


def test_a_quote_that_never_closes_takes_no_other_row_with_it() -> None:
    broken = row(2).replace(b'"ssh"', b'"ssh')
    events, bad = split(HEADER + row(1) + broken + b"".join(row(last) for last in range(3, 200)))
    assert len(events) == 198
    assert [part.line for part in bad] == [3]


def test_a_quote_that_never_closes_in_an_unquoted_report() -> None:
    plain = [row(last).replace(b'"', b"") for last in range(1, 250)]
    plain[100] = plain[100].replace(b"ssh", b'"ssh')
    events, bad = split(HEADER + b"".join(plain) * 3)
    assert len(events) == 3 * 248
    assert len(bad) == 3


def test_a_line_without_end_is_left_out() -> None:
    events, bad = split(HEADER + row(1) + b'"' + b"A," * (2 * LINE_BYTES) + b"\n" + row(3))
    assert addresses(events) == ["192.0.2.1", "192.0.2.3"]
    assert [(part.line, part.reason) for part in bad] == [(3, "the line is too long")]
    assert len(bad[0].raw) <= 4096


def test_no_more_rows_than_wanted() -> None:
    events, bad = split(HEADER + b"".join(row(last) for last in range(1, 9)), max_rows=5)
    assert len(events) == 5
    assert [part.reason for part in bad] == ["only the first 5 rows are read"]


def test_a_clock_that_is_a_little_ahead_is_believed() -> None:
    ahead = (RECEIVED + timedelta(hours=20)).strftime("%Y-%m-%d %H:%M:%S")
    events, bad = split(HEADER + row(1, timestamp=ahead))
    assert len(events) == 1
    assert not bad


@given(st.binary(max_size=400))
def test_any_bytes_give_events_or_reasons(data: bytes) -> None:
    split(data)
    split(HEADER + data)
    split(HEADER + row(1) + data + b"\n" + row(2))


@given(st.lists(st.text(max_size=30), min_size=8, max_size=8))
def test_any_cells_give_an_event_of_the_right_kind_or_a_reason(cells: list[str]) -> None:
    line = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells).encode("utf-8", "replace")
    events, bad = split(HEADER + line + b"\n" + row(9))
    assert addresses(events)[-1:] == ["192.0.2.9"] or bad
