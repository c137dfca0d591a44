# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What programs do: each button of the desk, once and not twice, and not on what has changed meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.incoming import now_utc

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.portal.api.conftest import Program
    from tests.portal.running import Portal


def of(asked: Program, customer: str) -> list[int]:
    return [ticket["id"] for ticket in asked.get("/tickets", customer=customer)["items"]]


def test_every_verb(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    one, two, three, four, *_ = of(asked, "C1")
    week = (now_utc() + timedelta(days=7)).isoformat()
    assert asked.act(one, "resolve", reason="mended")["changed"] == [one]
    assert asked.act(one, "resolve")["unchanged"] == [one]
    assert asked.act(one, "reopen", reason="not mended")["changed"] == [one]
    assert asked.act(one, "ignore")["changed"] == [one]
    assert asked.act(two, "escalate", tell_customer=False)["changed"] == [two]
    assert asked.act(two, "severity", severity="critical")["changed"] == [two]
    assert asked.act(two, "customer-says", state="working")["changed"] == [two]
    assert asked.act(two, "note", text="Called.", public=True)["made"]
    assert asked.act(two, "mute", until=week, reason="away")["made"]
    assert asked.act(three, "assign", to="desk0")["changed"] == [three]
    assert asked.act(three, "assign", to=None)["changed"] == [three]
    assert asked.act(four, "merge", into=three, reason="same machine")["changed"] == [four]
    assert asked.act(one, "close")["changed"] == [one]
    shown = asked.get(f"/tickets/{two}")
    assert (shown["severity"], shown["customer_state"], shown["mute_reason"]) == ("critical", "working", "away")
    actors = {
        row[0] for row in desk.database.fetch("SELECT DISTINCT actor FROM audit_trail WHERE change LIKE '%critical%'")
    }
    assert actors == {"desk0 by token billing"}


def test_a_ticket_is_split(program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    ticket = next(one for one in asked.get("/tickets", customer="C1")["items"] if one["events"] > 2)
    events = asked.get(f"/tickets/{ticket['id']}/events")["items"]
    done = asked.act(ticket["id"], "split", since=events[0]["at"])
    (new,) = done["made"]
    assert asked.get(f"/tickets/{new}")["events"] == 1
    assert asked("POST", f"/tickets/{ticket['id']}/actions", json={"verb": "split"}).status_code == 400


def test_many_at_once_and_undone(program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    tickets = of(asked, "C2")
    done = asked(
        "POST", "/tickets/actions", json={"tickets": tickets, "action": {"verb": "close", "reason": "all over"}}
    ).json()
    assert sorted(done["changed"]) == sorted(tickets)
    assert of(asked, "C2") == []
    back = asked("POST", f"/actions/{done['action']}/undo")
    assert sorted(back.json()["changed"]) == sorted(tickets)
    assert sorted(of(asked, "C2")) == sorted(tickets)


def test_what_is_refused_says_why(program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    one = of(asked, "C1")[0]
    asked.act(one, "close")
    answer = asked("POST", f"/tickets/{one}/actions", json={"verb": "resolve"})
    assert answer.status_code == 409
    assert answer.json()["refused"] == {str(one): "it is closed; reopen it first"}
    assert asked("POST", f"/tickets/{one}/actions", json={"verb": "assign", "to": "nobody-here"}).status_code == 400
    for wrong in ({"verb": "burn"}, {"verb": "close", "speed": 1}, {"verb": "note", "text": "\0"}, {"verb": "note", "text": " "}, [], "close",
                  {"verb": "note", "text": "\ud800"}, {"verb": "merge", "into": "7"}, {"verb": "mute", "until": "tomorrow", "reason": "x"}):  # fmt: skip
        assert asked("POST", f"/tickets/{one}/actions", json=wrong).status_code == 422, wrong


def test_only_who_has_seen_the_newest_state_may_act(program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    one = of(asked, "C1")[0]
    tag = asked("GET", f"/tickets/{one}").headers["etag"]
    assert (
        asked("POST", f"/tickets/{one}/actions", json={"verb": "resolve"}, headers={"If-Match": tag}).status_code == 200
    )
    late = asked("POST", f"/tickets/{one}/actions", json={"verb": "close"}, headers={"If-Match": tag})
    assert late.status_code == 412
    assert asked.get(f"/tickets/{one}")["state"] == "resolved"


def test_of_two_who_saw_the_same_one_acts(program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    one = of(asked, "C1")[0]
    tag = asked("GET", f"/tickets/{one}").headers["etag"]
    verbs: list[dict[str, Any]] = [{"verb": "resolve"}, {"verb": "ignore"}, {"verb": "escalate"}, {"verb": "close"}]
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(
            pool.map(
                lambda body: asked("POST", f"/tickets/{one}/actions", json=body, headers={"If-Match": tag}).status_code,
                verbs,
            )
        )
    assert statuses == [200, 412, 412, 412]


def test_the_same_key_does_it_once(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    one = of(asked, "C1")[0]
    key = {"Idempotency-Key": "3c9f"}
    first = asked("POST", "/notices", json={"tickets": [one]}, headers=key)
    again = asked("POST", "/notices", json={"tickets": [one]}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json() == again.json()
    assert desk.database.fetch("SELECT count(*) FROM notices") == [(1,)]
    other = asked("POST", "/notices", json={"tickets": [one, one]}, headers=key)
    assert other.status_code == 422
    assert asked("POST", "/notices", json={"tickets": [one]}, headers={"Idempotency-Key": "x" * 256}).status_code == 400
    # a key is the token's own
    assert program("desk", ["write"])("POST", "/notices", json={"tickets": [one]}, headers=key).json() != first.json()


def test_the_same_key_at_the_same_time(desk: Portal, program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    one = of(asked, "C1")[0]
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(
                lambda _: asked("POST", "/notices", json={"tickets": [one]}, headers={"Idempotency-Key": "k"}), range(6)
            )
        )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert desk.database.fetch("SELECT count(*) FROM notices") == [(1,)]


def test_what_failed_is_remembered_too(program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    first, again = (
        asked("POST", "/notices", json={"tickets": [9999]}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (404, 404)
    assert again.headers["content-type"] == "application/problem+json"


def test_notices_are_looked_at_sent_held_and_released(program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    one = of(asked, "C1")[0]
    seen = asked("POST", "/notices/preview", json={"tickets": [one], "language": "de"})
    assert seen.status_code == 200, seen.text
    assert seen.json()["items"][0]["recipients"] == ["it@example.com"]
    assert asked.get("/notices")["items"] == []
    (number,) = asked("POST", "/notices", json={"tickets": [one], "reason": "asked for"}).json()["changed"]
    assert asked.get(f"/notices/{number}")["tickets"][0]["ticket"] == one
    for verb, state in (("hold", "held"), ("release", "pending"), ("hold", "held"), ("withdraw", "withdrawn")):
        done = asked("POST", "/notices/actions", json={"verb": verb, "notices": [number], "reason": "x"})
        assert done.json()["changed"] == [number], verb
        assert asked.get(f"/notices/{number}")["state"] == state
    (said,) = asked("POST", "/notices/answers", json={"tickets": [one], "text": "Thank you."}).json()["changed"]
    assert asked.get(f"/notices/{said}")["body"] == "Thank you."


def test_mutes(program: Callable[..., Program]) -> None:
    asked = program("desk", ["read", "write"])
    until = (now_utc() + timedelta(days=3)).isoformat()
    made = asked("POST", "/mutes", json={"network": "192.0.2.7/24", "until": until, "reason": "moving"})
    assert made.status_code == 201, made.text
    assert made.json()["network"] == "192.0.2.0/24"
    assert [mute["id"] for mute in asked.get("/mutes")["items"]] == [made.json()["id"]]
    assert asked("DELETE", f"/mutes/{made.json()['id']}").status_code == 204
    assert asked.get("/mutes")["items"] == []
    assert asked("POST", "/mutes", json={"until": until, "reason": "all of it"}).status_code == 400


def test_rules_are_checked_tried_and_written(program: Callable[..., Program]) -> None:
    asked = program()
    text = "defaults: {close_after_days: 3}\n"
    wrong = asked("POST", "/rules/check", json={"text": "tmies: 3\n"})
    assert wrong.status_code == 400
    assert "rules.yaml" in wrong.json()["detail"]
    rules = asked("GET", "/rules")
    assert asked("POST", "/rules/check", json={"text": text}).status_code == 204
    tried = asked("POST", "/rules/try", json={"text": text, "days": 3})
    assert tried.status_code == 200, tried.text
    tag = {"If-Match": rules.headers["etag"]}
    assert asked("PUT", "/rules", json={"text": text, "reason": "shorter"}, headers=tag).status_code == 204
    assert asked("PUT", "/rules", json={"text": "{}\n\n"}, headers=tag).status_code == 412
    assert asked.get("/rules")["text"] == text
    assert asked.get("/rules/versions")["items"][0]["reason"] == "shorter"


def test_people_tokens_and_accounts(program: Callable[..., Program]) -> None:
    asked = program()
    person = {"login": "otto", "role": "desk", "password": "correct horse battery staple"}
    number = asked("POST", "/users", json=person).json()["id"]
    made = asked(
        "POST", "/tokens", json={"login": "otto", "name": "script", "scopes": ["read"]}, headers={"Idempotency-Key": "t"}
    )  # fmt: skip
    assert made.status_code == 201, made.text
    again = asked(
        "POST", "/tokens", json={"login": "otto", "name": "script", "scopes": ["read"]}, headers={"Idempotency-Key": "t"}
    )  # fmt: skip
    assert again.status_code == 409, "the secret is not kept to be shown again"
    other = type(asked)(asked._url.removesuffix("/api/v1"), made.json()["token"])
    assert other.get("/tickets")["items"]
    assert other("POST", "/tickets/1/actions", json={"verb": "close"}).status_code == 403
    assert asked("PATCH", f"/users/{number}", json={"disabled": True}).status_code == 204
    assert other("GET", "/tickets").status_code == 401
    assert asked("POST", "/accounts", json={"id": "beta", "name": "Beta", "patterns": ["B-*"]}).status_code == 201
    assert asked("PUT", "/customers/C1/account", json={"account": "beta"}).status_code == 204
    assert asked.get("/customers/C1")["account"] == "beta"


def test_too_many_requests_are_told_when_to_come_again(
    settings: dict[str, Any], open_portal: Callable[[], Portal], monkeypatch: pytest.MonkeyPatch
) -> None:
    from abusehandler.tickets.desk import api_tokens
    from tests.portal.api.conftest import Program

    # its clock stands: no request is given anew because those before took long
    monkeypatch.setattr("abusehandler.portal.api.rate.time", SimpleNamespace(monotonic=lambda: 1000.0))
    settings["portal"]["api_per_minute"] = 8
    portal = open_portal()
    asked = Program(
        portal.url, api_tokens.make(portal.database, portal.user("anna"), "x", ["read"], days=1, author="test")
    )
    answers = [asked("GET", "/tickets") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0


def test_what_is_stored_is_told_handed_out_and_removed(program: Callable[..., Program]) -> None:
    asked = program()
    told = asked.get("/privacy", who="C3")
    assert (told["kind"], told["counts"]["tickets"]) == ("customer", 5)
    handed = asked("POST", "/privacy/take-out", json={"who": "C3"})
    assert handed.status_code == 200, handed.text
    assert {"tickets", "events"} & {item["kind"] for item in handed.json()["items"]} or handed.json()["items"]
    removal = {"who": "C3", "how": "erase", "confirm": "C1", "reason": "asked for on paper"}
    assert asked("POST", "/privacy/removal", json=removal).status_code == 400
    done = asked("POST", "/privacy/removal", json={**removal, "confirm": "C3"})
    assert done.status_code == 200, done.text
    assert done.json()["tickets"] == 5
    assert of(asked, "C3") == []
