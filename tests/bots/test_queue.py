# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""IntelMQ's Redis queues in batches: order, left-overs, shares, and all in one MULTI."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

import pytest
from intelmq.lib.exceptions import PipelineError
from redis.backoff import NoBackoff
from redis.retry import Retry

from abusehandler.bots._queue import SourceQueue, TargetQueues

if TYPE_CHECKING:
    import redis


def put(client: redis.Redis, *numbers: int, queue: str = "q") -> None:
    for number in numbers:
        client.lpush(queue, str(number))


def numbers(client: redis.Redis, queue: str) -> list[int]:
    """Oldest first."""
    return [int(text) for text in reversed(client.lrange(queue, 0, -1))]


def test_oldest_first(queues: redis.Redis) -> None:
    put(queues, *range(10))
    source = SourceQueue(queues, "q")
    assert source.take(4, 1, 0) == [b"0", b"1", b"2", b"3"]
    assert numbers(queues, "q-internal") == [0, 1, 2, 3]
    assert numbers(queues, "q") == [4, 5, 6, 7, 8, 9]


def test_nothing_there(queues: redis.Redis) -> None:
    assert SourceQueue(queues, "q").take(4, 0.01, 0) == []


def test_acknowledged_messages_leave_the_internal_queue_oldest_first(queues: redis.Redis) -> None:
    put(queues, *range(5))
    source = SourceQueue(queues, "q")
    source.take(5, 1, 0)
    source.acknowledge(2)
    assert numbers(queues, "q-internal") == [2, 3, 4]
    source.acknowledge(3)
    assert queues.llen("q-internal") == 0


def test_what_an_earlier_process_left_comes_first(queues: redis.Redis) -> None:
    put(queues, *range(5))
    SourceQueue(queues, "q").take(3, 1, 0)
    after_a_crash = SourceQueue(queues, "q")
    assert after_a_crash.take(2, 1, 0) == [b"0", b"1"]
    after_a_crash.acknowledge(2)
    assert after_a_crash.take(2, 1, 0) == [b"2"]
    after_a_crash.acknowledge(1)
    assert after_a_crash.take(5, 1, 0) == [b"3", b"4"]


def test_what_was_not_acknowledged_comes_again(queues: redis.Redis) -> None:
    put(queues, *range(4))
    source = SourceQueue(queues, "q")
    assert source.take(3, 1, 0) == [b"0", b"1", b"2"]
    assert source.take(1, 1, 0) == [b"0"]
    source.acknowledge(1)
    assert source.take(3, 1, 0) == [b"1", b"2"]


def test_gathering_takes_what_comes_meanwhile(queues: redis.Redis, redis_server: object) -> None:
    put(queues, 1)
    source = SourceQueue(queues, "q")
    real = queues.blmove

    def blmove(*words: object) -> object:
        answer = real(*words)
        if answer == b"1":
            put(queues, 2, 3)
        return answer

    queues.blmove = blmove  # type: ignore[assignment,method-assign]
    assert source.take(3, 1, 5) == [b"1", b"2", b"3"]


def test_a_full_batch_does_not_wait(queues: redis.Redis) -> None:
    put(queues, *range(3))
    assert len(SourceQueue(queues, "q").take(3, 1, 3600)) == 3


def test_sending_and_acknowledging_is_one_step(queues: redis.Redis) -> None:
    put(queues, 1, 2)
    source = SourceQueue(queues, "q")
    source.take(2, 1, 0)
    targets = TargetQueues(queues, {"_default": ["a", "b"], "other": ["c"]}, load_balance=False)
    with queues.monitor() as monitor:
        targets.send({"_default": [b"1", b"2"], "other": [b"3"]}, source, 2)
        commands: list[str] = []
        while not commands or commands[-1] != "EXEC":
            commands.append(str(monitor.next_command()["command"]).split(" ")[0])
    assert commands[commands.index("MULTI") :] == ["MULTI", "LPUSH", "LPUSH", "LPUSH", "LTRIM", "EXEC"]
    assert numbers(queues, "a") == numbers(queues, "b") == [1, 2]
    assert numbers(queues, "c") == [3]
    assert queues.llen("q-internal") == 0


def test_refused_sending_leaves_the_source_as_it_was(queues: redis.Redis) -> None:
    """A queue's name is taken by something else: MULTI is not undone by Redis, so nothing may be acknowledged before."""
    put(queues, 1)
    source = SourceQueue(queues, "q")
    source.take(1, 1, 0)
    targets = TargetQueues(queues, {"_default": ["a"]}, load_balance=False)
    with pytest.raises(PipelineError, match="elsewhere"):
        targets.send({"elsewhere": [b"1"]}, source, 1)
    assert numbers(queues, "q-internal") == [1]


def test_load_balance_shares_evenly_over_calls(queues: redis.Redis) -> None:
    targets = TargetQueues(queues, {"_default": ["a", "b", "c"]}, load_balance=True)
    for start in range(0, 30, 5):
        targets.send({"_default": [str(number).encode() for number in range(start, start + 5)]})
    shares = [numbers(queues, name) for name in "abc"]
    assert [len(share) for share in shares] == [10, 10, 10]
    assert sorted(functools.reduce(operator.iadd, shares, [])) == list(range(30))
    assert all(share == sorted(share) for share in shares)


def test_lengths_are_known_after_sending_and_when_asked(queues: redis.Redis) -> None:
    targets = TargetQueues(queues, {"_default": ["a", "b"]}, load_balance=False)
    put(queues, *range(3), queue="b")
    assert targets.longest() == ("", 0)
    targets.send({"_default": [b"1", b"2"]})
    assert targets.longest() == ("b", 5)
    queues.delete("b")
    targets.measure()
    assert targets.longest() == ("a", 2)


def test_redis_away_is_a_pipeline_error(queues: redis.Redis) -> None:
    nowhere = queues.__class__(unix_socket_path="/nowhere/redis.sock", retry=Retry(NoBackoff(), 0))
    with pytest.raises(PipelineError):
        SourceQueue(nowhere, "q").take(1, 1, 0)
    with pytest.raises(PipelineError):
        TargetQueues(nowhere, {"_default": ["a"]}, load_balance=False).send({"_default": [b"1"]})
    targets = TargetQueues(nowhere, {"_default": ["a"]}, load_balance=False)
    targets.lengths["a"] = 1
    with pytest.raises(PipelineError):
        targets.measure()
