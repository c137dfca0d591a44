# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whose an address is that is not ours: told from what the registries said before, asked in the background.

Settings of `last_resort`: `connector: rdap`; `answers`: `reason` (default: the event stays nobody's, the holder and the
abuse contact stand in the reason) or `customer` (for those who care for other networks as well: the registered network
becomes the customer, with its abuse contact); `per_minute` (30) requests; `keep_days` (7); `bootstrap_url`.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
import time
from collections import OrderedDict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.addresses import address_text, parse_address
from abusehandler.crm_connector.customer import Contact, Customer
from abusehandler.crm_connector.outside.bootstrap import IANA
from abusehandler.crm_connector.outside.rdap import Rdap, RdapError
from abusehandler.crm_connector.outside.registered_networks import RegisteredNetworks
from abusehandler.crm_connector.question import Answer
from abusehandler.crm_connector.settings import number_setting
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from abusehandler.crm_connector.outside.registered_network import RegisteredNetwork

_LOG = logging.getLogger(__name__)
_KNOWN = ("connector", "answers", "per_minute", "keep_days", "bootstrap_url")
_MOST_WAITING = 10_000
_MOST_TRIES = 6
_UNKNOWN_YET = "not ours; whose it is has been asked of the registry and is not known yet"


class LastResort:
    """Answers for foreign addresses. `folder` is the state path, None to remember nothing through restarts."""

    def __init__(self, settings: Mapping[str, Any], folder: Path | None) -> None:
        for key in settings:
            if key not in _KNOWN:
                raise ConfigurationError(f"last_resort: {key}: not known; known are {', '.join(_KNOWN)}")
        if settings.get("connector", "rdap") != "rdap":
            raise ConfigurationError(f"last_resort: connector: write rdap, this is {settings['connector']!r}")
        answers = settings.get("answers", "reason")
        if answers not in ("reason", "customer"):
            raise ConfigurationError(f"last_resort: answers: write reason or customer, this is {answers!r}")
        self._as_customer = answers == "customer"
        self._keep = timedelta(days=number_setting(settings, "keep_days", 7, 0.01, 366))
        per_minute = number_setting(settings, "per_minute", 30, 0.1, 6000)
        url = str(settings.get("bootstrap_url", IANA))
        if not url.startswith(("https://", "http://127.0.0.1:", "http://[::1]:", "http://localhost:")):
            raise ConfigurationError(f"last_resort: bootstrap_url: write an address with https://, this is {url!r}")
        folder = None if folder is None else folder / "registry"
        self._known = RegisteredNetworks(None if folder is None else folder / "networks", self._keep.total_seconds())
        self._rdap = Rdap(folder, per_minute, url)
        self._lock = threading.Condition()
        #: address → (tries, when to ask again)
        self._waiting: OrderedDict[tuple[int, int], tuple[int, float]] = OrderedDict()
        self._thread: threading.Thread | None = None
        self.trouble = ""

    def answer(self, address: str) -> Answer | None:
        """What is known about a foreign address; None if it is no address of the Internet. Never waits."""
        try:
            bits, number = parse_address(address)
        except ValueError:
            return None
        if not ipaddress.ip_address(address_text(bits, number)).is_global:
            return None
        network = self._known.find(bits, number)
        if network is not None:
            return self._said(network)
        self._ask_later(bits, number)
        return Answer("ambiguous" if self._as_customer else "none", reason=_UNKNOWN_YET)

    def customer(self, key: str) -> Customer | None:
        """The registered network with this id as a customer."""
        network = self._known.by_id(key) if self._as_customer and key.startswith("rdap:") else None
        return None if network is None else _customer(network)

    def ask_now(self, address: str) -> Answer:
        """Ask the registry and wait for it: for people at a command line. Raises RdapError, ValueError."""
        bits, number = parse_address(address)
        if not ipaddress.ip_address(address_text(bits, number)).is_global:
            raise ValueError(f"{address}: nobody's address on the Internet (RFC 6890)")
        network = self._known.find(bits, number)
        if network is None:
            network = self._rdap.network_of(bits, number)
            self._known.add(network)
        return self._said(network)

    def _said(self, network: RegisteredNetwork) -> Answer:
        told = datetime.fromtimestamp(network.told_at, timezone.utc)
        if not network.handle and not network.name:
            return Answer("none", source=network.told_by, reason="not ours, and no registry knows a holder")
        if self._as_customer and network.abuse:
            customer = _customer(network)
            return Answer("one", customer, (), network.told_by, "registered network", told + self._keep)
        span = f"{address_text(network.bits, network.first)} - {address_text(network.bits, network.last)}"
        name = " ".join(filter(None, (network.name or network.handle, network.country)))
        abuse = f"abuse contact {', '.join(network.abuse)}" if network.abuse else "no abuse contact is registered"
        reason = f"not ours but {name}, {span}; {abuse} (registry, {told:%Y-%m-%d})"
        return Answer("none", source=network.told_by, reason=reason)

    def _ask_later(self, bits: int, number: int) -> None:
        with self._lock:
            if (bits, number) in self._waiting or len(self._waiting) >= _MOST_WAITING:
                return
            self._waiting[bits, number] = (0, 0.0)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="customers-rdap", daemon=True)
                self._thread.start()
            self._lock.notify()

    def _next(self) -> tuple[int, int]:
        with self._lock:
            while True:
                now = time.monotonic()
                due = [(when, key) for key, (_, when) in self._waiting.items()]
                ready = next((key for when, key in due if when <= now), None)
                if ready is not None:
                    return ready
                self._lock.wait(min(when for when, _ in due) - now if due else None)

    def _work(self) -> None:
        while True:
            bits, number = self._next()
            again = 0.0
            try:
                self._known.take_news()
                if self._known.find(bits, number) is None:
                    self._known.add(self._rdap.network_of(bits, number))
                self.trouble = ""
            except RdapError as error:
                again = error.retry_after
                self.trouble = str(error)
                _LOG.info("Registry: %s", error)
            except Exception as error:  # this thread must live as long as the bot
                again = 600.0
                self.trouble = f"{type(error).__name__}: {error}"
                _LOG.warning("Registry: %s", self.trouble)
            with self._lock:
                tries, _ = self._waiting.pop((bits, number), (0, 0.0))
                if again and again < 86400.0 and tries + 1 < _MOST_TRIES:
                    self._waiting[bits, number] = (tries + 1, time.monotonic() + again)


def _customer(network: RegisteredNetwork) -> Customer:
    contacts = tuple(Contact(email) for email in network.abuse)
    return Customer(network.id, network.name, "", contacts, {"country": network.country} if network.country else {})
