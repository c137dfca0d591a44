# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds the customer who had the address at the time of the event."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from itertools import repeat
from typing import TYPE_CHECKING

from intelmq.lib.bot import ExpertBot

from abusehandler.bots._batch import BatchBot
from abusehandler.bots._box import BoxBot
from abusehandler.bots._customers import open_customers
from abusehandler.configuration import configuration_path
from abusehandler.crm_connector import Query, check_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abusehandler.bots._batch import Message
    from abusehandler.configuration import Configuration


class AbuseCustomerExpertBot(BoxBot, BatchBot, ExpertBot):
    """Adds customer.id, customer.name and customer.match by asking the connector named in abusehandler.yaml (customers).

    Events that belong to nobody of ours get customer.match none, those where two customers fit get ambiguous; both go
    on, so that they are counted, and get no ticket.

    Parameters:
        refresh_seconds: how often the customer data is looked at for changes
    """

    refresh_seconds: int = 60
    batch_size: int = 1000

    _needs_database = False
    _refreshed = 0.0
    _told: frozenset[str] = frozenset()

    def prepare(self) -> None:
        self._directory = open_customers(self.box.configuration)
        self._tell_problems()
        self._refreshed = time.monotonic()

    def handle(self, messages: Sequence[Message]) -> Iterable[tuple[str, Message]]:
        self._refresh()
        answers = self._directory.lookup_addresses(
            [message.get("source.ip") for message in messages], lambda position: _question(messages[position])
        )
        for message, (outcome, customer, _, source, reason, _) in zip(messages, answers, strict=True):
            message["customer.match"] = outcome
            if source:
                message["customer.source"] = source
            if outcome == "one" and customer is not None:
                message["customer.id"] = customer.id
                if customer.name:
                    message["customer.name"] = customer.name
                if customer.language:
                    message["customer.language"] = customer.language
            elif reason:
                message["customer.reason"] = reason
        return zip(repeat("_default"), messages)

    def idle(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        if time.monotonic() - self._refreshed < self.refresh_seconds:
            return
        self._refreshed = time.monotonic()
        if self._directory.refresh():
            self.logger.info("Customer data was read again.")
        self._tell_problems()

    def _tell_problems(self) -> None:
        """Rows left out, a source that is away, data that grew old: each is told when it appears, not at every look."""
        problems = self._directory.problems()
        for problem in problems:
            if problem not in self._told:
                self.logger.warning("Customer data: %s", problem.rstrip(".") + ".")
        self._told = frozenset(problems)

    @classmethod
    def check_configuration(cls, configuration: Configuration) -> list[str]:
        return check_settings(configuration.customers, base=configuration_path().resolve().parent)


def _question(message: Message) -> Query:
    at = message.get("time.source") or message.get("time.observation")
    return Query(
        address=message.get("source.ip"),
        at=datetime.fromisoformat(at) if at else datetime.now(timezone.utc),
        port=message.get("source.port"),
        host=message.get("source.fqdn"),
    )


BOT = AbuseCustomerExpertBot
