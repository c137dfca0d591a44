# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a help file may say, what its reader answers to mistakes, and how a translation is kept up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.cli import main
from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.templates.help_check import accept, check
from abusehandler.templates.help_files import Command, read_help_file, read_words
from abusehandler.templates.help_texts import PACKAGE_DATA, HelpTexts

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = """<!-- SPDX-License-Identifier: AGPL-3.0-or-later -->
<!-- english: 0123456789ab -->

# Open fax

A fax at {{address}}[[, port
{{port}},]] answers.

## why

Paper.

## steps

1. Unplug
   `fax`.

   ```Debian, Ubuntu
   sudo apt remove fax
     docker ps --format '{{.Names}}'
   ```

2. Burn it.

## checks

1. Ring.
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "open-fax.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file(tmp_path: Path) -> None:
    file = read_help_file(written(tmp_path, RIGHT))
    assert file.title == "Open fax"
    assert file.summary == "A fax at {{address}}[[, port {{port}},]] answers."
    assert file.why == "Paper."
    assert file.steps == ("Unplug `fax`.", "Burn it.")
    assert file.step_commands == (
        (Command("Debian, Ubuntu", "sudo apt remove fax\n  docker ps --format '{{.Names}}'"),),
        (),
    )
    assert file.checks == ("Ring.",)
    assert file.follows == "0123456789ab"
    assert file.shape() == (2, 1)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("# Open fax", "Open fax", "open-fax.md:4: text before the title"),
        ("## why", "## warum", "open-fax.md:9: the headings are"),
        ("## checks", "## steps", ":25: '## steps' is there twice"),
        ("Paper.", "", "## why is missing or empty"),
        ("1. Ring.\n", "", "## checks is missing or empty"),
        ("1. Ring.", "Ring.", ":27: a step begins with its number"),
        ("{{address}}", "{{adress}}", ":6: '{{adress}}' is no placeholder; there are address, port, host"),
        ("{{address}}", "{{address", "is no placeholder"),
        ("`fax`", "`fax", "a backtick has no partner in: Unplug"),
        (",]] answers", ", answers", "'[[' needs a placeholder and ']]'"),
        ("   ```\n\n2.", "2.", "commands that do not end"),
        ("Paper.", "```\nPaper.\n```", "commands belong to a step"),
        ("<!-- english: 0123456789ab -->", "<!-- english:", ":2: a comment is one line"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in RIGHT
    with pytest.raises(ConfigurationError) as caught:
        read_help_file(written(tmp_path, RIGHT.replace(old, new, 1)))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "evil", ["`" * 50_000, "{{" * 30_000, "[[" * 30_000, "<!--" * 15_000, "1. " * 20_000, "#" * 60_000, "\0\n" * 30_000]
)
def test_long_evil_files_are_refused(tmp_path: Path, evil: str) -> None:
    for text in (evil, RIGHT.replace("Paper.", evil)):
        try:
            read_help_file(written(tmp_path, text))
        except ConfigurationError:
            continue


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "open-fax.md"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_help_file(path)
    path.write_bytes(b"a" * 70_000)
    with pytest.raises(ConfigurationError, match="has 70000 bytes"):
        read_help_file(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_help_file(tmp_path / "nothing.md")


def test_folding_and_commands_do_not_make_a_translation_stale(tmp_path: Path) -> None:
    digest = read_help_file(written(tmp_path, RIGHT)).digest()
    assert (
        read_help_file(
            written(tmp_path, RIGHT.replace("apt remove", "apt purge").replace("Unplug\n   ", "Unplug "))
        ).digest()
        == digest
    )
    assert read_help_file(written(tmp_path, RIGHT.replace("Paper", "Money"))).digest() != digest


def test_words(tmp_path: Path) -> None:
    assert read_words(PACKAGE_DATA / "de" / "words.yaml").placeholders["address"] == "IHRE-ADRESSE"
    path = tmp_path / "words.yaml"
    path.write_text("headings: {summary: a}\n")
    with pytest.raises(ConfigurationError, match="headings: why is missing or empty"):
        read_words(path)
    path.write_text("- a\n")
    with pytest.raises(ConfigurationError, match="headings is missing"):
        read_words(path)


def test_a_change_of_the_english_text_shows_until_it_is_accepted(tmp_path: Path) -> None:
    english = (PACKAGE_DATA / "en" / "spam.md").read_text(encoding="utf-8")
    german = (PACKAGE_DATA / "de" / "spam.md").read_text(encoding="utf-8")
    for language, text in (("en", english.replace("Spam is being sent", "Spam is now being sent")), ("de", german)):
        (tmp_path / language).mkdir()
        (tmp_path / language / "spam.md").write_text(text, encoding="utf-8")
    texts = HelpTexts.load(tmp_path)
    findings = list(check(texts, Catalogue.load(), "de"))
    assert [finding.place for finding in findings] == [str(tmp_path / "de" / "spam.md")]
    assert "run 'abusehandler help accept spam --language de'" in findings[0].what
    assert accept(texts, "spam", "de") == tmp_path / "de" / "spam.md"
    assert list(check(texts, Catalogue.load(), "de")) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("{{address}}", "IHNEN"), "the placeholders or `code` below the title differ"),
        (("\n1. ", "\n1. <b>"), "tags are shown as they are written"),
        (("\n2. ", "\nund "), "steps and 1 checks, the English text"),
    ],
)
def test_what_is_wrong_with_a_translation(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    german = (PACKAGE_DATA / "de" / "spam.md").read_text(encoding="utf-8")
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "spam.md").write_text(german.replace(*change), encoding="utf-8")
    findings = [finding.what for finding in check(HelpTexts((tmp_path, PACKAGE_DATA)), Catalogue.load(), "de")]
    assert any(says in what for what in findings)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "show", "open-dns-resolver", "--language", "de", "--address", "192.0.2.1"]) == 0
    assert "dig @192.0.2.1 www.example.com A" in capsys.readouterr().out
    assert main(["help", "list"]) == 0
    assert "en: 166 of 166 texts" in capsys.readouterr().out
    assert main(["help", "check", "--language", "xx"]) == 1
    assert "xx/open-ntp.md: is missing" in capsys.readouterr().err
    assert main(["help", "show", "nothing"]) == 1
    assert "the catalogue has no such problem" in capsys.readouterr().err
    assert main(["help", "accept", "spam"]) == 1
    assert "name the language" in capsys.readouterr().err
    assert main(["help", "accept", "spam", "--language", "xx"]) == 1
    assert "there is no such translation" in capsys.readouterr().err
    assert main(["help", "show"]) == 1
    assert "name a problem" in capsys.readouterr().err
    assert main(["help", "check", "--folder", str(tmp_path / "no")]) == 1
    assert "no such folder" in capsys.readouterr().err
