# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The inbox: strange mails shown without harm, values marked where they stand, decisions that come true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.desk.corrections import corrected
from abusehandler.portal.desk.letters import download_name, harmless, marked
from abusehandler.reports.mail.message import Part
from abusehandler.reports.reading import ReadEvent, Reading
from abusehandler.tickets import decisions

if TYPE_CHECKING:
    from tests.portal.running import Portal

UTC = ZoneInfo("UTC")


def test_values_are_marked_where_they_were_found(desk: Portal) -> None:
    page = desk.client("anna").get("/inbox/1").text
    assert '<mark data-field="source.ip" title="source.ip">192.0.2.77</mark>' in page
    assert 'name="0|source.ip" value="192.0.2.77"' in page


def test_a_hostile_mail_stays_text(desk: Portal) -> None:
    client = desk.client("anna")
    for path in ("/inbox", "/inbox/2", "/reports/2"):
        page = client.get(path).text
        assert "<script>document" not in page and "onerror=alert(1)>" not in page.replace("onerror=alert(1)&gt;", ""), (
            path
        )
        assert "&lt;script&gt;document.title" in page, path


def test_html_of_a_mail_is_cleaned_and_has_no_rights(desk: Portal) -> None:
    answer = desk.client("anna").get("/reports/2/html?part=1")
    assert answer.status_code == 200, answer.text
    for bad in ("<script", "onerror", "tracker", "javascript:", "<form", "<iframe", "<img", "<a ", "url("):
        assert bad not in answer.text, bad
    assert "<h1>Report</h1>" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy and "default-src 'none'" in policy


def test_files_are_downloads_of_unknown_kind(desk: Portal) -> None:
    answer = desk.client("anna").get("/reports/2/file?part=2")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="page_script_.html"'
    raw = desk.client("ben").get("/reports/2/raw")
    assert raw.headers["content-type"] == "application/octet-stream"
    assert b"onerror=alert(1)" in raw.content
    assert desk.database.fetch("SELECT actor FROM audit_trail WHERE change = 'raw bytes downloaded'") == [("ben",)]


def test_what_is_not_there(desk: Portal) -> None:
    client = desk.client("anna")
    for path in (
        "/inbox/99",
        "/reports/99",
        "/reports/1/html?part=9",
        "/reports/1/html?part=../x",
        "/reports/1/file?part=x",
    ):
        assert client.get(path).status_code == 404, path


def test_evidence_that_is_gone_is_said(desk: Portal) -> None:
    path = next(desk.configuration.evidence.path.glob("*/*/*.gz"))
    path.unlink()
    client = desk.client("anna")
    assert "cannot be read" in client.get("/inbox/1").text + client.get("/inbox/2").text


def test_accept_sends_the_report_on_with_its_events(desk: Portal) -> None:
    client = desk.client("anna")
    answer = client.send("/inbox/1/accept", **{"take": "0", **proposal(client.get("/inbox/1").text)})
    assert answer.status_code == 200, answer.text
    found = decisions.latest(desk.database, 1)
    assert found is not None and found.kind == "accepted" and found.author == "anna"
    assert found.events[0]["source.ip"] == "192.0.2.77"
    assert desk.database.fetch("SELECT state, reading FROM reports WHERE id = 1") == [("received", 2)]


def proposal(page: str) -> dict[str, str]:
    """The fields of the form as they stand there."""
    import re

    fields = dict(re.findall(r'name="(0\|[a-z._]+)" value="([^"]*)"', page))
    chosen = re.search(
        r'<select name="(0\|classification.type)">.*?<option selected>([a-z0-9-]+)</option>', page, re.DOTALL
    )
    if chosen:
        fields[chosen[1]] = chosen[2]
    return fields


def test_corrections_are_kept_with_who_made_them(desk: Portal) -> None:
    client = desk.client("anna")
    fields = {**proposal(client.get("/inbox/1").text), "0|source.port": "22", "0|classification.type": "brute-force"}
    client.send("/inbox/1/accept", take="0", reason="called them", **fields)
    found = decisions.latest(desk.database, 1)
    assert found is not None and found.kind == "corrected"
    assert found.events[0]["source.port"] == 22
    ((changes,),) = desk.database.fetch("SELECT corrections FROM report_decisions")
    assert changes == {"0|source.port": "22", "0|classification.type": "brute-force"}


@pytest.mark.parametrize("kind", ["not-a-report", "rejected"])
def test_filed_reports_leave_the_inbox(desk: Portal, kind: str) -> None:
    client = desk.client("anna")
    client.send("/inbox/1/file", kind=kind, reason="advertisement")
    assert desk.database.fetch("SELECT state FROM reports WHERE id = 1") == [("not-a-report",)]
    assert 'href="/inbox/1?' not in client.get("/inbox").text
    assert 'href="/inbox/1?' in client.get("/inbox?tab=filed").text


def test_read_again_takes_a_decision_back(desk: Portal) -> None:
    client = desk.client("anna")
    client.send("/inbox/1/file", kind="rejected")
    client.send("/inbox/1/again")
    assert decisions.latest(desk.database, 1) is None
    assert desk.database.fetch("SELECT state FROM reports WHERE id = 1") == [("received",)]


def reading(**event: Any) -> Reading:
    return Reading("unread", "free-text", events=(ReadEvent(event, 0.4),))


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("source.ip", "2001:DB8::1", "2001:db8::1"),
        ("source.port", "443", 443),
        ("source.fqdn", "Shop.Example.NET.", "shop.example.net"),
        ("time.source", "2026-11-20 10:00 UTC", "2026-11-20T10:00:00+00:00"),
        ("time.source", "2026-11-20T10:00:00+01:00", "2026-11-20T09:00:00+00:00"),
        ("source.url", "http://shop.example.net/x", "http://shop.example.net/x"),
    ],
)
def test_what_people_type_becomes_values(field: str, text: str, value: object) -> None:
    events, _ = corrected(
        reading(**{"source.ip": "192.0.2.1"}), {"0|source.ip": "192.0.2.1", f"0|{field}": text}, ["0"], UTC
    )
    assert events[0][field] == value


def test_a_time_without_zone_is_local() -> None:
    form = {"0|source.ip": "192.0.2.1", "0|time.source": "2026-07-01 12:00"}
    events, _ = corrected(reading(), form, ["0"], ZoneInfo("Europe/Vienna"))
    assert events[0]["time.source"] == "2026-07-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("source.ip", "300.1.1.1"), ("source.port", "0"), ("source.port", "٣"), ("source.fqdn", "a b"), ("source.url", "javascript:x"),
        ("time.source", "yesterday"), ("classification.type", "nonsense"), ("classification.identifier", "<b>"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(field: str, text: str) -> None:
    with pytest.raises(AbusehandlerError, match="cannot be taken"):
        corrected(reading(**{"source.ip": "192.0.2.1"}), {"0|source.ip": "192.0.2.1", f"0|{field}": text}, ["0"], UTC)


def test_an_event_needs_a_resource_and_one_must_be_chosen() -> None:
    with pytest.raises(AbusehandlerError, match="needs an address"):
        corrected(reading(), {}, ["0"], UTC)
    with pytest.raises(AbusehandlerError, match="No event"):
        corrected(reading(**{"source.ip": "192.0.2.1"}), {}, [], UTC)


def test_overlapping_marks() -> None:
    pieces = marked("a 192.0.2.1 b", [(2, 11, "source.ip"), (2, 11, "source.local"), (4, 9, "other"), (50, 60, "far")])
    assert [(piece.text, piece.fields) for piece in pieces] == [
        ("a ", ()), ("192.0.2.1", ("source.ip", "source.local")), (" b", ()),
    ]  # fmt: skip


def test_names_of_downloads() -> None:
    assert download_name('../../etc/pass"wd\r\nX: y', "f") == "etc_pass_wd_X_y"
    assert download_name("…", "f") == "f"


def test_html_that_goes_too_deep_is_cut() -> None:
    evil = (
        b"<div>" * 100_000,
        b"<ul><li>" * 50_000,
        b"<p>" + b"".join(b"<b a=%d>" % n for n in range(60)) + b"</p>" + b"<p>x" * 100_000,
    )
    for content in evil:
        assert "the rest is in the original" in harmless(Part("1", "html", "text/html", data=content))
