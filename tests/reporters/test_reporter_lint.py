# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Each check of the linter, by a definition that breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.reporters.lint import CHECKS, check_files
from abusehandler.reporters.load import SHIPPED, definition_files, load_definitions, load_file
from abusehandler.reporters.samples import write_expected

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
name: desk
about: the desk of example.net
documented: https://example.net/abuse
recognise:
  - from: desk.example.net
take:
  - labels: {source.ip: Attacker}
problem:
  - {type: scanner}
"""
SAMPLE = """\
From: Desk <bot@desk.example.net>
To: abuse@isp.example.com
Subject: A scan from 192.0.2.1
Date: Thu, 19 Nov 2026 10:15:00 +0000
Message-ID: <1@desk.example.net>

Attacker: 192.0.2.1
"""


def write(folder: Path, text: str = GOOD, sample: str = SAMPLE, name: str = "desk") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    samples = folder / "samples" / name
    samples.mkdir(parents=True)
    if sample:
        (samples / "1.eml").write_text(sample, encoding="utf-8")
    return path


def findings(path: Path, *more: Path) -> set[str]:
    return {finding.check for finding in check_files([path, *more], []) if finding.file == str(path)}


def test_a_good_definition(tmp_path: Path):
    path = write(tmp_path)
    assert findings(path) == {"second-sample", "expectation"}
    assert [written.name for written in write_expected(load_file(path))] == ["1.expected.json"]
    assert findings(path) == {"second-sample"}


@pytest.mark.parametrize(
    ("before", "after", "check"),
    [
        ("name: desk", "name: counter", "file-name"),
        ("documented: https://example.net/abuse\n", "", "documented"),
        ("  - from: desk.example.net", "  - subject: scan\n  - from: desk.example.net", "narrow-enough"),
        ("  - from: desk.example.net", "  - from: gmail.com\n  - from: desk.example.net", "narrow-enough"),
        ("source.ip: Attacker", "source.port: Attacker", "takes-resource"),
        ("  - {type: scanner}", "  - {type: scanner}\n  - {type: ddos, when: 'flood'}", "default-problem-last"),
        (
            "recognise:\n  - from: desk.example.net",
            "spoofable: false\nrecognise:\n  - subject: 'a scan from 192'",
            "forgery-claim",
        ),
        ("from: desk.example.net", "from: another.example.net", "own-samples"),
        ("  - {type: scanner}", "  - {type: ddos, when: '[^a]{0,400}[^b]{0,400}[^c]{0,400}x'}", "fast-patterns"),
        ("type: scanner", "type: scaner", "readable"),
    ],
)
def test_each_check(tmp_path: Path, before: str, after: str, check: str):
    path = write(tmp_path, GOOD.replace(before, after, 1))
    assert check in findings(path)


def test_a_sample_is_missing(tmp_path: Path):
    assert "sample" in findings(write(tmp_path, sample=""))


def test_an_expectation_that_does_not_hold(tmp_path: Path):
    path = write(tmp_path)
    write_expected(load_file(path))
    path.write_text(GOOD.replace("type: scanner", "type: spam"), encoding="utf-8")
    found = [finding for finding in check_files([path], []) if finding.check == "own-samples"]
    assert "classification.type: expected 'scanner', read 'spam'" in found[0].text


def test_another_ones_sample(tmp_path: Path):
    path = write(tmp_path)
    wide = GOOD.replace("name: desk", "name: wide").replace("from: desk.example.net", "subject: 'a scan from 192'")
    other = write(tmp_path, wide, SAMPLE.replace("desk.example.net", "else.example.org"), "wide")
    assert "others-samples" in findings(other, path)


def test_a_real_address_in_a_sample(tmp_path: Path):
    address = ".".join(("8", "8", "4", "4"))
    assert "documentation-addresses" in findings(write(tmp_path, sample=SAMPLE.replace("192.0.2.1", address)))


def test_checks_have_names_of_their_own_and_say_what_to_do():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.recommendation for check in CHECKS)


def test_all_shipped_definitions_pass():
    files = definition_files(SHIPPED)
    assert len(files) > 100
    errors = [str(finding) for finding in check_files(files, load_definitions()) if finding.level == "error"]
    assert not errors, "\n".join(errors)
