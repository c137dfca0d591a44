# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How exact the whole reading is on a folder of real mails that is kept outside of the project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from abusehandler.cli import main

CORPUS = Path(os.environ.get("ABUSEHANDLER_CORPUS", "/nowhere"))

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not (CORPUS / "mail" / "mails").is_dir(), reason="ABUSEHANDLER_CORPUS names no folder with mail/mails"
    ),
]


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("score") / "read.jsonl"
    assert main(["report", "read", str(CORPUS / "mail" / "mails"), "--jsonl", str(out)]) == 0
    command = [
        sys.executable,
        str(CORPUS / "score_mail.py"),
        str(CORPUS / "mail" / "expected.jsonl"),
        str(out),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("measure", "least"),
    [
        ("exact", 0.95),
        ("classification_per_mail", 0.93),
        ("time_per_mail", 0.9),
        ("port_per_mail", 0.9),
        ("rejected", 0.85),
    ],
)
def test_goals(score: dict[str, Any], measure: str, least: float) -> None:
    assert score["total"][measure] >= least


def test_hardly_a_report_is_lost(score: dict[str, Any]) -> None:
    assert score["total"]["reports_without_event"] <= 0.01


@pytest.mark.parametrize("form", ["arf", "acns-xml", "xarf-yaml", "iodef", "csv-attachment", "xlsx-attachment"])
def test_machine_formats_are_exact(score: dict[str, Any], form: str) -> None:
    assert score["by"][form]["exact"] >= 0.95
