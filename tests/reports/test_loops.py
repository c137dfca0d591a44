# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What our own notices bring about is filed and becomes no ticket."""

from __future__ import annotations

import time

import pytest

from abusehandler.reports.context import ReadContext
from abusehandler.reports.loops import came_back
from abusehandler.reports.mail.message import Mail
from abusehandler.reports.read import read_mail

OURS = ReadContext(own_message_domain="example.net")
NOTICE_ID = "<notice.17.0123456789abcdef@example.net>"
TEXT = "Your address 192.0.2.1 scanned our network on 2026-11-20 10:00:00 UTC."


def mail(*headers: str, text: str = TEXT) -> bytes:
    lines = [
        "From: somebody@example.org",
        "To: abuse@example.net",
        "Subject: port scan from 192.0.2.1",
        *headers,
        "",
        text,
    ]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ((f"Message-ID: {NOTICE_ID}",), "own-mail"),
        ((f"Message-ID: {NOTICE_ID.upper()}",), "own-mail"),
        ((f"In-Reply-To: {NOTICE_ID}",), "ticket-answer"),
        ((f"References: <1@example.org>\r\n {NOTICE_ID}",), "ticket-answer"),
        ((f"In-Reply-To: {NOTICE_ID}", "Auto-Submitted: auto-replied"), "auto-reply"),
        ((f"In-Reply-To: {NOTICE_ID}", "Auto-Submitted: no"), "ticket-answer"),
    ],
)
def test_mails_about_our_notices_are_filed(headers: tuple[str, ...], kind: str) -> None:
    _, reading = read_mail(mail(*headers), OURS)
    assert (reading.verdict, reading.kind, reading.events) == ("not-a-report", kind, ())


@pytest.mark.parametrize(
    "headers",
    [
        ("Message-ID: <notice.17.0123456789abcdef@example.org>",),
        ("In-Reply-To: <1@example.net>",),
        # most reporters are machines and say so
        ("Auto-Submitted: auto-generated",),
    ],
)
def test_other_mails_are_read(headers: tuple[str, ...]) -> None:
    _, reading = read_mail(mail(*headers), OURS)
    assert reading.verdict == "report"
    assert reading.events[0].event["source.ip"] == "192.0.2.1"


def test_complaint_about_a_notice_makes_no_ticket_of_our_mail_server() -> None:
    notice = f"From: abuse@example.net\r\nMessage-ID: {NOTICE_ID}\r\nSubject: notice\r\n\r\ntext"
    parts = [
        ("text/plain", "This is a complaint."),
        (
            "message/feedback-report",
            "Feedback-Type: abuse\r\nVersion: 1\r\nUser-Agent: Example/1\r\nSource-IP: 192.0.2.1\r\n",
        ),
        ("message/rfc822", notice),
    ]
    body = "".join(f"--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts) + "--b--\r\n"
    head = "From: fbl@example.org\r\nSubject: complaint\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
    _, reading = read_mail((head + body).encode(), OURS)
    assert (reading.verdict, reading.kind) == ("not-a-report", "own-mail")
    _, reading = read_mail((head + body).encode(), ReadContext())
    assert reading.verdict == "report"


def test_evil_references_take_no_time() -> None:
    for evil in ("<notice." * 20_000, "notice.1." + "a" * 100_000, "@" * 100_000, "notice.1.01234567@" + "x" * 100_000):
        begin = time.process_time()
        came_back(Mail(headers=(("references", evil),)), OURS)
        # two orders of magnitude above what is normal: only what grows with the square of the length comes near
        assert time.process_time() - begin < 2
