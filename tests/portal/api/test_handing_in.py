# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports that programs hand in: kept as evidence, recorded once, and read as any other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from abusehandler.configuration.reading import read_context
from abusehandler.reports.read import read_mail
from abusehandler.tickets.incoming import now_utc
from tests.portal.desk_samples import REPORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.portal.api.conftest import Program
    from tests.portal.running import Portal

XARF: dict[str, Any] = {
    "xarf_version": "4.0.0", "report_id": "550e8400-e29b-41d4-a716-446655440000", "timestamp": "2026-11-20T10:00:00Z",
    "reporter": {"org": "Example Watch", "contact": "noc@example.org", "domain": "example.org"},
    "sender": {"org": "Example Watch", "contact": "noc@example.org", "domain": "example.org"},
    "source_identifier": "192.0.2.9", "source_port": 40000, "category": "connection", "type": "login_attack",
    "protocol": "tcp", "destination_port": 22, "first_seen": "2026-11-20T10:00:00Z",
}  # fmt: skip
CSV = b"ip,timestamp,port,category\n192.0.2.10,2026-11-20 10:00:00+00:00,22,brute-force\n"


def hand_in(asked: Program, kind: str, content: bytes, **query: str) -> Any:
    return asked("POST", "/reports", data=content, params=query, headers={"Content-Type": kind})


def read(desk: Portal, evidence: str) -> Any:
    content = desk.app.state.portal.evidence.read(evidence)
    return read_mail(content, read_context(desk.configuration, now_utc()))[1]


def test_a_mail_is_kept_as_it_came(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk", ["reports:in"])
    mail = REPORT.replace(b"192.0.2.77", b"192.0.2.78")
    answer = hand_in(asked, "message/rfc822", mail, name="mail.eml", feed="Partner")
    assert answer.status_code == 202, answer.text
    (taken,) = answer.json()["reports"]
    assert taken["new"]
    assert desk.app.state.portal.evidence.read(taken["evidence"]) == mail
    rows = desk.database.fetch("SELECT kind, channel, feed, state FROM reports WHERE id = %s", (taken["id"],))
    assert rows == [("mail", "api", "Partner", "received")]
    again = hand_in(asked, "message/rfc822", mail).json()["reports"][0]
    assert (again["id"], again["new"]) == (taken["id"], False)
    trail = desk.database.fetch(
        "SELECT actor FROM audit_trail WHERE object = 'report' AND object_id = %s", (str(taken["id"]),)
    )
    assert trail[0] == ("desk0 by token billing",)


def test_xarf_is_read_and_counts_once(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk", ["reports:in"])
    (taken,) = hand_in(asked, "application/json", json.dumps(XARF).encode()).json()["reports"]
    reading = read(desk, taken["evidence"])
    assert reading.verdict == "report", reading.reason
    (event,) = reading.events
    assert event.event["source.ip"] == "192.0.2.9"
    assert event.event["classification.type"] == "brute-force"
    assert not hand_in(asked, "application/json", json.dumps(XARF).encode()).json()["reports"][0]["new"]


def test_many_xarf_reports_are_many_reports(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk", ["reports:in"])
    many = [{**XARF, "source_identifier": f"192.0.2.{number}"} for number in range(1, 6)]
    taken = hand_in(asked, "application/xarf+json", json.dumps(many).encode()).json()["reports"]
    found = [read(desk, one["evidence"]).events[0].event["source.ip"] for one in taken]
    assert found == [f"192.0.2.{number}" for number in range(1, 6)]


def test_a_table_is_read(desk: Portal, program: Callable[..., Program]) -> None:
    (taken,) = hand_in(program("desk", ["reports:in"]), "text/csv", CSV).json()["reports"]
    assert read(desk, taken["evidence"]).events[0].event["source.ip"] == "192.0.2.10"


def test_an_mbox_is_many_mails(desk: Portal, program: Callable[..., Program]) -> None:
    mails = b"".join(
        b"From noc@example.org Fri Nov 20 10:00:00 2026\n" + REPORT.replace(b"one@", b"%d@" % number) + b"\n"
        for number in range(3)
    )
    asked = program("desk", ["reports:in"])
    assert len(hand_in(asked, "application/mbox", mails).json()["reports"]) == 3
    assert hand_in(asked, "application/mbox", b"no mbox").status_code == 400


def test_what_is_no_report_is_refused(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk", ["reports:in"])
    before = desk.database.fetch("SELECT count(*) FROM reports")
    for kind, content, status in (
        ("message/rfc822", b"", 400), ("application/json", b"{", 400), ("application/json", b"[" * 100_000, 400),
        ("application/json", b"[1]", 400), ("application/json", b"{}", 400), ("application/json", b"\xff", 400),
        ("text/html", b"<p>", 415), ("application/json", json.dumps([XARF] * 501).encode(), 413),
    ):  # fmt: skip
        assert hand_in(asked, kind, content).status_code == status, (kind, content[:20])
    assert asked("POST", "/reports", data=b"x", headers={"Content-Type": ""}).status_code == 415
    assert desk.database.fetch("SELECT count(*) FROM reports") == before


def test_too_large_is_told_before_it_is_read(program: Callable[..., Program]) -> None:
    answer = hand_in(program("desk", ["reports:in"]), "message/rfc822", b"x" * 60_000_001)
    assert answer.status_code == 413


def test_decisions_as_in_the_inbox(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    waiting = asked.get("/reports", state="unread")["items"]
    assert len(waiting) == 2
    one, two = (report["id"] for report in waiting)
    done = asked("POST", f"/reports/{one}/decision", json={"decision": "not-a-report", "reason": "spam"})
    assert done.status_code == 204, done.text
    assert asked.get(f"/reports/{one}")["state"] == "not-a-report"
    fields = {"source.ip": "192.0.2.77", "classification.type": "scanner"}
    done = asked(
        "POST", f"/reports/{two}/decision", json={"decision": "accepted", "take": [], "corrections": {"0": fields}}
    )
    assert done.status_code == 204, done.text
    shown = asked.get(f"/reports/{two}")
    assert (shown["state"], shown["decisions"][0]["decision"]) == ("received", "corrected")
    events = desk.database.fetch("SELECT events FROM report_decisions WHERE report_id = %s", (two,))[0][0]
    assert events[0]["source.ip"] == "192.0.2.77"
    assert asked("GET", f"/reports/{two}/evidence").content.startswith(b"From:")
    wrong = {"decision": "accepted", "corrections": {"0": {"source.ip": "nowhere"}}}
    assert asked("POST", f"/reports/{two}/decision", json=wrong).status_code == 400


def test_a_definition_is_taught_tried_and_dropped(program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    plain = next(
        one["id"]
        for one in asked.get("/reports")["items"]
        if "odd" not in one["subject"] and "Attacks" in one["subject"]
    )
    fields = {"source.ip": "192.0.2.77", "time.source": "2026-11-20 09:58:00 UTC", "classification.type": "scanner"}
    made = asked("POST", f"/reports/{plain}/drafts", json={"take": [], "corrections": {"0": fields}})
    assert made.status_code == 201, made.text
    number = made.json()["id"]
    draft = asked.get(f"/drafts/{number}")
    assert "example.org" in draft["definition"]
    assert [line["id"] for line in asked.get("/drafts")["items"]] == [number]
    assert asked.get(f"/drafts/{number}/hits")["tried"] == 2
    assert asked("PUT", f"/drafts/{number}", json={"definition": "nonsense"}).status_code == 204
    assert asked.get(f"/drafts/{number}")["findings"]
    assert asked("GET", f"/drafts/{number}/hits").status_code == 409
    assert asked("POST", f"/drafts/{number}/save").status_code == 403
    assert program()("POST", f"/drafts/{number}/save").status_code == 409
    assert asked("DELETE", f"/drafts/{number}").status_code == 204
    assert asked.get("/drafts")["items"] == []
