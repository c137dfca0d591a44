# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells other programs what happens."""

from __future__ import annotations

import time

from intelmq.lib.bot import OutputBot

from abusehandler.bots._from_database import DatabaseWorkBot
from abusehandler.tickets.webhooks.outbox import WebhookOutbox
from abusehandler.tickets.webhooks.sender import WebhookSender
from abusehandler.tickets.webhooks.target import Reach

#: Messages that are over are removed so often.
FORGET_EVERY = 3600.0


class AbuseWebhooksOutputBot(DatabaseWorkBot, OutputBot):
    """Sends the messages of webhooks (`abusehandler webhook`, docs/api.md), signed, again and again until they are taken.

    It takes its work from the database, not from its queue; any number of these bots may run.

    Parameters:
        longest_wait: seconds after which it looks for due messages at the latest
    """

    longest_wait: float = 5
    _in_a_dry_run = "Nothing is sent in a dry run; 'abusehandler webhook list' shows what waits."

    def prepare(self) -> None:
        settings = self.box.configuration
        self._outbox = WebhookOutbox(self.box.database, public_url=settings.portal.public_url)
        reach = Reach.of(settings.webhooks.allowed_networks, settings.networks.prefixes)
        self._sender = WebhookSender(self._outbox, reach, seconds=settings.webhooks.timeout_seconds)

    def work(self) -> float:
        sent = self._sender.run()
        if time.monotonic() >= self._forget:
            self._outbox.forget()
            self._forget = time.monotonic() + FORGET_EVERY
        if sent.delivered or sent.failed:
            self.logger.info("%d messages to webhooks delivered, %d failed.", sent.delivered, sent.failed)
        return 0 if sent.more else self.longest_wait

    _forget = 0.0


BOT = AbuseWebhooksOutputBot
