# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What bots/_intelmq.py takes from the inside of IntelMQ is still there. Fails when an IntelMQ upgrade moves it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from intelmq.lib.bot import Bot, CollectorBot, ExpertBot, OutputBot, ParserBot
from intelmq.lib.bot_debugger import BotDebugger
from intelmq.lib.pipeline import Pipeline, Redis

from abusehandler.bots import _intelmq

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis


class SilentExpertBot(ExpertBot):
    def process(self) -> None:
        return


@pytest.fixture
def bot(make_bot: Callable[..., Any]) -> Any:
    return make_bot(SilentExpertBot)


def test_attributes_of_a_bot(bot: Any) -> None:
    for name in (
        _intelmq.SOURCE,
        _intelmq.DESTINATION,
        _intelmq.CURRENT_MESSAGE,
        _intelmq.COUNTER,
        _intelmq.LOG_EVERY,
        _intelmq.SIGHUP,
    ):
        assert hasattr(bot, name), name
    assert callable(getattr(bot, _intelmq.HANDLE_SIGHUP))
    counter = getattr(bot, _intelmq.COUNTER)
    assert {"since", "start", "success", "failure", "path"} <= counter.keys()
    assert isinstance(bot.log_processed_messages_count, int)
    assert isinstance(bot._message_processed_verb, str)


def test_pipelines(bot: Any) -> None:
    source, destination = _intelmq.source(bot), _intelmq.destination(bot)
    assert type(source) is Redis
    assert type(destination) is Redis
    assert source.source_queue == "test-queue"
    assert _intelmq.destination_queues(bot) == {"_default": ["next-queue"]}
    assert _intelmq.redis_client(source).ping()


def test_names_of_the_redis_queues(bot: Any, queues: redis.Redis) -> None:
    """Stock bots and intelmqctl know the queues by these names and this order."""
    source = _intelmq.source(bot)
    assert source is not None
    queues.lpush("test-queue", b'{"__type": "Event", "extra.n": 1}', b'{"__type": "Event", "extra.n": 2}')
    assert "1" in source.receive()
    assert queues.lrange("test-queue-internal", 0, -1) == [b'{"__type": "Event", "extra.n": 1}']


def test_counting(bot: Any) -> None:
    _intelmq.count(bot, "_default", 7)
    _intelmq.count_taken(bot, 7)
    counter = getattr(bot, _intelmq.COUNTER)
    assert counter["path"]["_default"] == 7
    assert counter["success"] == 6


def test_methods_that_intelmqctl_run_replaces() -> None:
    source = inspect.getsource(BotDebugger)
    for replaced in ("instance.send_message =", "instance.acknowledge_message =", "_Bot__source_pipeline.receive ="):
        assert replaced in source


def test_debugging_is_seen(bot: Any) -> None:
    assert not _intelmq.being_debugged(bot)
    bot.send_message = lambda *_: None
    assert _intelmq.being_debugged(bot)
    assert not _intelmq.dry_run(bot)
    bot.acknowledge_message = lambda *_: None
    assert _intelmq.dry_run(bot)


@pytest.mark.parametrize("method", ["receive_message", "send_message", "acknowledge_message", "_dump_message", "start"])
def test_methods_of_a_bot(method: str) -> None:
    for kind in (CollectorBot, ParserBot, ExpertBot, OutputBot):
        assert callable(getattr(kind, method))
    assert issubclass(Redis, Pipeline)
    assert issubclass(kind, Bot)
