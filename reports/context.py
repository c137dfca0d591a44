# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a reader may know besides the bytes of the report: our own networks and names, and when it came."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class OwnAssets:
    """Our networks and host names; only these become subjects of tickets when any are configured."""

    prefixes: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    domains: tuple[str, ...] = ()

    @classmethod
    def of(cls, prefixes: Iterable[str], domains: Iterable[str]) -> OwnAssets:
        """From texts as abusehandler.yaml holds them."""
        return cls(tuple(ipaddress.ip_network(prefix) for prefix in prefixes), tuple(domains))

    def __bool__(self) -> bool:
        return bool(self.prefixes or self.domains)

    def has_address(self, address: str) -> bool:
        """Whether the address, in any text form that `ipaddress` takes, lies in one of our prefixes."""
        try:
            value = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(value.version == prefix.version and value in prefix for prefix in self.prefixes)

    def has_host(self, name: str) -> bool:
        """Whether the host name is one of our domains or stands below one."""
        name = name.lower().rstrip(".")
        return any(name == domain or name.endswith("." + domain) for domain in self.domains)


@dataclass(frozen=True)
class ReadContext:
    """The circumstances of reading.

    `received_at`: when the report came (aware); events without a time of their own get none, the store uses this one.
    `own_addresses`: mail addresses of ours (abuse@, the sender of notices): mails from these are loops or answers.
    `own_message_domain`: right side of the Message-IDs of our notices; empty if none go out.
    `own_mail_hosts`: authserv-ids (RFC 8601) whose Authentication-Results may be believed.
    `sure_enough`: free text below this confidence waits for a person.
    `link_prefixes`: URL prefixes below which a link in a mail counts as a report to be fetched.
    `reporter_folders`: folders with an operator's own definitions of senders, beside those that come with the program.
    """

    received_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    own: OwnAssets = field(default_factory=OwnAssets)
    own_addresses: frozenset[str] = frozenset()
    own_mail_hosts: frozenset[str] = frozenset()
    sure_enough: float = 0.5
    reporter_folders: tuple[str, ...] = ()
    own_message_domain: str = ""
    link_prefixes: tuple[str, ...] = ()
