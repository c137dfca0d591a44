# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Own assets first: only addresses and names of our own networks become subjects of tickets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abusehandler.reports.context import OwnAssets, ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.reading import Reading


def keep_ours(reading: Reading, context: ReadContext) -> Reading:
    """The reading with those events only whose address or host is ours; unchanged when no own assets are configured."""
    if not context.own:
        return reading
    kept = tuple(read for read in reading.events if is_ours(read.event, context.own))
    return reading if len(kept) == len(reading.events) else replace(reading, events=kept)


def is_ours(event: Event, own: OwnAssets) -> bool:
    """Whether the event is about one of our addresses or host names."""
    address, name = event.get("source.ip"), event.get("source.fqdn")
    return bool(address and own.has_address(str(address))) or bool(name and own.has_host(str(name)))
