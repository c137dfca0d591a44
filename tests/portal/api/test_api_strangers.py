# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Each operation of the API, asked for a stranger's things by a token that is kept to one account.

Walked over the description: an operation that is added is asked, too, and one that takes a body says in BODIES with which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.portal.strangers_things import MARKS, everything, leave

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.portal.api.conftest import Program
    from tests.portal.running import Portal

#: Operations of the token's user alone, or that add to what nobody owns yet.
OWN = {("POST", "/views"), ("POST", "/reports")}
#: Bodies that would do harm if they were taken. `{ticket}` and others are numbers of a stranger's things.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/tickets/actions"): {"tickets": ["{own}", "{ticket}"], "action": {"verb": "close"}},
    ("POST", "/tickets/{number}/actions"): {"verb": "close"}, ("POST", "/tickets/{number}/checks"): {},
    ("POST", "/self-help-links"): {"ticket": "{ticket}"}, ("POST", "/contacts/{number}/decision"): {"state": "approved"},
    ("POST", "/notices"): {"tickets": ["{ticket}"]}, ("POST", "/notices/preview"): {"tickets": ["{ticket}"]},
    ("POST", "/notices/answers"): {"tickets": ["{ticket}"], "text": "x"},
    ("POST", "/notices/actions"): {"verb": "hold", "notices": ["{notice}"]},
    ("PUT", "/customers/{customer}/account"): {"account": "acme"},
    ("PUT", "/customers/{customer}/addresses"): {"address": "it@example.com", "state": "blocked"},
    ("POST", "/reports/{number}/decision"): {"decision": "rejected"}, ("POST", "/reports/{number}/drafts"): {},
    ("PUT", "/drafts/{number}"): {"definition": "x"}, ("POST", "/rules/check"): {"text": ""}, ("POST", "/rules/try"): {"text": ""},
    ("PUT", "/rules"): {"text": ""}, ("POST", "/mutes"): {"customer": "C1", "until": "2027-01-01T00:00:00Z", "reason": "x"},
    ("POST", "/privacy/take-out"): {"who": "C1"},
    ("POST", "/privacy/removal"): {"who": "C1", "how": "erase", "confirm": "C1", "reason": "x"},
    ("POST", "/webhooks"): {"url": "https://hooks.example.net/y", "kinds": ["ticket.opened"]},
    ("POST", "/users"): {"login": "eve", "role": "admin"}, ("PATCH", "/users/{number}"): {"role": "desk"},
    ("POST", "/tokens"): {"login": "root", "name": "x", "scopes": ["admin"]},
    ("POST", "/accounts"): {"id": "mine", "name": "Mine", "patterns": ["C*"]},
    ("PATCH", "/accounts/{account}"): {"patterns": ["C*"]}, ("PUT", "/accounts/{account}/logo"): b"<svg/>",
    ("POST", "/alerts/seen"): {"alerts": [1]},
}  # fmt: skip
_NUMBER = {
    "tickets": "ticket", "actions": "action", "events": "event", "reports": "report", "drafts": "draft", "notices": "notice",
    "mutes": "mute", "users": "user", "tokens": "user", "webhooks": "webhook", "contacts": "contact", "self-help-links": "link",
    "views": "view", "rules": "report",
}  # fmt: skip


@pytest.fixture(params=["tenant", "narrow administrator"])
def inside(request: pytest.FixtureRequest, program: Callable[..., Program]) -> Program:
    """A program of the account acme with all scopes: its user is of it, or only the token is."""
    scopes = ("read", "write", "reports:in", "privacy", "webhooks", "admin")
    return (
        program("tenant", scopes, account="acme")
        if request.param == "tenant"
        else program("admin", scopes, only="acme")
    )


def filled(value: Any, theirs: dict[str, int]) -> Any:
    if isinstance(value, dict):
        return {name: filled(inner, theirs) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, theirs) for inner in value]
    if isinstance(value, str) and value.startswith("{"):
        return theirs[value.strip("{}")]
    return value


def test_nothing_of_a_stranger_is_told_or_touched(desk: Portal, inside: Program) -> None:
    theirs = leave(desk)
    before = everything(desk)
    asked = 0
    for path, operations in inside.get("/openapi.json")["paths"].items():
        number = theirs[_NUMBER.get(path.split("/")[1], "ticket")]
        real = (
            path.replace("{number}", str(number))
            .replace("{customer}", "C1")
            .replace("{account}", "acme")
            .replace("{table}", "work")
        )
        for name in ("{answer}", "{file}", "{delivery}"):
            real = real.replace(name, "1")
        assert "{" not in real, f"say in this test what {real} stands for"
        for method, operation in operations.items():
            key = (method.upper(), path)
            if key in OWN:
                continue
            assert "requestBody" not in operation or key in BODIES, f"say in BODIES what {key} is sent with"
            body = filled(BODIES.get(key), theirs)
            more: dict[str, Any] = (
                {"json": body}
                if not isinstance(body, bytes)
                else {"data": body, "headers": {"Content-Type": "image/png"}}
            )
            known = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
            for query in (
                {},
                {"customer": "C1"},
                {"who": "C1"},
                {"q": "Meyer"},
                {"prefix": "192.0.2.0/24"},
                {"path": "1"},
            ):
                if not set(query) <= known:
                    continue
                answer = inside(key[0], real, params=query, **more)
                assert answer.status_code in (200, 403, 404, 422), (key, query, answer.status_code, answer.text[:300])
                assert key[0] == "GET" or answer.status_code != 200, (key, answer.text[:300])
                assert not [mark for mark in MARKS if mark in answer.text], (key, query)
                asked += 1
    assert asked > 90
    assert everything(desk) == before
