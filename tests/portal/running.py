# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A portal that runs on a loopback port, and a client that keeps cookies and form tokens as a browser does."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import requests
import uvicorn

from abusehandler.portal.app import create_app
from abusehandler.portal.login import passwords
from abusehandler.tickets.desk.users import User, UserStore

if TYPE_CHECKING:
    from abusehandler.configuration.model import Configuration
    from abusehandler.tickets.database import Database

PASSWORD = "correct horse battery staple"
#: Seconds for an answer: no test measures how busy the machine is.
PATIENCE = 120
#: One hash for all tests: argon2id is slow on purpose.
_HASH = passwords.hashed(PASSWORD)


class Portal:
    """A portal that runs, and what is behind it."""

    def __init__(self, configuration: Configuration, database: Database, port: int) -> None:
        self.configuration = configuration
        self.database = database
        self.url = configuration.portal.public_url
        self.app = create_app(configuration)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.app, host="127.0.0.1", port=port, log_level="error", proxy_headers=False, lifespan="on", ws="none"
            )
        )
        self._thread = threading.Thread(target=self._server.run)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the portal did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def user(self, login: str, role: Any = "admin", account: str | None = None) -> User:
        """A new user with PASSWORD."""
        return UserStore(self.database).add(login, role, author="test", account=account, password_hash=_HASH)

    def client(self, login: str = "", role: Any = "admin", account: str | None = None) -> Client:
        """A browser without eyes; with a login it is in already."""
        client = Client(self.url)
        if login:
            self.user(login, role, account)
            answer = client.send("/login", login=login, password=PASSWORD)
            assert answer.url.endswith("/tickets"), answer.text
        return client


class Client:
    """Keeps cookies, and takes the token of a form from the page before it, as a browser would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str, **other: Any) -> requests.Response:
        return self.session.get(self.url + path, timeout=PATIENCE, **other)

    def token(self, page: str = "/login") -> str:
        """The token that a page of this session carries."""
        text = self.get(page).text
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', text)
        assert found, text[:2000]
        return found[1]

    def send(self, path: str, *, page: str = "", files: Any = None, **fields: Any) -> requests.Response:
        """Sends a form with the right token; follows the redirect. Names with another character: `**{"field source.ip": ...}`."""
        token = self.token(page or ("/login" if path.startswith("/login") else "/me"))
        return self.session.post(
            self.url + path, data={**fields, "csrf": token}, files=files, headers={"Origin": self.url}, timeout=PATIENCE
        )
