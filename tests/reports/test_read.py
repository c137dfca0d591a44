# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The order of reading: from the bytes of a mail or file to a verdict."""

from __future__ import annotations

import io
import ipaddress
import random
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abusehandler.reports import read as order
from abusehandler.reports.context import OwnAssets, ReadContext
from abusehandler.reports.read import NOTHING_OF_OURS, ReadOptions, read_file, read_mail

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.reports.mail.message import Mail
    from abusehandler.reports.reading import Reading

ANY = ReadContext()
OURS = ReadContext(own=OwnAssets((ipaddress.ip_network("192.0.2.0/24"),), ("example.net",)))

ARF = b"""From: fbl@example.com
Subject: Abuse report
Date: Fri, 20 Nov 2026 10:05:00 +0000
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
Source-IP: 192.0.2.1
Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000

--b
Content-Type: message/rfc822

From: a@shop.example
Subject: buy

buy now at http://198.51.100.7/
--b--
"""
XARF_OF_A_URL = b"""From: takedown@example.com
Subject: Phishing
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain

We found a phishing attack on your network:

hxxp://login[.]example[.]net/a [192.0.2.44]

Our own address is 203.0.113.9.
--b
Content-Type: text/plain; name="report.txt"

Reported-From: takedown@example.com
Category: fraud
Report-Type: phishing
Source-Type: uri
Source: http://login.example.net/a
Date: 2026-11-20T10:00:00Z
Report-ID: 1
Schema-URL: http://www.x-arf.org/schema/fraud_0.1.4.json
--b--
"""
PROSE = b"""From: admin@example.com
Subject: SSH attack from 192.0.2.1
Date: Fri, 20 Nov 2026 10:05:00 +0000

Hello,
the host 192.0.2.1 tried to log in to our SSH server with wrong passwords
on 2026-11-20 10:00:00 UTC. Please stop it.
"""


def test_a_machine_format_is_read_first() -> None:
    mail, reading = read_mail(ARF, ANY)
    assert mail.sender == "fbl@example.com"
    assert (reading.verdict, reading.reader) == ("report", "arf")
    assert [found.event["source.ip"] for found in reading.events] == ["192.0.2.1"]


def test_prose_is_read_by_the_free_text_reader() -> None:
    reading = read_mail(PROSE, ANY, options=ReadOptions(reporters=False))[1]
    assert reading.reader == "free-text"
    event = reading.events[0].event
    assert event["source.ip"] == "192.0.2.1"
    assert event["time.source"] == "2026-11-20T10:00:00+00:00"
    assert event["classification.type"] == "brute-force"


def test_the_address_missing_in_a_machine_format_is_taken_from_the_text() -> None:
    reading = read_mail(XARF_OF_A_URL, ANY)[1]
    (found,) = reading.events
    assert found.event["source.url"] == "http://login.example.net/a"
    assert found.event["source.ip"] == "192.0.2.44"
    mail = read_mail(XARF_OF_A_URL, ANY)[0]
    span = found.spans["source.ip"]
    text = next(part.text for part in mail.parts if part.path == span.part)
    assert text[span.start : span.end] == "192.0.2.44"


class TestOwnAssetsFirst:
    TWO = ARF.replace(b"Source-IP: 192.0.2.1", b"Source-IP: 192.0.2.1\nSource-IP: 198.51.100.1")

    def test_only_ours_become_events(self) -> None:
        reading = read_mail(self.TWO, OURS)[1]
        assert [found.event["source.ip"] for found in reading.events] == ["192.0.2.1"]

    def test_a_host_of_ours_counts(self) -> None:
        reading = read_mail(XARF_OF_A_URL.replace(b"192.0.2.44", b"198.51.100.44"), OURS)[1]
        assert reading.events[0].event["source.fqdn"] == "login.example.net"

    def test_when_nothing_is_ours_the_events_stay_and_the_reason_says_so(self) -> None:
        foreign = ReadContext(own=OwnAssets((ipaddress.ip_network("203.0.113.0/24"),)))
        reading = read_mail(ARF, foreign)[1]
        assert reading.verdict == "report" and reading.reason == NOTHING_OF_OURS
        assert len(reading.events) == 1


class TestForwarded:
    def test_a_report_sent_on_as_attachment(self) -> None:
        raw = (
            b'From: boss@example.net\nSubject: Fwd\nContent-Type: multipart/mixed; boundary="f"\n\n--f\n\nplease look\n'
            b"--f\nContent-Type: message/rfc822\n\n" + PROSE + b"\n--f--\n"
        )
        reading = read_mail(raw, ANY, options=ReadOptions(reporters=False))[1]
        assert [found.event["source.ip"] for found in reading.events] == ["192.0.2.1"]

    def test_a_machine_format_sent_on(self) -> None:
        raw = (
            b'From: boss@example.net\nContent-Type: multipart/mixed; boundary="f"\n\n--f\nContent-Type: message/rfc822\n\n'
            + ARF
            + b"\n--f--\n"
        )
        assert read_mail(raw, ANY)[1].reader == "arf"


def test_encrypted_mails_say_so() -> None:
    raw = (
        b"From: cert@example.com\nSubject: Report\n\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n"
    )
    reading = read_mail(raw, ANY, options=ReadOptions(reporters=False))[1]
    assert (reading.verdict, reading.kind) == ("unread", "encrypted")


def test_a_bounce_of_our_own_notice_is_no_report() -> None:
    raw = (
        b"From: mailer-daemon@example.com\nSubject: Undelivered Mail\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="d"\n\n--d\n\nNo such user\n'
        b"--d\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n"
        b"Final-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\n"
        b"--d\nContent-Type: message/rfc822\n\n" + XARF_OF_A_URL + b"\n--d--\n"
    )
    reading = read_mail(raw, ANY)[1]
    assert (reading.verdict, reading.kind, reading.events) == ("not-a-report", "bounce", ())


def test_a_feedback_report_that_calls_itself_automatic_is_one_all_the_same() -> None:
    assert read_mail(b"Auto-Submitted: auto-replied\n" + ARF, ANY)[1].reader == "arf"


class TestFiles:
    TABLE = b"ip,timestamp_utc,type\n192.0.2.1,2026-11-20 10:00:00,scanner\n"

    def test_csv(self) -> None:
        mail, reading = read_file(self.TABLE, "hosts.csv", ANY)
        assert reading.reader == "table" and mail.parts[0].filename == "hosts.csv"
        assert reading.events[0].event["time.source"] == "2026-11-20T10:00:00+00:00"

    def test_zip_from_a_path(self, tmp_path: Path) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("hosts.csv", self.TABLE)
        path = tmp_path / "hosts.zip"
        path.write_bytes(out.getvalue())
        assert len(read_file(path, path.name, ANY)[1].events) == 1

    def test_a_mail_is_a_mail_whatever_its_name(self) -> None:
        assert read_file(ARF, "1234567,S=99", ANY)[1].reader == "arf"

    def test_rubbish_is_unread(self) -> None:
        reading = read_file(b"\0\1\2", "x.bin", ANY)[1]
        assert reading.verdict == "unread" and not reading.events and reading.reason


class TestNeverRaises:
    def test_a_reader_that_fails_is_named_and_the_next_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(mail: Mail, context: ReadContext) -> Reading | None:
            raise ZeroDivisionError("boom")

        monkeypatch.setattr(order, "MACHINE_FORMATS", (broken, *order.MACHINE_FORMATS))
        reading = read_mail(ARF, ANY)[1]
        assert reading.reader == "arf"
        assert "broken failed: ZeroDivisionError: boom" in reading.warnings[0]

    def test_without_time_it_waits_for_a_person(self) -> None:
        reading = read_mail(PROSE, ANY, options=ReadOptions(seconds=-1.0))[1]
        assert reading.verdict != "report"

    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 10**6), base=st.sampled_from([ARF, XARF_OF_A_URL, PROSE]))
    def test_mutilated_mails(self, seed: int, base: bytes) -> None:
        reading = read_mail(mutilate(base, random.Random(seed)), ANY)[1]
        assert reading.verdict in ("report", "unread", "not-a-report")
        assert not [warning for warning in reading.warnings if " failed: " in warning]

    @settings(max_examples=40, deadline=None)
    @given(content=st.binary(max_size=400))
    def test_any_bytes(self, content: bytes) -> None:
        assert read_mail(content, ANY)[1].verdict in ("report", "unread", "not-a-report")

    @pytest.mark.parametrize(
        "bait",
        [
            "<",
            "192.0.2.",
            "a@",
            "hxxp://",
            "[.]",
            "http://a.b/",
            "2026-11-20 10:00:00 ",
            ": ",
            "1.1.1.1:1 ",
            "From: a\n",
            "> ",
            "|",
            "é",
        ],
    )
    def test_long_baits_are_bounded(self, bait: str) -> None:
        text = bait * (100_000 // len(bait))
        read_mail(f"From: a@example.com\nSubject: {text[:2000]}\n\n{text}".encode(), ANY)


def mutilate(raw: bytes, chance: random.Random) -> bytes:
    """Cut, repeat, exchange and soil pieces of a mail."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.randint(0, 200))
        act = chance.randrange(5)
        if act == 0:
            del data[start:end]
        elif act == 1:
            data[start:start] = data[start:end] * chance.randint(1, 5)
        elif act == 2:
            data[start:end] = bytes(chance.randrange(256) for _ in range(end - start))
        elif act == 3:
            data[start:end] = data[start:end][::-1]
        else:
            data[start:start] = chance.choice(
                [b"\0", b"\r", b"--b\n", b"=?utf-8?B?", b"\n\n", b"Content-Type: text/html; charset=utf-16\n"]
            )
    return bytes(data)
