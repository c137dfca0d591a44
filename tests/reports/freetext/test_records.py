# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Several addresses in one mail, each with its own time, port and problem, in rows and in blocks of labelled lines."""

from __future__ import annotations

from typing import Any

from mails import CONTEXT, mail

from abusehandler.reports.freetext import read


def events(text: str, subject: str = "3 incidents") -> dict[str, dict[str, Any]]:
    return {one.event["source.ip"]: one.event for one in read(mail(subject, text), CONTEXT).events}


def test_blocks_that_begin_with_the_address() -> None:
    found = events("""
Attacker:    192.0.2.1
Source port: 40001
Target:      198.51.100.7:22
When:        2026-11-20 10:00:00 +0100
What:        SSH brute force

Attacker:    192.0.2.2
Source port: 40002
Target:      198.51.100.7
When:        2026-11-20 11:00:00 +0100
What:        port scan
""")
    assert sorted(found) == ["192.0.2.1", "192.0.2.2"]
    first, second = found["192.0.2.1"], found["192.0.2.2"]
    assert (first["source.port"], first["classification.type"]) == (40001, "brute-force")
    assert (second["source.port"], second["classification.type"]) == (40002, "scanner")
    assert first["time.source"] == "2026-11-20T09:00:00+00:00"
    assert second["time.source"] == "2026-11-20T10:00:00+00:00"


def test_blocks_that_begin_with_something_else() -> None:
    found = events("""
Incident 1
 time: 2026-11-20 10:00:00 UTC
 ip: 192.0.2.1
 type: spam

Incident 2
 time: 2026-11-20 11:00:00 UTC
 ip: 192.0.2.2
 type: ddos
""")
    assert found["192.0.2.1"]["time.source"] == "2026-11-20T10:00:00+00:00"
    assert found["192.0.2.1"]["classification.type"] == "spam"
    assert found["192.0.2.2"]["time.source"] == "2026-11-20T11:00:00+00:00"
    assert found["192.0.2.2"]["classification.type"] == "ddos"


def test_a_subject_that_names_one_problem_knows_better_than_lines_of_a_log() -> None:
    text = """
192.0.2.1 Failed password for root
192.0.2.2 port scan
"""
    kinds = {one["classification.type"] for one in events(text, "Brute force attacks").values()}
    assert kinds == {"brute-force"}


def test_the_port_column_of_a_table_wherever_it_stands() -> None:
    found = events("""
IP address | Time (UTC) | Port | Finding
192.0.2.1 | 2026-11-20 10:00:00 | 161 | open SNMP
192.0.2.2 | 2026-11-20 10:00:05 | 1900 | open SSDP
""")
    assert {ip: one["source.port"] for ip, one in found.items()} == {"192.0.2.1": 161, "192.0.2.2": 1900}


def test_the_port_in_the_words_of_several_programs() -> None:
    for text in (
        "Source IP\n192.0.2.1\n\nSource Port\n51544\n\nTarget Port\n22",
        '{"attacker_ip": "192.0.2.1", "attacker_port": 51544, "honeypot_port": 22}',
        "<attacker><address>192.0.2.1</address><port>51544</port></attacker>",
        "IP: 192.0.2.1\nZiel-Port: 22\nPort: 51544",
        "[20/Nov/2026:10:00:00 +0100] AbCd 192.0.2.1 51544 198.51.100.7 443",
    ):
        assert events(text)["192.0.2.1"]["source.port"] == 51544


def test_a_list_with_ports_is_no_range() -> None:
    found = events("Sources of the attack:\n - 192.0.2.1:19\n - 192.0.2.7:19\n")
    assert {ip: one["source.port"] for ip, one in found.items()} == {"192.0.2.1": 19, "192.0.2.7": 19}


def test_the_name_a_machine_calls_itself_is_no_label() -> None:
    line = "2026-11-20 10:00:00 +0000 login authenticator failed for (mx) [192.0.2.1]:51544: 535 Incorrect authentication data"
    reading = read(mail("Exim log", line), CONTEXT)
    assert reading.verdict == "report"
    assert reading.events[0].event["source.port"] == 51544


def test_categories_in_json_tell_each_problem() -> None:
    found = events("""{"objects": [
 {"category": "phishing", "host_ip": "192.0.2.1", "seen": "2026-11-20T10:00:00Z"},
 {"category": "spam", "host_ip": "192.0.2.2", "seen": "2026-11-20T11:00:00Z"}
]}""")
    assert found["192.0.2.1"]["classification.type"] == "phishing"
    assert found["192.0.2.2"]["classification.type"] == "spam"
    assert found["192.0.2.2"]["time.source"] == "2026-11-20T11:00:00+00:00"


def test_the_port_of_a_target_is_not_the_sources() -> None:
    assert "source.port" not in events("Attacker: 192.0.2.1\nTarget port: 22\nDestination-Port: 443")["192.0.2.1"]
    assert "source.port" not in events("攻击者：192.0.2.1\n目的端口：22")["192.0.2.1"]


def test_thousands_of_rows_take_little_time() -> None:
    rows = "\n".join(f"192.0.2.{number % 250 + 1} | port {number}" for number in range(9000))
    assert events(rows)
    assert events("IP;Port\n" + ";" * 50_000 + "\n192.0.2.1;22")
