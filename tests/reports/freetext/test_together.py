# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Problems told by two words near each other: sentences that hold no phrase of the vocabulary."""

from __future__ import annotations

import pytest

from abusehandler.reports.freetext.phrases import spread
from abusehandler.reports.freetext.problem import problems
from abusehandler.reports.freetext.together import near


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Somebody there is guessing one password after the other on our VPN.", "brute-force"),
        ("Jemand probiert bei uns reihenweise Kennwörter durch.", "brute-force"),
        ("Quelqu'un essaie tous les mots de passe possibles.", "brute-force"),
        ("Alguien está probando todas las claves de nuestro correo.", "brute-force"),
        ("Ktoś odgaduje u nas kolejne hasła.", "brute-force"),
        ("Кто-то угадывает один за другим пароли наших сотрудников.", "brute-force"),
        ("有人一直在猜测我们邮箱的密码", "brute-force"),
        ("It probes one after another all of our ports.", "scanner"),
        ("Qualcuno sta sondando una per una le nostre porte.", "scanner"),
        ("Somebody attempts, again and again, to inject code into our shop.", "exploit"),
        ("Il reçoit sans cesse des courriers publicitaires.", "spam"),
        ("Somebody made a copy of the page where customers of our bank log in.", "phishing"),
        ("Das ist eine nachgebaute Seite unserer Bank.", "phishing"),
        ("W tym sklepie nigdy nie wysyłają towaru.", "masquerade"),
        ("Ihr Kunde bietet unseren Film in einer Tauschbörse an.", "copyright"),
        ("The camera can be watched by anyone.", "vulnerable-system"),
        ("Unsere Leitung ist wegen der Pakete ausgefallen.", "ddos"),
        ("Dort kann man einen Trojaner herunterladen.", "malware-distribution"),
        ("La página de inicio muestra un mensaje de los hackers.", "system-compromise"),
    ],
)
def test_the_problem_in_words_that_stand_near_each_other(text: str, kind: str) -> None:
    assert problems("", text)[0].type == kind


def test_words_far_from_each_other_tell_nothing() -> None:
    text = (
        "We are guessing. " + "There was nothing of interest to be seen at that place. " * 4 + "The password is safe."
    )
    assert near(spread(text)) == []


def test_a_phrase_that_says_the_same_is_not_counted_twice() -> None:
    pair, phrase = problems("", "Somebody guesses your password."), problems("", "Password guessing.")
    assert phrase[0].score > pair[0].score
    assert {one.type for one in near(spread("Password guessing."))} == {"brute-force"}


def test_somebody_elses_scan_and_the_complainers_own() -> None:
    assert problems("", "We detected port scans from your network.")[0].type == "scanner"
    own = problems("", "Our regular port scan found a database without a password.")
    assert own[0].type == "vulnerable-system"


def test_what_companies_say_of_themselves_is_no_complaint() -> None:
    text = "Please look at 192.0.2.10. This mail was scanned for viruses. Copyright 2019 2026 Example anti-spam GmbH"
    assert problems("", text) == []


def test_long_hostile_texts_take_little_time() -> None:
    for text in ("password guess " * 8000, "a " * 60000, "猜测密码" * 25000, "port " * 30000):
        assert len(near(spread(text[:100_000]))) <= 20
