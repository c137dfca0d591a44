# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""IODEF documents, version 1 and 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.reports.context import ReadContext
from abusehandler.reports.formats.iodef import read_iodef
from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from abusehandler.reports.reading import Reading

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<IODEF-Document version="1.00" lang="en" xmlns="urn:ietf:params:xml:ns:iodef-1.0">
 <Incident purpose="reporting">
  <IncidentID name="csirt.example.com">189493</IncidentID>
  <DetectTime>2026-11-20T11:00:00+01:00</DetectTime>
  <ReportTime>2026-11-21T09:00:00+01:00</ReportTime>
  <Assessment><Impact type="ext-value" ext-type="PORT_SCAN"/></Assessment>
  <EventData><Flow>
   <System category="source"><Node>
     <NodeName>host-1.example.net</NodeName>
     <Address category="asn">64496</Address><Address category="ipv4-addr">192.0.2.1</Address></Node>
     <Service ip_protocol="6"><Port>40000</Port></Service></System>
   <System category="target"><Node><Address category="ipv4-addr">198.51.100.1</Address></Node>
     <Service ip_protocol="6"><Port>22</Port></Service></System>
  </Flow></EventData>
  <EventData><Flow><System category="source"><Node><Address category="ipv6-addr">2001:db8::1</Address></Node></System></Flow></EventData>
 </Incident>
</IODEF-Document>
"""


def read(text: str) -> Reading | None:
    raw = f'Content-Type: application/xml; name="iodef.xml"\nContent-Disposition: attachment\n\n{text}'
    return read_iodef(decode(raw.encode()), ReadContext())


def test_each_source_is_an_event() -> None:
    reading = read(DOCUMENT)
    assert reading is not None
    first, second = (found.event for found in reading.events)
    assert first["source.ip"] == "192.0.2.1"
    assert first["source.port"] == 40000
    assert first["source.reverse_dns"] == "host-1.example.net" or first["source.fqdn"] == "host-1.example.net"
    assert first["destination.ip"] == "198.51.100.1"
    assert first["destination.port"] == 22
    assert first["time.source"] == "2026-11-20T10:00:00+00:00"
    assert first["classification.type"] == "scanner"
    assert first["extra.incident_id"] == "189493"
    assert second["source.ip"] == "2001:db8::1"
    assert "destination.ip" not in second


def test_mixed_namespaces_and_a_reference_as_class() -> None:
    document = DOCUMENT.replace("<Incident ", '<i:Incident xmlns:i="urn:other" ').replace(
        "</Incident>", "</i:Incident>"
    )
    document = document.replace(
        '<Impact type="ext-value" ext-type="PORT_SCAN"/>', '<Impact type="admin">new</Impact>'
    ).replace(
        "<EventData>",
        "<Method><Reference><ReferenceName>isakmp-vulnerable</ReferenceName></Reference></Method><EventData>",
        1,
    )
    reading = read(document)
    assert reading is not None and reading.events[0].event["classification.type"] == "vulnerable-system"


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    assert read(DOCUMENT.replace("<IODEF-Document", bomb + "<IODEF-Document", 1)) is None


def test_broken_xml_is_not_mine() -> None:
    assert read(DOCUMENT[:900]) is None
