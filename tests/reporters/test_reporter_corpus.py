# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""On real mails, definitions must make reading better, never worse. Needs the folder named by ABUSEHANDLER_CORPUS."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from abusehandler.reports.context import ReadContext
from abusehandler.reports.mail.decode import decode
from abusehandler.reports.read import ReadOptions, read_decoded

CORPUS = Path(os.environ.get("ABUSEHANDLER_CORPUS", "/nonexistent"))
pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not CORPUS.is_dir(), reason="ABUSEHANDLER_CORPUS names no folder")]


def scores() -> tuple[dict[str, Any], dict[str, Any]]:
    """The numbers of score_mail.py without and with definitions."""
    spec = importlib.util.spec_from_file_location("score_mail", CORPUS / "score_mail.py")
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    tallies = {False: scorer.Tally(), True: scorer.Tally()}
    for line in (CORPUS / "mail" / "expected.jsonl").read_text(encoding="utf-8").splitlines():
        truth = json.loads(line)
        mail = decode((CORPUS / "mail" / "mails" / truth["mail"]).read_bytes())
        for used, tally in tallies.items():
            reading = read_decoded(mail, ReadContext(), options=ReadOptions(reporters=used, seconds=20))
            rejected = reading.verdict == "not-a-report"
            tally.add(
                truth, {"rejected": rejected, "events": [] if rejected else [one.event for one in reading.events]}
            )
    return tallies[False].result(), tallies[True].result()


def test_definitions_help():
    without, with_them = scores()
    for number in ("exact", "classification_per_mail", "time_per_mail", "port_per_mail", "rejected"):
        assert with_them[number] >= without[number], number
    assert with_them["classification_per_mail"] > without["classification_per_mail"]
