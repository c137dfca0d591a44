# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the events of the various reports look like. The samples beside this file are made up."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from intelmq.lib.message import Event as IntelMQEvent

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.reports.formats.shadowserver import read, rows
from abusehandler.reports.reading import BadPart

if TYPE_CHECKING:
    from abusehandler.reports.event import Event

SAMPLES = Path(__file__).parent / "shadowserver"
RECEIVED = datetime(2026, 11, 21, 6, tzinfo=timezone.utc)
CATALOGUE = Catalogue.load()


def events(name: str) -> list[Event]:
    """All events of the sample whose name holds this word; none of its rows may be bad."""
    path = next(path for path in sorted(SAMPLES.glob("*.csv")) if f"{name}-" in path.name)
    with path.open("rb") as stream:
        found = list(
            read(stream, filename=path.name, catalogue=CATALOGUE, received_at=RECEIVED, warn=lambda words: None)
        )
    assert not [bad for bad in found if isinstance(bad, BadPart)]
    return [event for event in found if not isinstance(event, BadPart)]


def test_an_open_resolver() -> None:
    first, second = events("scan_dns")
    assert first == {
        "time.source": "2026-11-20T02:11:09+00:00",
        "classification.type": "vulnerable-system",
        "classification.taxonomy": "vulnerable",
        "classification.identifier": "dns-open-resolver",
        "severity": "high",
        "source.ip": "192.0.2.10",
        "source.port": 53,
        "source.asn": 64496,
        "source.reverse_dns": "router-10.example.net",
        "source.geolocation.cc": "AT",
        "source.geolocation.region": "WIEN",
        "source.geolocation.city": "WIEN",
        "protocol.transport": "udp",
        "protocol.application": "dns",
        "extra.tag": "openresolver",
        "extra.dns_version": "dnsmasq-2.80",
        "extra.min_amplification": 4.619,
        "extra.source.naics": 517311,
        "extra.source.sector": "Communications, Service Provider, and Hosting Service",
        "feed.provider": "Shadowserver",
        "feed.name": "Shadowserver",
        "feed.code": "scan_dns",
        "feed.documentation": "https://www.shadowserver.org/what-we-do/network-reporting/dns-open-resolvers-report/",
    }
    assert second["severity"] == "medium"  # the report's default
    assert "extra.source.naics" not in second  # 0 says nothing


def test_a_drone_at_a_sinkhole() -> None:
    first, second = events("event4_sinkhole_http")
    assert first["classification.type"] == "infected-system"
    assert first["classification.identifier"] == "andromeda"
    assert first["malware.name"] == "andromeda"
    assert first["source.ip"] == "198.51.100.7"
    assert first["source.port"] == 49152
    assert first["destination.ip"] == "203.0.113.80"
    assert first["destination.fqdn"] == "c2.example.org"
    assert first["destination.url"] == "http://c2.example.org:8080/gate.php?id=1"
    assert first["extra.destination.naics"] == 518210
    assert "extra.http_url" not in first
    # An address as Host makes a URL, no name; the family stands in for a missing infection.
    assert "destination.fqdn" not in second
    assert second["destination.url"] == "https://203.0.113.80/x"
    assert second["malware.name"] == second["classification.identifier"] == "qsnatch"


def test_a_hacked_website() -> None:
    (event,) = events("compromised_website")
    assert event["classification.type"] == "system-compromise"
    assert event["source.fqdn"] == "shop.example.com"
    assert event["source.url"] == "https://shop.example.com/wp-content/x.php"
    assert event["event_description.text"] == "spam"
    assert "destination.fqdn" not in event


def test_password_guessing() -> None:
    (event,) = events("event4_honeypot_brute_force")
    assert event["classification.type"] == "brute-force"
    assert event["classification.identifier"] == event["protocol.application"] == "ssh"
    assert event["destination.account"] == "root"
    assert event["extra.start_time"] == "2026-11-20T01:00:00.521730+00:00"
    assert event["extra.end_time"] == "2026-11-20T01:00:01+00:00"


def test_vulnerabilities_come_from_the_tag_and_ipv6_is_short() -> None:
    (event,) = events("scan6_http_vulnerable")
    assert event["source.ip"] == "2001:db8::1"
    assert event["product.vulnerabilities"] == "cve-2025-99999;cve-2026-1234"
    assert event["feed.code"] == "scan6_http_vulnerable"
    assert event["classification.identifier"] == "vulnerable-http"
    assert event["extra.http_date"] == "2026-11-20T04:00:01+00:00"


def test_malware_for_download() -> None:
    first, second = events("malware_url")
    assert first["source.url"] == "http://files.example.com/a/b.exe"
    assert first["source.fqdn"] == "files.example.com"
    assert first["source.ip"] == "192.0.2.81"
    assert first["extra.list_name"] == "example-tracker"
    assert "source.ip" not in second
    assert second["source.fqdn"] == "nowhere.example.com"


def test_a_web_shell_is_worse_than_a_missing_update() -> None:
    first, second = events("scan_exchange")
    assert (first["classification.type"], first["classification.taxonomy"]) == ("vulnerable-system", "vulnerable")
    assert first["classification.identifier"] == "vulnerable-exchange-server"
    assert (second["classification.type"], second["classification.taxonomy"]) == ("system-compromise", "intrusions")
    assert second["classification.identifier"] == "exchange-server-webshell"
    assert CATALOGUE.problem_of("system-compromise", "exchange-server-webshell").id == "web-shell"


def test_a_report_type_nobody_told_us_of() -> None:
    (event,) = events("scan_fridge")
    assert event["classification.type"] == "vulnerable-system"
    assert event["classification.identifier"] == "open-fridge"
    assert event["severity"] == "critical"
    assert event["extra.temperature"] == "-4"
    assert event["extra.door_open"] == "Y"
    assert event["extra.source_name"] == "probe-3"  # extra.source is an object elsewhere
    assert event["extra.vulnerable"] == "0"


def test_exactly_one_warning_for_an_unknown_type() -> None:
    path = SAMPLES / "2026-11-20-scan_fridge-example.csv"
    data = path.read_bytes() + b'"2026-11-20 07:00:01","192.0.2.98","tcp",9999,,,64496,"AT",,,,,,,\n'
    said: list[str] = []
    found = list(
        read(io.BytesIO(data), filename=path.name, catalogue=CATALOGUE, received_at=RECEIVED, warn=said.append)
    )
    assert len(found) == 2
    assert len(said) == 1
    assert "'scan_fridge'" in said[0]
    assert "`feeds:`" in said[0]


def test_a_drone_of_an_old_archive() -> None:
    (event,) = events("botnet_drone")
    assert event["malware.name"] == "conficker"
    assert event["protocol.transport"] == "tcp"
    assert event["destination.ip"] == "203.0.113.9"
    assert event["destination.fqdn"] == "cc.example.org"
    assert event["source.local_hostname"] == "PC-44"
    assert (event["extra.os.name"], event["extra.os.version"]) == ("Windows", "XP")


def test_a_network_that_lets_spoofed_packets_out() -> None:
    (event,) = events("event4_ip_spoofer")
    assert event["source.network"] == "192.0.2.0/24"
    assert event["classification.identifier"] == "ip-spoofer"


def test_who_mailed_a_url_is_not_whom_the_report_is_about() -> None:
    (event,) = events("spam_url")
    assert event["source.ip"] == "192.0.2.82"
    assert event["source.asn"] == 64496
    assert event["extra.spam_ip"] == "203.0.113.5"
    assert event["event_description.text"] == "Cheap!"


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # IntelMQ's own, while it reads its configuration
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.csv")), ids=lambda path: path.stem)
def test_intelmq_takes_every_event_as_it_is(path: Path) -> None:
    with path.open("rb") as stream:
        for event in read(
            stream, filename=path.name, catalogue=CATALOGUE, received_at=RECEIVED, warn=lambda words: None
        ):
            assert not isinstance(event, BadPart)
            message = IntelMQEvent()
            for key, value in event.items():
                assert message.add(key, value, sanitize=False) is not False, key
            message.to_dict(hierarchical=True)


def test_a_row_comes_with_its_line_and_text() -> None:
    data = (
        b"\n"
        b"timestamp,ip,asn,geo,note,port\n"
        b"2026-11-20 01:00:00,192.0.2.1,64496,AT,plain,1\n"
        b'2026-11-20 01:00:00,192.0.2.2,64496,AT,"two\nlines",2\n'
        b"\n"
        b"2026-11-20 01:00:00,192.0.2.3,64496,AT,,3\r\n"
    )
    headers: list[tuple[str, str, str]] = []
    found = list(
        rows(
            io.BytesIO(data),
            filename="scan_x.csv",
            catalogue=CATALOGUE,
            received_at=RECEIVED,
            warn=lambda words: None,
            on_header=lambda *told: headers.append(told),
        )
    )
    assert [(number, raw) for number, raw, _ in found] == [
        (3, "2026-11-20 01:00:00,192.0.2.1,64496,AT,plain,1"),
        (4, '2026-11-20 01:00:00,192.0.2.2,64496,AT,"two\nlines",2'),
        (7, "2026-11-20 01:00:00,192.0.2.3,64496,AT,,3"),
    ]
    assert headers == [("scan_x.csv", "scan_x", "timestamp,ip,asn,geo,note,port")]
    second = found[1][2]
    assert not isinstance(second, BadPart)
    assert second["extra.note"] == "two\nlines"


def test_without_a_telling_name_or_column_the_first_rows_tag_tells() -> None:
    data = (
        b"timestamp,ip,protocol,port,hostname,tag,asn,geo\n"
        b"2026-11-20 01:00:00,192.0.2.1,tcp,5900,,vnc,64496,AT\n"
        b"2026-11-20 01:00:00,192.0.2.2,tcp,5900,,vnc,64496,AT\n"
    )
    said: list[str] = []
    found = list(
        read(io.BytesIO(data), filename="attachment.csv", catalogue=CATALOGUE, received_at=RECEIVED, warn=said.append)
    )
    assert [event["classification.identifier"] for event in found if not isinstance(event, BadPart)] == ["open-vnc"] * 2
    assert said == []


def test_a_type_of_which_nothing_is_known_still_gives_its_url_and_host() -> None:
    data = b"timestamp,domain,url,asn,geo\n2026-11-20 01:00:00,shop.example.com,https://shop.example.com/x,64496,AT\n"
    said: list[str] = []
    (event,) = read(io.BytesIO(data), filename="x.csv", catalogue=CATALOGUE, received_at=RECEIVED, warn=said.append)
    assert not isinstance(event, BadPart)
    assert event["source.fqdn"] == "shop.example.com"
    assert event["source.url"] == "https://shop.example.com/x"
    assert event["classification.type"] == "undetermined"
    assert len(said) == 1


def test_a_special_report_tells_broken_into_from_vulnerable() -> None:
    data = (
        b"timestamp,ip,asn,geo,tag,status,detail\n"
        b"2026-11-20 01:00:00,192.0.2.1,64496,AT,mailserver,vulnerable,\n"
        b"2026-11-20 01:00:00,192.0.2.2,64496,AT,mailserver,compromised,/x.aspx\n"
    )
    name = "2026-11-20-special-example-asn.csv"
    first, second = read(io.BytesIO(data), filename=name, catalogue=CATALOGUE, received_at=RECEIVED)
    assert not isinstance(first, BadPart)
    assert not isinstance(second, BadPart)
    assert first["classification.type"] == "vulnerable-system"
    assert (second["classification.type"], second["severity"]) == ("system-compromise", "critical")


def test_a_sinkholes_old_report_names_the_malware_in_its_type() -> None:
    data = (
        b"timestamp,ip,asn,geo,url,type,http_agent,src_port,dst_port,http_host,dst_ip\n"
        b"2018-03-01 10:00:00,192.0.2.1,64496,AT,/a,avalanche,Mozilla,4711,80,cc.example.org,203.0.113.9\n"
    )
    (event,) = read(io.BytesIO(data), filename="old.csv", catalogue=CATALOGUE, received_at=RECEIVED)
    assert not isinstance(event, BadPart)
    assert event["malware.name"] == event["classification.identifier"] == "avalanche"
    assert event["source.port"] == 4711
    assert event["destination.url"] == "http://cc.example.org/a"
