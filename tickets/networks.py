# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether a ticket's address or network lies in another network."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def lies_in(network: str | None, prefixes: Iterable[str]) -> bool:
    """Whether `network` lies in one of the prefixes, all CIDR text; None, the network of a host name, lies in none."""
    if network is None:
        return False
    inner = _network(network)
    return any(
        inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
        for outer in map(_network, prefixes)
    )


@lru_cache(maxsize=20_000)
def _network(text: str) -> Network:
    return ipaddress.ip_network(text)
