# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What else the desk can do, done by a program: links, contacts, checks, views, accounts, the inbox's reading, CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import requests

from abusehandler.installer.services import until
from tests.tickets.observations import hours_ago, observation, store_of
from tests.tickets.recheck.on_loopback import LOOPBACK, answering
from tests.tickets.test_logo import SVG, png

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.portal.api.conftest import Program
    from tests.portal.running import Portal


def test_a_link_is_made_told_once_and_ended(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk")
    key = {"Idempotency-Key": "one"}
    made = asked("POST", "/self-help-links", json={"customer": "C2"}, headers=key)
    assert made.status_code == 201
    address = made.json()["address"]
    assert "Café am Markt" in requests.get(address, timeout=120).text
    assert asked("POST", "/self-help-links", json={"customer": "C2"}, headers=key).status_code == 409
    asked("POST", "/self-help-links", json={"ticket": 1})
    (link,) = asked.get("/self-help-links", customer="C2")["items"]
    assert address.rpartition("/")[2] not in str(link)
    assert asked("DELETE", f"/self-help-links/{link['id']}").status_code == 204
    assert asked("DELETE", f"/self-help-links/{link['id']}").status_code == 404
    assert requests.get(address, timeout=120).status_code == 404
    for wrong in ({}, {"customer": "C2", "ticket": 1}, {"customer": "nobody"}, {"ticket": 999}):
        assert asked("POST", "/self-help-links", json=wrong).status_code in (404, 422), wrong
    asked("POST", "/self-help-links", json={"customer": "C2"})
    assert asked("DELETE", "/self-help-links", params={"customer": "C2", "reason": "moved"}).json() == {"links": 1}
    assert asked("DELETE", "/self-help-links").status_code == 422


def test_a_contact_is_approved(desk: Portal, program: Callable[..., Program]) -> None:
    for number in range(3):
        desk.database.fetch(
            "INSERT INTO proposed_contacts (customer_id, address) VALUES ('C1', %s)", (f"n{number}@example.com",)
        )
    asked = program("desk")
    first = asked.get("/contacts", limit=2)
    rest = asked.get("/contacts", limit=2, cursor=first["next"])
    assert [one["address"] for one in first["items"] + rest["items"]] == [
        "n2@example.com",
        "n1@example.com",
        "n0@example.com",
    ]
    number = first["items"][0]["id"]
    assert asked("POST", f"/contacts/{number}/decision", json={"state": "approved"}).status_code == 204
    assert [one["id"] for one in asked.get("/contacts", state="approved")["items"]] == [number]
    assert asked.get("/contacts", customer="C2")["items"] == []
    assert program("read-only")("POST", f"/contacts/{number}/decision", json={"state": "refused"}).status_code == 403


def test_a_check_from_outside(settings: dict[str, Any], open_portal: Callable[[], Portal]) -> None:
    from abusehandler.portal.selfhelp.service import SelfHelp
    from abusehandler.tickets.desk import api_tokens
    from tests.portal.api.conftest import Program

    settings["recheck"] = {"enabled": True, "timeout_seconds": 15, "pause_seconds": 86_400}
    portal = open_portal()
    portal.app.state.selfhelp = SelfHelp.of(portal.app.state.portal, ours=LOOPBACK)
    token = api_tokens.make(portal.database, portal.user("anna", "desk"), "x", ["read", "write"], days=1, author="test")
    asked = Program(portal.url, token)
    with answering("tcp", b"+PONG\r\n") as port:
        store_of(portal.database).store([
            observation(source_ip="127.0.0.1", source_port=port, classification_type="vulnerable-system", protocol_transport="tcp",
                        classification_identifier="open-redis", time_source=hours_ago(1)),
        ])  # fmt: skip
        ((ticket,),) = portal.database.fetch("SELECT id FROM tickets")
        told = asked.get(f"/tickets/{ticket}/checks")
        assert (told["enabled"], told["items"], [one["port"] for one in told["targets"]]) == (True, [], [port])
        made = asked("POST", f"/tickets/{ticket}/checks", json={"target": told["targets"][0]["target"]})
        assert made.status_code == 201
        # the answer waits a moment for the result; later it is told when asked for
        until(lambda: asked.get(f"/tickets/{ticket}/checks")["items"][0]["verdict"] == "there", "the result")
    again = asked("POST", f"/tickets/{ticket}/checks", json={})
    assert again.status_code == 429
    assert 0 < int(again.headers["Retry-After"]) <= 86_400
    assert asked("POST", f"/tickets/{ticket}/checks", json={"target": "198.51.100.1|22|tcp"}).status_code == 409
    assert [one["state"] for one in asked.get(f"/tickets/{ticket}/checks")["items"]] == ["done"]


def test_views_are_saved(program: Callable[..., Program]) -> None:
    asked = program("desk")
    query = "state=open&severity=high&nonsense=1&prefix=xyz"
    number = asked("POST", "/views", json={"name": "Bad ones", "query": query, "shared": True}).json()["id"]
    (view,) = asked.get("/views")["items"]
    assert view == {"id": number, "name": "Bad ones", "query": "state=open&severity=high", "shared": True, "own": True}
    other = program("read-only")
    assert [one["own"] for one in other.get("/views")["items"]] == [False]
    assert other("DELETE", f"/views/{number}").status_code == 404
    assert other("POST", "/views", json={"name": "x", "shared": True}).status_code == 403
    assert other("POST", "/views", json={"name": "x"}).status_code == 201
    assert asked("DELETE", f"/views/{number}").status_code == 204


def test_an_account_is_made_changed_and_dressed(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program()
    made = asked(
        "POST",
        "/accounts",
        json={"id": "uni", "name": "University", "patterns": ["C3", "U-*"], "time_zone": "Europe/Paris"},
    )
    assert (made.status_code, made.json()) == (201, {"taken": 1, "more": False})
    change = {
        "patterns": ["C3", "C2"],
        "colour": "#0f7b6c",
        "texts": {"footer": {"en": "Uni"}, "greeting": {"de": "Hallo"}},
    }
    assert asked("PATCH", "/accounts/uni", json=change).status_code == 204
    told = asked.get("/accounts/uni")
    assert (told["name"], told["patterns"], told["fitting"], told["customers"]) == ("University", ["C3", "C2"], 1, 1)
    assert told["texts"] == {"footer": {"en": "Uni"}, "greeting": {"de": "Hallo"}}
    assert asked("POST", "/accounts/uni/customers").json() == {"taken": 1, "more": False}
    for content, kind, status in (
        (png(90, 30), "image/png", 204), (SVG % b"<script/><path/>", "image/svg+xml", 204), (b"GIF89a", "image/png", 400), (b"x", "image/gif", 415),
        (b"x" * 600_000, "image/png", 413),
    ):  # fmt: skip
        assert asked("PUT", "/accounts/uni/logo", data=content, headers={"Content-Type": kind}).status_code == status, (
            kind
        )
    logo = requests.get(f"{desk.url}/help/brand/uni/logo", timeout=120)
    assert logo.headers["Content-Type"] == "image/svg+xml"
    assert b"script" not in logo.content
    assert asked("DELETE", "/accounts/uni/logo").status_code == 204
    assert asked.get("/accounts/uni")["logo"] is False
    for wrong in ({"texts": {"slogan": {"en": "x"}}}, {"colour": "red"}, {"time_zone": "Mars"}, {"id": "x"}):
        assert asked("PATCH", "/accounts/uni", json=wrong).status_code in (400, 422), wrong
    assert asked("GET", "/accounts/nobody").status_code == 404


def test_what_the_inbox_shows(program: Callable[..., Program]) -> None:
    asked = program("desk")
    reading = asked.get("/reports/1/reading")
    (body,) = [part for part in reading["parts"] if "odd comes out" in part["text"]]
    marked = {field: body["text"][mark["start"] : mark["end"]] for mark in body["marks"] for field in mark["fields"]}
    assert marked["source.ip"] == "192.0.2.77"
    assert reading["events"][0]["source.ip"] == "192.0.2.77"
    hostile = asked.get("/reports/2/reading")
    (file,) = [one for one in hostile["files"] if "page" in one["name"]]
    answer = asked("GET", "/reports/2/file", params={"path": file["path"]})
    assert b"alert(4)" in answer.content
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert 'filename="page_script_.html"' in answer.headers["Content-Disposition"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert asked("GET", "/reports/2/file", params={"path": "9.9"}).status_code == 404
    assert asked.get("/reports/counts")["counts"] == {"unread": 2}


def test_figures_and_csv(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk")
    rows = list(csv.DictReader(io.StringIO(asked("GET", "/tickets/1/events.csv").text)))
    assert len(rows) == len(asked.get("/tickets/1/events")["items"])
    ((ticket,),) = desk.database.fetch("SELECT id FROM tickets WHERE problem = 'phishing'")
    assert "http://shop.example.net/=1+1" in asked("GET", f"/tickets/{ticket}/events.csv").text
    assert asked("GET", "/statistics/work.csv").text.startswith("day,opened,closed")
    assert asked("GET", "/statistics/nonsense.csv").status_code == 422
    opened = asked.get("/statistics/opened")
    assert len(opened["days"]) == 30
    assert set(asked.get("/statistics/within")) == {"within", "told", "ended"}
    counts = {one["state"]: one["tickets"] for one in asked.get("/tickets/counts")["items"]}
    assert counts == dict(
        desk.database.fetch("SELECT state, count(*) FROM tickets WHERE state <> 'closed' GROUP BY state")
    )
    desk.user("ben", "desk")
    desk.user("tina", "tenant", "acme")
    assert "tina" not in {one["login"] for one in asked.get("/tickets/1/people")["items"]} or desk.database.fetch(
        "SELECT customer_id FROM tickets WHERE id = 1"
    ) == [("ACME-7",)]
    action = asked.act(1, "note", text="x")["action"]
    assert asked.get("/tickets/1/timeline")["undo"]["id"] == action
    assert program().get("/machine")["trouble"]


def test_a_scope_holds_its_part_of_an_administrators_work(program: Callable[..., Program]) -> None:
    for scope, own, others in (
        ("privacy", "/privacy?who=C1", ("/webhooks", "/users", "/tickets")), ("webhooks", "/webhooks", ("/privacy?who=C1", "/audit", "/rules")),
    ):  # fmt: skip
        asked = program("admin", [scope])
        assert asked("GET", own).status_code == 200
        for other in others:
            assert asked("GET", other).status_code == 403, (scope, other)
        assert program("desk", [scope])("GET", own).status_code == 403


def test_a_webhook_is_paused_and_one_message_sent_again(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program()
    made = asked("POST", "/webhooks", json={"url": "https://hooks.example.net/x", "kinds": ["ticket.closed"]}).json()
    number = made["id"]
    asked.act(1, "close")
    desk.database.fetch("UPDATE webhook_deliveries SET state = 'dead'")
    (message,) = asked.get(f"/webhooks/{number}/deliveries", state="dead")["items"]
    assert asked("POST", f"/webhooks/{number}/deliveries/{message['id']}/retry").json() == {"messages": 1}
    assert asked("POST", f"/webhooks/{number}/deliveries/{message['id']}/retry").json() == {"messages": 0}
    assert asked("POST", f"/webhooks/{number}/pause").status_code == 204
    (webhook,) = asked.get("/webhooks")["items"]
    assert webhook["disabled_why"].startswith("paused by admin0")
    asked.act(2, "close")
    assert len(asked.get(f"/webhooks/{number}/deliveries")["items"]) == 1


def test_sessions_of_a_person_end(desk: Portal, program: Callable[..., Program]) -> None:
    person = desk.client("ben", "desk")
    ((number,),) = desk.database.fetch("SELECT id FROM users WHERE login = 'ben'")
    assert program()("PATCH", f"/users/{number}", json={"end_sessions": True}).status_code == 204
    assert "/login" in person.get("/tickets").url
