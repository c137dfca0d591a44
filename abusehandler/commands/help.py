# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler help show|list|check|accept`: the texts that customers get about their problems."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.templates.help_check import accept, check, wanted
from abusehandler.templates.help_texts import HelpTexts, as_text

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "verb", choices=("show", "list", "check", "accept"), help="accept: a translation is up to date again"
    )
    parser.add_argument("problem", nargs="?", help="the problem's id, such as open-dns-resolver")
    parser.add_argument("--language", help="such as de; show: English, list and check: all, if left out")
    parser.add_argument("--folder", type=Path, help="a folder of your own texts, laid over ours")
    parser.add_argument("--address", help="show: the address to fill in")
    parser.add_argument("--port", type=int, help="show: the port to fill in")
    parser.add_argument("--host", help="show: the host name to fill in")


def run(arguments: argparse.Namespace) -> int:
    if arguments.folder is not None and not arguments.folder.is_dir():
        raise ConfigurationError(f"{arguments.folder}: no such folder")
    texts, catalogue = HelpTexts.load(arguments.folder), Catalogue.load()
    languages = (arguments.language,) if arguments.language else texts.languages()
    if arguments.verb == "list":
        for language in languages:
            there = sum(1 for name in wanted(catalogue) if texts.file(name, language))
            print(f"{language}: {there} of {len(wanted(catalogue))} texts")
        return 0
    if arguments.verb == "check":
        findings = [finding for language in languages for finding in check(texts, catalogue, language)]
        for finding in findings:
            print(finding, file=sys.stderr)
        print(f"{len(wanted(catalogue))} texts in {', '.join(languages)}: {len(findings) or 'nothing'} to mend.")
        return 1 if findings else 0
    if arguments.problem is None:
        raise ConfigurationError(f"abusehandler help {arguments.verb}: name a problem, such as open-dns-resolver")
    if arguments.verb == "accept":
        if arguments.language is None:
            raise ConfigurationError("abusehandler help accept: name the language, such as --language de")
        print(f"{accept(texts, arguments.problem, arguments.language)}: follows the English text as it is now.")
        return 0
    problem = catalogue.problems.get(arguments.problem)
    if problem is None:
        raise ConfigurationError(
            f"{arguments.problem}: the catalogue has no such problem; 'abusehandler help list' counts them"
        )
    text = texts.of(
        problem, arguments.language or "en", address=arguments.address, port=arguments.port, host=arguments.host
    )
    print(as_text(text), end="")
    return 0
