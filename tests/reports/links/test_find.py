# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mail that only links to its report is read; what it links to is noted, nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.reports.context import OwnAssets, ReadContext
from abusehandler.reports.links.find import MOST_LINKS
from abusehandler.reports.read import read_mail

if TYPE_CHECKING:
    from abusehandler.reports.reading import Reading

PREFIX = "https://dl.example.org/"
OWN = OwnAssets.of(["192.0.2.0/24"], ["example.net"])


def mail(text: str, *, kind: str = "text/plain", headers: str = "") -> bytes:
    return (
        "From: Daily Reports <reports@example.org>\nTo: abuse@example.net\nSubject: Report for your networks\n"
        f"Date: Fri, 20 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.org>\n{headers}"
        f"MIME-Version: 1.0\nContent-Type: {kind}; charset=utf-8\n\n{text}"
    ).encode()


def read(content: bytes, *, own: OwnAssets = OWN, prefixes: tuple[str, ...] = (PREFIX,)) -> Reading:
    return read_mail(content, ReadContext(own=own, link_prefixes=prefixes))[1]


ONLY_A_LINK = (
    "Your report is ready for download:\n\n  https://dl.example.org/AbC123?dEf.456.\n\nIt stays there for a week.\n"
)


@pytest.mark.parametrize("own", [OWN, OwnAssets()])
def test_mail_with_nothing_but_a_link_is_read(own: OwnAssets) -> None:
    reading = read(mail(ONLY_A_LINK), own=own)
    assert (reading.verdict, reading.reader, reading.reason) == ("report", "links", "links: 1")
    assert reading.events == ()
    assert reading.links == ("https://dl.example.org/AbC123?dEf.456",)


def test_without_a_prefix_no_link_counts() -> None:
    reading = read(mail(ONLY_A_LINK), prefixes=())
    assert reading.links == ()
    assert reading.reader != "links"


def test_links_to_other_places_do_not_count() -> None:
    reading = read(mail(ONLY_A_LINK.replace("dl.example.org", "dl.example.org.evil.example.com")))
    assert reading.links == ()
    assert reading.verdict == "unread"


def test_link_behind_words_in_html() -> None:
    page = '<html><body><p>Your report: <a href="https://dl.example.org/x?a=1&amp;b=2">download</a></p></body></html>'
    assert read(mail(page, kind="text/html")).links == ("https://dl.example.org/x?a=1&b=2",)


def test_link_in_a_forwarded_mail() -> None:
    inner = mail(ONLY_A_LINK).decode()
    outer = mail(
        f"--b\nContent-Type: text/plain\n\nFYI\n--b\nContent-Type: message/rfc822\n\n{inner}\n--b--\n",
        kind="multipart/mixed; boundary=b",
    )
    assert len(read(outer).links) == 1


def test_same_link_twice_is_one_and_there_is_an_end() -> None:
    assert len(read(mail(ONLY_A_LINK * 2)).links) == 1
    many = "".join(f"https://dl.example.org/{number}\n" for number in range(500))
    assert len(read(mail(many)).links) == MOST_LINKS


def test_mail_that_says_something_itself_keeps_its_events() -> None:
    text = (
        f"The address 192.0.2.7 tried to guess SSH passwords on 2026-11-20 09:30 UTC.\nAll details: {PREFIX}details-7\n"
    )
    reading = read(mail(text))
    assert reading.verdict == "report"
    assert [one.event["source.ip"] for one in reading.events] == ["192.0.2.7"]
    assert reading.links == ("https://dl.example.org/details-7",)
    assert reading.reason.endswith("links: 1")


def test_mail_that_is_no_report_notes_no_links() -> None:
    bounce = mail(ONLY_A_LINK, headers="Auto-Submitted: auto-replied\nIn-Reply-To: <notice.1.x@example.net>\n")
    reading = read(bounce)
    assert reading.verdict == "not-a-report"
    assert reading.links == ()
