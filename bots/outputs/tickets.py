# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stores events and their tickets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from intelmq.lib.bot import OutputBot

from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
from abusehandler.bots._schedule import notice_schedule
from abusehandler.tickets.aggregate import TicketStore
from abusehandler.tickets.incoming import Incoming

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abusehandler.bots._batch import Message


#: How often it looks for tickets that a new reading has emptied.
LOOK_AT_EMPTIED_SECONDS = 60


class AbuseTicketOutputBot(BoxBot, BatchBot, OutputBot):
    """Puts events into PostgreSQL and opens or continues the tickets of their customers.

    A batch is acknowledged after its commit; one that is delivered again changes nothing.

    Parameters:
        batch_size: events in one transaction at most
    """

    batch_size: int = 1000
    gather_seconds: float = 0.2

    def prepare(self) -> None:
        configuration = self.box.configuration
        incoming = Incoming(
            self.box.catalogue, notice_schedule(configuration), ipv6_prefix=configuration.tickets.ipv6_prefix
        )
        self._store = TicketStore(self.box.database, incoming)

    def handle(self, messages: Sequence[Message]) -> Iterable[tuple[str, Message]]:
        stored = self._store.store(messages)
        self.logger.debug(
            "Stored %d events in %d tickets, %d without a ticket; %d were known.",
            stored.events,
            stored.tickets,
            stored.foreign,
            stored.known,
        )
        return ()

    def idle(self) -> None:
        """Closes tickets that lost all their events when a report was read again."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_AT_EMPTIED_SECONDS
        closed = self.box.rereading.close_emptied()
        if closed:
            self.logger.info("Tickets without any event left after a new reading were closed: %s.", closed)

    _next_look = 0.0


BOT = AbuseTicketOutputBot
