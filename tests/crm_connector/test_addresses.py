# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Addresses as people write them."""

import contextlib
import ipaddress
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abusehandler.crm_connector.addresses import (
    address_text,
    parse_address,
    parse_block,
    parse_prefix,
    prefix_text,
    split_range,
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("192.0.2.0/24", ["192.0.2.0/24"]),
        (" 192.0.2.7 ", ["192.0.2.7/32"]),
        ("192.0.2.0 / 24", ["192.0.2.0/24"]),
        ("192.0.2.0 255.255.255.0", ["192.0.2.0/24"]),
        ("192.0.2.0/255.255.255.240", ["192.0.2.0/28"]),
        ("192.0.2.*", ["192.0.2.0/24"]),
        ("192.0.2.0-192.0.2.255", ["192.0.2.0/24"]),
        ("192.0.2.0 – 192.0.2.3", ["192.0.2.0/30"]),
        ("192.0.2.0 to 192.0.2.3", ["192.0.2.0/30"]),
        ("192.0.2.10 - 12", ["192.0.2.10/31", "192.0.2.12/32"]),
        ("192.0.2.1, 192.0.2.9; 192.0.2.16/30", ["192.0.2.1/32", "192.0.2.9/32", "192.0.2.16/30"]),
        ("192.0.2.1-2, 198.51.100.0/24", ["192.0.2.1/32", "192.0.2.2/32", "198.51.100.0/24"]),
        ("192.000.002.001", ["192.0.2.1/32"]),
        ("2001:DB8::/48", ["2001:db8::/48"]),
        ("2001:db8::-2001:db8::f", ["2001:db8::/124"]),
        ("::ffff:192.0.2.0/120", ["192.0.2.0/24"]),
        ("192.0.2.77/24", ["192.0.2.0/24"]),
    ],
)
def test_blocks_as_people_write_them(written, meant):
    prefixes, _ = parse_block(written)
    assert [prefix_text(prefix) for prefix in prefixes] == meant


def test_corrections_are_told():
    assert "host bits" in parse_block("192.0.2.77/24")[1]
    assert "zeros" in parse_block("192.000.002.001")[1]
    assert parse_block("192.0.2.0/24")[1] == ""


@pytest.mark.parametrize(
    "written",
    ["", "-", "300.1.2.3", "192.0.2", "192.0.2.0/33", "2001:db8::/129", "192.0.2.9-192.0.2.1", "192.0.2.1-2001:db8::",
     "192.0.02.1", "n/a", "192.0.2.0/255.0.255.0", "192.0.2.0/-1", "192.0.2.0/٢٤", "example.net", "1.*.2.*"],
)  # fmt: skip
def test_what_is_no_address_says_so(written):
    with pytest.raises(ValueError):
        parse_block(written)


def test_a_mapped_address_is_the_ipv4_address():
    assert parse_address("::ffff:192.0.2.1") == parse_address("192.0.2.1")


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_range_is_split_as_ipaddress_does(one, other):
    low, high = sorted((one, other))
    expected = ipaddress.summarize_address_range(ipaddress.IPv4Address(low), ipaddress.IPv4Address(high))
    assert [prefix_text(prefix) for prefix in split_range(32, low, high)] == [str(prefix) for prefix in expected]


@given(st.ip_addresses(v=6), st.integers(0, 128))
def test_prefixes_agree_with_ipaddress(address, length):
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    if address.ipv4_mapped is None:
        bits, number, found, _ = parse_prefix(f"{address}/{length}")
        assert (bits, number, found) == (128, int(network.network_address), length)
        assert ipaddress.ip_address(address_text(bits, number)) == network.network_address


@pytest.mark.parametrize("sign", [" ", "-", ",", ".", "1", ":", "/", "0.", "1-", "to ", "*.", "255."])
def test_evil_cells_are_refused_quickly(sign):
    begin = time.process_time()
    for size in (19_000, 100_000):
        with contextlib.suppress(ValueError):
            parse_block(sign * (size // len(sign)))
    assert time.process_time() - begin < 5  # a bound against the catastrophic, no measure of speed
