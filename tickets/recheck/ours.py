# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The guard: which addresses may be probed at all. Whatever a person or a report names, only machines of ours are asked."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Never asked, even if abusehandler.yaml named them: this machine, its link, groups of machines, translated addresses.
NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3",
        "::/127", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ours:
    """The networks whose addresses may be asked, less `never`. Empty: none."""

    networks: tuple[Network, ...]
    never: tuple[Network, ...] = NEVER

    @classmethod
    def of(cls, prefixes: Iterable[str]) -> Ours:
        """From `networks: prefixes` of abusehandler.yaml, in CIDR form."""
        return cls(tuple(ipaddress.ip_network(prefix) for prefix in prefixes))

    def allow(self, address: str) -> bool:
        """Whether this address may be asked: an address in plain form, within our networks, of a single machine."""
        try:
            value = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(value, ipaddress.IPv6Address) and value.scope_id is not None:
            return False
        if any(value in network for network in self.never):
            return False
        for network in self.networks:
            # the first and last address of an IPv4 network of ours may be a broadcast: one question, many answers
            if value in network:
                edges = (network.network_address, network.broadcast_address)
                return not (network.version == 4 and network.prefixlen < 31 and value in edges)
        return False
