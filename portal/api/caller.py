# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who calls: the token, whose it is, and what both allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.login.roles import Viewer
from abusehandler.tickets.desk import api_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.portal.login.roles import Permission
    from abusehandler.portal.settings import Portal
    from abusehandler.tickets.desk.api_tokens import ApiToken
    from abusehandler.tickets.desk.scope import Scope

TokenScope = Literal["read", "write", "reports:in", "privacy", "webhooks", "admin"]
#: What a scope holds besides itself.
_HOLDS: dict[TokenScope, frozenset[TokenScope]] = {"admin": frozenset({"privacy", "webhooks"})}
#: For the description; the token is read by `find`.
BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="A token of `abusehandler token add`.")
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="abusehandler"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """A program, acting for the user whose token it has."""

    token: ApiToken
    viewer: Viewer

    @property
    def author(self) -> str:
        """As the audit trail names it."""
        return f"{self.viewer.user.login} by token {self.token.name}"[:200]

    @property
    def scope(self) -> Scope:
        """The limit for every query."""
        return self.viewer.scope

    def require(self, scope: TokenScope, permission: Permission) -> None:
        """Raises ProblemError 403 unless the token's scopes and the user's role allow it."""
        if not any(scope == one or scope in _HOLDS.get(one, ()) for one in self.token.scopes):  # type: ignore[call-overload]
            raise ProblemError(403, f"This token has not the scope {scope}.")
        if not self.viewer.may(permission):
            raise ProblemError(
                403, f"The role of the token's user, or its account, does not allow this ({permission})."
            )


def find(portal: Portal, request: Request) -> Caller:
    """Reads the header. Raises ProblemError 401, or Unavailable."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text:
        raise ProblemError(
            401, "Send a token: 'Authorization: Bearer aht_…'; 'abusehandler token add' makes one.", CHALLENGE
        )
    with portal.pool.database() as database:
        token = api_tokens.find(database, text.strip())
    if token is None:
        raise ProblemError(401, "This token is not good: wrong, revoked, or over.", CHALLENGE)
    return Caller(token, Viewer(token.user, 0, token.wide))


def needs(scope: TokenScope, permission: Permission) -> Callable[..., Caller]:
    """Dependency of a request: the caller, who may do this. The route has found out who it is."""

    def checked(request: Request, _shown: Annotated[object, Security(BEARER)] = None) -> Caller:
        caller = request.state.caller
        assert isinstance(caller, Caller)
        caller.require(scope, permission)
        return caller

    return checked


Sees = Annotated[Caller, Depends(needs("read", "see"))]
Acts = Annotated[Caller, Depends(needs("write", "act"))]
Writes = Annotated[Caller, Depends(needs("write", "see"))]
Mutes = Annotated[Caller, Depends(needs("write", "rules"))]
SeesRules = Annotated[Caller, Depends(needs("read", "rules"))]
SeesReports = Annotated[Caller, Depends(needs("read", "evidence"))]
Counts = Annotated[Caller, Depends(needs("read", "statistics"))]
Decides = Annotated[Caller, Depends(needs("write", "inbox"))]
HandsIn = Annotated[Caller, Depends(needs("reports:in", "act"))]
Administers = Annotated[Caller, Depends(needs("admin", "administer"))]
AsksPrivacy = Annotated[Caller, Depends(needs("privacy", "administer"))]
MakesWebhooks = Annotated[Caller, Depends(needs("webhooks", "administer"))]
