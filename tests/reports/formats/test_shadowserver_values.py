# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cells to values, and which report a file is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abusehandler.reports.formats.shadowserver import detect_report_type, is_shadowserver, values
from abusehandler.reports.formats.shadowserver.columns import column_names
from abusehandler.reports.formats.shadowserver.values import MISFIT

CONVERTERS = [
    values.text, values.lower, values.printable, values.application, values.transport, values.severity, values.address,
    values.network, values.port, values.asn, values.country, values.host, values.url, values.file_hash, values.whole,
    values.nonzero, values.decimal, values.truth, values.known_text, values.moment, values.http_date,
]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2026-11-20 08:15:00", "2026-11-20T08:15:00+00:00"),
        ("2026-11-20T08:15:00Z", "2026-11-20T08:15:00+00:00"),
        ("2026-11-20 08:15:00 UTC", "2026-11-20T08:15:00+00:00"),
        ("2026-11-20T08:15:00+02:00", "2026-11-20T06:15:00+00:00"),
        ("2026-11-20 08:15:00-0530", "2026-11-20T13:45:00+00:00"),
        ("2026-11-20 08:15:00.5", "2026-11-20T08:15:00.500000+00:00"),
        ("2026-11-20T08:15:00.521730123Z", "2026-11-20T08:15:00.521730+00:00"),
        ("2026-11-20T08:15:00.000000Z", "2026-11-20T08:15:00+00:00"),
        ("2026-02-30 08:15:00", MISFIT),
        ("2026-11-20 24:00:00", MISFIT),
        ("2026-11-20 08:15", MISFIT),
        ("11/20/2026 08:15:00", MISFIT),
        ("2026-W47-5 08:15:00", MISFIT),
        ("٢٠٢٦-11-20 08:15:00", MISFIT),
        ("0001-01-01 00:00:00", MISFIT),
        ("1763626500", MISFIT),
    ],
)
def test_times_are_strict(cell: str, value: Any) -> None:
    assert values.moment(cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("2001:DB8:0:0::0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.01", MISFIT),
        ("192.0.2", MISFIT),
        ("3221225985", MISFIT),
        ("192.0.2.1/32", MISFIT),
        ("::ffff:192.0.2.300", MISFIT),
        ("١٩٢.0.2.1", MISFIT),
        ("", None),
    ],
)
def test_addresses(cell: str, value: Any) -> None:
    assert values.address(cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("Host.Example.NET.", "host.example.net"),
        ("_dmarc.example.net", "_dmarc.example.net"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("192.0.2.1", MISFIT),
        ("a..b.example", MISFIT),
        ("host.example:80", MISFIT),
        ("x" * 64 + ".example", MISFIT),
        ("a b.example", MISFIT),
        (".", None),
    ],
)
def test_host_names(cell: str, value: Any) -> None:
    assert values.host(cell) == value


@pytest.mark.parametrize(
    ("convert", "cell", "value"),
    [
        (values.port, "0", None),
        (values.port, "65535", 65535),
        (values.port, "65536", MISFIT),
        (values.port, "-1", MISFIT),
        (values.port, "²", MISFIT),
        (values.asn, "AS64496", 64496),
        (values.asn, "4294967296", MISFIT),
        (values.country, "at", "AT"),
        (values.country, "AUT", MISFIT),
        (values.url, "hxxps://example.com/x", "https://example.com/x"),
        (values.url, "/x", MISFIT),
        (values.url, "http://[::1/x", MISFIT),
        (values.url, "http://a b/x", MISFIT),
        (values.whole, "-12", -12),
        (values.whole, "9" * 19, MISFIT),
        (values.whole, "1_000", MISFIT),
        (values.decimal, "74.00", 74.0),
        (values.decimal, "nan", MISFIT),
        (values.decimal, "1e999", MISFIT),
        (values.truth, "Y", True),
        (values.truth, "disabled", False),
        (values.truth, "perhaps", MISFIT),
        (values.network, "192.0.2.7/24", "192.0.2.0/24"),
        (values.application, "ssh", "ssh"),
        (values.application, "mirai", MISFIT),
        (values.http_date, "Fri, 20 Nov 2026 04:00:01 GMT", "2026-11-20T04:00:01+00:00"),
        (values.http_date, "yesterday", MISFIT),
        (values.file_hash, "not a hash", MISFIT),
    ],
)
def test_values_fit_or_they_do_not(convert: Any, cell: str, value: Any) -> None:
    assert convert(cell) == value


@pytest.mark.parametrize("convert", CONVERTERS, ids=lambda convert: convert.__name__)
@given(cell=st.text(max_size=80))
def test_no_text_raises(convert: Any, cell: str) -> None:
    convert(cell)


@pytest.mark.parametrize("convert", CONVERTERS, ids=lambda convert: convert.__name__)
@pytest.mark.parametrize(
    "mark", ["a", "9", ".", "-", " ", ":", "a.", "a-", "/", "é", "2026-11-20 08:15:00.9", "%", "@"]
)
def test_long_texts_end(convert: Any, mark: str) -> None:
    convert(mark * (100_000 // len(mark)))


@pytest.mark.parametrize(
    ("name", "report_type"),
    [
        ("2026-11-20-scan_dns-example-isp-asn64496.csv", "scan_dns"),
        ("2026-11-20-scan_dns-example-isp-asn64496.csv.zip", "scan_dns"),
        ("/var/spool/feed/2026-11-20-event4_sinkhole_http-at-geo.csv.gz", "event4_sinkhole_http"),
        (r"C:\reports\SCAN6_SSH.CSV", "scan6_ssh"),
        ("scan_dns.csv", "scan_dns"),
        ("20261120-blocklist-x.csv", "blocklist"),
        ("2026-11-20_device_id-x.csv", "device_id"),
        ("2026-11-20-scan_tomorrow-x.csv", "scan_tomorrow"),
        ("20261120-cert-Sinkhole_HTTP-customer-1.csv", "sinkhole_http"),
        ("our special offers.csv", None),
        ("invoice.csv", None),
        ("report.csv.zip", None),
        ("", None),
        ("-" * 1000, None),
    ],
)
def test_the_files_name_tells_the_type(name: str, report_type: str | None) -> None:
    assert detect_report_type(name, ["timestamp", "ip"]) == report_type


def test_without_a_telling_name_the_columns_do() -> None:
    resolver = ["timestamp", "ip", "protocol", "port", "dns_version", "min_amplification"]
    assert detect_report_type("attachment.csv", resolver) == "scan_dns"
    assert detect_report_type("x", ["timestamp", "src_ip", "dst_ip", "infection"]) == "event4_sinkhole"
    assert detect_report_type("x", ["timestamp", "ip", "cc_ip", "cc_dns", "infection"]) == "botnet_drone"
    assert detect_report_type("x", ["timestamp", "ip", "url", "type", "http_agent"]) == "sinkhole_http_drone"
    assert detect_report_type("x", ["timestamp", "ip"]) is None


def test_a_shadowserver_header_is_known_among_other_tables() -> None:
    assert is_shadowserver(["timestamp", "ip", "protocol", "port", "hostname", "tag", "asn", "geo", "region", "city"])
    assert is_shadowserver(["timestamp", "protocol", "src_ip", "src_port", "src_asn", "src_geo", "dst_ip"])
    assert is_shadowserver(["\ufeffTimestamp", "IP", "ASN", "Geo"])
    assert not is_shadowserver(["timestamp", "ip", "port", "malware"])
    assert not is_shadowserver(["Date", "Source IP", "Country"])
    assert not is_shadowserver([])


def test_column_names_are_keys() -> None:
    assert column_names(["ip", " Door Open? ", "", "ip", "issuer_serialNumber", "ключ"]) == [
        "ip", "door_open", "column_3", "ip_2", "issuer_serialnumber", "column_6",
    ]  # fmt: skip
