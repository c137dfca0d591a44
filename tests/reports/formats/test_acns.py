# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Copyright notices in ACNS XML, where they really stand: in the middle of letters."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pytest

from abusehandler.reports.context import ReadContext
from abusehandler.reports.formats.acns import read_acns
from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from abusehandler.reports.reading import Reading

NOTICE = """<?xml version="1.0" encoding="UTF-8"?>
<Infringement xmlns="http://www.acns.net/ACNS">
 <Case><ID>C-1</ID><Status>Open</Status></Case>
 <Complainant><Entity>Example Pictures</Entity><Email>a@example.com</Email></Complainant>
 <Service_Provider><Entity>Example ISP</Entity></Service_Provider>
 <Source>
  <TimeStamp>2026-11-20T10:00:00.50Z</TimeStamp>
  <IP_Address>192.0.2.1</IP_Address>
  <Port>51413</Port>
  <DNS_Name>host-1.example.net</DNS_Name>
  <Type>BitTorrent</Type>
 </Source>
 <Content><Item>
  <TimeStamp>2026-11-20T09:59:00Z</TimeStamp><Title>A &amp; B</Title><FileName>a.mkv</FileName>
 </Item></Content>
</Infringement>
"""


def read(text: str, kind: str = "text/plain") -> Reading | None:
    return read_acns(decode(f"Content-Type: {kind}; charset=utf-8\n\n{text}".encode()), ReadContext())


def test_inline_notice() -> None:
    text = f"Dear Sir,\n\n---Start ACNS XML\n{NOTICE}---End ACNS XML\n"
    reading = read(text)
    assert reading is not None
    (found,) = reading.events
    assert found.event["source.ip"] == "192.0.2.1"
    assert found.event["source.port"] == 51413
    assert found.event["source.reverse_dns"] == "host-1.example.net"
    assert found.event["time.source"] == "2026-11-20T10:00:00.500000+00:00"
    assert found.event["classification.type"] == "copyright"
    assert found.event["extra.case_id"] == "C-1"
    assert found.event["extra.title"] == "A & B"
    assert found.event["extra.rights_holder"] == "Example Pictures"
    span = found.spans["source.ip"]
    assert text[span.start : span.end] == "192.0.2.1"


@pytest.mark.parametrize(
    "text",
    [
        NOTICE.replace("\n", "\n> "),
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\n- ---Start ACNS XML\n"
        + NOTICE
        + "-----BEGIN PGP SIGNATURE-----\n",
        NOTICE.replace('"', "“"),
        NOTICE.replace("</Infringement>", ""),
        NOTICE.replace("A &amp; B", "A & B <unclosed"),
        NOTICE.replace("<", "<acns:").replace("<acns:/", "</acns:").replace("<acns:?", "<?"),
    ],
)
def test_broken_on_the_way(text: str) -> None:
    reading = read(text)
    assert reading is not None
    assert (reading.events[0].event["source.ip"], reading.events[0].event["source.port"]) == ("192.0.2.1", 51413)


def test_in_html_escaped_or_as_unknown_tags() -> None:
    for text in (f"<p>{html.escape(NOTICE)}</p>", f"<p>{NOTICE}</p>"):
        reading = read(text, "text/html")
        assert reading is not None and reading.events[0].event["source.ip"] == "192.0.2.1"


def test_two_notices_and_the_same_one_twice() -> None:
    reading = read(NOTICE + NOTICE.replace("192.0.2.1", "192.0.2.2") + NOTICE)
    assert reading is not None
    assert [found.event["source.ip"] for found in reading.events] == ["192.0.2.1", "192.0.2.2"]


def test_a_notice_without_a_source_is_bad() -> None:
    reading = read(NOTICE + NOTICE.replace("192.0.2.1", "").replace("host-1.example.net", ""))
    assert reading is not None and len(reading.events) == 1 and "without a source" in reading.bad[0].reason


def test_a_stream_from_a_web_server() -> None:
    reading = read(NOTICE.replace("<Type>", "<URL>http://tv.example.net/live</URL><Type>"))
    assert reading is not None
    assert reading.events[0].event["source.url"] == "http://tv.example.net/live"
    assert reading.events[0].event["source.fqdn"] == "tv.example.net"


@pytest.mark.parametrize(
    "bait", ["<Infringement>", "<Source>", "<Infringement <", "<a ", "<Title>", "\n> <Infringement>"]
)
def test_evil_input_is_bounded(bait: str) -> None:
    read("<Infringement>" + bait * (100_000 // len(bait)))
