# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""From which address a request comes, with web servers of ours in front."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import Request


def client_address(request: Request, proxies: int) -> str:
    """The address that the outermost of our own `proxies` saw; whatever stands before it in X-Forwarded-For is the client's
    own claim. For throttling IPv6 counts by /64, because a client has all of it.
    """
    address = request.client.host if request.client else ""
    if proxies:
        hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
        if len(hops) >= proxies:
            address = hops[-proxies]
    try:
        value = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(value, ipaddress.IPv6Address):
        if value.ipv4_mapped is not None:
            return str(value.ipv4_mapped)
        return str(ipaddress.ip_network((value, 64), strict=False))
    return str(value)
