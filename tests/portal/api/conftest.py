# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A portal with the desk's samples, and programs that have tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from abusehandler.tickets.desk import api_tokens
from abusehandler.tickets.desk.users import UserStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.portal.running import Portal

Open = "Callable[..., Program]"


class Program:
    """Speaks to the API with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.token = token
        self._url = url + "/api/v1"
        self._session = requests.Session()
        self._session.trust_env = False

    def __call__(self, method: str, path: str, **other: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers.update(other.pop("headers", {}))
        return self._session.request(method, self._url + path, headers=headers, timeout=120, **other)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of an answer that must be good."""
        answer = self("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def act(self, ticket: int, verb: str, **more: Any) -> Any:
        """What came of an action that must be done."""
        answer = self("POST", f"/tickets/{ticket}/actions", json={"verb": verb, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Any) -> dict[str, Any]:
    """As for the portal; tests ask more often than a minute's worth."""
    settings["portal"]["api_per_minute"] = 100_000
    settings["rules"] = {"path": tmp_path / "rules.yaml"}
    return settings


@pytest.fixture
def program(desk: Portal) -> Callable[..., Program]:
    """Makes a program: `program("desk", ["read"], account=...)`."""
    made = []

    def make(
        role: Any = "admin", scopes: Any = ("read", "write", "reports:in", "admin"), *, account: str | None = None,
        only: str | None = None,
    ) -> Program:  # fmt: skip
        login = f"{role}{len(made)}"
        user = UserStore(desk.database).add(login, role, author="test", account=account)
        token = api_tokens.make(desk.database, user, "billing", scopes, days=1, author="test", account=only)
        made.append(login)
        return Program(desk.url, token)

    return make
