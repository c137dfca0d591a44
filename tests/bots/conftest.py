# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bots in this process, with real Redis queues, a real database and an abusehandler.yaml of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import intelmq.lib.bot
import pytest
from desk_of_test import STOCK_HARMONIZATION, configure

from abusehandler.harmonization.fields import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import redis

    from abusehandler.installer.services import RedisServer


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """IntelMQ's etc/ with our fields in its harmonisation and an abusehandler.yaml without a database."""
    folder = tmp_path / "root" / "etc"
    folder.mkdir(parents=True)
    fields = merged(json.loads(STOCK_HARMONIZATION.read_text(encoding="utf-8")))
    (folder / "harmonization.conf").write_text(json.dumps(fields), encoding="utf-8")
    (folder / "customers.csv").write_text(
        "prefix,customer,name,email\n192.0.2.0/25,C1,Customer One,one@example.com\n"
        "192.0.2.128/25,C2,Customer Two,two@example.com\n2001:db8::/32,C6,Customer Six,six@example.com\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(intelmq.lib.bot, "HARMONIZATION_CONF_FILE", str(folder / "harmonization.conf"))
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(folder / "abusehandler.yaml"))
    configure(folder)
    return folder


@pytest.fixture
def queues(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """The Redis database of the queues, empty."""
    client = redis_server.client()
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def make_bot(
    redis_server: RedisServer, queues: redis.Redis, etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Makes a bot as IntelMQ does, in its library mode, connected to Redis; the test calls `process`."""
    made = []
    # in library mode a bot stops once more at the end of Python, when the servers are gone
    monkeypatch.setattr(intelmq.lib.bot.atexit, "register", lambda function: function)

    def make(kind: type, bot_id: str = "test", **parameters: Any) -> Any:
        settings = {
            "source_pipeline_broker": "redis", "source_pipeline_host": redis_server.socket, "source_pipeline_db": 2,
            "destination_pipeline_broker": "redis", "destination_pipeline_host": redis_server.socket, "destination_pipeline_db": 2,
            "statistics_host": redis_server.socket, "logging_path": str(tmp_path), "logging_level": "DEBUG",
            "source_queue": f"{bot_id}-queue", "destination_queues": {"_default": ["next-queue"]}, **parameters,
        }  # fmt: skip
        bot = kind(bot_id, settings=settings)
        bot._Bot__stats_cache = None
        made.append(bot)
        return bot

    yield make
    for bot in made:
        bot.stop(exitcode=0)
        for handler in bot.logger.handlers[:]:
            bot.logger.removeHandler(handler)
            handler.close()
