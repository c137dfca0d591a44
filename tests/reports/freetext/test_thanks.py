# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answers with which a matter ends, whatever the subject line that they answer says."""

from __future__ import annotations

import pytest
from mails import CONTEXT, mail

from abusehandler.reports.freetext import not_a_report

SUBJECT = "Re: Phishing attack: takedown of www.example.com"


@pytest.mark.parametrize(
    "text",
    [
        "Hi,\n\nthanks, we can confirm that the site is no longer reachable. You may close the case.\n\nRegards",
        "Thank you for your quick reaction, we consider this matter closed.",
        "Vielen Dank für die schnelle Reaktion!",
        "Merci beaucoup pour votre aide.",
        "Dziękujemy za szybką pomoc.",
        "Спасибо, всё исправлено.",
    ],
)
def test_thanks_are_no_report(text: str) -> None:
    reading = not_a_report(mail(SUBJECT, text), CONTEXT)
    assert reading is not None
    assert reading.kind == "ticket-answer"


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, but the phishing page https://www.example.com/login is back online, please suspend it.",
        "Thank you for your answer. The attack from 192.0.2.1 goes on.",
    ],
)
def test_who_complains_again_is_heard(text: str) -> None:
    assert not_a_report(mail(SUBJECT, text), CONTEXT) is None
