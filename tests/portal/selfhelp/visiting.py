# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A customer who opens a link and sends its forms, without cookies and scripts."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from tests.portal.running import Portal


class Visitor:
    """One link, and the tickets behind it."""

    def __init__(self, portal: Portal, token: str, customer: str) -> None:
        self.portal = portal
        self.token = token
        self.customer = customer
        self.base = f"/help/{token}"

    def tickets(self, customer: str = "") -> list[int]:
        """Numbers of a customer's tickets."""
        found = self.portal.database.fetch(
            "SELECT id FROM tickets WHERE customer_id = %s ORDER BY id", (customer or self.customer,)
        )
        return [row[0] for row in found]

    def ticket_about(self, problem: str) -> int:
        """The ticket of this customer about a problem of the catalogue."""
        rows = self.portal.database.fetch(
            "SELECT id FROM tickets WHERE customer_id = %s AND problem = %s", (self.customer, problem)
        )
        return int(rows[0][0])

    def get(self, path: str = "", **headers: str) -> requests.Response:
        """A page below the link."""
        return requests.get(self.portal.url + self.base + path, headers=headers, timeout=120)

    def text(self, path: str = "", **headers: str) -> str:
        """What stands on a page, entities read."""
        answer = self.get(path, **headers)
        assert answer.status_code == 200, answer.text
        return html.unescape(answer.text)

    def send(
        self, path: str, *, on: str = "", headers: dict[str, str] | None = None, **fields: Any
    ) -> requests.Response:
        """Sends a form with the token of the page `on` of this link; follows the redirect."""
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get(on or f"/{self.tickets()[0]}").text)
        assert found
        return requests.post(
            self.portal.url + self.base + path, data={"csrf": found[1], **fields},
            headers={"Origin": self.portal.url, **(headers or {})}, timeout=120,
        )  # fmt: skip
