# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a reported mail came from, by its Received headers (RFC 5321 section 4.4), with care.

Only the lines that the reporter's own servers wrote can be believed; the first hop that names a public peer is the
place where the mail entered. Everything below may be forged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.reports.formats import values

if TYPE_CHECKING:
    from abusehandler.reports.mail.message import Mail

_PEER = re.compile(
    r"\bfrom\s{1,5}[^\s(\[]{0,255}\s{0,5}[(\[]?(?:[^()\[\]]{0,120})[\[(](?:IPv6:)?([0-9A-Fa-f.:]{3,45})[\])]", re.I
)
_OTHER_HEADERS = ("x-originating-ip", "x-source-ip", "x-sender-ip", "x-remote-ip", "x-real-ip", "x-client-ip")


def first_external_hop(mail: Mail) -> str:
    """The public address that handed the mail to the reporter's servers, else empty."""
    for value in mail.header_all("received")[:30]:
        match = _PEER.search(value[:2000].split(" by ")[0] if value[:5].lower() == "from " else value[:2000])
        if match and (found := values.address(match[1])):
            return found
    return next((found for name in _OTHER_HEADERS if (found := values.address(mail.header(name)))), "")
