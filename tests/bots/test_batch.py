# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The base of our bots: one bad message is dumped alone, an outage dumps nothing, long queues stop the sender."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from desk_of_test import dumped
from intelmq.lib.bot import ExpertBot
from intelmq.lib.exceptions import PipelineError

from abusehandler.bots._batch import BatchBot
from abusehandler.errors import EvidenceError
from abusehandler.tickets.database import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import redis


class NumberExpertBot(BatchBot, ExpertBot):
    """Passes messages on; those with extra.bad fail, and everything fails while `outage` is set."""

    outage: BaseException | None = None
    gather_seconds: float = 0
    wakes = 0

    def init(self) -> None:
        self.batches: list[int] = []

    def handle(self, messages: Sequence[dict[str, Any]]) -> Iterable[tuple[str, dict[str, Any]]]:
        self.batches.append(len(messages))
        if self.outage is not None:
            raise self.outage
        for message in messages:
            if message.get("extra.bad"):
                raise ValueError("this one is bad")
            yield "_default", {**message, "extra.seen": True}

    def idle(self) -> None:
        self.wakes += 1


def put(queues: redis.Redis, count: int, bad: Iterable[int] = ()) -> None:
    for number in range(count):
        message = {"__type": "Event", "extra.number": number}
        if number in bad:
            message["extra.bad"] = True
        queues.lpush("test-queue", json.dumps(message))


def sent(queues: redis.Redis, queue: str = "next-queue") -> list[int]:
    return [json.loads(text)["extra.number"] for text in reversed(queues.lrange(queue, 0, -1))]


def left(queues: redis.Redis) -> int:
    return queues.llen("test-queue") + queues.llen("test-queue-internal")


def work_off(bot: Any, queues: redis.Redis) -> None:
    while left(queues):
        bot.process()


def test_batch_goes_through_in_order(make_bot: Callable[..., Any], queues: redis.Redis) -> None:
    bot = make_bot(NumberExpertBot, batch_size=500)
    put(queues, 500)
    bot.process()
    assert bot.batches == [500]
    assert sent(queues) == list(range(500))
    assert left(queues) == 0


def test_idle_is_called_when_nothing_comes(
    make_bot: Callable[..., Any], queues: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abusehandler.bots._batch.WAIT_SECONDS", 0.01)
    bot = make_bot(NumberExpertBot)
    bot.process()
    assert bot.wakes == 1


@pytest.mark.parametrize("bad", [[0], [250], [499], [3, 4, 400]])
def test_bad_messages_are_dumped_alone_and_the_others_go_on(
    make_bot: Callable[..., Any], queues: redis.Redis, tmp_path: Path, bad: list[int]
) -> None:
    bot = make_bot(NumberExpertBot, batch_size=500)
    put(queues, 500, bad)
    work_off(bot, queues)
    assert sent(queues) == [number for number in range(500) if number not in bad]
    messages = [json.loads(entry["message"]) for entry in dumped(tmp_path)]
    assert [
        message["extra"]["number"] if "extra" in message else message["extra.number"] for message in messages
    ] == bad
    assert "this one is bad" in str(dumped(tmp_path)[0]["traceback"])
    assert dumped(tmp_path)[0]["source_queue"] == "test-queue"


def test_after_a_bad_batch_batches_are_large_again(make_bot: Callable[..., Any], queues: redis.Redis) -> None:
    bot = make_bot(NumberExpertBot, batch_size=10)
    put(queues, 30, [5])
    work_off(bot, queues)
    assert bot.batches == [10, *[1] * 10, 10, 10]


@pytest.mark.parametrize("rubbish", [b"no json", b"[1, 2]", b'"text"', b"", b"\xff\xfe", b'{"__type": "Event"'])
def test_rubbish_is_dumped_alone(
    make_bot: Callable[..., Any], queues: redis.Redis, tmp_path: Path, rubbish: bytes
) -> None:
    bot = make_bot(NumberExpertBot)
    put(queues, 2)
    queues.lpush("test-queue", rubbish)
    put(queues, 2)
    work_off(bot, queues)
    assert sent(queues) == [0, 1, 0, 1]
    assert len(dumped(tmp_path)) == 1


def test_half_a_surrogate_pair_of_a_stock_bot_goes_through(make_bot: Callable[..., Any], queues: redis.Redis) -> None:
    """Stock bots write JSON with \\ud800 where a report held it; orjson does not read that."""
    bot = make_bot(NumberExpertBot)
    queues.lpush("test-queue", b'{"__type": "Event", "extra.number": 1, "extra.text": "half \\ud800"}')
    bot.process()
    assert json.loads(queues.lindex("next-queue", 0))["extra.text"] == "half ?"


def test_bad_message_goes_to_on_error_where_there_is_such_a_path(
    make_bot: Callable[..., Any], queues: redis.Redis
) -> None:
    bot = make_bot(NumberExpertBot, destination_queues={"_default": ["next-queue"], "_on_error": ["error-queue"]})
    put(queues, 3, [1])
    work_off(bot, queues)
    assert sent(queues) == [0, 2]
    assert sent(queues, "error-queue") == [1]


@pytest.mark.parametrize(
    "outage",
    [Unavailable("PostgreSQL is away"), EvidenceError("disk full"), OSError(28, "no space"), ConnectionError()],
)
def test_outage_dumps_nothing_and_the_messages_come_again(
    make_bot: Callable[..., Any], queues: redis.Redis, tmp_path: Path, outage: BaseException
) -> None:
    bot = make_bot(NumberExpertBot)
    put(queues, 20)
    bot.outage = outage
    for _ in range(3):
        with pytest.raises(PipelineError):
            bot.process()
    assert dumped(tmp_path) == []
    assert left(queues) == 20
    bot.outage = None
    work_off(bot, queues)
    assert sent(queues) == list(range(20))


def test_outage_in_the_middle_of_single_trials_dumps_nothing(
    make_bot: Callable[..., Any], queues: redis.Redis, tmp_path: Path
) -> None:
    bot = make_bot(NumberExpertBot)
    put(queues, 5, [0])
    bot.process()
    bot.outage = Unavailable("away")
    with pytest.raises(PipelineError):
        bot.process()
    bot.outage = None
    work_off(bot, queues)
    assert sent(queues) == [1, 2, 3, 4]
    assert len(dumped(tmp_path)) == 1


def test_missing_destination_keeps_the_messages(make_bot: Callable[..., Any], queues: redis.Redis) -> None:
    bot = make_bot(NumberExpertBot, destination_queues={"other": ["x-queue"]})
    put(queues, 3)
    for _ in range(2):
        with pytest.raises(PipelineError, match="_default"):
            bot.process()
    assert left(queues) == 3


def test_long_queue_stops_the_sender_until_it_is_half_as_long(
    make_bot: Callable[..., Any], queues: redis.Redis
) -> None:
    bot = make_bot(NumberExpertBot, batch_size=10, queue_limit=30)
    put(queues, 40)
    for _ in range(3):
        bot.process()
    assert queues.llen("next-queue") == 30
    waiting = threading.Thread(target=bot.process)
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    assert queues.llen("next-queue") == 30
    queues.ltrim("next-queue", 0, 14)
    waiting.join(30)
    assert not waiting.is_alive()
    assert queues.llen("next-queue") == 25


def test_large_result_is_sent_in_pieces_and_acknowledged_with_the_last(
    make_bot: Callable[..., Any], queues: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abusehandler.bots._batch.SEND_MESSAGES", 10)
    bot = make_bot(NumberExpertBot, batch_size=25)
    put(queues, 25)
    bot.process()
    assert sent(queues) == list(range(25))
    assert left(queues) == 0


def test_message_given_by_intelmqctl_run_is_handled_and_no_other(
    make_bot: Callable[..., Any], queues: redis.Redis
) -> None:
    bot = make_bot(NumberExpertBot)
    put(queues, 3)
    shown: list[Any] = []
    bot._Bot__source_pipeline.receive = lambda *_, **__: '{"__type": "Event", "extra.number": 99}'
    bot.send_message = lambda *messages, **_: shown.extend(messages)
    bot.acknowledge_message = lambda *_, **__: None
    bot.process()
    assert [message["extra.number"] for message in shown] == [99]
    assert left(queues) == 3
    assert queues.llen("next-queue") == 0
