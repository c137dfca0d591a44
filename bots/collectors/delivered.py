# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Hands on what `abusehandler deliver` has stored for a mail server, and the API for other programs."""

from __future__ import annotations

from intelmq.lib.bot import CollectorBot

from abusehandler.bots._intake import IntakeCollector
from abusehandler.tickets.reports import API_CHANNEL

#: Name under which PostgreSQL tells that a report was stored (NOTIFY).
STORED = "abusehandler_report"


class DeliveredReportsCollectorBot(IntakeCollector, CollectorBot):
    """Hands on the mails that a mail server delivered with `abusehandler deliver` (pipe or LMTP), and reports that came by the API,
    as soon as they are stored.

    Parameters:
        channel: name given to `abusehandler deliver --channel`
    """

    channel: str = "pipe"
    rate_limit: int = 0

    #: Seconds to wait for PostgreSQL's word before looking again all the same.
    _longest_wait = 10.0

    def take_new(self) -> None:
        self.box.database.wait_for(STORED, self._longest_wait)

    def channels(self) -> list[str]:
        return [self.channel, API_CHANNEL]


BOT = DeliveredReportsCollectorBot
