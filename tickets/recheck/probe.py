# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a probe is, what it is asked about, and what it finds; the probes themselves are in `probes/`, one a file."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Transport = Literal["udp", "tcp"]
#: there: what the ticket tells can still be seen. gone: something answered, and it is mended. no-answer: nothing came back,
#: as behind a firewall, or because a packet was lost. unclear: something else answered. failed: the probe could not be sent.
Verdict = Literal["there", "gone", "no-answer", "unclear", "failed"]
VERDICTS: tuple[Verdict, ...] = ("there", "gone", "no-answer", "unclear", "failed")
LONGEST_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Target:
    """One port of one address. `problem` is the ticket's, `transport` what the events said of it."""

    address: str
    port: int
    transport: Transport
    problem: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise ValueError(f"{self.port} is not a port")
        ipaddress.ip_address(self.address)

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}/{self.transport}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a probe. `detail` is one line for the desk, in English; it may quote what a stranger's machine said."""

    verdict: Verdict
    detail: str = ""

    @classmethod
    def of(cls, verdict: Verdict, detail: str) -> Finding:
        """With the detail made one printable, short line: a banner may hold anything."""
        line = " ".join("".join(c if c.isprintable() else " " for c in detail).split())
        return cls(verdict, line[:LONGEST_DETAIL])


@dataclass(frozen=True, slots=True)
class Budget:
    """What one probe may cost: seconds in all, and bytes that are read at most."""

    seconds: float = 3.0
    bytes: int = 4096
    #: The name that an open resolver is asked for.
    dns_name: str = "example.com"


@dataclass(frozen=True, slots=True)
class Probe:
    """One way to look. `ask` sends one question and reads at most one answer, within the budget.

    `problems` are the problems of the catalogue that it can test; `port` is used where the events named none, 0: only
    where they did.
    """

    name: str
    problems: frozenset[str]
    transport: Transport
    port: int
    ask: Callable[[Target, Budget], Finding]
