# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Signatures are verified by DNS, each name is asked for once, and a DNS that is away holds nobody up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.rcode
import pytest
from scripted_dns import ScriptedDns, key_pair, signed

from abusehandler.reports.context import ReadContext
from abusehandler.reports.mail import txt_lookup
from abusehandler.reports.mail.decode import decode
from abusehandler.reports.mail.message import Authentication
from abusehandler.reports.mail.txt_lookup import FAILURES_IN_A_ROW, PAUSE_SECONDS, TxtRecords
from abusehandler.reports.read import read_mail

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIL = b"From: soc@example.org\nSubject: brute force from 192.0.2.7\nDate: Fri, 20 Nov 2026 10:00:00 +0000\n\nIt did.\n"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[ScriptedDns]:
    with ScriptedDns() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def txt(server: ScriptedDns, clock: Clock) -> TxtRecords:
    return TxtRecords(nameservers=["127.0.0.1"], port=server.port, clock=clock)


def test_signed_mail_is_verified_and_its_key_asked_for_once(server: ScriptedDns, txt: TxtRecords) -> None:
    record, private = key_pair()
    server.records["key._domainkey.example.org"] = record
    for _ in range(2):
        mail, _reading = read_mail(signed(MAIL, b"example.org", private), ReadContext(), dns=txt)
        assert mail.authentication.dkim == ("example.org",)
    assert server.asked == ["key._domainkey.example.org"]
    assert txt.failures == 0


def test_another_key_verifies_nothing(server: ScriptedDns, txt: TxtRecords) -> None:
    (_, private), (another, _) = key_pair(), key_pair()
    server.records["key._domainkey.example.org"] = another
    assert decode(signed(MAIL, b"example.org", private), dns=txt).authentication.dkim == ()
    assert server.asked == ["key._domainkey.example.org"]


def test_signature_over_the_beginning_of_a_body_proves_nothing(server: ScriptedDns, txt: TxtRecords) -> None:
    record, private = key_pair()
    server.records["key._domainkey.example.org"] = record
    mail = signed(MAIL, b"example.org", private, length=True)
    for content in (mail, mail + b"And so did 198.51.100.7.\r\n"):
        assert decode(content, dns=txt).authentication.dkim == ()


def test_what_was_proven_before_stays_true_when_the_key_is_gone(txt: TxtRecords) -> None:
    _, private = key_pair()
    mail = decode(signed(MAIL, b"example.org", private), dns=txt, proven=Authentication(dkim=("example.org",)))
    assert mail.authentication.dkim == ("example.org",)


def test_long_record_is_put_together(server: ScriptedDns, txt: TxtRecords) -> None:
    server.records["long.example.net"] = b"p=" + b"x" * 700
    assert txt("long.example.net.") == server.records["long.example.net"]


def test_name_without_a_record_is_believed_for_a_while(server: ScriptedDns, txt: TxtRecords, clock: Clock) -> None:
    for _ in range(3):
        assert txt("none.example.net") is None
    assert len(server.asked) == 1
    clock.now += txt_lookup.NO_RECORD_TTL + 1
    txt("NONE.example.net.")
    assert len(server.asked) == 2
    assert txt.failures == 0


@pytest.mark.parametrize("name", ["", "." * 300, "a" * 64 + ".example.net", "\ud800.example.net", "a..b", "\\"])
def test_names_of_strangers_that_are_none(txt: TxtRecords, name: str) -> None:
    assert txt(name) is None


def test_after_refusals_in_a_row_nothing_is_asked_for_a_while(
    server: ScriptedDns, txt: TxtRecords, clock: Clock
) -> None:
    server.answer_with = dns.rcode.REFUSED
    for number in range(20):
        assert txt(f"key{number}.example.net") is None
    assert len(set(server.asked)) == FAILURES_IN_A_ROW
    assert txt.failures == 20
    server.answer_with = dns.rcode.NOERROR
    server.records["back.example.net"] = b"here"
    assert txt("back.example.net") is None
    clock.now += PAUSE_SECONDS + 1
    assert txt("back.example.net") == b"here"


def test_silent_server_is_asked_three_times(
    server: ScriptedDns, txt: TxtRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(txt_lookup, "LIFETIME", 0.2)
    server.answer_with = None
    for number in range(20):
        assert txt(f"key{number}.example.net") is None
    assert set(server.asked) == {"key0.example.net", "key1.example.net", "key2.example.net"}


def test_broken_zones_of_strangers_stop_nobody(server: ScriptedDns, txt: TxtRecords) -> None:
    server.answer_with = dns.rcode.SERVFAIL
    for number in range(10):
        assert txt(f"key{number}.example.net") is None
    assert len(set(server.asked)) == 10
    assert txt.failures == 10


def test_machine_without_dns(clock: Clock) -> None:
    txt = TxtRecords(nameservers=["127.0.0.1"], port=1, clock=clock)
    assert [txt(f"key{number}.example.net") for number in range(10)] == [None] * 10
    assert txt.failures == 10


def test_cache_has_an_end(txt: TxtRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(txt_lookup, "MOST_CACHED", 10)
    for number in range(30):
        txt(f"key{number}.example.net")
    assert len(txt._cache) == 10
