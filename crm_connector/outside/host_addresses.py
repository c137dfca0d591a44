# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a host name points: asks the DNS for many names at once, within a bounded time, and remembers the answers.

Reports of phishing pages often name a host and no address. What the DNS says when the report is worked on is the best
that can be known; it goes into the answer, because it may be another tomorrow.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dns.exception
import dns.rdatatype
import dns.resolver

from abusehandler.crm_connector.addresses import parse_address
from abusehandler.crm_connector.name_index import host_key
from abusehandler.crm_connector.settings import number_setting
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LOG = logging.getLogger(__name__)
_KNOWN = ("seconds", "name_servers", "oldest_days", "port")
_WORKERS = 16
_MOST_WAITING = 5_000
_MOST_REMEMBERED = 100_000
#: Addresses of one name that are looked at; more is a content network, or an attack.
_MOST_ADDRESSES = 20
#: Seconds an answer is believed, whatever its TTL says; how long a failure is.
_SHORTEST, _LONGEST, _FAILED = 30.0, 3600.0, 60.0
#: So many batches without a single answer, and the DNS is left alone for a while (seconds).
_BATCHES_IN_VAIN, _PAUSE = 3, 60.0


@dataclass(frozen=True, slots=True)
class _Remembered:
    addresses: tuple[str, ...]
    until: float
    #: When somebody answered; 0 if nobody did.
    answered: float


class HostAddresses:
    """Asks the resolvers of this machine, or `name_servers`.

    Settings: `seconds` (2): so long all names of one batch may take together; names that take longer are remembered for
    the next event; `name_servers`: a list of addresses; `oldest_days` (7): for older events the DNS of today says nothing.
    Raises ConfigurationError.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        for key in settings:
            if key not in _KNOWN:
                raise ConfigurationError(f"host_fallback: {key}: not known; known are {', '.join(_KNOWN)}")
        self._seconds = number_setting(settings, "seconds", 2, 0.05, 30)
        self.oldest_seconds = number_setting(settings, "oldest_days", 7, 0.01, 3660) * 86400
        try:
            self._resolver = _resolver(settings)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise ConfigurationError(
                f"host_fallback: {error}; write name_servers: [192.0.2.53], or mend /etc/resolv.conf"
            ) from error
        self._resolver.lifetime = max(1.0, min(self._seconds * 2, 10.0))
        self._resolver.timeout = max(0.5, min(self._seconds, 5.0))
        self._lock = threading.Condition()
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._asking: set[str] = set()
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._in_vain = 0
        self._not_before = 0.0

    def addresses_of(self, hosts: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The addresses of each host, in the spelling it was given in; none for what is no name, unknown or too slow.

        Waits `seconds` at most for all of them together. Never raises.
        """
        names = {}
        for host in hosts:
            try:
                names[host] = host_key(host)
            except ValueError:
                continue
        end = time.monotonic() + self._seconds
        wanted = set(names.values())
        with self._lock:
            missing = {name for name in wanted if not self._fresh(name)}
            # A name that an earlier batch has waited for in vain is not waited for again.
            missing -= self._asking
            if missing and time.monotonic() >= self._not_before:
                begin = time.monotonic()
                self._ask(missing)
                while missing & self._asking:
                    left = end - time.monotonic()
                    if left <= 0 or not self._lock.wait(left):
                        break
                self._judge(missing, begin)
            return {host: self._remembered[name].addresses for host, name in names.items() if self._fresh(name)}

    def _fresh(self, name: str) -> bool:
        known = self._remembered.get(name)
        return known is not None and known.until > time.monotonic()

    def _ask(self, names: set[str]) -> None:
        while len(self._workers) < min(_WORKERS, len(names)):
            worker = threading.Thread(target=self._work, name="customers-dns", daemon=True)
            self._workers.append(worker)
            worker.start()
        for name in sorted(names - self._asking):
            if len(self._asking) >= _MOST_WAITING:
                return
            self._asking.add(name)
            self._waiting.put(name)

    def _judge(self, names: set[str], since: float) -> None:
        """Circuit breaker: a resolver that answers nothing would cost each batch its whole time."""
        if any(name in self._remembered and self._remembered[name].answered >= since for name in names):
            self._in_vain = 0
            return
        self._in_vain += 1
        if self._in_vain >= _BATCHES_IN_VAIN:
            _LOG.warning("The DNS did not answer %d times in a row; it is left alone for %d s.", self._in_vain, _PAUSE)
            self._not_before = time.monotonic() + _PAUSE
            self._in_vain = 0

    def _work(self) -> None:
        while True:
            name = self._waiting.get()
            addresses, seconds, told = self._resolve(name)
            with self._lock:
                self._asking.discard(name)
                now = time.monotonic()
                self._remembered[name] = _Remembered(addresses, now + seconds, now if told else 0.0)
                self._remembered.move_to_end(name)
                while len(self._remembered) > _MOST_REMEMBERED:
                    self._remembered.popitem(last=False)
                self._lock.notify_all()

    def _resolve(self, name: str) -> tuple[tuple[str, ...], float, bool]:
        """(addresses, for how long, whether anybody answered)."""
        addresses: list[str] = []
        seconds = _LONGEST
        told = False
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            try:
                answer = self._resolver.resolve(f"{name}.", kind, search=False, raise_on_no_answer=False)
            except dns.resolver.NXDOMAIN:
                return (), _FAILED, True
            except dns.resolver.NoNameservers:  # refused, or the name's own servers are broken: an answer of a kind
                seconds, told = _FAILED, True
                continue
            except (dns.exception.DNSException, OSError, ValueError):
                seconds = _FAILED
                continue
            told = True
            for record in answer.rrset or ():
                address = getattr(record, "address", "")
                if len(addresses) < _MOST_ADDRESSES and address:
                    parse_address(address)
                    addresses.append(address)
            if answer.rrset is not None:
                seconds = min(seconds, max(_SHORTEST, float(answer.rrset.ttl)))
        # Servers rotate them; people who compare two answers want one order.
        return tuple(sorted(addresses)), seconds if addresses else _FAILED, told


def _resolver(settings: Mapping[str, Any]) -> dns.resolver.Resolver:
    servers = settings.get("name_servers")
    if servers is None:
        return dns.resolver.Resolver()
    if not isinstance(servers, list) or not servers:
        raise ValueError(f"name_servers: a list of addresses, this is {servers!r}")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [str(server) for server in servers]
    resolver.port = int(number_setting(settings, "port", 53, 1, 65535))
    return resolver
