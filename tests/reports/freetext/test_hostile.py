# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Texts made to hurt: the work must not grow faster than the text, and nothing may raise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mails import CONTEXT, mail

from abusehandler.reports.freetext import not_a_report, read
from abusehandler.reports.freetext.addresses import canonical

PIECES = [
    "1", "1.", "192.0.2.1 ", "192.0.2.1\n", ":", "::", "f:", "[", "[.", "(dot)", "hxxp", "hxxp://a .b ", "http://", "http://a.b ", "a.", "a@", "@",
    "\n", ">", "Received: ", "Received: from a.b (192.0.2.1) by c.d\n", "From: a\n", "X-A: b\n", "12:34 ", "12:34:56 +", "time zone:", "UTC",
    "192.0.2.1 -> ", "|", "a,", "source ip ", "--\n", "On a", "client-ip=", "src ip\nsrc\nb\nc\n192.0.2.1\n", "port:", "é", "日本", "http://a.b is ", "xn--a.",
    "2026-11-19 at um klo ", "12h34m ", "12時 5分 ", "um 2.10 ", "1, 2, X1 - ", "source port 1", "our server ", "our shop (", "our a b c (", "we detected ",
    "10:00 - 10:00 ", "date: 2026\ntime: 1:00:00\n", "(a b c, UTC+1) ", ":00 until ", "UTC time ", "heure de paris ", "a_utc ", "stolen data ", "sip:a@",
    "copy of our ", "подбор х парол ", "a.bb, ", "shop.example.net [", "c2 server in your ", "192.0.2.1 to 192.0.2.3 ", "192.0.2.1 10:00:00\n", "abuse contact ",
    "guess password ", "猜测密码", "ip;port\n", "ip  port\n", "192.0.2.1\nsource port\n", "ip: 192.0.2.1\ntype: spam\n\n", "192.0.2.1 1 192.0.2.2 2\n", "auf 192.0.2.1 ",
    "copyright 2019 ", "we run the ", "UTC ", "source port\n", "a web shell may ",
    "phishing and spam ", "and or as well as ", "possible cause a ", "keep a ", "source port 1234 ", "1.2.3.4/", "10:00 CST ", "2026-11-19 10:00 IST ", "UTC+",
    "1.2.3.4,", "a,1.2.3.4,5.6.7.8,", "18. 11. 2026 v ", "2026年11月19日 ",
]  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("piece", PIECES)
def test_a_hundred_kilobytes_of_the_worst_are_read(piece: str) -> None:
    """Quadratic work on any of these takes minutes; the limit is there to end it, not to measure."""
    text = piece * (100_000 // len(piece))
    one = mail("192.0.2.1 " + text[:200], text)
    assert "error in the program" not in read(one, CONTEXT).reason
    not_a_report(one, CONTEXT)


@given(st.text(max_size=400), st.text(alphabet="0123456789.:[]()->/ \nabhtpx@=,|", max_size=800))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_without_raising(subject: str, text: str) -> None:
    reading = read(mail(subject, text), CONTEXT)
    assert "error in the program" not in reading.reason
    not_a_report(mail(subject, text), CONTEXT)


def test_a_megabyte_is_cut_and_says_so() -> None:
    line = "2026-11-20 10:00:00 192.0.2.1:40000 -> 198.51.100.7:22 SYN\n"
    reading = read(mail("Port scan from 192.0.2.1", line * 17_000), CONTEXT)
    assert reading.verdict == "report"
    assert reading.warnings


def test_digits_that_are_no_decimals_are_no_part_of_an_address() -> None:
    assert canonical("192.0.2.³88") == ""
