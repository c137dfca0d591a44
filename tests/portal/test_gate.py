# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Closed by default: nobody gets in without a session, and no form counts that is not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute

from abusehandler.configuration.model import Configuration
from abusehandler.errors import ConfigurationError
from abusehandler.portal.app import create_app
from abusehandler.portal.login.gate import is_open

if TYPE_CHECKING:
    from tests.portal.running import Portal


def routes(portal: Portal, method: str) -> list[str]:
    """All paths of the application for a method, with numbers filled in."""
    found = []

    def walk(these: Any) -> None:
        for route in these:
            if isinstance(route, APIRoute):
                if method in (route.methods or ()):
                    path = route.path
                    while "{" in path:
                        path = path[: path.index("{")] + "1" + path[path.index("}") + 1 :]
                    found.append(path)
            elif not getattr(route, "path", "").startswith("/api"):  # an application of its own, with tests of its own
                inner = getattr(getattr(route, "original_router", None), "routes", None) or getattr(
                    route, "routes", None
                )
                walk(inner or ())

    walk(portal.app.routes)
    return found


def test_without_configuration_there_is_no_portal(settings: dict[str, Any]) -> None:
    del settings["portal"]
    with pytest.raises(ConfigurationError, match="public_url"):
        create_app(Configuration.model_validate(settings))


def test_every_page_sends_strangers_to_the_login(portal: Portal) -> None:
    client = portal.client()
    paths = [path for path in routes(portal, "GET") if not is_open(path)]
    assert len(paths) > 5
    for path in paths:
        answer = client.get(path, allow_redirects=False)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/login"), path


def test_a_path_that_is_not_there_tells_strangers_nothing(portal: Portal) -> None:
    assert portal.client().get("/nothing", allow_redirects=False).headers["location"] == "/login?next=/nothing"


def test_every_form_is_refused_without_a_session(portal: Portal) -> None:
    client = portal.client()
    paths = [path for path in routes(portal, "POST") if not is_open(path)]
    assert len(paths) > 5
    for path in paths:
        assert client.session.post(portal.url + path, timeout=60).status_code == 401, path


def test_every_form_is_refused_without_its_token(desk: Portal) -> None:
    client = desk.client("anna")
    before = desk.database.fetch("SELECT count(*) FROM audit_trail")
    for path in routes(desk, "POST"):
        if path.startswith("/api/") or path.startswith("/help/"):
            continue
        for fields in ({}, {"csrf": "0" * 64}):
            answer = client.session.post(desk.url + path, data=fields, timeout=60)
            assert answer.status_code in (403, 422), (path, answer.status_code)
            if answer.status_code == 422:
                # fields are looked at first; with all of them it is the token
                assert "cannot be understood" in answer.text
    assert desk.database.fetch("SELECT count(*) FROM audit_trail") == before


def test_a_form_from_another_site_is_refused_even_with_the_token(desk: Portal) -> None:
    client = desk.client("anna")
    token = client.token("/me")
    fields = {"csrf": token, "text": "hello"}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert (
            client.session.post(desk.url + "/tickets/1/note", data=fields, headers=headers, timeout=60).status_code
            == 403
        )
    headers = {"Origin": desk.url, "Sec-Fetch-Site": "same-origin"}
    assert (
        client.session.post(desk.url + "/tickets/1/note", data=fields, headers=headers, timeout=60).status_code == 200
    )


def test_a_token_of_another_session_is_refused(desk: Portal) -> None:
    anna, ben = desk.client("anna"), desk.client("ben")
    answer = anna.session.post(desk.url + "/tickets/1/note", data={"csrf": ben.token("/me"), "text": "x"}, timeout=60)
    assert answer.status_code == 403


def test_answers_carry_the_headers(portal: Portal) -> None:
    headers = portal.client().get("/login").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers or "uvicorn" in headers["server"]


def test_too_large_a_body_is_refused(desk: Portal) -> None:
    client = desk.client("anna")
    answer = client.session.post(desk.url + "/tickets/1/note", data=b"x" * 2_100_000, timeout=60)
    assert answer.status_code == 413

    def pieces() -> Any:
        for _ in range(25):
            yield b"x" * 100_000

    answer = client.session.post(
        desk.url + "/tickets/1/note",
        data=pieces(),
        timeout=60,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code in (400, 413)
