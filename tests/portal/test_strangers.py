# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Each page and form of the desk, asked by people of another account; and pages that only show, asked by everybody.

Walked over the application's own list of routes: a page that is added is asked, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute

from tests.portal.strangers_things import MARKS, everything, leave

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.running import Client, Portal

#: Of the person who asks, or of nobody: open to every role.
OWN = ("/me", "/login", "/logout", "/views", "/help/", "/static", "/healthz", "/undo/0")
#: What a form is sent with, by the name of its field.
FIELDS = {
    "verb": "close", "state": "approved", "kind": "rejected", "role": "admin", "how": "erase", "opens": "customer", "days": "3",
    "address": "it@example.com", "key": "mine", "scope": "admin", "number": "1", "url": "https://hooks.example.net/y",
    "customer": "C1", "network": "192.0.2.0/24", "text": "x", "typed": "C1", "login": "root", "account": "acme",
}  # fmt: skip


def routes(desk: Portal, method: str) -> Iterator[APIRoute]:
    def walk(these: Any) -> Iterator[APIRoute]:
        for route in these:
            if isinstance(route, APIRoute):
                if method in (route.methods or ()):
                    yield route
            elif not getattr(route, "path", "").startswith("/api"):
                inner = getattr(getattr(route, "original_router", None), "routes", None) or getattr(
                    route, "routes", None
                )
                yield from walk(inner or ())

    yield from (route for route in walk(desk.app.routes) if not route.path.startswith(OWN))


def filled(path: str, theirs: dict[str, int]) -> str:
    """The path with the numbers of a stranger's things."""
    first = path.split("/")[1]
    number = {
        "tickets": "ticket", "undo": "action", "contacts": "contact", "drafts": "draft", "mutes": "mute", "inbox": "report",
        "reports": "report",
    }.get(first, "user" if path.startswith("/admin/users") else "webhook")  # fmt: skip
    for name, value in (
        ("{number}", theirs[number]), ("{customer:path}", "C1"), ("{key}", "acme"), ("{name}", "work"), ("{answer}", 1), ("{file}", 1),
    ):  # fmt: skip
        path = path.replace(name, str(value))
    assert "{" not in path, f"say in this test what {path} stands for"
    return path


@pytest.fixture
def theirs(desk: Portal) -> dict[str, int]:
    return leave(desk)


@pytest.fixture(params=["tenant", "desk", "read-only"])
def inside(request: pytest.FixtureRequest, desk: Portal, theirs: dict[str, int]) -> Client:
    """Somebody of the account acme, in each role that such people can have."""
    return desk.client("tina", request.param, "acme")


def test_no_page_shows_a_strangers_things(desk: Portal, inside: Client, theirs: dict[str, int]) -> None:
    asked = 0
    for route in routes(desk, "GET"):
        for query in ("", "?q=Meyer", "?state=all&customer=C1", "?customer=C1&who=C1", "?prefix=192.0.2.0/24"):
            answer = inside.get(filled(route.path, theirs) + query)
            assert answer.status_code in (200, 400, 403, 404, 422), (route.path, answer.status_code)
            if answer.status_code == 200:
                # what was typed stands in the search field
                text = answer.text.replace('value="Meyer"', "").replace("“Meyer”", "")
                assert not [mark for mark in MARKS if mark in text], (route.path, query)
        asked += 1
    assert asked > 30


def test_no_form_touches_a_strangers_things(desk: Portal, inside: Client, theirs: dict[str, int]) -> None:
    before = everything(desk)
    asked = 0
    for route in routes(desk, "POST"):
        names = {field.name for field in route.dependant.body_params} or set(FIELDS)
        fields: dict[str, Any] = {name: FIELDS.get(name, "x") for name in names}
        if "ticket" in names:
            fields["ticket"] = [theirs["ticket"], theirs["own"]]
        if names & {"alert", "delivery"}:
            fields.update(dict.fromkeys(names & {"alert", "delivery"}, "1"))
        for other in ({}, {"verb": "assign-me"}, {"verb": "merge-into", "argument": str(theirs["own"])}):
            known = {name: value for name, value in other.items() if name in names}
            answer = inside.send(filled(route.path, theirs), **{**fields, **known})
            assert answer.status_code in (400, 403, 404), (route.path, answer.status_code, answer.text[:500])
        asked += 1
    assert asked > 30
    assert everything(desk) == before


def test_own_tickets_do_not_go_into_a_strangers(desk: Portal, theirs: dict[str, int]) -> None:
    inside = desk.client("tina", "tenant", "acme")
    before = everything(desk)
    for argument in (theirs["ticket"], f"#{theirs['ticket']}", f" {theirs['ticket']} "):
        answer = inside.send(f"/tickets/{theirs['own']}/act", verb="merge-into", argument=str(argument), reason="x")
        assert answer.status_code == 404
    assert inside.send(f"/tickets/{theirs['own']}/act", verb="assign", argument="ben", reason="x").status_code == 400
    assert everything(desk) == before


def test_views_and_sessions_are_their_owners(desk: Portal, theirs: dict[str, int]) -> None:
    inside = desk.client("tina", "tenant", "acme")
    inside.send(f"/views/{theirs['view']}/remove")
    inside.send(f"/me/sessions/{theirs['session']}/end")
    assert desk.database.fetch("SELECT count(*) FROM saved_views") == [(1,)]
    assert desk.database.fetch("SELECT ended_at FROM sessions WHERE number = %s", (theirs["session"],)) == [(None,)]
    inside.send("/views", name="everybody's", query="state=open", shared="yes")
    assert "everybody" not in desk.client("ben", "desk").get("/tickets").text


def test_looking_changes_nothing(desk: Portal, theirs: dict[str, int]) -> None:
    """But lines of the audit trail, of who looked at what is stored about a person, or took a report's bytes."""
    admin = desk.client("ben")
    before = everything(desk)
    for route in routes(desk, "GET"):
        for query in ("", "?customer=C1", "?verb=close&reason=x&text=x&state=approved"):
            assert admin.get(filled(route.path, theirs) + query).status_code in (200, 400, 404, 422), route.path
            admin.session.head(desk.url + filled(route.path, theirs), timeout=120)
    after = everything(desk)
    assert {name for name in before if before[name] != after[name]} <= {"audit_trail"}
    changes = {
        row[0]
        for row in desk.database.fetch(
            "SELECT change FROM audit_trail WHERE actor = 'ben' AND change NOT LIKE 'logged in%'"
        )
    }
    assert changes <= {"looked at what is stored", "raw bytes downloaded"}


@pytest.mark.parametrize(
    "number", ["0", "-1", "99999999999999999999", "9" * 4000, "1.5", "1e3", "٣", "0x1", "%00", "1%00", "..%2f1"]
)
def test_a_number_that_is_none_is_no_fault_of_ours(desk: Portal, number: str) -> None:
    admin = desk.client("ben")
    for route in routes(desk, "GET"):
        if "{number}" in route.path:
            path = route.path.replace("{number}", number).replace("{answer}", number).replace("{file}", number)
            assert admin.get(path, allow_redirects=False).status_code in (400, 404, 422), path
    for path in ("/tickets", "/inbox", "/admin/audit", "/tickets/1/events", "/admin/webhooks/1"):
        for name in ("before", "after", "undo", "version", "state", "tab"):
            assert admin.get(f"{path}?{name}={number}").status_code in (200, 400, 404, 422), (path, name)


def test_no_field_of_any_form_brings_it_down(desk: Portal, theirs: dict[str, int]) -> None:
    admin = desk.client("ben")
    for route in routes(desk, "POST"):
        names = {field.name for field in route.dependant.body_params} or set(FIELDS)
        for evil in (
            "a\0b",
            "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
            "9" * 400,
            "-1",
            "'\"><script>alert(1)</script>",
        ):
            path = (
                filled(route.path, dict.fromkeys(theirs, 999999)).replace("/acme", "/nobody").replace("/C1", "/nobody")
            )
            answer = admin.send(path, **dict.fromkeys(names, evil))
            assert answer.status_code < 500, (route.path, evil)
            assert "<script>alert" not in answer.text, (route.path, evil)
