# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A link is fetched only if it lies below a prefix of the operator's, however it is spelt."""

from __future__ import annotations

import time

import pytest

from abusehandler.reports.links.prefix import LinkPrefix, matching

PREFIX = LinkPrefix.of("https://dl.example.org/reports/")


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://dl.example.org/reports/a.csv", "https://dl.example.org/reports/a.csv"),
        ("HTTPS://DL.EXAMPLE.ORG/reports/a?b=c&d#e", "https://dl.example.org/reports/a?b=c&d"),
        ("https://dl.example.org:443/reports/a", "https://dl.example.org/reports/a"),
        ("https://dl.example.org/reports/?token", "https://dl.example.org/reports/?token"),
        ("https://dl.example.org/reports/2026%20a.csv", "https://dl.example.org/reports/2026%20a.csv"),
    ],
)
def test_links_below_it(url: str, plain: str) -> None:
    assert PREFIX.match(url) == plain


@pytest.mark.parametrize(
    "url",
    [
        "https://dl.example.org/reports/",
        "https://dl.example.org/reports",
        "https://dl.example.org/reportsx/a",
        "https://dl.example.org/other/a",
        "https://dl.example.org/reports/../other/a",
        "https://dl.example.org/reports/%2e%2e/other/a",
        "https://dl.example.org/reports/.%2E/a",
        "https://dl.example.org/reports/./a",
        "https://dl.example.org/reports/..%2fother",
        "https://dl.example.org/reports/a%5c..%5cb",
        "https://dl.example.org/reports/%252e%252e/a",
        "https://dl.example.org/reports//a",
        "https://dl.example.org//reports/a",
        "http://dl.example.org/reports/a",
        "https://dl.example.org:8443/reports/a",
        "https://dl.example.org:/reports/a",
        "https://dl.example.org:99999/reports/a",
        "https://dl.example.org./reports/a",
        "https://dl.example.org.example.net/reports/a",
        "https://user@dl.example.org/reports/a",
        "https://dl.example.org@example.net/reports/a",
        "https://dl.example.org%40example.net/reports/a",
        "https://example.net\\@dl.example.org/reports/a",
        "https://dl.example.org\\@example.net/reports/a",
        "https://example.net#@dl.example.org/reports/a",
        "https://dl.example.org/reports/a b",
        "https://dl.example.org/reports/a\r\nX: y",
        "https://dl.exаmple.org/reports/a",
        "//dl.example.org/reports/a",
        "/reports/a",
        "file:///reports/a",
        "https:dl.example.org/reports/a",
        "https://[::1/reports/a",
        "",
        "https://dl.example.org/reports/" + "a" * 2000,
    ],
)
def test_all_else_is_refused(url: str) -> None:
    assert PREFIX.match(url) is None
    assert matching(url, (PREFIX, PREFIX)) is None


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://dl.example.org/", "https://dl.example.org"),
        ("https://DL.example.org:8443/x/", "https://dl.example.org:8443"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost/", "http://localhost"),
        ("http://[::1]:81/", "http://[::1]:81"),
    ],
)
def test_prefixes(text: str, origin: str) -> None:
    assert LinkPrefix.of(text).origin == origin


@pytest.mark.parametrize(
    "text",
    [
        "", "dl.example.org", "https://", "https:///x/", "https://dl.example.org/x", "https://dl.example.org/x/?y/",
        "https://dl.example.org/x/#/", "ftp://dl.example.org/", "https://u:p@dl.example.org/", "https://*.example.org/ /",
        "https://dl.example.org/../",
    ],
)  # fmt: skip
def test_what_is_no_prefix(text: str) -> None:
    with pytest.raises(ValueError, match="write for example https://dl.example.org/reports/"):
        LinkPrefix.of(text)


@pytest.mark.parametrize("text", ["http://dl.example.org/", "http://192.0.2.1/", "http://10.0.0.1/"])
def test_http_is_for_this_machine(text: str) -> None:
    with pytest.raises(ValueError, match="write https://"):
        LinkPrefix.of(text)


@pytest.mark.parametrize(
    ("prefix", "address", "allowed"),
    [
        ("https://dl.example.org/", "1.1.1.1", True),
        ("https://dl.example.org/", "2606:4700:4700::1111", True),
        ("https://dl.example.org/", "10.0.0.1", False),
        ("https://dl.example.org/", "127.0.0.1", False),
        ("https://dl.example.org/", "169.254.169.254", False),
        ("https://dl.example.org/", "100.64.0.1", False),
        ("https://dl.example.org/", "224.0.0.1", False),
        ("https://dl.example.org/", "::1", False),
        ("https://dl.example.org/", "fe80::1%eth0", False),
        ("https://dl.example.org/", "::ffff:10.0.0.1", False),
        ("https://dl.example.org/", "no address", False),
        ("https://10.0.0.1/", "10.0.0.1", True),
        ("https://10.0.0.1/", "10.0.0.2", False),
        ("http://localhost/", "::1", True),
        ("http://localhost/", "10.0.0.1", False),
    ],
)
def test_where_a_connection_may_go(prefix: str, address: str, allowed: bool) -> None:
    assert LinkPrefix.of(prefix).may_connect(address) is allowed


@pytest.mark.parametrize("bait", ["%", "/", "a/", "[", "@", ":", "?", "..", "%2e"])
def test_long_bait_takes_no_time(bait: str) -> None:
    started = time.process_time()
    assert PREFIX.match("https://dl.example.org/reports/" + bait * 100_000) is None
    assert time.process_time() - started < 2
