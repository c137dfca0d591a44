# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mails that report nothing, and reports that look a little like them."""

from __future__ import annotations

import pytest
from mails import CONTEXT, mail

from abusehandler.reports.freetext import not_a_report
from abusehandler.reports.mail.message import Part

NOT_REPORTS = [
    ("bounce", mail("Undelivered Mail Returned to Sender", "This is the mail system at host mx.example.net.\nUser unknown")),
    ("bounce", mail("x", "y", Part("2", "data", "message/delivery-status", "Action: failed"))),
    ("auto-reply", mail("Automatic reply: Abuse report 4711", "I am out of the office until Monday.")),
    ("auto-reply", mail("Abwesenheitsnotiz: Ihre Meldung", "Ich bin im Urlaub.")),
    ("auto-reply", mail("Re: Notice", "Thanks", auto_submitted="auto-replied", in_reply_to="<1@example.net>")),
    ("receipt", mail("[#4711] We received your report", "Thank you for contacting the abuse team.")),
    ("receipt", mail("Re: Port scan", "Dear all,\nwe have received your complaint about 192.0.2.1 and opened a case.\n\n> Port scan from 192.0.2.1", in_reply_to="<1@e.example>")),
    ("receipt", mail("Re: Notre plainte", "Bonjour,\nnous avons bien reçu votre message.\n", in_reply_to="<1@e.example>")),
    ("survey", mail("How would you rate us?", "Please rate the help that you were given: good or bad.")),
    ("newsletter", mail("Your weekly weather", "Sunny.\nManage subscriptions: https://example.net/m\nView this email in your browser", list_unsubscribe="<https://example.net/u>")),
    ("recall", mail("Takedown of example.net", "Please take it that we rescind our notice; the domain is fine after all. Please reinstate it.")),
    ("ticket-answer", mail("Re: [T#4711] Abuse from 192.0.2.1", "Hello,\nthe customer has been notified and the server has been suspended.\n\n> Abuse from 192.0.2.1", in_reply_to="<1@e.example>")),
    ("ticket-answer", mail("RE: Portscan from 192.0.2.1", "Thank you, I can confirm that the scans stopped.", in_reply_to="<1@e.example>")),
    ("ticket-answer", mail("RE: DDoS from 192.0.2.1", "Hi, we null-routed 192.0.2.1 for a day on your request.", in_reply_to="<1@e.example>")),
    ("ticket-answer", mail("[#12] Ticket closed", "Your ticket \"Phishing site\" has been closed. Reply if you think that this is wrong.")),
    ("customer-question", mail("Please unblock 192.0.2.1", "Your mail servers reject our mails. We are not spammers. How can we be delisted?")),
    ("data-request", mail("Zapytanie", "Na podstawie art. 15 proszę o dane abonenta adresu IP 192.0.2.1 w dniu 2026-11-02 12:00:00 CET.")),
    ("service-notice", mail("Your resource certificate will expire", "The certificate for 192.0.2.0/24 expires in 14 days. Log in to the portal.")),
    ("extortion", mail("Your account", "I hacked your computer and recorded you with your webcam. Send exactly 900 USD in Bitcoin to this bitcoin wallet. You have 48 hours.")),
    ("spam-to-the-desk", mail("Mailbox notice", "Dear user, your mailbox is almost full. Verify your account now.")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "one"), NOT_REPORTS)
def test_mails_that_report_nothing(kind: str, one: object) -> None:
    reading = not_a_report(one, CONTEXT)  # type: ignore[arg-type]
    assert reading is not None
    assert (reading.verdict, reading.kind) == ("not-a-report", kind)
    assert reading.reason


REPORTS = [
    mail("Abuse from 192.0.2.1", "We have detected SSH brute force from 192.0.2.1. Please reply when it is resolved."),
    mail("Fwd: You have won", "This spam came from your network, see the unsubscribe link in it.\n\nReceived: from a.example"),
    mail("Re: Your order", "More phishing spam from your network, 192.0.2.1.\n\nDear user, verify your account"),
    mail("[RT #4711] Malicious web shell at 192.0.2.1", "A web shell was found.", auto_submitted="auto-replied", references="<1@cert.example>"),
    mail("Abuse report", "Somebody sent us the message below about a service of yours. Phishing at http://shop.example.net/"),
    mail("Malicious activity from 192.0.2.1", "If you received this by mistake please disregard this message. Attacks on our servers were seen."),
    mail("Attack", "The content has been removed before and is back: phishing at http://shop.example.net/login", list_unsubscribe="<mailto:x@example.net>"),
    mail("", ""),
    mail("Complaint", "I never subscribed to this newsletter; the unsubscribe link does not work. It is sent from 192.0.2.1."),
    mail("Plagiat", "Bonjour, le site http://shop.example.net (IP 192.0.2.1) vend des affiches de moi. Que pouvez-vous faire ?"),
    mail("Bonjour", "Le serveur est bien utile pour ceux qui sont dans http://192.0.2.1/x.js et pas pour nous."),
    mail("AsyncRAT controller", "Please null-route 192.0.2.1, a controller of AsyncRAT."),
    mail("our form", "Someone is trying to break our donation form from 192.0.2.1, with tags in the fields."),
]  # fmt: skip


@pytest.mark.parametrize("one", REPORTS)
def test_reports_pass(one: object) -> None:
    assert not_a_report(one, CONTEXT) is None  # type: ignore[arg-type]


def test_a_short_word_is_not_the_front_of_a_longer_one() -> None:
    text = "Dobrý den, na adrese 192.0.2.10 je otevřený resolver, který lze zneužít k útokům."
    assert not_a_report(mail("Upozornění", text), CONTEXT) is None
