# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler reporters list|show|check`, and the walk-through of docs/read-a-new-reporter.md done as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.cli import main
from abusehandler.reporters.schema import ALTERNATIVE, PROBLEM, STEP, TOP

if TYPE_CHECKING:
    import pytest

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "read-a-new-reporter.md"


def test_list_and_show(capsys: pytest.CaptureFixture[str]):
    assert main(["reporters", "list", "--json"]) == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)}
    assert {"spamcop", "fail2ban", "netcraft"} <= names
    assert main(["reporters", "show", "spamcop"]) == 0
    said = capsys.readouterr().out
    assert "recognised by: from spamcop.net" in said
    assert "samples: 1.eml" in said


def test_an_unknown_name_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["reporters", "show", "nobody"]) == 1
    assert "reporters list" in capsys.readouterr().err


def test_check_one_file_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nabot: x\n", encoding="utf-8")
    assert main(["reporters", "check", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found[0]["check"] == "readable"
    assert "did you mean 'about'?" in found[0]["text"]


def test_the_walk_through_works_as_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    blocks = dict(re.findall(r"<!-- file: (\S+) -->\n+```\w*\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S))
    for name, text in blocks.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    definition = str(tmp_path / "example-sensor.yaml")
    assert main(["reporters", "check", definition, "--write-expected"]) == 0, capsys.readouterr().out
    wrote = json.loads((tmp_path / "samples/example-sensor/1.expected.json").read_text(encoding="utf-8"))
    assert wrote["events"] == json.loads(blocks["expected-events.json"])


def test_the_reference_names_all_that_a_definition_may_say():
    text = DOCUMENT.read_text(encoding="utf-8")
    for key in {*TOP, *ALTERNATIVE, *PROBLEM, *STEP}:
        assert f"`{key}`" in text, key
