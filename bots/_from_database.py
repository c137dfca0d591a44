# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the bots share that take their work from the database: when they look, and what a message in their queue means."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from intelmq.lib.exceptions import PipelineError

from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
from abusehandler.errors import ConfigurationError
from abusehandler.tickets.database import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abusehandler.bots._batch import Message


class DatabaseWorkBot(BoxBot, BatchBot):
    """Mix-in before IntelMQ's OutputBot. Any number of these bots may run: who does what, the database says."""

    longest_wait: float = 30

    #: What a dry run is told instead of any work.
    _in_a_dry_run: ClassVar[str] = "Nothing is done in a dry run."
    _next = 0.0

    def work(self) -> float:
        """Does what is due. Returns after how many seconds there may be more; `longest_wait` is the most that counts."""
        raise NotImplementedError

    def handle(self, messages: Sequence[Message]) -> Iterable[tuple[str, Message]]:
        """Whatever is sent to this bot's queue only wakes it."""
        if self.box.database.dry_run:
            self.logger.info(self._in_a_dry_run)
        else:
            self._work_now()
        return ()

    def idle(self) -> None:
        if time.monotonic() >= self._next:
            self._work_now()

    def _work_now(self) -> None:
        try:
            pause = self.work()
        except (Unavailable, ConfigurationError) as error:
            raise PipelineError(str(error)) from error
        self._next = time.monotonic() + min(max(pause, 0.0), self.longest_wait)
