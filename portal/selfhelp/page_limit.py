# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How many pages one address may open: a bucket for each, kept in memory of this process."""

from __future__ import annotations

import threading
import time

#: So many addresses are remembered; beyond that the fullest buckets, which belong to quiet addresses, are forgotten.
MOST_ADDRESSES = 50_000


class PageLimit:
    """`per_minute` pages, and as many at once. Safe for threads."""

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._rate = per_minute / 60.0
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, address: str, cost: float = 1.0) -> bool:
        """Whether this address may go on; takes `cost` from its bucket, which may go below nothing."""
        now = time.monotonic()
        with self._lock:
            left, at = self._buckets.get(address, (self._most, now))
            left = min(self._most, left + (now - at) * self._rate)
            allowed = left >= 1.0
            self._buckets[address] = (max(left - cost, -self._most) if allowed else left, now)
            if len(self._buckets) > MOST_ADDRESSES:
                self._forget(now)
        return allowed

    def _forget(self, now: float) -> None:
        full = [one for one, (left, at) in self._buckets.items() if left + (now - at) * self._rate >= self._most]
        for address in full or list(self._buckets)[: MOST_ADDRESSES // 2]:
            del self._buckets[address]
