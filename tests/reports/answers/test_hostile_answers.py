# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounces and replies that were made to hurt: huge, endless, nested, full of the worst characters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abusehandler.reports.answers import delivery_status
from abusehandler.reports.answers.bounce_text import above_the_copy, read_bounce
from abusehandler.reports.answers.quoting import written
from abusehandler.reports.answers.read import read_answer, returned_ids, thread_ids
from abusehandler.reports.answers.status import enhanced_status, weight_of
from abusehandler.reports.context import ReadContext
from abusehandler.reports.mail.decode import decode
from abusehandler.reports.mail.message import Mail, Part
from tests.reports.answers.bounce_mails import FAILED, OFFICE365, UNSTRUCTURED, dsn, mail

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = ReadContext(own_message_domain="example.net")
PIECES = [
    " ", "\t", "\n", "> ", ">", "a", "5.", "5.1.", "550 ", "@", "a@", "a@b", "a@b.c ", ".", "-", "--", "_", ":", "<", "<a@", "message-id:", "message-id: \n",
    "on ", "on a wrote", "on a\nwrote: ", "Am 1.1.2026 ", "From: ", "From: a\n", "To: a\n", "wrote:\n", "recipient rejected ", "recipient ", "delivery ",
    "postfach ", "Final-Recipient: rfc822; a@b\n", "Action: failed\n\n", "Status: 5.1.1\n ", "+2B", "\\x{41}", "\r", "\x0b", "\u2028", "é", "１", "\0",
]  # fmt: skip


def bounce(text: str) -> Mail:
    return Mail(
        headers=(("return-path", "<>"), ("x-failed-recipients", text[:30_000])),
        subject="Undeliverable " + text[:1000], sender="mailer-daemon@example.org",
        parts=(Part("1", "text", "text/plain", "could not be delivered: user unknown\n" + text),),
    )  # fmt: skip


READERS: dict[str, Callable[[str], object]] = {
    "quotes": written,
    "bounce in words": lambda text: read_bounce(bounce(text)),
    "copy": above_the_copy,
    "fields": delivery_status.recipients_of,
    "status": enhanced_status,
    "weight": lambda text: weight_of("failed", "5.0.0", text),
    "returned": lambda text: returned_ids(bounce(text)),
    "thread": lambda text: thread_ids(Mail(headers=(("references", text), ("in-reply-to", text)))),
    "whole": lambda text: read_answer(bounce(text), CONTEXT),
}


@pytest.mark.parametrize("name", READERS)
def test_no_text_takes_long(name: str) -> None:
    slowest = (0.0, "")
    for piece in PIECES:
        text = (piece * (100_000 // len(piece) + 1))[:100_000]
        start = time.process_time()
        READERS[name](text)
        slowest = max(slowest, (time.process_time() - start, piece))
    # two orders of magnitude above what is normal: only what grows with the square of the length comes near
    assert slowest[0] < 2, f"{slowest[1]!r} took {slowest[0]:.2f} s"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=60).map("".join))
def test_any_text_gives_some_answer(text: str) -> None:
    for reader in READERS.values():
        reader(text)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([OFFICE365, *(entry[0] for entry in UNSTRUCTURED.values())]),
    st.integers(0, 3000),
    st.binary(max_size=40),
)
def test_any_damage_to_a_bounce_is_borne(raw: bytes, place: int, bytes_: bytes) -> None:
    read_answer(decode(raw[:place] + bytes_ + raw[place + len(bytes_) :]), CONTEXT)


def test_ten_thousand_recipients() -> None:
    groups = [FAILED.replace("one@example.com", f"user{number}@example.org") for number in range(10_000)]
    answer = read_answer(decode(dsn(*groups, FAILED)), CONTEXT)
    assert len(answer.news) == 10_001
    assert answer.news[-1].final == "one@example.com"
    words = "\n".join(f"<user{number}@example.org>: user unknown" for number in range(10_000))
    told = read_bounce(bounce(words))
    assert told is not None
    assert len(told) <= 500


def test_bounce_of_a_bounce_of_a_bounce() -> None:
    raw = dsn(FAILED)
    for _ in range(40):
        raw = mail(
            'Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nSubject: Undelivered Mail\nContent-Type: multipart/report; boundary="n"',
            f"--n\nContent-Type: message/delivery-status\n\n{FAILED}\n\n--n\nContent-Type: message/rfc822\n\n{raw.decode()}\n--n--\n",
        )
    answer = read_answer(decode(raw), CONTEXT)
    assert answer.kind == "bounce"
    assert len(answer.news) == 1


def test_headers_without_end() -> None:
    value = " ".join(f"<{number}@example.org>" for number in range(20_000))
    decoded = decode(f"From: a@example.org\r\nReferences: {value}\r\nTo: {'x' * 200_000}\r\n\r\nhello".encode())
    assert len(read_answer(decoded, CONTEXT).thread_ids) == 50
