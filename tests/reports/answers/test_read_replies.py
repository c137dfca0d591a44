# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Replies: what was written is told apart from what is quoted; automatic answers are told apart from people's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.reports.answers.new_report import new_report
from abusehandler.reports.answers.quoting import written
from abusehandler.reports.answers.read import read_answer
from abusehandler.reports.answers.sender import is_proven
from abusehandler.reports.context import OwnAssets, ReadContext
from abusehandler.reports.mail.decode import decode
from abusehandler.reports.mail.message import Authentication, Mail
from tests.reports.answers.bounce_mails import NOTICE_ID, mail

if TYPE_CHECKING:
    from abusehandler.reports.answers.value import Answer

CONTEXT = ReadContext(
    own=OwnAssets.of(["192.0.2.0/24"], ["example.net"]),
    own_message_domain="example.net",
    own_addresses=frozenset({"abuse@example.net"}),
)
HEADERS = f"From: One <one@example.com>\nTo: abuse@example.net\nSubject: Re: Security problem\nIn-Reply-To: {NOTICE_ID}"


def read(headers: str, body: str) -> Answer:
    return read_answer(decode(mail(headers, body)), CONTEXT, own_address="abuse@example.net")


@pytest.mark.parametrize(
    "quote",
    [
        "On Fri, 20 Nov 2026 at 10:00, Example Networks <abuse@example.net> wrote:\n> Your address 192.0.2.10\n> scans.",
        "On Fri, 20 Nov 2026 at 10:00, Example Networks of the long name\n<abuse@example.net> wrote:\n\n> Your address",
        "Am 20.11.2026 um 10:00 schrieb Example Networks:\n> Ihre Adresse",
        "Le ven. 20 nov. 2026 à 10:00, Example Networks <abuse@example.net> a écrit :\n> Votre adresse",
        "El vie, 20 nov 2026 a las 10:00, Example Networks (<abuse@example.net>) escribió:\n> Su dirección",
        "Op vr 20 nov 2026 om 10:00 schreef Example Networks <abuse@example.net>:\n> Uw adres",
        "-----Original Message-----\nFrom: Example Networks\nSent: Friday\nTo: One\nSubject: Security\n\nYour address",
        "-----Ursprüngliche Nachricht-----\nVon: Example Networks\n\nIhre Adresse",
        "From: Example Networks <abuse@example.net>\nSent: Friday, 20 November 2026 10:00\nTo: One\nSubject: Security\n\nYour address",
        "Von: Example Networks\nGesendet: Freitag\nAn: One\nBetreff: Problem\n\nIhre Adresse",
        "________________________________\nDe : Example Networks\nEnvoyé : vendredi\n\nVotre adresse",
        "> all of it\n> quoted",
        "2026-11-20 10:00 GMT+01:00 Example Networks <abuse@example.net>:\nOn 20 Nov 2026, Example <abuse@example.net> wrote:\nYour address, quoted without marks",
    ],
)
def test_quotes_in_all_fashions_are_left_out(quote: str) -> None:
    said = written(f"Hello,\nwe have closed the port.\n\nRegards, One\n\n{quote}\n")
    assert said.startswith("Hello,\nwe have closed the port.\n\nRegards, One")
    assert "ddress" not in said.replace("Example Networks <abuse@example.net>", "") or "2026-11-20" in said
    assert ">" not in said.replace("<abuse@example.net>", "")


def test_an_answer_below_or_between_the_quotes_is_kept() -> None:
    said = written(
        "On Friday, Example <abuse@example.net> wrote:\n> Port 53 is open.\n\nClosed now.\n\n> And 123?\n\nThat too."
    )
    assert said == "Closed now.\n\n\nThat too."


def test_ordinary_sentences_are_no_quotes() -> None:
    text = "On Monday we looked at it.\nFrom: the router it came.\nAs I wrote: it is fixed.\nOn it goes."
    assert written(text) == text


def test_reply_with_files() -> None:
    answer = read(
        HEADERS + '\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"',
        "--b\nContent-Type: text/plain\n\nSee the log.\n\n> quoted\n--b\nContent-Type: text/plain; name=router.log\n"
        "Content-Disposition: attachment; filename=router.log\n\nport closed\n--b\nContent-Type: image/png\n"
        "Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n",
    )
    assert answer.kind == "reply"
    assert answer.said == "See the log."
    assert "> quoted" in answer.whole_text
    assert [(file.name, file.content_type) for file in answer.files] == [
        ("router.log", "text/plain"),
        ("part 3", "image/png"),
    ]
    assert answer.thread_ids == (NOTICE_ID,)


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-replied (vacation)",
        "X-Autoreply: yes",
        "X-Autorespond: I am away",
        "Precedence: auto_reply",
        "X-Auto-Response-Suppress: All\nReturn-Path: <>",
        "Return-Path: <>",
    ],
)
def test_automatic_answers_by_header(header: str) -> None:
    assert read(f"{HEADERS}\n{header}", "Thank you, we will look at it.").kind == "auto-reply"


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Security problem", "Out of Office: Security problem", "Abwesenheitsnotiz: Problem", "Automatische Antwort: x",
        "Réponse automatique : x", "Respuesta automática: x", "Resposta automática: x", "Risposta automatica: x", "Automatisch antwoord: x",
        "Afwezig", "Odpowiedź automatyczna: x", "Automatická odpověď: x", "Autosvar: x", "Автоответ: x", "自動返信: x", "Re: Auto: away",
    ],
)  # fmt: skip
def test_automatic_answers_by_subject(subject: str) -> None:
    headers = HEADERS.replace("Re: Security problem", subject)
    assert read(headers, "I am not in the office until Monday.").kind == "auto-reply"


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("", "We have closed the port. I am out of the office tomorrow."),
        ("Auto-Submitted: no", "We have closed the port."),
        ("Auto-Submitted: auto-generated", "We have closed the port, it was a router."),
        ("X-RT-Loop-Prevention: example.com", "We have closed the port, it was a router."),
        ("X-Auto-Response-Suppress: OOF", "We have closed the port, it was a router."),
    ],
)
def test_a_person_s_words_are_a_reply(header: str, text: str) -> None:
    answer = read(f"{HEADERS}\n{header}".strip(), text)
    assert answer.kind == "reply"
    assert bool(answer.warning) == (header not in ("", "Auto-Submitted: no"))


def test_receipts_and_complaints() -> None:
    for kind, content_type in (
        ("receipt", "message/disposition-notification"),
        ("complaint", "message/feedback-report"),
    ):
        answer = read(
            HEADERS + '\nMIME-Version: 1.0\nContent-Type: multipart/report; boundary="b"',
            f"--b\nContent-Type: text/plain\n\nx\n--b\nContent-Type: {content_type}\n\nFeedback-Type: abuse\n--b\n"
            f"Content-Type: message/rfc822\n\nFrom: abuse@example.net\nMessage-ID: {NOTICE_ID}\n\nx\n--b--\n",
        )
        assert answer.kind == kind
        assert NOTICE_ID in answer.returned_ids


def test_a_reply_that_reports_something_else_is_noticed_and_one_that_does_not_is_not() -> None:
    quote = "\n\nOn Friday, Example <abuse@example.net> wrote:\n> 192.0.2.10 attacked hosts with SSH brute force.\n"
    reports = (
        "Hello,\nwe saw SSH brute force attacks from 192.0.2.77 against our server on 2026-11-20 10:00 UTC." + quote
    )
    decoded = decode(mail(HEADERS, reports))
    found = new_report(decoded, written(reports), CONTEXT)
    assert found is not None
    assert [read.event["source.ip"] for read in found.events] == ["192.0.2.77"]
    fixed = "Thanks, fixed." + quote
    assert new_report(decode(mail(HEADERS, fixed)), written(fixed), CONTEXT) is None


def test_who_sent_it_is_proven_by_a_signature_of_his_domain() -> None:
    def signed(sender: str, *domains: str, **believed: str) -> bool:
        return is_proven(
            Mail(sender=sender, authentication=Authentication(dkim=domains, believed=tuple(believed.items())))
        )

    assert signed("one@example.com", "example.com")
    assert signed("one@mail.example.com", "example.com")
    assert signed("one@example.com", "mail.example.com")
    assert signed("one@example.com", dmarc="pass")
    assert not signed("one@example.com", "example.org")
    assert not signed("one@notexample.com", "example.com")
    assert not signed("one@example.com", "com")
    assert not signed("one@example.com", spf="pass")
    assert not signed("", "example.com")
