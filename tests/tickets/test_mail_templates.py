# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every language has every template with the same variables, and dates and numbers as people of it read them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import jinja2
import jinja2.meta
import pytest

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.templates.help_texts import HelpTexts
from abusehandler.tickets.mail_templates import FORMS, KINDS, SHIPPED, MailTemplates, example_values

LANGUAGES = ("de", "en", "es", "fr", "nl")
AT = datetime(2026, 3, 9, 14, 5, 6, tzinfo=timezone.utc)


def variables(language: str, name: str) -> set[str]:
    """Names that a template and those it includes ask for; `ticket.more` counts as such."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(SHIPPED), autoescape=True)
    for each in ("moment", "day", "number", "help_text", "help_html"):
        environment.filters[each] = str
    source = (SHIPPED / language / name).read_text(encoding="utf-8")
    tree = environment.parse(source)
    found = set(jinja2.meta.find_undeclared_variables(tree))
    for node in tree.find_all(jinja2.nodes.Getattr):
        if isinstance(node.node, jinja2.nodes.Name):
            found.add(f"{node.node.name}.{node.attr}")
    for included in jinja2.meta.find_referenced_templates(tree):
        assert included is not None
        assert included.startswith(f"{language}/")
        found |= variables(language, included.removeprefix(f"{language}/"))
    return found


def test_there_are_these_languages() -> None:
    assert sorted(path.name for path in SHIPPED.iterdir() if path.is_dir()) == list(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_is_complete(language: str) -> None:
    expected = {f"{kind}.{form}.j2" for kind in KINDS for form in FORMS}
    assert {path.name for path in (SHIPPED / language).iterdir() if not path.name.startswith("_")} == expected
    for name in expected:
        assert variables(language, name) == variables("en", name), name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_template_can_be_filled(language: str, kind: str) -> None:
    values = example_values()
    texts = HelpTexts.load()
    values["tickets"][0]["help"] = texts.of(Catalogue.load().problems["brute-force"], language, address="192.0.2.1")
    values["link"] = "https://abuse.example.net/x"
    values["more_tickets"] = 3
    values["cut"] = True
    for change in ({}, {"kind": "update"}, {"kind": "reminder"}, {"kind": "escalation"}):
        values["tickets"][0].update(change)
        filled = MailTemplates().fill(kind, values, language)
        assert filled.language == language
        assert filled.subject
        assert "\n" not in filled.subject
        assert filled.text.strip()
        assert filled.html.startswith("<!DOCTYPE html>")
        assert "{{" not in filled.text + filled.html


@pytest.mark.parametrize("kind", KINDS)
def test_html_has_nothing_from_outside_and_no_script(kind: str) -> None:
    values = example_values()
    values["body"] = values["reporter"]["subject"] = "<script>alert(1)</script><img title=x>"
    for language in LANGUAGES:
        html = MailTemplates().fill(kind, values, language).html.lower()
        for forbidden in ("<script", "<img", "src=", "<link", "@import", "url(", "http-equiv"):
            assert forbidden not in html


@pytest.mark.parametrize(
    ("language", "moment", "number"),
    [
        ("en", "Mar 9, 2026 14:05:06 UTC", "12,345"),
        ("en-GB", "9 Mar 2026 14:05:06 UTC", "12,345"),
        ("de", "09.03.2026 14:05:06 UTC", "12.345"),
        ("de-CH", "09.03.2026 14:05:06 UTC", "12’345"),
        ("fr", "9 mars 2026 14:05:06 UTC", "12\u00a0345"),
        ("nl", "9 mrt 2026 14:05:06 UTC", "12.345"),
        ("es", "9 mar 2026 14:05:06 UTC", "12.345"),
    ],
)
def test_dates_and_numbers_of_the_language(language: str, moment: str, number: str) -> None:
    values = example_values()
    values["tickets"][0].update(first_seen=AT, count=12345)
    text = MailTemplates().fill("new", values, language).text
    assert moment in text
    assert number in text


def test_time_zone_of_the_contact_and_one_that_there_is_not() -> None:
    values = example_values()
    values["tickets"][0]["first_seen"] = AT
    templates = MailTemplates()
    assert "23:05:06 UTC+09:00" in templates.fill("new", values, "en", "Asia/Tokyo").text
    for odd in ("Mars/Olympus", "../../etc/passwd", "\0", "x" * 5000):
        assert "14:05:06 UTC" in templates.fill("new", values, "en", odd).text


@pytest.mark.parametrize("tag", ["xx", "", "EN", "en_US", "e" * 5000, "../x", "de-DE-u-co-phonebk", "en-\0"])
def test_odd_language_tags_do_no_harm(tag: str) -> None:
    filled: Any = MailTemplates().fill("new", example_values(), tag)
    assert filled.language in LANGUAGES
