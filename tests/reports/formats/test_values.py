# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Single values: addresses, ports, hosts, URLs and times as events hold them."""

from __future__ import annotations

from datetime import timezone

import pytest

from abusehandler.reports.formats import values
from abusehandler.reports.formats.problems import TYPES, classification, classification_within


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"), (" [192.0.2.1] ", "192.0.2.1"), ("192[.]0[.]2[.]1", "192.0.2.1"), ("192.0.2.1:443", "192.0.2.1"),
        ("192.0.2.1/32", "192.0.2.1"), ("2001:DB8::0:1", "2001:db8::1"), ("[2001:db8::1]:80", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", ""), ("127.0.0.1", ""), ("192.0.2.0/24", ""), ("192.0.2", ""), ("example.net", ""), ("", ""),
    ],
)  # fmt: skip
def test_addresses(text: str, address: str) -> None:
    assert values.address(text) == address


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00+00:00"),
        ("2026-11-20 11:00:00+01", "2026-11-20T10:00:00+00:00"),
        ("2026-11-20T10:00:00.5+0000", "2026-11-20T10:00:00.500000+00:00"),
        ("Fri, 20 Nov 2026 11:00:00 +0100", "2026-11-20T10:00:00+00:00"),
        ("Fri Nov 20 10:00:00 2026 +00:00 GMT", "2026-11-20T10:00:00+00:00"),
        ("Fri Nov 20 2026 02:00:00 GMT-0800 (PST)", "2026-11-20T10:00:00+00:00"),
        ("20/Nov/2026:11:00:00 +0100", "2026-11-20T10:00:00+00:00"),
        ("1795168800", "2026-11-20T10:00:00+00:00"),
        ("1795168800000", "2026-11-20T10:00:00+00:00"),
    ],
)  # fmt: skip
def test_times_with_a_zone(text: str, time: str) -> None:
    moment = values.when(text)
    assert moment is not None and values.time_text(moment) == time


@pytest.mark.parametrize(
    "text", ["2026-11-20 10:00:00", "yesterday", "", "99", "2026-13-45T10:00:00Z", "0000-00-00 00:00:00Z"]
)
def test_no_time_without_a_zone_or_sense(text: str) -> None:
    assert values.when(text) is None


def test_day_and_month_in_doubt_are_not_guessed() -> None:
    assert values.when("03/04/2026 10:00:00", timezone.utc) is None
    moment = values.when("20/11/2026 10:00:00", timezone.utc)
    assert moment is not None and (moment.month, moment.day) == (11, 20)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "hxxps://login[.]example.net:8443/a?b=c",
            ("https://login.example.net:8443/a?b=c", "login.example.net", "", 8443),
        ),
        ("http://192.0.2.1/x", ("http://192.0.2.1/x", "", "192.0.2.1", None)),
        ("http://[2001:db8::1]:80/", ("http://[2001:db8::1]:80/", "", "2001:db8::1", 80)),
        ("example.net/path", ("http://example.net/path", "example.net", "", None)),
        ("just words", ("", "", "", None)),
        ("javascript:alert(1)", ("", "", "", None)),
        ("http://10.0.0.1/", ("", "", "", None)),
    ],
)
def test_urls(text: str, found: tuple[str, str, str, int | None]) -> None:
    assert values.url(text) == found


def test_every_word_names_an_existing_class() -> None:
    for word in ("PortScan", "login-attack", "Phishing URL", "DDoS", "SPAM", "C&C", "botnet", "copyright infringement"):
        assert classification(word) in TYPES
    assert classification("fraud") == ""
    assert classification_within("PHISHING_419SCAM") == "phishing"
    assert classification_within("open ticket") == ""


@pytest.mark.parametrize("bait", ["[", "1.", "http://", "a@", "192.0.2.", "hxxp[", "(", "1:", "2026-", " "])
def test_evil_input_is_linear(bait: str) -> None:
    text = bait * (100_000 // len(bait))
    values.address(text)
    values.any_address(text)
    values.host(text)
    values.url(text)
    values.when(text)
