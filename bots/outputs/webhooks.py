# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells other programs what happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from intelmq.lib.bot import OutputBot
from intelmq.lib.exceptions import PipelineError

from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.webhooks.outbox import WebhookOutbox
from abusehandler.tickets.webhooks.sender import WebhookSender
from abusehandler.tickets.webhooks.target import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abusehandler.bots._batch import Message

#: Messages that are over are removed so often.
FORGET_EVERY = 3600.0


class AbuseWebhooksOutputBot(BoxBot, BatchBot, OutputBot):
    """Sends the messages of webhooks (`abusehandler webhook`, docs/api.md), signed, again and again until they are taken.

    It takes its work from the database, not from its queue; any number of these bots may run.

    Parameters:
        longest_wait: seconds after which it looks for due messages at the latest
    """

    longest_wait: float = 5

    def prepare(self) -> None:
        settings = self.box.configuration
        self._outbox = WebhookOutbox(self.box.database, public_url=settings.portal.public_url)
        reach = Reach.of(settings.webhooks.allowed_networks, settings.networks.prefixes)
        self._sender = WebhookSender(self._outbox, reach, seconds=settings.webhooks.timeout_seconds)

    def handle(self, messages: Sequence[Message]) -> Iterable[tuple[str, Message]]:
        """Whatever is sent to this bot's queue only wakes it."""
        if self.box.database.dry_run:
            self.logger.info("Nothing is sent in a dry run; 'abusehandler webhook list' shows what waits.")
        else:
            self._run()
        return ()

    def idle(self) -> None:
        if time.monotonic() >= self._next:
            self._run()

    _next = 0.0
    _forget = 0.0

    def _run(self) -> None:
        try:
            sent = self._sender.run()
            if time.monotonic() >= self._forget:
                self._outbox.forget()
                self._forget = time.monotonic() + FORGET_EVERY
        except Unavailable as error:
            raise PipelineError(str(error)) from error
        if sent.delivered or sent.failed:
            self.logger.info("%d messages to webhooks delivered, %d failed.", sent.delivered, sent.failed)
        self._next = time.monotonic() + (0 if sent.more else self.longest_wait)


BOT = AbuseWebhooksOutputBot
