# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The whole page, whatever is away: a source that cannot be asked is told by `abusehandler_source_up`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import redis

from abusehandler import __version__
from abusehandler.errors import AbusehandlerError
from abusehandler.installer.metrics.exposition import Metric, as_text, by_label, gauge
from abusehandler.installer.metrics.of_database import database_metrics
from abusehandler.installer.metrics.of_machine import bot_metrics, disk_metrics, queue_metrics
from abusehandler.tickets.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.installer.doctor.examined import Examined


class Page:
    """Keeps its connection to the database from one page to the next. Not for threads."""

    def __init__(self, examined: Examined) -> None:
        self._examined = examined
        self._database = Database(examined.configuration.database.dsn, application="abusehandler metrics")

    def text(self) -> str:
        """Never raises for a server that is away."""
        begin = time.perf_counter()
        up: dict[str, float] = {}
        sources: dict[str, Callable[[], list[Metric]]] = {
            "database": lambda: database_metrics(self._database),
            "queues": lambda: queue_metrics(self._examined),
            "bots": lambda: bot_metrics(self._examined),
            "disks": lambda: disk_metrics(self._examined),
        }
        metrics = [Metric("info", "gauge", "The program.", (({"version": __version__}, 1.0),))]
        for name, source in sources.items():
            try:
                metrics += source()
                up[name] = 1.0
            except (AbusehandlerError, redis.RedisError, OSError):
                up[name] = 0.0
        metrics.append(by_label("source_up", "1 if these numbers could be read.", "source", up))
        metrics.append(gauge("page_seconds", "How long making this page took.", round(time.perf_counter() - begin, 6)))
        return as_text(metrics)

    def close(self) -> None:
        self._database.close()
