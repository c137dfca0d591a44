# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Feedback reports as mailbox providers send them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from abusehandler.reports.context import OwnAssets, ReadContext
from abusehandler.reports.formats.arf import read_arf
from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from abusehandler.reports.reading import Reading

OURS = ReadContext(own=OwnAssets((ipaddress.ip_network("192.0.2.0/24"),), ("example.net",)))


def report(fields: str, message: str = "", context: ReadContext | None = None) -> Reading | None:
    raw = (
        'From: fbl@example.com\nContent-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nThis is an abuse report.\n"
        f"--b\nContent-Type: message/feedback-report\n\n{fields}\n"
        f"--b\nContent-Type: message/rfc822\n\n{message or 'Subject: Cheap pills'}\n\nbuy\n--b--\n"
    )
    return read_arf(decode(raw.encode()), context or ReadContext())


ABUSE = "Feedback-Type: abuse\nUser-Agent: Test/1\nVersion: 1\nSource-IP: 192.0.2.1\nArrival-Date: Fri, 20 Nov 2026 11:00:00 +0100"


def test_the_source_is_reported_as_spam_with_its_time() -> None:
    reading = report(
        ABUSE + "\nSource-Port: 49152\nReported-Domain: shop.example\nOriginal-Mail-From: <a@shop.example>"
    )
    assert reading is not None and reading.verdict == "report" and reading.kind == "abuse"
    (read,) = reading.events
    assert read.event["source.ip"] == "192.0.2.1"
    assert read.event["source.port"] == 49152  # RFC 6692
    assert read.event["time.source"] == "2026-11-20T10:00:00+00:00"
    assert read.event["classification.type"] == "spam"
    assert read.event["extra.reported_domain"] == "shop.example"
    assert read.event["extra.subject"] == "Cheap pills"
    span = read.spans["source.ip"]
    assert span.part == "2"


def test_a_date_without_zone_is_no_time() -> None:
    reading = report(ABUSE.replace(" +0100", ""))
    assert reading is not None and "time.source" not in reading.events[0].event


def test_fields_in_odd_case_folded_and_repeated() -> None:
    reading = report("feedback-type: ABUSE\nSOURCE-IP:  [192.0.2.1] \nSource-IP: 2001:db8::1\nUser-Agent: a\n\tb")
    assert reading is not None
    assert [read.event["source.ip"] for read in reading.events] == ["192.0.2.1", "2001:db8::1"]
    assert reading.events[0].event["extra.user_agent"] == "ab" or reading.events[0].event["extra.user_agent"] == "a b"


def test_not_spam_is_no_report() -> None:
    reading = report(ABUSE.replace("abuse", "not-spam"))
    assert reading is not None and reading.verdict == "not-a-report" and reading.kind == "not-spam"


def test_an_authentication_failure_is_told_apart() -> None:
    failure = ABUSE.replace(
        "Feedback-Type: abuse", "Feedback-Type: auth-failure\nAuth-Failure: dmarc\nReported-Domain: example.net"
    )
    unknown = report(failure)
    assert unknown is not None and unknown.verdict == "report" and unknown.kind == "auth-failure"
    ours = report(failure, context=OURS)
    assert ours is not None and ours.verdict == "report"
    foreign = report(failure.replace("192.0.2.1", "198.51.100.1"), context=OURS)
    assert foreign is not None and foreign.verdict == "not-a-report" and foreign.kind == "auth-failure"


def test_without_a_source_the_first_hop_of_the_mail_is_a_guess() -> None:
    message = (
        "Received: by mx.example.com (Postfix) with ESMTP id 1; Fri, 20 Nov 2026 10:00:00 +0000\n"
        "Received: from relay (mail.example.net [192.0.2.7]) by mx.example.com with ESMTP\n"
        "Received: from forged (victim.example [198.51.100.9]) by relay\nSubject: spam"
    )
    reading = report("Feedback-Type: abuse\nVersion: 1", message)
    assert reading is not None
    assert reading.events[0].event["source.ip"] == "192.0.2.7"
    assert reading.events[0].confidence < 0.8


def test_redacted_values_are_no_addresses() -> None:
    assert report("Feedback-Type: abuse\nSource-IP: 5f4dcc3b5aa765d6", "Subject: x") is None


def test_a_private_source_is_named_as_bad() -> None:
    message = "Received: from relay (mail.example.net [192.0.2.7]) by mx.example.com\nSubject: x"
    reading = report("Feedback-Type: abuse\nSource-IP: 10.0.0.1", message)
    assert reading is not None and reading.bad[0].raw == "10.0.0.1"


def test_an_advertised_url_of_ours_is_an_event_of_its_own() -> None:
    fields = ABUSE.replace("192.0.2.1", "198.51.100.1") + "\nReported-URI: http://www.example.net/pills"
    reading = report(fields, context=OURS)
    assert reading is not None
    assert [read.event.get("source.url") for read in reading.events] == [None, "http://www.example.net/pills"]
    assert "source.ip" not in reading.events[1].event


def test_cfbl_is_told_by_its_header() -> None:
    reading = report(ABUSE, "CFBL-Address: fbl@example.net; report=arf\nCFBL-Feedback-ID: 111:222:333\nSubject: x")
    assert reading is not None and reading.kind == "cfbl"
    assert reading.events[0].event["extra.feedback_id"] == "111:222:333"


def test_a_wrapper_around_xarf_is_left_to_the_xarf_reader() -> None:
    assert report("Feedback-Type: xarf\nUser-Agent: x\nVersion: 1") is None


def test_fields_written_into_the_letter() -> None:
    text = "From: mx@example.com\n\nThis is an abuse report.\n\n\t" + ABUSE.replace("\n", "\n\t") + "\n"
    reading = read_arf(decode(text.encode()), ReadContext())
    assert reading is not None
    assert reading.events[0].event["source.ip"] == "192.0.2.1"
    assert reading.events[0].event["time.source"] == "2026-11-20T10:00:00+00:00"


def test_other_mails_are_not_mine() -> None:
    assert read_arf(decode(b"Subject: hi\n\nFeedback-Type: abuse is a header of ARF"), ReadContext()) is None
