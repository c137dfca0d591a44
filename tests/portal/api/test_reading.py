# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What programs read: tickets with the desk's filters, page by page, events, notices, customers, numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.portal.api.conftest import Program
    from tests.portal.running import Portal


def test_without_a_token_nothing_is_told(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program()
    for token in ("", "aht_wrong", asked.token + "x", "x" * 5000):
        asked.token = token
        answer = asked("GET", "/tickets")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 401


def test_tickets_come_page_by_page(program: Callable[..., Program]) -> None:
    asked = program("read-only", ["read"])
    seen: list[int] = []
    page = asked.get("/tickets", limit=4)
    while True:
        assert len(page["items"]) <= 4
        seen += [ticket["id"] for ticket in page["items"]]
        if page["next"] is None:
            break
        page = asked.get("/tickets", limit=4, cursor=page["next"])
    assert sorted(seen) == sorted(ticket["id"] for ticket in asked.get("/tickets", limit=200)["items"])
    assert len(seen) == len(set(seen)) > 20


def test_filters_are_the_desks(program: Callable[..., Program]) -> None:
    asked = program("read-only", ["read"])
    of_customer = asked.get("/tickets", customer="C2")["items"]
    assert {ticket["customer"] for ticket in of_customer} == {"C2"}
    assert {ticket["problem"] for ticket in asked.get("/tickets", problem="phishing")["items"]} == {"phishing"}
    assert {ticket["resource"] for ticket in asked.get("/tickets", prefix="192.0.2.2")["items"]} == {"192.0.2.2"}
    assert asked.get("/tickets", assigned="anna")["items"][0]["assignee"] == "anna"
    assert asked.get("/tickets", state="closed")["items"] == []


def test_what_is_not_known_is_refused_and_named(program: Callable[..., Program]) -> None:
    asked = program("read-only", ["read"])
    for query, where in (({"colour": "red"}, "colour"), ({"limit": 0}, "limit"), ({"state": "lost"}, "state"),
                         ({"prefix": "no"}, "prefix"), ({"customer": "a\0b"}, "customer")):  # fmt: skip
        answer = asked("GET", "/tickets", params=query)
        assert answer.status_code == 422, query
        assert where in answer.json()["faults"][0]["where"]
    for cursor in ("bm90aGluZw", "dGlja2V0cy13b3JzdDow", "A"):
        assert asked("GET", "/tickets", params={"cursor": cursor}).status_code == 400


def test_one_ticket_with_events_and_timeline(program: Callable[..., Program]) -> None:
    asked = program("read-only", ["read"])
    ticket = asked.get("/tickets/1")
    assert ticket["severity"] in ("info", "low", "medium", "high", "critical")
    events = asked.get("/tickets/1/events", limit=1)
    assert events["items"][0]["data"]["source.ip"] == ticket["resource"]
    kinds = {moment["kind"] for moment in asked.get("/tickets/1/timeline")["items"]}
    assert {"opened", "note", "change"} <= kinds
    assert asked("GET", "/tickets/9999").status_code == 404


def test_events_by_time(program: Callable[..., Program]) -> None:
    asked = program("read-only", ["read"])
    first = asked.get("/events", limit=3)
    second = asked.get("/events", limit=3, cursor=first["next"])
    times = [event["at"] for event in first["items"] + second["items"]]
    assert times == sorted(times, reverse=True)
    assert not {event["id"] for event in first["items"]} & {event["id"] for event in second["items"]}
    number = first["items"][0]["id"]
    assert asked.get(f"/events/{number}")["id"] == number
    assert asked.get(f"/events/{number}/why")["words"]
    assert asked.get("/events", customer="C3", prefix="192.0.2.0/24")["items"]
    assert asked.get("/events", until="2020-01-01T00:00:00Z")["items"] == []


@pytest.mark.parametrize(
    "path",
    ["/reports", "/reports/1", "/notices", "/customers", "/customers/C1", "/offenders", "/networks?prefix=192.0.2.0/24", "/mutes?in_force=false",
     "/rules", "/rules/versions", "/statistics/work", "/statistics/open", "/statistics/networks", "/users", "/tokens", "/accounts", "/audit",
     "/health", "/alerts", "/webhooks", "/privacy?who=C1", "/drafts"],
)  # fmt: skip
def test_everything_else_that_can_be_read(program: Callable[..., Program], path: str) -> None:
    assert isinstance(program("admin").get(path), dict)


def test_contacts_are_those_of_the_directory(program: Callable[..., Program]) -> None:
    customer = program("read-only", ["read"]).get("/customers/C1")
    assert [contact["email"] for contact in customer["contacts"]] == ["it@example.com"]
    assert sum(row["tickets"] for row in customer["tickets"]) == 5


def test_the_description_is_openapi(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program()
    asked.token = ""
    described: Any = asked.get("/openapi.json")
    assert described["openapi"].startswith("3.1")
    assert "application/problem+json" in described["paths"]["/tickets"]["get"]["responses"]["422"]["content"]


def test_whatever_stands_in_the_address_is_answered_as_a_problem(program: Callable[..., Program]) -> None:
    asked = program("read-only", ["read"])
    for path in ("/customers/a%0Ab", "/nothing", "/tickets/%0A", "/customers/a%0Ab/account"):
        answer = asked("GET", path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 404
