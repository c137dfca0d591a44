# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who had what and when: "this customer had this prefix, or name, (and these ports) from then until then"."""

from __future__ import annotations

from dataclasses import dataclass, fields
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


@dataclass(frozen=True, slots=True, init=False)
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

    # Ten million leases are made of it. The constructor that dataclasses write for a frozen class goes through
    # object.__setattr__ and takes twice as long as setting the slots.
    def __init__(
        self,
        prefix: str,
        customer_id: str,
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
        ports: PortRange | None = None,
        source: str = "",
        line: int = 0,
    ) -> None:
        _set_prefix(self, prefix)
        _set_customer_id(self, customer_id)
        _set_valid_from(self, valid_from)
        _set_valid_until(self, valid_until)
        _set_ports(self, ports)
        _set_source(self, source)
        _set_line(self, line)
        if valid_from is not None or valid_until is not None:
            _check_times(prefix, valid_from, valid_until)

    @property
    def place(self) -> str:
        """Where it stands, for people: `customers.csv:17`."""
        return f"{self.source}:{self.line}" if self.line else self.source


(
    _set_prefix,
    _set_customer_id,
    _set_valid_from,
    _set_valid_until,
    _set_ports,
    _set_source,
    _set_line,
) = (vars(Assignment)[field.name].__set__ for field in fields(Assignment))


def _check_times(prefix: str, valid_from: datetime | None, valid_until: datetime | None) -> None:
    for name, moment in (("valid_from", valid_from), ("valid_until", valid_until)):
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"assignment {prefix}: {name} has no time zone; give an aware datetime")
    if valid_from is not None and valid_until is not None and valid_until < valid_from:
        raise ValueError(f"assignment {prefix}: ends {valid_until} before it begins {valid_from}")


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
