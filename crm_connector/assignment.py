# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who had what and when: "this customer had this prefix, or name, (and these ports) from then until then"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports from `first` to `last`, both included, of an address that several customers share (CGNAT, RFC 6888)."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last <= 65535:
            raise ValueError(f"ports {self.first}-{self.last}: expected 0 <= first <= last <= 65535")

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A prefix that a customer had.

    `prefix` is CIDR text or a single address, IPv4 or IPv6. The interval is half-open, [valid_from, valid_until), in
    aware times of whole seconds; None means no limit on that side. `source` and `line` say where it stands
    (`customers.csv`, 17; line 0 where lines mean nothing).
    """

    prefix: str
    customer_id: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    ports: PortRange | None = None
    source: str = ""
    line: int = 0

    def __post_init__(self) -> None:
        if self.valid_from is None and self.valid_until is None:
            return
        for name, moment in (("valid_from", self.valid_from), ("valid_until", self.valid_until)):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"assignment {self.prefix}: {name} has no time zone; give an aware datetime")
        if self.valid_from is not None and self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError(f"assignment {self.prefix}: ends {self.valid_until} before it begins {self.valid_from}")

    @property
    def place(self) -> str:
        """Where it stands, for people: `customers.csv:17`."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class HostName:
    """A host or domain name that a customer has now.

    `example.com` covers itself and all below it; `*.example.com` only what is below.
    """

    name: str
    customer_id: str
    source: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.source}:{self.line}" if self.line else self.source
