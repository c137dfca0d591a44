# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Free text alone against real reports that no machine format explains; the floors are what was measured, less two points.

The reports are not part of the project: set ABUSEHANDLER_CORPUS to the folder that holds `mail/`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from abusehandler.reports.context import ReadContext
from abusehandler.reports.freetext import not_a_report, read
from abusehandler.reports.mail.decode import decode

FOLDER = Path(os.environ.get("ABUSEHANDLER_CORPUS", "/nonexistent")) / "mail"
PROSE = ("text-prose", "text-key-value", "text-log-lines", "html-only")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="ABUSEHANDLER_CORPUS names no folder with mail/ in it"),
]


def test_the_right_addresses_and_problems() -> None:
    reports = exact = judged = right = 0
    for line in (FOLDER / "expected.jsonl").read_text(encoding="utf-8").splitlines():
        truth = json.loads(line)
        wanted = {event["ip"] for event in truth["events"] if "ip" in event}
        if truth["rejected"] or truth["format"] not in PROSE or not wanted:
            continue
        mail = decode((FOLDER / "mails" / truth["mail"]).read_bytes())
        context = ReadContext()
        reading = not_a_report(mail, context) or read(mail, context)
        reports += 1
        exact += {one.event["source.ip"] for one in reading.events if "source.ip" in one.event} == wanted
        allowed = {kind for event in truth["events"] for kind in event.get("classification_ok", [])}
        if allowed and reading.events:
            judged += 1
            right += reading.events[0].event.get("classification.type") in allowed
    assert exact / reports > 0.94
    assert right / judged > 0.89
