# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A token of one account sees and touches that account's customers only, whatever number it writes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from abusehandler.tickets import actions, mutes, notice_actions
from abusehandler.tickets.incoming import now_utc

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.portal.api.conftest import Program
    from tests.portal.running import Portal


@pytest.fixture(params=["tenant", "narrow token", "narrow administrator"])
def inside(request: pytest.FixtureRequest, program: Callable[..., Program]) -> Program:
    """A program of the account acme: its user is of it, or only the token is."""
    if request.param == "tenant":
        return program("tenant", account="acme")
    return program("desk" if request.param == "narrow token" else "admin", only="acme")


def numbers(desk: Portal, *, theirs: bool) -> list[int]:
    rows = desk.database.fetch("SELECT id FROM tickets WHERE (customer_id = 'ACME-7') = %s ORDER BY id", (theirs,))
    return [row[0] for row in rows]


def test_lists_hold_their_own(desk: Portal, inside: Program) -> None:
    own = set(numbers(desk, theirs=True))
    for query in (
        {},
        {"state": "all"},
        {"q": "Meyer"},
        {"customer": "C1"},
        {"prefix": "192.0.2.0/24"},
        {"order": "newest"},
    ):
        assert {ticket["id"] for ticket in inside.get("/tickets", **query)["items"]} <= own, query
    assert {ticket["id"] for ticket in inside.get("/tickets")["items"]} == own
    assert {event["customer"] for event in inside.get("/events")["items"]} == {"ACME-7"}
    assert inside.get("/events", match="none")["items"] == []
    assert {customer["id"] for customer in inside.get("/customers")["items"]} == {"ACME-7"}
    assert {one["id"] for one in inside.get("/offenders")["items"]} == {"ACME-7"}
    assert {one["id"] for one in inside.get("/networks", prefix="192.0.2.0/24")["customers"]} == {"ACME-7"}


def test_others_things_are_not_there(desk: Portal, inside: Program) -> None:
    other = numbers(desk, theirs=False)[0]
    notice = notice_actions.answer(desk.database, _customer(desk, other), [other], "x", author="anna")
    ((event,),) = desk.database.fetch("SELECT id FROM events WHERE ticket_id = %s LIMIT 1", (other,))
    for path in (f"/tickets/{other}", f"/tickets/{other}/events", f"/tickets/{other}/timeline", f"/notices/{notice}",
                 f"/events/{event}", "/customers/C1"):  # fmt: skip
        assert inside("GET", path).status_code == 404, path
    assert inside.get("/notices")["items"] == []


def _customer(desk: Portal, ticket: int) -> str:
    return str(desk.database.fetch("SELECT customer_id FROM tickets WHERE id = %s", (ticket,))[0][0])


def test_what_is_the_operators_is_refused(inside: Program) -> None:
    for path in ("/reports", "/reports/1", "/reports/1/evidence", "/events/1/why", "/rules", "/rules/versions", "/mutes",
                 "/statistics/work", "/statistics/open", "/users", "/tokens", "/accounts", "/audit", "/health", "/alerts",
                 "/webhooks", "/webhooks/1/deliveries", "/privacy?who=ACME-7", "/drafts", "/drafts/1"):  # fmt: skip
        assert inside("GET", path).status_code == 403, path


def test_others_things_are_not_touched(desk: Portal, inside: Program) -> None:
    own, other = numbers(desk, theirs=True)[0], numbers(desk, theirs=False)[0]
    notice = notice_actions.answer(desk.database, _customer(desk, other), [other], "x", author="anna")
    action = actions.note(desk.database, [other], "theirs", author="anna").action
    until = now_utc() + timedelta(days=1)
    mute = mutes.add(desk.database, mutes.Scope(ticket=other), until, author="anna", reason="x")
    before = _state(desk)
    bodies: list[dict[str, Any]] = [
        {"verb": "close"}, {"verb": "assign", "to": None}, {"verb": "note", "text": "x"}, {"verb": "merge", "into": own},
        {"verb": "mute", "until": until.isoformat(), "reason": "x"}, {"verb": "split", "port": 22},
    ]  # fmt: skip
    for body in bodies:
        assert inside("POST", f"/tickets/{other}/actions", json=body).status_code == 404, body
        many = inside("POST", "/tickets/actions", json={"tickets": [own, other], "action": body})
        assert many.status_code == 404, body
    for method, path, json in (
        ("POST", f"/tickets/{own}/actions", {"verb": "merge", "into": other}), ("POST", f"/actions/{action}/undo", None),
        ("POST", "/notices", {"tickets": [own, other]}), ("POST", "/notices/preview", {"tickets": [other]}),
        ("POST", "/notices/answers", {"tickets": [other], "text": "x"}), ("POST", f"/tickets/{other}/answers/seen", None),
        ("POST", "/notices/actions", {"verb": "hold", "notices": [notice]}),
        ("PUT", "/customers/C1/addresses", {"address": "it@example.com", "state": "blocked"}),
    ):  # fmt: skip
        assert inside(method, path, json=json).status_code == 404, path
    for method, path, json in (
        ("DELETE", f"/mutes/{mute}", None), ("POST", "/mutes", {"customer": "ACME-7", "until": until.isoformat(), "reason": "x"}),
        ("PUT", "/rules", {"text": "{}"}), ("POST", "/reports/1/decision", {"decision": "rejected"}),
        ("POST", "/users", {"login": "x", "role": "admin"}), ("POST", "/webhooks", {"url": "https://example.com/", "kinds": ["ticket.opened"]}),
        ("PUT", "/customers/ACME-7/account", {"account": None}),
        ("POST", "/tokens", {"login": "admin0", "name": "x", "scopes": ["admin"]}),
    ):  # fmt: skip
        assert inside(method, path, json=json).status_code == 403, path
    assert _state(desk) == before


def _state(desk: Portal) -> Any:
    return desk.database.fetch(
        "SELECT array_agg((id, state, severity, assignee, merged_into, notify_due)::text ORDER BY id), "
        "(SELECT count(*) FROM notes), (SELECT count(*) FROM mutes WHERE ended_at IS NULL), (SELECT array_agg(state) FROM notices) FROM tickets"
    )


def test_own_tickets_are_theirs_to_work_on(desk: Portal, inside: Program) -> None:
    own = numbers(desk, theirs=True)[0]
    until = (now_utc() + timedelta(days=1)).isoformat()
    (mute,) = inside.act(own, "mute", until=until, reason="x")["made"]
    assert inside("DELETE", f"/mutes/{mute}").status_code == 204
    assert inside.act(own, "close")["changed"] == [own]


def test_scopes_and_roles_both_count(program: Callable[..., Program]) -> None:
    close = {"verb": "close"}
    assert program("admin", ["read"])("POST", "/tickets/1/actions", json=close).status_code == 403
    assert program("read-only")("POST", "/tickets/1/actions", json=close).status_code == 403
    assert program("admin", ["write"])("GET", "/tickets").status_code == 403
    assert program("desk")("GET", "/users").status_code == 403
    assert program("admin", ["read", "write"])("GET", "/users").status_code == 403
    assert (
        program("read-only")("POST", "/reports", data=b"x", headers={"Content-Type": "message/rfc822"}).status_code
        == 403
    )


def test_every_path_wants_a_token(desk: Portal, program: Callable[..., Program]) -> None:
    """Walked over the description, so that a new one is not forgotten."""
    asked = program()
    asked.token = ""
    described = asked.get("/openapi.json")["paths"]
    assert len(described) > 40
    for path, operations in described.items():
        for method in operations:
            concrete = path.replace("{number}", "1").replace("{customer}", "C1").replace("{table}", "work")
            assert asked(method.upper(), concrete).status_code == 401, (method, path)
