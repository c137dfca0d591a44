# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stores events and their tickets."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from intelmq.lib.bot import OutputBot

from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
from abusehandler.configuration.sending import notice_schedule
from abusehandler.tickets.aggregate import TicketStore
from abusehandler.tickets.incoming import Incoming

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abusehandler.bots._batch import Message
    from abusehandler.tickets.rules import Rules


#: How often it looks for tickets that a new reading has emptied.
LOOK_AT_EMPTIED_SECONDS = 60


class AbuseTicketOutputBot(BoxBot, BatchBot, OutputBot):
    """Puts events into PostgreSQL and opens or continues the tickets of their customers.

    A batch is acknowledged after its commit; one that is delivered again changes nothing. What makes events one ticket and
    what reopens a closed one stands in rules.yaml, which is read again when it has changed; while it is wrong, the rules
    that were right last go on.

    Parameters:
        batch_size: events taken and acknowledged at once; each thousand is a transaction
    """

    batch_size: int = 3000
    gather_seconds: float = 0.2

    def prepare(self) -> None:
        # the store's thread has little to do between two answers of PostgreSQL, and should not wait for its turn
        sys.setswitchinterval(0.0005)
        self._rules = self.box.rules.now()
        self._store = TicketStore(self.box.database, self._incoming())

    def _incoming(self) -> Incoming:
        configuration = self.box.configuration
        schedule = notice_schedule(configuration, self._rules)
        return Incoming(self.box.catalogue, schedule, ipv6_prefix=configuration.tickets.ipv6_prefix, rules=self._rules)

    def handle(self, messages: Sequence[Message]) -> Iterable[tuple[str, Message]]:
        self._look_at_rules()
        stored = self._store.store(messages)
        self.logger.debug(
            "Stored %d events in %d tickets (%d reopened), %d without a ticket; %d were known.",
            stored.events,
            stored.tickets,
            stored.reopened,
            stored.foreign,
            stored.known,
        )
        return ()

    def _look_at_rules(self) -> None:
        rules = self.box.rules.right(self.logger.error)
        if rules is not self._rules:
            self._rules = rules
            self._store.use(self._incoming())

    _rules: Rules

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
