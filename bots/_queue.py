# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""IntelMQ's Redis queues, many messages at a time.

The keys and their meaning are IntelMQ's own (`<bot>-queue`, `<bot>-queue-internal`; messages are pushed on the left and
taken on the right), so stock bots, `intelmqctl` and `intelmqdump` fit in before and behind. A message moves from the
queue to the internal queue, stays there while it is worked on, and leaves it in the same MULTI that pushes what came of
it. What an earlier process left in the internal queue comes first. One queue belongs to one process.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import redis
from intelmq.lib.exceptions import PipelineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


#: Moves up to ARGV[1] messages in one command, oldest first. As many LMOVEs in a pipeline cost the client ten times as much;
#: LMOVE within the script keeps Redis' append-only file short, which notes a move without its content.
MOVE = """
local messages = {}
for i = 1, tonumber(ARGV[1]) do
    local message = redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT')
    if not message then
        break
    end
    messages[i] = message
end
return messages
"""


class SourceQueue:
    """Takes messages in batches. `taken` is how many of them wait in the internal queue for `acknowledge`."""

    def __init__(self, client: Any, queue: str) -> None:
        self._client = client
        self._queue = queue
        self.internal = f"{queue}-internal"
        self._looked_for_leftovers = False

    def take(self, most: int, wait: float, gather: float) -> list[bytes]:
        """Up to `most` messages, oldest first; an empty list if none came within `wait` seconds.

        Once the first is there, `gather` seconds are given to others before a smaller batch is returned.
        """
        try:
            if not self._looked_for_leftovers:
                left = self._client.lrange(self.internal, -most, -1)
                if left:
                    return list(reversed(left))
                self._looked_for_leftovers = True
            first = self._client.blmove(self._queue, self.internal, wait, "RIGHT", "LEFT")
            if first is None:
                return []
            # from here on the internal queue holds something until it is acknowledged
            self._looked_for_leftovers = False
            batch = [first]
            until = time.monotonic() + gather
            while True:
                batch.extend(self._move(most - len(batch)))
                left_to_wait = until - time.monotonic()
                if len(batch) >= most or left_to_wait <= 0.001:
                    return batch
                another = self._client.blmove(self._queue, self.internal, left_to_wait, "RIGHT", "LEFT")
                if another is None:
                    return batch
                batch.append(another)
        except redis.RedisError as error:
            raise PipelineError(error) from error

    def _move(self, most: int) -> list[bytes]:
        if most <= 0:
            return []
        return list(self._client.eval(MOVE, 2, self._queue, self.internal, most))

    def acknowledge(self, number: int, pipeline: Any = None) -> None:
        """Removes the `number` oldest messages from the internal queue, in the given MULTI if there is one."""
        (pipeline if pipeline is not None else self._client).ltrim(self.internal, 0, -(number + 1))


class TargetQueues:
    """Sends messages in batches to the queues of a path, and knows when they have grown too long."""

    def __init__(self, client: Any, queues: Mapping[str, Sequence[str]], *, load_balance: bool) -> None:
        self._client = client
        self._queues = queues
        self._load_balance = load_balance
        self._next = 0
        self.lengths: dict[str, int] = {}

    def send(
        self, outgoing: Mapping[str, Sequence[bytes]], source: SourceQueue | None = None, acknowledge: int = 0
    ) -> None:
        """Pushes all messages and acknowledges `acknowledge` messages of the source, all in one MULTI."""
        pipeline = self._client.pipeline(transaction=True)
        names: list[str] = []
        for path, messages in outgoing.items():
            for queue, share in self._shares(path, messages):
                names.append(queue)
                pipeline.lpush(queue, *share)
        if source is not None and acknowledge:
            source.acknowledge(acknowledge, pipeline)
        if not names and not acknowledge:
            return
        try:
            answers = pipeline.execute()
        except redis.RedisError as error:
            raise PipelineError(error) from error
        self.lengths.update(zip(names, answers, strict=False))

    def _shares(self, path: str, messages: Sequence[bytes]) -> list[tuple[str, Sequence[bytes]]]:
        if not messages:
            return []
        queues = self._queues.get(path)
        if queues is None:
            raise PipelineError(f"destination_queues has no path {path!r}; add it in runtime.yaml")
        if not self._load_balance:
            return [(queue, messages) for queue in queues]
        count = len(queues)
        start, self._next = self._next, (self._next + len(messages)) % count
        shares = [(queues[(start + offset) % count], messages[offset::count]) for offset in range(count)]
        return [(queue, share) for queue, share in shares if share]

    def longest(self) -> tuple[str, int]:
        """The longest queue as of the last sending or `measure`, and its length."""
        return max(self.lengths.items(), key=lambda item: item[1], default=("", 0))

    def measure(self) -> None:
        """Asks for the present lengths of the queues sent to so far."""
        try:
            for queue in self.lengths:
                self.lengths[queue] = self._client.llen(queue)
        except redis.RedisError as error:
            raise PipelineError(error) from error
