# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""All that finds values in running text, in one place for the readers of machine formats."""

from __future__ import annotations

from abusehandler.reports.freetext.addresses import FoundAddress, canonical, find_addresses, is_public
from abusehandler.reports.freetext.names import (
    FoundName,
    find_hosts,
    find_mail_addresses,
    find_urls,
    host_name,
    registered_domain,
)
from abusehandler.reports.freetext.ports import FoundPort, find_ports
from abusehandler.reports.freetext.refang import Refanged, refang
from abusehandler.reports.freetext.times import FoundTime, find_times
from abusehandler.reports.freetext.zones import stated_zone

__all__ = [
    "FoundAddress", "FoundName", "FoundPort", "FoundTime", "Refanged", "canonical", "find_addresses", "find_hosts", "find_mail_addresses",
    "find_ports", "find_times", "find_urls", "host_name", "is_public", "refang", "registered_domain", "stated_zone",
]  # fmt: skip
