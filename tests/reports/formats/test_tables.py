# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables by the names of their columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from abusehandler.reports.context import ReadContext
from abusehandler.reports.formats.columns import columns_of
from abusehandler.reports.formats.tables import read_table_text, read_tables
from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from abusehandler.reports.event import Event
    from abusehandler.reports.reading import Reading


def mail(
    table: str, body: str = "See the attachment.", subject: str = "Report", name: str = "report.csv"
) -> Reading | None:
    raw = (
        f'Subject: {subject}\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n{body}\n'
        f'--b\nContent-Type: text/csv; name="{name}"\nContent-Disposition: attachment\n\n{table}\n--b--\n'
    )
    return read_tables(decode(raw.encode()), ReadContext())


def events(table: str) -> list[Event]:
    read = read_table_text(table, "1")
    return [found.event for found in read.events] if read else []


@pytest.mark.parametrize(
    "name",
    [
        "ip", "IP Address", "src", "SrcIP", "source_ip", "Source-Address", "sourceAddress", "attacker", "Attacker IP", "client_ip",
        "ClientIP", "offending_ip", "Infected IP", "direccion_ip", "Quell-IP", "endereco_ip", "remote_addr", "saddr_ip", "IPv4",
        "Suspicious IP", "source.ip", "bot_ip", "IP-Adresse", "address", "ip_src",
    ],
)  # fmt: skip
def test_many_names_of_the_source(name: str) -> None:
    found = events(f"{name},Note\n192.0.2.1,x\n192.0.2.2,y\n")
    assert [event["source.ip"] for event in found] == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(
    "header",
    [
        "time,src_ip,src_port,dst_ip,dst_port",
        "Timestamp;Source IP;Source Port;Destination IP;Destination Port",
        "datetime\tAttacker\tSPT\tVictim\tDPT",
        "date_time|srcaddr|sport|dstaddr|dport",
        "event_time,ip,source_port,remote_ip,dest_port",
        "zeit,quell_ip,src_port,ziel_ip,dst_port",
    ],
)  # fmt: skip
def test_both_sides(header: str) -> None:
    mark = next(mark for mark in ";\t|," if mark in header)
    row = ["2026-11-20T10:00:00Z", "192.0.2.1", "40000", "198.51.100.1", "22"]
    (event,) = events(header + "\n" + mark.join(row) + "\n")
    assert event["source.ip"] == "192.0.2.1"
    assert event["source.port"] == 40000
    assert event["destination.port"] == 22
    assert event["time.source"] == "2026-11-20T10:00:00+00:00"
    assert event.get("destination.ip", "198.51.100.1") == "198.51.100.1"


def test_urls_and_hosts() -> None:
    found = events("URL,IP\nhxxp://login[.]example.net/a,192.0.2.1\nexample.org/b,\n")
    assert found[0]["source.url"] == "http://login.example.net/a"
    assert found[0]["source.fqdn"] == "login.example.net"
    assert found[0]["source.ip"] == "192.0.2.1"
    assert found[1]["source.url"] == "http://example.org/b"


def test_the_class_by_row_or_by_malware() -> None:
    found = events("ip,type,malware\n192.0.2.1,Phishing,\n192.0.2.2,,mirai\n192.0.2.3,whatever,\n")
    assert [event.get("classification.type") for event in found] == ["phishing", "infected-system", None]
    assert found[1]["malware.name"] == "mirai"


class TestTimes:
    def test_only_with_a_zone(self) -> None:
        assert "time.source" not in events("ip,time\n192.0.2.1,2026-11-20 10:00:00\n")[0]

    @pytest.mark.parametrize("name", ["timestamp (UTC)", "time_utc", "Timestamp(UTC+0)", "date GMT"])
    def test_zone_in_the_name(self, name: str) -> None:
        assert events(f"ip,{name}\n192.0.2.1,2026-11-20 10:00:00\n")[0]["time.source"] == "2026-11-20T10:00:00+00:00"

    def test_zone_in_the_letter(self) -> None:
        reading = mail("ip,time\n192.0.2.1,2026-11-20 11:00:00", "All timestamps are in UTC+1 (CET).")
        assert reading is not None and reading.events[0].event["time.source"] == "2026-11-20T10:00:00+00:00"

    def test_epoch(self) -> None:
        assert events("ip,lastseen\n192.0.2.1,1795168800\n")[0]["time.source"] == "2026-11-20T10:00:00+00:00"

    @pytest.mark.parametrize("names", ["date,time", "Date,Time (UTC)", "Datum,Uhrzeit", "fecha,hora"])
    def test_date_and_clock_apart(self, names: str) -> None:
        found = events(f"ip,{names}\n192.0.2.1,2026-11-20,10:00:00 UTC\n")
        assert found[0]["time.source"] == "2026-11-20T10:00:00+00:00"

    def test_the_time_of_the_event_wins(self) -> None:
        table = "ip,time_reported,allocated,event_time\n192.0.2.1,2026-11-22T00:00:00Z,2001-01-01T00:00:00Z,2026-11-20T10:00:00Z\n"
        assert events(table)[0]["time.source"] == "2026-11-20T10:00:00+00:00"


class TestForms:
    def test_comments_and_headings_before_the_header(self) -> None:
        found = events("# made by example\n\nList of hosts\n;ip,asn,seen\n192.0.2.1,AS64496,2026-11-20T10:00:00Z\n")
        assert found[0]["source.asn"] == 64496

    def test_quoted_cells_with_separators_and_lines(self) -> None:
        found = events('ip,note\n192.0.2.1,"a, b\nc"\n192.0.2.2,d\n')
        assert len(found) == 2 and found[0]["extra.note"] == "a, b c"

    def test_without_a_header(self) -> None:
        found = events("192.0.2.1,2026-11-20T10:00:00Z,x\n192.0.2.2,2026-11-20T10:01:00Z,y\n")
        assert [event["source.ip"] for event in found] == ["192.0.2.1", "192.0.2.2"]
        assert found[0]["time.source"] == "2026-11-20T10:00:00+00:00"

    def test_intelmq_names(self) -> None:
        found = events(
            "time.source;source.ip;source.port;classification.type\n2026-11-20T11:00:00+01;192.0.2.1;22;scanner\n"
        )
        assert found == [
            {
                "time.source": "2026-11-20T10:00:00+00:00",
                "source.ip": "192.0.2.1",
                "source.port": 22,
                "classification.type": "scanner",
            }
        ]

    def test_bad_rows_are_named_and_the_others_go_on(self) -> None:
        table = read_table_text("ip,x\n192.0.2.1,a\n10.0.0.1,b\n192.0.2.3,c\n", "7")
        assert table is not None and len(table.events) == 2
        assert (table.bad[0].part, table.bad[0].line) == ("7", 3)

    def test_json_lists(self) -> None:
        rows = {
            "meta": {"count": 2},
            "data": [{"ip": "192.0.2.1", "geo": {"cc": "AT"}}, {"ip": "192.0.2.2", "port": 53}],
        }
        reading = mail(json.dumps(rows), name="report.json")
        assert reading is not None
        assert [found.event["source.ip"] for found in reading.events] == ["192.0.2.1", "192.0.2.2"]
        assert reading.events[1].event["source.port"] == 53

    def test_xml_of_nobodys_standard(self) -> None:
        text = (
            '<?xml version="1.0"?><alerts><item><src_ip>192.0.2.1</src_ip><incident_type>Phishing</incident_type></item>'
            "<item><src_ip>192.0.2.2</src_ip><src_port>80</src_port></item></alerts>"
        )
        reading = mail(text, name="alerts.xml")
        assert reading is not None
        assert [found.event["source.ip"] for found in reading.events] == ["192.0.2.1", "192.0.2.2"]
        assert reading.events[0].event["classification.type"] == "phishing"

    @pytest.mark.parametrize(
        "text",
        ["<", "<a>", "<!DOCTYPE x [<!ENTITY a 'a'>]><r><i ip='&a;' b='1'/></r>", "<a b='c' d='e'/>", "<a>" * 50_000],
    )
    def test_other_xml_is_not_mine(self, text: str) -> None:
        assert mail(text, name="x.xml") is None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "hello",
            "Dear team, your server, attacked, us\n1,2,3,4\n",
            "name,phone\na,b\n",
            "{}",
            "ip\n",
            "ip,x\n10.0.0.1,a\n" * 100,
        ],
    )
    def test_other_texts_are_no_tables(self, text: str) -> None:
        assert read_table_text(text, "1") is None


def test_whom_the_subject_names_is_the_subject() -> None:
    table = "src_ip,dst_ip,dst_port\n198.51.100.1,192.0.2.1,123\n"
    reading = mail(table, subject="NTP amplification from 192.0.2.1")
    assert reading is not None
    event = reading.events[0].event
    assert (event["source.ip"], event["source.port"], event["destination.ip"]) == ("192.0.2.1", 123, "198.51.100.1")


def test_a_victim_in_the_subject_is_not_the_subject() -> None:
    reading = mail("src_ip,dst_ip\n198.51.100.1,192.0.2.1\n", subject="DDoS attack against our host 192.0.2.1")
    assert reading is not None and reading.events[0].event["source.ip"] == "198.51.100.1"


def test_the_attacked_host_of_a_web_log_is_not_the_source() -> None:
    columns = columns_of(["time", "host", "client_ip", "request"])
    assert columns is not None and columns.places["source.ip"] == 2 and "source.fqdn" not in columns.places


@pytest.mark.parametrize("bait", [",", '"', "ip,", "\t", '"a', "ip;", "192.0.2.1,", "\n", "[", "{"])
def test_evil_input_is_bounded(bait: str) -> None:
    read_table_text(bait * (100_000 // len(bait)), "1")
    read_table_text("ip,x\n" + bait * (100_000 // len(bait)), "1")
