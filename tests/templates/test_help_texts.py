# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every problem has a help text in every language, and it comes out whole, safe and filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2
import pytest

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.templates import help_texts
from abusehandler.templates.help_check import check
from abusehandler.templates.help_texts import PACKAGE_DATA, HelpTexts, Span, as_text, plain

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES = ("en", "de", "es", "fr", "nl")
CATALOGUE = Catalogue.load()
TEXTS = HelpTexts.load()


def test_the_languages() -> None:
    assert TEXTS.languages() == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_missing_wrong_or_stale(language: str) -> None:
    assert [str(finding) for finding in check(TEXTS, CATALOGUE, language)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_problem_has_its_own_text(language: str) -> None:
    for problem in CATALOGUE.problems.values():
        text = TEXTS.of(problem, language, address="192.0.2.1")
        assert (text.id, text.language) == (problem.id, language)
        assert text.title == TEXTS.title(problem, language)
        prose = " ".join(
            plain(spans) for spans in (text.summary, text.why, *(step.text for step in (*text.steps, *text.checks)))
        )
        commands = "\n".join(command.text for step in (*text.steps, *text.checks) for command in step.commands)
        for mark in ("{{", "}}"):
            assert mark not in prose
        assert "[[" not in prose
        assert text.words.placeholders["port"] not in prose.split(), problem.id
        assert not any("{{" + name + "}}" in commands for name in ("address", "port", "host"))


def test_translations_share_the_commands_of_the_english_text() -> None:
    problem = CATALOGUE.problems["open-redis"]
    english, german = (TEXTS.of(problem, language, address="192.0.2.1") for language in ("en", "de"))
    assert [step.commands for step in german.steps] == [step.commands for step in english.steps]
    assert german.steps[0].commands[0].label == "/etc/redis/redis.conf"
    assert german.checks[0].commands[0].text == "redis-cli -h 192.0.2.1 ping"


@pytest.mark.parametrize(
    ("asked", "given"), [("de-AT", "de"), ("nl_BE", "nl"), ("FR", "fr"), ("xx", "en"), ("", "en"), ("../../etc", "en")]
)
def test_language_tags(asked: str, given: str) -> None:
    assert TEXTS.of(CATALOGUE.problems["open-ntp"], asked).language == given


def summary_of(problem: str, **known: object) -> str:
    return plain(TEXTS.of(CATALOGUE.problems[problem], "en", **known).summary)  # type: ignore[arg-type]


def test_what_is_not_known_is_left_out() -> None:
    assert summary_of("open-service", address="192.0.2.1", port=81).startswith(
        "A service at 192.0.2.1, port 81, answers"
    )
    assert summary_of("open-service", address="192.0.2.1").startswith("A service at 192.0.2.1 answers")
    assert summary_of("phishing", address="192.0.2.1", host="www.example.com").startswith(
        "A page at 192.0.2.1 (www.example.com) "
    )
    assert summary_of("phishing", host="www.example.com").startswith("A page at www.example.com pretends")
    assert summary_of("phishing").startswith("A page at YOUR-ADDRESS pretends")


@pytest.mark.parametrize(
    "evil",
    [
        "192.0.2.1; rm -rf ~",
        "$(reboot)",
        "`id`",
        "<script>",
        "fe80::1%$(id)",
        "a" * 300,
        "1.2.3.4\n5",
        "-oProxyCommand",
    ],
)
def test_values_that_could_reach_a_shell_are_not_filled_in(evil: str) -> None:
    text = TEXTS.of(CATALOGUE.problems["phishing"], "en", address=evil, host=evil, port=70000)
    shown = as_text(text)
    for piece in ("rm -rf", "reboot", "`id`", "<script", "$(id)", "aaaa", "Proxy"):
        assert piece not in shown
    assert "http://YOUR-DOMAIN/" in shown or "http://[fe80::1]/" in shown


def test_ipv6_in_a_url_stands_in_brackets() -> None:
    text = TEXTS.of(CATALOGUE.problems["open-elasticsearch"], "en", address="2001:db8::1")
    assert text.checks[0].commands[0].text == "curl -m 5 http://[2001:db8::1]:9200/"
    assert "The search server Elasticsearch or OpenSearch at 2001:db8::1 " in plain(text.summary)


def test_an_operators_problem_gets_its_own_text_or_its_groups(tmp_path: Path) -> None:
    extra = tmp_path / "more.yaml"
    extra.write_text(
        "problems:\n  open-fax: {name: Open fax, group: open-service}\n  odd: {name: Odd, group: traffic}\n"
    )
    catalogue = Catalogue.load(extra)
    own = tmp_path / "help"
    for language, title in (("en", "Open fax"), ("de", "Offenes Fax")):
        (own / language).mkdir(parents=True)
        (own / language / "open-fax.md").write_text(
            f"# {title}\nFax.\n## why\nPaper.\n## steps\n1. Unplug `fax`.\n## checks\n1. Ring {{{{address}}}}.\n"
        )
    texts = HelpTexts.load(own)
    fax = texts.of(catalogue.problems["open-fax"], "de", address="192.0.2.1")
    assert (fax.id, fax.title, plain(fax.checks[0].text)) == ("open-fax", "Offenes Fax", "Ring 192.0.2.1.")
    assert fax.steps[0].text == (Span("Unplug "), Span("fax", code=True), Span("."))
    assert texts.of(catalogue.problems["open-fax"], "fr").language == "en"
    assert texts.of(catalogue.problems["odd"], "de").id == "traffic"
    assert texts.title(catalogue.problems["odd"], "de") == "Odd"


def test_a_translation_with_other_steps_is_not_shown(tmp_path: Path) -> None:
    """The commands would stand below the wrong steps."""
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "open-ntp.md").write_text("# NTP\nA.\n## why\nB.\n## steps\n1. C.\n## checks\n1. D.\n")
    assert HelpTexts.load(tmp_path).of(CATALOGUE.problems["open-ntp"], "de").language == "en"


def test_as_text_folds_prose_and_never_commands() -> None:
    shown = as_text(TEXTS.of(CATALOGUE.problems["exposed-smb"], "en", address="192.0.2.1"), width=60)
    for line in shown.splitlines():
        assert len(line) <= 60 or line.startswith("      ")
    assert "    Windows (PowerShell):\n" in shown


def test_html_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "spam.md").write_text(
        "# <b>\n<img src=x>\n## why\n`<i>` & co\n## steps\n1. <script>\n\n   ```<u>\n   a < b > c\n   ```\n## checks\n1. d\n"
    )
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(PACKAGE_DATA.parent), autoescape=True)
    module = environment.get_template("help.html.j2").module
    page = str(module.help(HelpTexts.load(tmp_path).of(CATALOGUE.problems["spam"], "en")))  # type: ignore[attr-defined]
    for tag in ("<img", "<i>", "<script", "<u>", "a < b"):
        assert tag not in page
    assert "<code>&lt;i&gt;</code> &amp; co" in page
    assert "<pre><code>a &lt; b &gt; c</code></pre>" in page


def test_evil_names_reach_no_other_file() -> None:
    for name in ("../words", "/etc/passwd", "a/b", "", "x" * 100):
        assert TEXTS.file(name, "en") is None
        assert TEXTS.file("spam", name) is None


def test_the_module_says_what_its_last_resort_is() -> None:
    assert help_texts.LAST_RESORT in CATALOGUE.problems
