# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Addresses, names and defanging in running text, with their places."""

from __future__ import annotations

import pytest

from abusehandler.reports.freetext.addresses import find_addresses, is_public
from abusehandler.reports.freetext.names import (
    find_hosts,
    find_mail_addresses,
    find_urls,
    host_name,
    registered_domain,
)
from abusehandler.reports.freetext.refang import refang


@pytest.mark.parametrize(
    ("text", "ip", "port"),
    [
        ("from 192.0.2.1.", "192.0.2.1", None),
        ("(192.0.2.1)", "192.0.2.1", None),
        ("[192.0.2.1]:443", "192.0.2.1", 443),
        ("192.0.2.1:443 ->", "192.0.2.1", 443),
        ("IP 192.0.2.1.32878 > 198.51.100.7.22: Flags", "192.0.2.1", 32878),
        ("192.0.2.1/32", "192.0.2.1", None),
        ("192.000.002.001", "192.0.2.1", None),
        ("http://192.0.2.1/x", "192.0.2.1", None),
        ("[2001:db8::1]:8080", "2001:db8::1", 8080),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", None),
        ("::ffff:192.0.2.1", "192.0.2.1", None),
    ],
)
def test_an_address_with_its_port(text: str, ip: str, port: int | None) -> None:
    first = find_addresses(text)[0]
    assert (first.ip, first.port, first.prefix) == (ip, port, None)


@pytest.mark.parametrize(
    "text",
    [
        "Chrome/96.0.4664.110", "version 1.2.3.4", "plugin versions up to 4.2.5.7", "256.1.2.3", "1.2.3", "1.2.3.4.5.6", "at 12:34:56",
        "aa:bb:cc:dd:ee:ff", "192.0.2.1.static.example.net", "pool-192.0.2.1.example.net", "std::vector",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    assert find_addresses(text) == []


def test_networks_and_ranges_are_marked() -> None:
    network, first, last = find_addresses("192.0.2.0/24 and 198.51.100.0 - 198.51.100.255")
    assert network.prefix == 24
    assert first.bound
    assert last.bound


def test_private_addresses_belong_to_nobody() -> None:
    assert not is_public("10.1.2.3")
    assert not is_public("100.64.0.1")
    assert not is_public("fe80::1")
    assert is_public("203.0.113.5")
    assert is_public("2001:db8::1")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("hxxp://shop[.]example[.]net/a", "http://shop.example.net/a"),
        ("hXXps[:]//shop(.)example(dot)net", "https://shop.example.net"),
        ("hxxps[:][//]shop[.]example[.]net[/]login[/]", "https://shop.example.net/login/"),
        ("hxxp://shop .example .net /login", "http://shop.example.net/login"),
        ("192[.]0[.]2[.]1", "192.0.2.1"),
        ("192.0.2[.]1", "192.0.2.1"),
        ("shop [.] example [.] net", "shop.example.net"),
        ("someone[at]example[dot]net", "someone@example.net"),
        ("https:// shop.example.net", "https://shop.example.net"),
        ("plain text. (See there.) [1]", "plain text. (See there.) [1]"),
    ],
)
def test_defanging_is_undone(text: str, plain: str) -> None:
    assert refang(text).text == plain


def test_offsets_lead_back_to_the_text_as_it_came() -> None:
    original = "see hxxp://shop[.]example[.]net/a and 192[.]0[.]2[.]1 there"
    clean = refang(original)
    start = clean.text.index("192.0.2.1")
    assert original[clean.original(start) : clean.original(start + len("192.0.2.1"))] == "192[.]0[.]2[.]1"
    assert clean.defanged(start, start + 9)
    assert not clean.defanged(0, 3)


def test_urls_lose_the_punctuation_of_the_sentence() -> None:
    found = find_urls(
        '(see http://shop.example.net/a(b).) <https://www.example.com:8443/x?y=1>, "ftp://files.example.org"'
    )
    assert [one.url for one in found] == [
        "http://shop.example.net/a(b)",
        "https://www.example.com:8443/x?y=1",
        "ftp://files.example.org",
    ]
    assert found[1].port == 8443


def test_hosts_are_names_that_can_exist() -> None:
    text = "shop.example.net, README.md file setup.exe index.php e.g. end.Next www.example.com/path mail@example.org a.b.invalid"
    assert [one.host for one in find_hosts(text)] == ["shop.example.net", "www.example.com"]
    assert find_hosts("www.example.com/path")[0].url == "http://www.example.com/path"


def test_a_mail_address_is_no_host() -> None:
    assert find_mail_addresses("Abuse <abuse@example.net>")[0].mail == "abuse@example.net"
    assert find_hosts("abuse@example.net") == []


def test_names_in_other_scripts_become_a_labels() -> None:
    assert host_name("Bücher.example.com") == "xn--bcher-kva.example.com"
    assert registered_domain("a.b.example.co.uk") == "example.co.uk"
    assert registered_domain("co.uk") == ""
