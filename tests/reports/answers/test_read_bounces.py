# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounces of the common mail systems say who failed, how, and what it means for his address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.reports.answers.read import read_answer
from abusehandler.reports.answers.status import better_status, enhanced_status, weight_of
from abusehandler.reports.context import ReadContext
from abusehandler.reports.mail.decode import decode
from tests.reports.answers.bounce_mails import FAILED, IN_OTHER_WORDS, NOTICE_ID, OFFICE365, UNSTRUCTURED, dsn, mail

if TYPE_CHECKING:
    from abusehandler.reports.answers.value import Answer

CONTEXT = ReadContext(own_message_domain="example.net", own_addresses=frozenset({"abuse@example.net"}))


def read(raw: bytes) -> Answer:
    return read_answer(decode(raw), CONTEXT, own_address="abuse@example.net")


def test_standard_bounce() -> None:
    answer = read(dsn(FAILED))
    assert answer.kind == "bounce"
    (news,) = answer.news
    assert (news.action, news.final, news.original, news.status) == (
        "failed",
        "one@example.com",
        "one@example.com",
        "5.1.1",
    )
    assert news.diagnostic == "550 5.1.1 <one@example.com>: Recipient address rejected: User unknown"
    assert news.weight == "hard"
    assert answer.returned_ids == (NOTICE_ID,)
    assert answer.addressed_to == ("abuse@example.net",)


def test_returned_mail_in_whole_or_headers_only() -> None:
    for returned in ("message/rfc822", "text/rfc822-headers", "message/global-headers"):
        assert read(dsn(FAILED, returned=returned)).returned_ids == (NOTICE_ID,)


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ("Final-Recipient: rfc822; one@example.com\nAction: delayed\nStatus: 4.4.1", "delayed"),
        ("Final-Recipient: rfc822; one@example.com\nAction: delivered\nStatus: 2.1.5", "delivered"),
        (
            "Final-Recipient: rfc822; one@example.com\nAction: relayed (to a system without DSN)\nStatus: 2.0.0",
            "relayed",
        ),
        ("Final-Recipient: rfc822; one@example.com\nAction: expanded\nStatus: 2.0.0", "expanded"),
        ("Final-Recipient: rfc822; one@example.com\nStatus: 4.4.1", "delayed"),
    ],
)
def test_news_that_lose_nothing(fields: str, action: str) -> None:
    answer = read(dsn(fields))
    assert answer.kind == "delivery-news"
    assert [news.action for news in answer.news] == [action]
    assert answer.news[0].weight == "none"


def test_several_recipients_also_without_the_empty_line_between_them() -> None:
    other = "Final-Recipient: rfc822; two@example.com\nAction: delayed\nStatus: 4.0.0"
    for raw in (dsn(FAILED, other), dsn(f"{FAILED}\n{other}")):
        answer = read(raw)
        assert answer.kind == "bounce"
        assert [(news.final, news.action) for news in answer.news] == [
            ("one@example.com", "failed"),
            ("two@example.com", "delayed"),
        ]


def test_addresses_in_all_their_forms() -> None:
    fields = (
        "Original-Recipient: rfc822; one+2Btag@example.com\nFinal-Recipient: RFC822; <ONE@Example.com>\nAction: Failed\nStatus: 5.0.0 (undefined)",
        "Final-Recipient: utf-8; j\\x{FC}rgen@example.com\nAction: failed\nStatus: 5.1.1",
        "Final-Recipient: unknown; nobody here\nAction: failed\nStatus: 5.1.1",
    )
    news = read(dsn(*fields)).news
    assert [one.final for one in news] == ["one@example.com", "jürgen@example.com", ""]
    assert news[0].original == "one+tag@example.com"


@pytest.mark.parametrize("name", UNSTRUCTURED)
def test_bounces_in_words(name: str) -> None:
    raw, action, status, weight = UNSTRUCTURED[name]
    answer = read(raw)
    assert answer.kind == ("bounce" if action == "failed" else "delivery-news")
    assert [(news.final, news.action, news.status, news.weight) for news in answer.news] == [
        ("one@example.com", action, status, weight)
    ]


@pytest.mark.parametrize("name", IN_OTHER_WORDS)
def test_bounces_of_other_systems_and_in_other_languages(name: str) -> None:
    subject, text, action, weight = IN_OTHER_WORDS[name]
    raw = mail(f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nTo: abuse@example.net\nSubject: {subject}", text)
    assert [(news.final, news.action, news.weight) for news in read(raw).news] == [("one@example.com", action, weight)]


@pytest.mark.parametrize("name", ["exim", "qmail", "mail.ru", "sendmail, old", "postfix, old"])
def test_message_id_in_the_copied_headers(name: str) -> None:
    assert read(UNSTRUCTURED[name][0]).returned_ids == (NOTICE_ID,)


def test_bounce_in_html_with_fields() -> None:
    answer = read(OFFICE365)
    assert [(news.final, news.status, news.weight) for news in answer.news] == [("one@example.com", "5.1.10", "hard")]
    assert answer.returned_ids == (NOTICE_ID,)


def test_a_person_who_writes_about_a_bounce_is_no_bounce() -> None:
    raw = mail(
        f"From: one@example.com\nTo: abuse@example.net\nSubject: Re: undeliverable mail?\nIn-Reply-To: {NOTICE_ID}",
        "Hello, your last mail could not be delivered to my colleague two@example.com: user unknown. Please write to me.",
    )
    assert read(raw).kind == "reply"


def test_a_postmaster_is_a_person_too() -> None:
    headers = "From: postmaster@example.com\nTo: abuse@example.net\nSubject: {}Mail delivery problem"
    words = "Your mail to two@example.com could not be delivered: user unknown. Please use one@example.com."
    assert read(mail(headers.format("Re: "), words)).kind == "reply"
    assert read(mail(headers.format(""), words)).kind == "bounce"
    assert read(mail(headers.format("").replace("Mail delivery problem", "your notice"), words)).kind == "reply"


def test_envelope_id_names_the_mail() -> None:
    raw = dsn(FAILED).replace(
        b"Reporting-MTA:", b"Original-Envelope-Id: notice.12.fedcba9876543210+40example.net\r\nReporting-MTA:"
    )
    assert "<notice.12.fedcba9876543210@example.net>" in read(raw).returned_ids


@pytest.mark.parametrize(
    ("status", "diagnostic", "weight"),
    [
        ("5.1.1", "", "hard"),
        ("5.2.1", "account disabled", "hard"),
        ("5.0.0", "", "hard"),
        ("", "", "hard"),
        ("5.4.4", "Host or domain name not found", "hard"),
        ("5.7.1", "550 5.7.1 user unknown", "hard"),
        ("5.2.2", "mailbox full", "soft"),
        ("4.4.7", "delivery time expired", "soft"),
        ("5.0.0", "552 mailbox is full", "soft"),
        ("5.7.1", "rejected by our policy", "soft"),
        ("5.3.4", "message too big", "soft"),
        ("5.0.0", "554 blocked using a blocklist", "soft"),
    ],
)
def test_what_a_failure_means_for_the_address(status: str, diagnostic: str, weight: str) -> None:
    assert weight_of("failed", status, diagnostic) == weight


def test_status_codes_in_words() -> None:
    assert enhanced_status("host 5.1.1.2 said: 550 5.1.1 unknown") == "5.1.1"
    assert enhanced_status("said: 550 unknown user") == "5.0.0"
    assert enhanced_status("the message had 450 bytes") == ""
    assert better_status("5.0.0", "550 5.1.1 unknown") == "5.1.1"
    assert better_status("5.2.2 (full)", "nothing") == "5.2.2"
