# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The connector to start from: copy this file, rename the class, and let `read` ask your own system.

It works as it is: `connector: stub` knows the three customers below. The whole
contract is in `connector.py`; `abusehandler crm check` tries your class and says what is missing. A walk-through from
here to a running bot is in docs/connect-your-crm.md.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector import Assignment, Contact, Customer, HostName, PortRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from abusehandler.crm_connector import Item, Report

# Replace these by your query or API call.
CUSTOMERS = [
    {"number": "1001", "name": "Example Bakery", "lang": "de", "abuse": "office@bakery.example"},
    {"number": "1002", "name": "Example Hosting", "lang": "en", "abuse": "abuse@hosting.example"},
    {"number": "1003", "name": "Jo Public", "lang": "en", "abuse": "jo@example.net"},
]
NETWORKS = [
    ("192.0.2.0/28", "1001"),
    ("198.51.100.0/24", "1002"),
    ("2001:db8:1000::/36", "1002"),
]


class StubConnector:
    """Knows three customers by heart."""

    #: Set to True when `read` asks another machine: it is then called in the background.
    remote = False

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        """`settings` is this connector's part of abusehandler.yaml, with whatever keys you need."""
        self._settings = settings
        self._base = base

    def mark(self) -> str:
        """Something cheap that changes when your data did: a serial, the time of the last change. Empty: unknown."""
        return "always the same"

    def read(self, report: Report) -> Iterator[Item]:
        """Tell everything you know, in any order. Times need a time zone."""
        for row in CUSTOMERS:
            contact = Contact(row["abuse"], role="abuse", language=row["lang"])
            yield Customer(row["number"], row["name"], row["lang"], (contact,))

        for prefix, number in NETWORKS:
            yield Assignment(prefix, number, source="billing system")

        # Somebody had this address for one hour only ...
        yield Assignment(
            "203.0.113.7",
            "1003",
            valid_from=datetime(2026, 1, 31, 12, tzinfo=timezone.utc),
            valid_until=datetime(2026, 1, 31, 13, tzinfo=timezone.utc),
            source="leases",
        )
        # ... and shares this one with others: theirs are the other ports.
        yield Assignment("203.0.113.8", "1003", ports=PortRange(1024, 2047), source="CGNAT plan")

        yield HostName("shop.example", "1001", source="web hosting")

        for row in CUSTOMERS:
            if "@" not in row["abuse"]:
                report(f"customer {row['number']}: no e-mail address; write one into the billing system")
