# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sends what waits in the outbox of webhooks: several receivers at once, each one message after the other."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from abusehandler.tickets.webhooks.outbox import MOST
from abusehandler.tickets.webhooks.signature import signed_headers
from abusehandler.tickets.webhooks.target import Answer, TargetError, post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.tickets.webhooks.outbox import Message, WebhookOutbox
    from abusehandler.tickets.webhooks.target import Reach

#: Receivers that are spoken to at once.
AT_ONCE = 8
#: Seconds after which a run begins no further message to a receiver: one that is slow must not hold up the others.
RUN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What one run came to. `more`: there may be more that is due."""

    delivered: int = 0
    failed: int = 0
    more: bool = False


class WebhookSender:
    """`seconds`: how long one receiver may take for one message."""

    def __init__(self, outbox: WebhookOutbox, reach: Reach, *, seconds: float = 15) -> None:
        self._outbox = outbox
        self._reach = reach
        self._seconds = seconds

    def run(self) -> Sent:
        """Sends what is due. Raises Unavailable; what was claimed is tried again after its lease then."""
        claimed = self._outbox.claim()
        for message in claimed:
            if not message.payload:
                self._outbox.dropped(message)
        sendable = [message for message in claimed if message.payload]
        by_webhook = [list(group) for _, group in itertools.groupby(sendable, key=lambda message: message.webhook)]
        delivered = failed = 0
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
            # the database is spoken to from this thread alone
            for group, answers in zip(by_webhook, pool.map(self._deliver, by_webhook), strict=True):
                for message, answer in zip(group, answers, strict=True):
                    if self._note(message, answer):
                        delivered += 1
                    else:
                        failed += 1
        return Sent(delivered, failed, len(claimed) >= MOST)

    def _deliver(self, messages: Sequence[Message]) -> list[Answer | str | None]:
        """What became of each, None for those whose turn did not come; when a receiver cannot be reached at all, the rest
        is not tried now.
        """
        answers: list[Answer | str | None] = []
        away = ""
        end = time.monotonic() + RUN_SECONDS
        for message in messages:
            if not away and time.monotonic() > end:
                answers.append(None)
                continue
            if not away:
                body = message.payload.encode()
                headers = signed_headers(message.secret, message.message_id, datetime.now(timezone.utc), body)
                try:
                    answers.append(post(message.url, body, headers, self._reach, seconds=self._seconds))
                    continue
                except TargetError as error:
                    away = str(error)
            answers.append(away)
        return answers

    def _note(self, message: Message, answer: Answer | str | None) -> bool:
        if answer is None:
            self._outbox.give_back(message)
        elif isinstance(answer, str):
            self._outbox.failed(message, answer)
        elif 200 <= answer.status < 300:
            self._outbox.delivered(message, answer)
            return True
        elif answer.status == 410:
            self._outbox.gone(message)
        else:
            why = "a redirect is not followed" if 300 <= answer.status < 400 else answer.text
            self._outbox.failed(message, why, status=answer.status, pause=answer.retry_after)
        return False
