# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Login by OpenID Connect: authorisation code with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 9700)."""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from fastapi import HTTPException
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from abusehandler.errors import AbusehandlerError
from abusehandler.secret_files import secret_line

if TYPE_CHECKING:
    from abusehandler.configuration.sections.web import SingleSignOn
    from abusehandler.portal.settings import Portal
    from abusehandler.tickets.desk.users import Role, User, UserStore

ATTEMPT_SECONDS = 600
#: Asymmetric ones only: with HS256 the client's secret would sign, and "none" signs nothing.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
_METADATA_SECONDS = 3600
_metadata: dict[str, tuple[float, dict[str, Any]]] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login under way; stays in the browser that began it."""

    state: str
    nonce: str
    verifier: str
    next: str

    def text(self) -> str:
        """For the cookie."""
        return json.dumps(asdict(self), separators=(",", ":")).encode().hex()

    @classmethod
    def of(cls, text: str) -> Attempt | None:
        """From the cookie; None if it is none."""
        try:
            values = json.loads(bytes.fromhex(text[:8000]))
            return cls(*(str(values[name]) for name in ("state", "nonce", "verifier", "next")))
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for. `role` follows from the groups; None: no group of ours."""

    subject: str
    login: str
    name: str
    role: Role | None

    def user(self, users: UserStore) -> User | None:
        """The user here: the one with this subject, or a new one where a group gives a role. Never one found by name alone,
        unless an administrator made that user without a password, for this.
        """
        known = users.by_subject(self.subject)
        if known is not None:
            if self.role is None and users.is_by_group(known):
                # no group lets this person in any more; what is open elsewhere ends, too
                users.end_sessions(known, author="single sign-on")
                return None
            if self.role is not None and self.role != known.role and known.account is None:
                users.change(known, author="single sign-on", role=self.role, account=None, name=self.name)
                return users.by_number(known.id)
            return known
        prepared = users.find(self.login)
        if prepared is not None:
            if prepared.password_hash is None and prepared.oidc_subject is None:
                return users.bind_subject(prepared, self.subject)
            return None
        if self.role is None:
            return None
        return users.add(self.login, self.role, author="single sign-on", name=self.name, subject=self.subject)


class Provider:
    """The operator's OpenID Connect provider."""

    def __init__(self, settings: SingleSignOn, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri

    @classmethod
    def of(cls, portal: Portal) -> Provider:
        """Raises 404 where none is configured."""
        settings = portal.configuration.portal.single_sign_on
        if not settings.issuer:
            raise HTTPException(404)
        return cls(settings, f"{portal.public_url}/login/sso")

    def begin(self, next: str) -> tuple[str, Attempt]:
        """Where to send the browser, and what must come back."""
        attempt = Attempt(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), next)
        client = self._client()
        url, _ = client.create_authorization_url(
            str(self._discover()["authorization_endpoint"]), state=attempt.state, nonce=attempt.nonce,
            code_verifier=attempt.verifier,
        )  # fmt: skip
        return str(url), attempt

    def end(self, attempt: Attempt, code: str, state: str) -> Person:
        """Who it is. Raises HTTPException for an answer that does not fit, AbusehandlerError when the provider fails."""
        if not code or not secrets.compare_digest(state.encode(), attempt.state.encode()):
            raise HTTPException(400, "The login provider's answer does not belong to this login. Begin again.")
        found = self._discover()
        try:
            with self._client() as client:
                token = client.fetch_token(str(found["token_endpoint"]), code=code, code_verifier=attempt.verifier)
            keys = KeySet.import_key_set(self._get(str(found["jwks_uri"])))
            claims = jwt.decode(str(token["id_token"]), keys, algorithms=ALGORITHMS).claims
            registry = jwt.JWTClaimsRegistry(
                leeway=60, iss={"essential": True, "value": found["issuer"]},
                aud={"essential": True, "value": self._settings.client_id}, exp={"essential": True},
                iat={"essential": True}, sub={"essential": True}, nonce={"essential": True, "value": attempt.nonce},
            )  # fmt: skip
            registry.validate(claims)
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            raise HTTPException(403, "The login provider's answer is not valid.") from error
        except requests.RequestException as error:
            raise AbusehandlerError(f"the login provider {self._settings.issuer} does not answer: {error}") from error
        return self._person(claims)

    def _person(self, claims: dict[str, Any]) -> Person:
        verified_mail = claims.get("email") if claims.get("email_verified") is True else None
        login = str(claims.get("preferred_username") or verified_mail or claims["sub"]).lower()
        groups = claims.get(self._settings.role_claim, [])
        groups = [groups] if isinstance(groups, str) else groups
        names = {str(group) for group in groups} if isinstance(groups, list) else set()
        roles = {role for group, role in self._settings.roles.items() if group in names}
        best: Role | None = next((role for role in ("admin", "desk", "read-only") if role in roles), None)
        return Person(f"{claims['iss']} {claims['sub']}", login, str(claims.get("name", ""))[:200], best)

    def _client(self) -> Any:
        return OAuth2Session(
            self._settings.client_id, self._secret(), scope="openid profile email", redirect_uri=self._redirect_uri,
            code_challenge_method="S256", default_timeout=10,
        )  # fmt: skip

    def _secret(self) -> str:
        path = self._settings.client_secret_file
        assert path is not None
        return secret_line(path, "the client's secret")

    def _discover(self) -> dict[str, Any]:
        """The provider's description of itself, asked once an hour (OpenID Connect Discovery 1.0)."""
        issuer = self._settings.issuer.rstrip("/")
        with _lock:
            at, found = _metadata.get(issuer, (0.0, {}))
            if found and time.monotonic() - at < _METADATA_SECONDS:
                return found
        try:
            found = dict(self._get(f"{issuer}/.well-known/openid-configuration"))
        except requests.RequestException as error:
            raise AbusehandlerError(f"the login provider {issuer} does not answer: {error}") from error
        except (ValueError, TypeError) as error:
            raise AbusehandlerError(f"the login provider {issuer} does not describe itself as JSON") from error
        if str(found.get("issuer", "")).rstrip("/") != issuer:
            raise AbusehandlerError(f"the login provider calls itself {found.get('issuer')!r}, not {issuer!r}")
        with _lock:
            _metadata[issuer] = (time.monotonic(), found)
        return found

    def _get(self, url: str) -> Any:
        answer = requests.get(url, timeout=10, allow_redirects=False)
        answer.raise_for_status()
        if len(answer.content) > 1_000_000:
            raise ValueError("longer than 1 MB")
        return answer.json()
