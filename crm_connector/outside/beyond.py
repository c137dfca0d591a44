# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Second thoughts about events that are nobody's: by where their host points, then by whose the address is."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.outside.host_addresses import HostAddresses
from abusehandler.crm_connector.outside.last_resort import LastResort
from abusehandler.crm_connector.question import Answer, Query
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from abusehandler.crm_connector.customer import Customer

#: Keys of the `customers:` section that are read here.
BEYOND_SETTINGS = ("host_fallback", "last_resort")


class Beyond:
    """What is asked when no source knows a holder."""

    def __init__(self, hosts: HostAddresses | None, last_resort: LastResort | None) -> None:
        self._hosts = hosts
        self.last_resort = last_resort

    def improve(
        self, queries: Sequence[Query], answers: list[Answer], ask: Callable[[Sequence[Query]], list[Answer]]
    ) -> list[Answer]:
        """The same answers, with better ones where the outcome was `none`. `ask` looks addresses up in our own data."""
        open_ones = [at for at, answer in enumerate(answers) if answer.outcome == "none"]
        if not open_ones:
            return answers
        if self._hosts is not None:
            self._by_hosts(queries, answers, open_ones, ask)
        if self.last_resort is not None:
            for at in open_ones:
                address = queries[at].address
                if address and answers[at].outcome == "none":
                    answers[at] = self.last_resort.answer(address) or answers[at]
        return answers

    def customer(self, key: str) -> Customer | None:
        """A customer that only the registry knows."""
        return self.last_resort.customer(key) if self.last_resort is not None else None

    def problems(self) -> list[str]:
        """What a person should know."""
        trouble = self.last_resort.trouble if self.last_resort is not None else ""
        return [f"last_resort: {trouble}"] if trouble else []

    def _by_hosts(
        self,
        queries: Sequence[Query],
        answers: list[Answer],
        open_ones: Sequence[int],
        ask: Callable[[Sequence[Query]], list[Answer]],
    ) -> None:
        assert self._hosts is not None
        oldest = time.time() - self._hosts.oldest_seconds
        wanted = [
            (at, host)
            for at in open_ones
            if (host := queries[at].host) and not queries[at].address and queries[at].at.timestamp() >= oldest
        ]
        if not wanted:
            return
        pointed = self._hosts.addresses_of({host for _, host in wanted})
        now = datetime.now(timezone.utc)
        for at, host in wanted:
            query = queries[at]
            asked = [Query(address, query.at, query.port) for address in pointed.get(host, ())]
            if asked:
                answers[at] = _of_one_host(host, asked, ask(asked), now)


def _of_one_host(host: str, asked: Sequence[Query], answers: Sequence[Answer], now: datetime) -> Answer:
    """One answer from those for all addresses of a host; foreign addresses beside one of ours do not matter."""
    ours = [(query.address, answer) for query, answer in zip(asked, answers, strict=True) if answer.outcome != "none"]
    if not ours:
        pointed = ", ".join(str(query.address) for query in asked[:5])
        return Answer("none", reason=f"{host} was {pointed} in the DNS at {now:%Y-%m-%d %H:%M} UTC, which is nobody's")
    address, first = ours[0]
    source = f"{first.source}; {host} was {address} in the DNS at {now:%Y-%m-%d %H:%M} UTC"
    holders = {answer.customer.id for _, answer in ours if answer.customer is not None}
    if len(holders) == 1 and all(answer.outcome == "one" for _, answer in ours):
        return first._replace(source=source)
    candidates = tuple(dict.fromkeys(candidate for _, answer in ours for candidate in answer.candidates))
    named = ", ".join(f"{address} of {answer.customer.id if answer.customer else '?'}" for address, answer in ours[:5])
    reason = f"{host} points to several customers: {named}" if len(ours) > 1 else first.reason
    return Answer("ambiguous", None, candidates, source, reason)


def open_beyond(settings: Mapping[str, Any], state: Path | None) -> Beyond | None:
    """From a `customers:` section; None if neither is wanted. Raises ConfigurationError."""
    parts = {}
    for key in BEYOND_SETTINGS:
        value = settings.get(key)
        if value in (None, False):
            continue
        if value is not True and not isinstance(value, dict):
            raise ConfigurationError(f"customers: {key}: write true, or its settings, this is {value!r}")
        parts[key] = {} if value is True else value
    if not parts:
        return None
    hosts = HostAddresses(parts["host_fallback"]) if "host_fallback" in parts else None
    return Beyond(hosts, LastResort(parts["last_resort"], state) if "last_resort" in parts else None)
