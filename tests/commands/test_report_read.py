# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler report read` shows what would come of a mail, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from abusehandler.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MAIL = b"""From: ids@example.com
Subject: login attack
Content-Type: text/plain; name="report.txt"

Reported-From: ids@example.com
Category: abuse
Report-Type: login-attack
Source-Type: ip-address
Source: 192.0.2.1
Date: 2026-11-20T10:00:00Z
Report-ID: 1
Schema-URL: http://www.x-arf.org/schema/abuse_login-attack_0.1.2.json
"""


def test_a_person_sees_event_and_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(MAIL)
    assert main(["report", "read", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "verdict  report (x-arf), reader x-arf" in shown
    assert "source.ip                    192.0.2.1" in shown
    assert "[192.0.2.1]" in shown  # the place in the text


def test_json_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(MAIL)
    assert main(["report", "read", "--json", str(path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["verdict"] == "report"
    assert shown["events"][0]["event"]["classification.type"] == "brute-force"
    assert shown["events"][0]["spans"]["source.ip"][0] == "1"


def test_a_folder_as_lines_for_measuring(tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "a.eml").write_bytes(MAIL)
    (folder / "b.eml").write_bytes(b"Subject: lunch\n\nat noon?\n")
    out = tmp_path / "out.jsonl"
    assert main(["report", "read", str(folder), "--jsonl", str(out), "--free-text-only"]) == 0
    first, second = (json.loads(line) for line in out.read_text().splitlines())
    assert first["mail"] == "a.eml" and first["events"][0]["source.ip"] == "192.0.2.1" and first["rejected"] is False
    assert second["events"] == []


def test_what_needs_a_person_sets_the_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "b.eml"
    path.write_bytes(b"From: a@example.com\nSubject: strange\n\nSomething.\n")
    assert main(["report", "read", str(path)]) == 1


def test_a_missing_file_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "read", str(tmp_path / "none.eml")]) == 1
    assert "cannot be read" in capsys.readouterr().err
