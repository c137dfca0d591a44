# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler reporters`: list, show and check the definitions of known senders."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.errors import ConfigurationError
from abusehandler.reporters.load import SHIPPED, definition_files, load_definitions, load_file

if TYPE_CHECKING:
    import argparse

    from abusehandler.reporters.definition import Definition


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their arguments."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="all known senders")
    listing.add_argument("--json", action="store_true", help="print JSON")
    show = verbs.add_parser("show", help="what one definition says")
    show.add_argument("name", metavar="NAME")
    check = verbs.add_parser("check", help="check definitions against the rules and their samples")
    check.add_argument("files", nargs="*", metavar="FILE", type=Path, help="definitions (default: all)")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.add_argument("--strict", action="store_true", help="advice counts as an error")
    check.add_argument(
        "--write-expected",
        action="store_true",
        help="write what is read now beside samples that have no expectation yet",
    )
    for verb in (listing, show, check):
        verb.add_argument(
            "--folder", action="append", default=[], metavar="DIR", help="a folder of your own definitions"
        )


def run(arguments: argparse.Namespace) -> int:
    """Carry out one verb; 0 for fine, 1 where `check` found an error."""
    if arguments.verb == "list":
        return _list(load_definitions(arguments.folder), arguments.json)
    if arguments.verb == "show":
        return _show(arguments.name, load_definitions(arguments.folder))
    return _check(arguments)


def _list(definitions: tuple[Definition, ...], as_json: bool) -> int:
    if as_json:
        rows = [
            {
                "name": one.name,
                "about": one.about,
                "verdict": one.verdict,
                "spoofable": one.spoofable,
                "reads": "steps" if one.take else "hints",
                "file": str(one.path),
            }
            for one in definitions
        ]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    width = max((len(one.name) for one in definitions), default=0)
    for one in definitions:
        print(f"{one.name:<{width}}  {one.about}")
    return 0


def _show(name: str, definitions: tuple[Definition, ...]) -> int:
    from abusehandler.reporters.lint import alternative_in_words
    from abusehandler.reporters.samples import samples_of

    found = next((one for one in definitions if one.name == name), None)
    if found is None:
        raise ConfigurationError(f"no definition is called {name!r}; `abusehandler reporters list` shows all names")
    print(f"{found.name}: {found.about}")
    print(f"file: {found.path}")
    for text in found.documented:
        print(f"known from: {text}")
    print(f"can be forged: {'yes' if found.spoofable else 'no, signature is checked where it is there'}")
    for alternative in found.recognise:
        print(f"recognised by: {alternative_in_words(alternative)}")
    if found.verdict == "not-a-report":
        print(f"is no report but: {found.kind}")
    for step in found.take:
        fields = [field for field, _ in step.names] or [step.field]
        if step.pattern is not None:
            fields = list(step.pattern.groupindex)
        print(f"takes: {', '.join(fields)} by {step.kind} from {step.place}")
    if found.verdict == "report" and not found.take:
        print("takes: what the machine formats or free text find")
    for rule in found.problem:
        when = f" when {rule.when.pattern!r} in {rule.place}" if rule.when is not None else ""
        print(f"problem: {rule.type}{' / ' + rule.identifier if rule.identifier else ''}{when}")
    if found.zone_name:
        print(f"times without a zone are in {found.zone_name}")
    print(f"samples: {', '.join(sample.path.name for sample in samples_of(found)) or 'none'}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from abusehandler.reporters.lint import check_files
    from abusehandler.reporters.samples import write_expected

    folders = [SHIPPED, *map(Path, arguments.folder)]
    files = list(arguments.files) or [path for folder in folders for path in definition_files(folder)]
    if arguments.write_expected:
        for path in files:
            for written in write_expected(load_file(path)):
                print(f"wrote {written}; look at it before you keep it")
    neighbours = []
    for folder in folders:
        for path in definition_files(folder):
            try:
                neighbours.append(load_file(path))
            except ConfigurationError:
                continue  # it is reported when it is checked itself
    findings = check_files(files, neighbours)
    if arguments.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(finding)
        errors = sum(finding.level == "error" for finding in findings)
        print(f"{len(files)} definitions, {errors} errors, {len(findings) - errors} pieces of advice")
    bad = any(finding.level == "error" or arguments.strict for finding in findings)
    return 1 if bad else 0
