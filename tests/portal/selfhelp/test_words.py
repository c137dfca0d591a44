# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The phrases of every language: the same ones, with the same values in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abusehandler.portal.selfhelp import words as phrases
from abusehandler.portal.selfhelp.brand import colours, contrast
from abusehandler.tickets.selfhelp_answers import KINDS

CODE = Path(phrases.__file__).resolve().parent


def values(text: str) -> set[str]:
    return set(re.findall(r"\{(\w*)\}", text))


def test_the_languages() -> None:
    assert phrases.languages() == ("en", "de", "es", "fr", "nl")


@pytest.mark.parametrize("language", phrases.languages())
def test_no_language_lacks_a_phrase_or_a_value(language: str) -> None:
    first, own = phrases.words("en"), phrases._read(language)
    assert own.keys() == first.keys()
    for key, text in own.items():
        assert values(text) == values(first[key]), key
        assert text == text.strip(), key


def test_every_phrase_that_templates_name_is_there() -> None:
    known = phrases.words("en").keys()
    used = {
        name
        for file in (CODE / "html").glob("*.j2")
        for name in re.findall(r"\bw\.(\w+)", file.read_text(encoding="utf-8"))
    }
    assert used <= known
    assert {f"kind_{kind}" for kind in KINDS} <= known


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT,de;q=0.9", "de"),
        ("pt;q=1, nl;q=0.5", "nl"),
        ("", "en"),
        ("*", "en"),
        ("fr;q=0", "en"),
        ("," * 10_000, "en"),
        ("es_MX", "es"),
    ],
)
def test_the_browsers_language(header: str, language: str) -> None:
    assert phrases.choose(*phrases.accepted(header)) == language


@pytest.mark.parametrize("colour", ["#ffffff", "#000000", "#ffee00", "#1d5fd1", "#e0508c", "#808080"])
def test_every_colour_can_be_read_on_both_grounds(colour: str) -> None:
    light, dark = re.findall(r"--brand:#([0-9a-f]{6})", colours(colour))

    def value(text: str) -> tuple[int, int, int]:
        return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)

    assert contrast(value(light), (255, 255, 255)) >= 4.5
    assert contrast(value(dark), (26, 32, 39)) >= 4.5
