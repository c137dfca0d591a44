# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real reports through running bots: at the end each is accounted for."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from tests.whole_way.conftest import Desk

#: Everybody is a customer of this test, so that every event must end in a ticket.
WORLD = "prefix,customer id,name,email\n0.0.0.0/1,W-1,Lower half,one@example.org\n128.0.0.0/1,W-2,Upper half,two@example.org\n2000::/3,W-6,IPv6,six@example.org\n"


@pytest.mark.corpus
@pytest.mark.timeout(600)
def test_every_real_report_ends_as_events_or_as_an_unread_report_with_its_reason(desk: Desk, corpus: Path) -> None:
    etc = desk.root / "etc"
    settings = yaml.safe_load((etc / "abusehandler.yaml").read_text(encoding="utf-8"))
    settings["networks"] = {}
    settings["notices"]["policy"] = "never"
    (etc / "abusehandler.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (etc / "customers.csv").write_text(WORLD, encoding="utf-8")
    feeds, mails = (
        sorted((corpus / "shadowserver/reports").glob("*.csv")),
        sorted((corpus / "mail/mails").glob("*.eml")),
    )
    assert feeds
    assert mails
    for path, target in [
        *((path, "var/lib/feeds") for path in feeds),
        *((path, "var/lib/maildir/new") for path in mails),
    ]:
        (desk.root / target / path.name).write_bytes(path.read_bytes())

    desk.intelmqctl("start")
    desk.require_running()
    desk.wait_for_result(500)

    expected = {hashlib.sha256(path.read_bytes()).hexdigest() for path in [*feeds, *mails]}
    reports = dict(desk.database.fetch("SELECT evidence, state FROM reports"))
    assert set(reports) == expected
    assert set(reports.values()) <= {"read", "partly", "unread", "not-a-report"}
    assert desk.count("reports", "state IN ('unread', 'not-a-report', 'partly') AND reason = ''") == 0
    assert desk.count("reports", "state = 'read' AND events = 0") == 0
    # what the readers made is stored: every report with events has them in the store, under its number or, where two
    # reports told the same observation, under the first one's
    assert desk.count("events") > 0
    homeless = desk.database.fetch(
        "SELECT ip, customer_match, data FROM events WHERE ticket_id IS NULL AND ip IS NOT NULL"
    )
    assert homeless == []
    dumped = [
        entry["traceback"][-1]
        for path in (desk.root / "var/log").glob("*.dump")
        for entry in json.loads(path.read_bytes()).values()
    ]
    assert dumped == []
    assert desk.under_way(desk.database) == {}
    if os.environ.get("ABUSEHANDLER_SHOW"):
        print(
            dict(desk.database.fetch("SELECT state, count(*) FROM reports GROUP BY state")),
            desk.count("events"),
            desk.count("tickets"),
        )
