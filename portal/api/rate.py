# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How often one token may ask: a bucket that fills again, for each process."""

from __future__ import annotations

import threading
import time

#: Buckets that are remembered; full ones are forgotten first, which changes nothing.
MOST = 10_000


class RateLimit:
    """`per_minute` requests in a minute for each token; a quarter of them may come at once."""

    def __init__(self, per_minute: int) -> None:
        self._per_second = per_minute / 60
        self._most = max(1.0, per_minute / 4)
        self._buckets: dict[int, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, token: int, now: float | None = None) -> float:
        """0 if the request may go on, else the seconds after which the next one may."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            left, at = self._buckets.get(token, (self._most, moment))
            left = min(self._most, left + (moment - at) * self._per_second)
            if left < 1:
                return (1 - left) / self._per_second
            if len(self._buckets) >= MOST:
                self._forget_full(moment)
            self._buckets[token] = (left - 1, moment)
            return 0

    def _forget_full(self, moment: float) -> None:
        self._buckets = {
            token: (left, at)
            for token, (left, at) in self._buckets.items()
            if left + (moment - at) * self._per_second < self._most
        }
