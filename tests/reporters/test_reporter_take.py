# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The steps of a definition, one kind after another."""

from __future__ import annotations

import time
from datetime import timezone
from typing import Any

import pytest
from reporter_mails import NOON, attachment, definition, mail

from abusehandler.reporters.take import take
from abusehandler.reporters.values import Clock, value_of


def taken(steps: str, found: Any) -> list[dict[str, Any]]:
    rows = take(definition("take:\n" + steps), found, Clock(timezone.utc, NOON))
    return [{field: one.value for field, one in row.items()} for row in rows]


def test_labels_make_an_event_per_block():
    text = """
Case: 17
 * Source IP: 192[.]0[.]2[.]1
 * Port ..... : 4022
| Time (UTC) | 2026-11-18 10:00:00 |

Source IP
2001:db8::1
Port = 22
"""
    steps = "  - labels: {source.ip: Source IP, source.port: Port, time.source: Time, extra.case_id: Case}\n"
    assert taken(steps, mail(text)) == [
        {"extra.case_id": "17", "source.ip": "192.0.2.1", "source.port": 4022, "time.source": "2026-11-18T10:00:00+00:00"},
        {"extra.case_id": "17", "source.ip": "2001:db8::1", "source.port": 22, "time.source": "2026-11-18T10:00:00+00:00"},
    ]  # fmt: skip


def test_find_takes_what_the_placeholders_name():
    steps = "  - find: '^<source.url> \\[<source.ip>\\]'\n"
    text = "hxxp://a[.]example[.]com/x [192.0.2.1]\nhttp://b.example.com/ [192.0.2.2]\n"
    assert taken(steps, mail(text)) == [
        {"source.url": "http://a.example.com/x", "source.ip": "192.0.2.1"},
        {"source.url": "http://b.example.com/", "source.ip": "192.0.2.2"},
    ]


def test_a_busy_machine_takes_no_event_away(monkeypatch):
    """The limit of time is for the processor's work on one mail, not for waiting until it is this program's turn."""

    def waiting(*arguments):
        time.sleep(0.5)
        return value_of(*arguments)

    monkeypatch.setattr("abusehandler.reporters.take.value_of", waiting)
    rows = taken("  - find: 'from <source.ip>'\n", mail("from 192.0.2.1\nfrom 192.0.2.2\nfrom 192.0.2.3\n"))
    assert [row["source.ip"] for row in rows] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


def test_find_in_the_subject_and_the_place_it_stood():
    rows = take(
        definition("take:\n  - {in: subject, find: 'from <source.ip>'}\n"),
        mail("", "Scan from 192.0.2.7 today"),
        Clock(),
    )
    span = rows[0]["source.ip"].span
    assert span is not None
    assert (span.part, span.start, span.end) == ("subject", 10, 19)


def test_a_table_in_the_text_and_in_a_file():
    steps = "  - {in: %s, table: {source.ip: [address, ip], time.source: seen}}\n"
    text = "List:\n\nAS   | Address   | Seen\n-----+-----------+---\n64496 | 192.0.2.1 | 2026-11-18 10:00:00\n\nBye"
    wanted = [{"source.ip": "192.0.2.1", "time.source": "2026-11-18T10:00:00+00:00"}]
    assert taken(steps % "body", mail(text)) == wanted
    rows = 'ip;"seen"\n192.0.2.1;2026-11-18 10:00:00\nnonsense;x\n'
    assert taken(steps % "'attachment:*.csv'", mail("see file", "", attachment("list.csv", rows))) == wanted


def test_json_and_xml_files():
    steps = "  - {in: 'attachment:*.json', json: {source.ip: src.ip, source.port: src.port}, each: 'list.*'}\n"
    text = '{"list": [{"src": {"ip": "192.0.2.1", "port": 80}}, {"src": {"ip": "10.0.0.1"}}]}'
    assert taken(steps, mail("", "", attachment("x.json", text))) == [{"source.ip": "192.0.2.1", "source.port": 80}]
    steps = "  - {in: 'attachment:*.xml', xml: {source.ip: Address, source.port: '@port'}, each: Host}\n"
    text = '<r xmlns="urn:x"><Host port="25"><Address>192.0.2.3</Address></Host></r>'
    assert taken(steps, mail("", "", attachment("x.xml", text))) == [{"source.ip": "192.0.2.3", "source.port": 25}]


def test_every_address_between_two_marks():
    steps = "  - {every: source.ip, start: 'Affected:', end: '^Regards'}\n"
    text = "We are 203.0.113.1\nAffected:\n192.0.2.1, 192.0.2.2\n192.0.2.1\nRegards\n203.0.113.2"
    assert taken(steps, mail(text)) == [{"source.ip": "192.0.2.1"}, {"source.ip": "192.0.2.2"}]


def test_later_steps_only_add_what_is_single():
    steps = """
  - {in: subject, find: '<source.ip>'}
  - {find: 'Time: <time.source>'}
  - {find: 'Port: <source.port>'}
  - {find: 'other <source.ip>'}
"""
    text = "Time: 2026-11-18 10:00:00\nPort: 1\nPort: 2\nother 192.0.2.9"
    assert taken(steps, mail(text, "192.0.2.1")) == [
        {"source.ip": "192.0.2.1", "time.source": "2026-11-18T10:00:00+00:00"}
    ]


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("source.ip", " (192.0.2.1) ", "192.0.2.1"),
        ("source.ip", "10.1.2.3", None),
        ("source.ip", "::ffff:192.0.2.1", "192.0.2.1"),
        ("source.port", "22/tcp", 22),
        ("source.port", "70000", None),
        ("source.fqdn", "HTTP://Www.Example.COM/x", "www.example.com"),
        ("source.fqdn", "no host", None),
        ("source.url", "hxxps[:]//a[.]example[.]com/x", "https://a.example.com/x"),
        ("source.url", "a.example.com/x", "http://a.example.com/x"),
        ("source.network", "192.0.2.77/24", "192.0.2.0/24"),
        ("source.network", "192.0.2.77/32", None),
        ("time.source", "18/Nov/2026:10:00:00 +0100", "2026-11-18T09:00:00+00:00"),
        ("time.source", "some day", None),
        ("malware.name", "  a   b ", "a b"),
    ],
)
def test_values(field: str, text: str, value: Any):
    assert value_of(field, text, Clock(timezone.utc, NOON)) == value


def test_a_time_without_zone_is_none_where_nobody_knows_the_zone():
    assert value_of("time.source", "2026-11-18 10:00:00", Clock(None, NOON)) is None


@pytest.mark.parametrize(
    "evil", ["Source IP: " * 20_000, "|" * 200_000, "\n" * 200_000, "a.b" * 70_000, "[" * 100_000 + "{" * 100_000]
)
def test_hostile_texts_end_and_are_bounded(evil: str):
    steps = """
  - labels: {source.ip: Source IP, source.url: URL}
  - table: {source.ip: [ip], source.port: [port]}
  - {json: {source.ip: ip}, each: '*'}
  - {xml: {source.ip: ip}, each: a}
  - {find: 'from <source.ip> at <time.source>'}
  - {every: source.fqdn}
"""
    assert len(taken(steps, mail(evil, evil))) <= 5_000


def test_xml_with_entities_is_refused():
    bomb = '<!DOCTYPE x [<!ENTITY a "192.0.2.1"><!ENTITY b "&a;&a;">]><x><Host><Address>&b;</Address></Host></x>'
    steps = "  - {in: 'attachment:*.xml', xml: {source.ip: Address}, each: Host}\n"
    assert taken(steps, mail("", "", attachment("x.xml", bomb))) == []
