# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""TXT records for DKIM and ARC, asked in a way that a slow or absent DNS cannot hold up the reading of mail."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dns.resolver import Resolver

#: Seconds that one question may take, all servers and tries together.
LIFETIME = 1.5
#: So many time-outs or refusals in a row, and nothing is asked for PAUSE_SECONDS.
FAILURES_IN_A_ROW = 3
PAUSE_SECONDS = 300.0
MOST_CACHED = 2000
#: Bounds, in seconds, for the time that DNS says an answer may be kept.
SHORTEST_TTL, LONGEST_TTL = 60.0, 3600.0
#: How long it is believed that a name has no record, and that a name cannot be asked for.
NO_RECORD_TTL, FAILED_TTL = 300.0, 60.0
LARGEST_RECORD = 16_384


class TxtRecords:
    """A function from a name to its TXT record (the `TxtLookup` of authenticate.py). Never raises.

    Asks the servers of /etc/resolv.conf, or `nameservers` (addresses) at `port`. One for each process; not for threads.
    `failures` counts the questions that got no answer, those not asked during a pause included, so that a caller can
    tell "no record" from "could not be asked".
    """

    def __init__(
        self, *, nameservers: Sequence[str] = (), port: int = 53, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.failures = 0
        self._nameservers = tuple(nameservers)
        self._port = port
        self._clock = clock
        self._resolver: Resolver | None = None
        self._in_a_row = 0
        self._closed_until = 0.0
        #: name → (until when, record, whether it could be asked)
        self._cache: OrderedDict[str, tuple[float, bytes | None, bool]] = OrderedDict()

    def __call__(self, name: str) -> bytes | None:
        """The record's strings put together (RFC 6376 section 3.6.2.2), the first if there are several; None if none."""
        key = name.lower().rstrip(".")
        now = self._clock()
        until, record, answered = self._cache.get(key, (0.0, None, True))
        if until <= now:
            if now < self._closed_until:
                self.failures += 1
                return None
            seconds, record, answered = self._ask(key)
            self._keep(key, (now + seconds, record, answered))
        if not answered:
            self.failures += 1
        return record

    def _keep(self, key: str, entry: tuple[float, bytes | None, bool]) -> None:
        self._cache[key] = entry
        self._cache.move_to_end(key)
        while len(self._cache) > MOST_CACHED:
            self._cache.popitem(last=False)

    def _ask(self, name: str) -> tuple[float, bytes | None, bool]:
        """Seconds to keep it, the record, and whether DNS answered at all."""
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            wanted = dns.name.from_text(name)
        except (dns.exception.DNSException, ValueError):  # a selector of a stranger, which is no name
            return LONGEST_TTL, None, True
        try:
            answer = self._open().resolve(wanted, "TXT", search=False, lifetime=LIFETIME)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            self._in_a_row = 0
            return NO_RECORD_TTL, None, True
        except dns.resolver.NoNameservers as error:
            # SERVFAIL is the word of a living server about somebody's broken zone
            return self._failed(alive=_has_answered(error))
        except (dns.exception.DNSException, OSError, ValueError):
            return self._failed(alive=False)
        self._in_a_row = 0
        ttl = min(max(float(answer.rrset.ttl if answer.rrset else 0), SHORTEST_TTL), LONGEST_TTL)
        record = b"".join(next(iter(answer)).strings)
        return ttl, record if len(record) <= LARGEST_RECORD else None, True

    def _failed(self, *, alive: bool) -> tuple[float, None, bool]:
        self._in_a_row = 0 if alive else self._in_a_row + 1
        if self._in_a_row >= FAILURES_IN_A_ROW:
            self._in_a_row = 0
            self._closed_until = self._clock() + PAUSE_SECONDS
            self._resolver = None  # /etc/resolv.conf may be another by then
        return FAILED_TTL, None, False

    def _open(self) -> Resolver:
        if self._resolver is None:
            import dns.resolver

            resolver = dns.resolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                resolver.nameservers = list(self._nameservers)
                resolver.port = self._port
            resolver.timeout = resolver.lifetime = LIFETIME
            self._resolver = resolver
        return self._resolver


def _has_answered(error: Exception) -> bool:
    """Whether a server said that it could not find out (SERVFAIL), rather than that it will not answer us."""
    import dns.rcode

    tried = getattr(error, "kwargs", {}).get("errors", [])
    return any(one[4] is not None and one[4].rcode() == dns.rcode.SERVFAIL for one in tried)
