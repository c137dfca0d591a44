# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Shadowserver rows with varied addresses, and the customers who have them."""

from __future__ import annotations

import ipaddress
import random
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = (
    "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,min_amplification,"
    "dns_version,p0f_genre,p0f_detail,sic"
)
#: RFC 2544: addresses for benchmarks.
NETWORK = ipaddress.ip_network("198.18.0.0/15")
CITIES = [
    ("AT", "WIEN", "VIENNA"),
    ("AT", "TIROL", "INNSBRUCK"),
    ("DE", "BAYERN", "MUNICH"),
    ("NL", "UTRECHT", "UTRECHT"),
]


def rows(number: int, *, addresses: int = 100_000, seed: int = 1) -> Iterator[str]:
    """Lines of a scan_dns report of 19 columns, the header first; addresses repeat once there are more rows than of them."""
    dice = random.Random(seed)
    first = int(NETWORK.network_address)
    start = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=2)
    yield HEADER
    for count in range(number):
        address = ipaddress.ip_address(first + (count * 7919) % addresses)
        moment = start + timedelta(seconds=dice.randrange(86400))
        country, region, city = dice.choice(CITIES)
        yield (
            f'"{moment:%Y-%m-%d %H:%M:%S}","medium","{address}","udp",53,"host-{count % addresses}.example.net","openresolver,dns",64496,'
            f'"{country}","{region}","{city}",517311,"ptr","Communications, Service Provider",{dice.uniform(1, 9):.4f},'
            f'"dnsmasq-2.{dice.randrange(40, 90)}",,,{dice.randrange(100)}'
        )


def customers(number: int = 1000, *, addresses: int = 100_000) -> str:
    """A customer CSV: the addresses in equal blocks of a power of two."""
    first = int(NETWORK.network_address)
    block = 1 << max(0, (addresses // number).bit_length() - 1)
    lines = ["prefix,customer id,name,email,language"]
    for position in range(0, addresses, block):
        prefix = ipaddress.ip_network((first + position, 33 - block.bit_length()))
        customer = position // block
        lines.append(f"{prefix},C-{customer},Customer {customer},contact{customer}@example.org,en")
    return "\n".join(lines) + "\n"
