# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Login by OpenID Connect against a small provider on loopback, which signs with a key of its own and can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from abusehandler.tickets.desk.users import UserStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.portal.running import Client, Portal


class Provider(ThreadingHTTPServer):
    """Lets everybody in as `claims` say; `lies` replace claims of the identity token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.signs_with = self.key
        self.claims: dict[str, Any] = {
            "sub": "4711",
            "preferred_username": "anna",
            "name": "Anna Berg",
            "groups": ["noc"],
        }
        self.lies: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}

    def authorise(self, url: str) -> str:
        """What a person does at the provider: the address to which the browser is sent back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None:
            return None
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": asked["client_id"], "iat": now, "exp": now + 60, "nonce": asked["nonce"],
            **self.claims, **self.lies,
        }  # fmt: skip
        text = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signs_with)
        return {"access_token": "x", "token_type": "Bearer", "id_token": text}


class _Answer(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        if self.path == "/keys":
            self._say({"keys": [self.server.key.as_dict(private=False)]})
        else:
            base = self.server.issuer
            self._say(
                {
                    "issuer": base, "authorization_endpoint": f"{base}/authorise", "token_endpoint": f"{base}/token",
                    "jwks_uri": f"{base}/keys",
                }
            )  # fmt: skip

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        found = self.server.token({name: values[0] for name, values in parse_qs(body).items()})
        self._say(found or {"error": "invalid_grant"}, 200 if found else 400)

    def _say(self, value: dict[str, Any], status: int = 200) -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def provider() -> Iterator[Provider]:
    started = Provider()
    thread = threading.Thread(target=started.serve_forever)
    thread.start()
    yield started
    started.shutdown()
    thread.join()
    started.server_close()


@pytest.fixture
def portal(settings: dict[str, Any], open_portal: Callable[[], Portal], provider: Provider, tmp_path: Path) -> Portal:
    secret = tmp_path / "sso-secret"
    secret.write_text("of the client\n", encoding="utf-8")
    secret.chmod(0o600)
    settings["portal"]["single_sign_on"] = {
        "issuer": provider.issuer, "client_id": "abusehandler", "client_secret_file": str(secret), "label": "Our login",
        "roles": {"noc-admins": "admin", "noc": "desk"},
    }  # fmt: skip
    return open_portal()


def come_in(portal: Portal, provider: Provider, client: Client | None = None) -> tuple[Client, Any]:
    """From the button to the desk."""
    client = client or portal.client()
    assert "Our login" in client.get("/login").text
    token = client.token("/login")
    begun = client.session.post(
        f"{portal.url}/login/sso", data={"csrf": token, "next": "/tickets"}, headers={"Origin": portal.url},
        allow_redirects=False, timeout=120,
    )  # fmt: skip
    assert begun.status_code == 303, begun.text
    return client, client.session.get(provider.authorise(begun.headers["location"]), timeout=120)


def test_a_person_of_a_known_group_comes_in_with_its_role(portal: Portal, provider: Provider) -> None:
    client, answer = come_in(portal, provider)
    assert answer.status_code == 200
    assert "Anna Berg" in client.get("/tickets").text
    user = UserStore(portal.database).find("anna")
    assert user is not None
    assert (user.role, user.password_hash, user.oidc_subject) == ("desk", None, f"{provider.issuer} 4711")
    assert client.get("/admin").status_code == 403


def test_the_role_follows_the_group_at_the_next_login(portal: Portal, provider: Provider) -> None:
    come_in(portal, provider)
    provider.claims["groups"] = ["noc", "noc-admins"]
    client, _ = come_in(portal, provider)
    assert client.get("/admin").status_code == 200


def test_nobody_without_a_group_comes_in_unless_an_administrator_made_the_login(
    portal: Portal, provider: Provider
) -> None:
    provider.claims["groups"] = ["cooks"]
    _, answer = come_in(portal, provider)
    assert answer.status_code == 403
    UserStore(portal.database).add("anna", "read-only", author="test")
    _, answer = come_in(portal, provider)
    assert answer.status_code == 200


def test_who_has_left_all_groups_stays_outside(portal: Portal, provider: Provider) -> None:
    inside, _ = come_in(portal, provider)
    provider.claims["groups"] = ["cooks"]
    _, answer = come_in(portal, provider)
    assert answer.status_code == 403
    assert "/login" in inside.get("/tickets").url


def test_a_login_with_a_password_is_not_taken_over(portal: Portal, provider: Provider) -> None:
    portal.user("anna", "admin")
    _, answer = come_in(portal, provider)
    assert answer.status_code == 403


def test_a_disabled_person_stays_out(portal: Portal, provider: Provider) -> None:
    come_in(portal, provider)
    users = UserStore(portal.database)
    users.disable(users.find("anna"), True, author="test")  # type: ignore[arg-type]
    _, answer = come_in(portal, provider)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "lies", [{"nonce": "another"}, {"aud": "somebody"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": None}]
)
def test_a_token_that_is_not_for_us_opens_nothing(portal: Portal, provider: Provider, lies: dict[str, Any]) -> None:
    provider.lies = lies
    client, answer = come_in(portal, provider)
    assert answer.status_code in (400, 403)
    assert "/login" in client.get("/tickets").url


def test_a_token_signed_by_somebody_else_opens_nothing(portal: Portal, provider: Provider) -> None:
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    _, answer = come_in(portal, provider)
    assert answer.status_code == 403


def test_an_answer_for_another_browser_opens_nothing(portal: Portal, provider: Provider) -> None:
    client = portal.client()
    token = client.token("/login")
    begun = client.session.post(
        f"{portal.url}/login/sso",
        data={"csrf": token},
        headers={"Origin": portal.url},
        allow_redirects=False,
        timeout=120,
    )
    back = provider.authorise(begun.headers["location"])
    stranger = portal.client()
    assert stranger.session.get(back, timeout=120).status_code == 400
    assert "/login" in stranger.get("/tickets").url
