# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Help texts that are kept as HTML say the same as those that are made for one customer."""

from __future__ import annotations

import itertools

import jinja2
import pytest
from markupsafe import Markup

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.portal.selfhelp.help_sections import HelpPages
from abusehandler.portal.selfhelp.rendering import HELP, HTML
from abusehandler.templates.help_texts import HelpTexts

CATALOGUE = Catalogue.load()
TEXTS = HelpTexts.load()


@pytest.fixture(scope="module")
def section() -> object:
    loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(HTML), jinja2.FileSystemLoader(HELP)])
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("help_sections.html.j2").module.section  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def pages(section: object) -> HelpPages:
    return HelpPages(TEXTS, section)  # type: ignore[arg-type]


VALUES = [
    {"address": address, "port": port, "host": host}
    for address, port, host in itertools.product(
        (None, "192.0.2.7", "2001:db8::7"), (None, 11211), (None, "shop.example.net")
    )
]


@pytest.mark.parametrize("values", VALUES, ids=str)
@pytest.mark.parametrize("language", ["en", "de"])
def test_they_are_the_same(pages: HelpPages, section: object, values: dict[str, object], language: str) -> None:
    for problem in list(CATALOGUE.problems.values())[::7]:
        kept = pages.of(problem, language, **values)  # type: ignore[arg-type]
        made = TEXTS.of(problem, language, **values)  # type: ignore[arg-type]
        assert kept.language == made.language
        for kind in ("summary", "why", "steps", "checks"):
            html = getattr(kept, kind)
            assert isinstance(html, Markup)
            assert str(html) == str(section(kind, made)), (problem.id, kind)  # type: ignore[operator]


def test_one_customer_does_not_see_the_values_of_another(pages: HelpPages) -> None:
    problem = CATALOGUE.problems["open-memcached"]
    first = pages.of(problem, "en", address="192.0.2.7", port=11211)
    other = pages.of(problem, "en", address="198.51.100.9", port=11212)
    assert "192.0.2.7" in first.steps + first.checks
    assert "192.0.2.7" not in other.summary + other.why + other.steps + other.checks


def test_what_is_no_address_is_not_filled_in(pages: HelpPages) -> None:
    problem = CATALOGUE.problems["open-memcached"]
    found = pages.of(problem, "en", address="<script>", host="$(reboot)")
    assert "script" not in found.checks
    assert "reboot" not in found.checks
