# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The base of our bots: takes a batch, hands it to `handle`, sends and acknowledges in one step.

What a bot adds is `handle(events)`. What the base sees to:

- a batch is at most `batch_size` messages, and waits at most `gather_seconds` for more;
- if `handle` fails, the messages are tried one by one, and only the bad one goes to IntelMQ's dump file;
- if something outside is away (database, disk, Redis), nothing is dumped: the messages stay where they are and the
  stock loop tries again every `error_retry_delay` seconds, without end;
- queues that have grown to `queue_limit` stop the sender until they are half as long;
- with a broker that is not Redis, in unit tests and under `intelmqctl run`, the stock methods are used, one message at a time.
"""

from __future__ import annotations

import json
import time
import traceback
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson
from intelmq.lib.bot import Bot
from intelmq.lib.exceptions import PipelineError
from intelmq.lib.message import MessageFactory

from abusehandler.bots import _intelmq
from abusehandler.bots._queue import SourceQueue, TargetQueues
from abusehandler.errors import EvidenceError
from abusehandler.tickets.database import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Message = dict[str, Any]
#: How long one blocking wait for a message lasts: a reload is noticed and `idle` called after at most this time.
WAIT_SECONDS = 1.0
#: So much is sent in one MULTI at most.
SEND_MESSAGES = 1000
SEND_BYTES = 8 << 20
#: Redis cannot tell when a list has become short again, so it is asked.
CONGESTION_POLL_SECONDS = 0.2


class BatchBot(Bot):
    """Mix-in before IntelMQ's ParserBot, ExpertBot or OutputBot."""

    batch_size: int = 500
    gather_seconds: float = 0.05
    queue_limit: int = 20000

    _source: SourceQueue | None = None
    _targets: TargetQueues | None = None
    _pipelines: tuple[Any, Any] | None = None
    _one_by_one: int = 0

    def handle(self, messages: Sequence[Message]) -> Iterable[tuple[str, Message]]:
        """Works on the messages and gives (path, message) pairs to be sent; an empty result sends nothing."""
        raise NotImplementedError

    def idle(self) -> None:
        """Called when no message came for a while."""

    def prepare_dry_run(self, dry: bool) -> None:
        """Told before a message is handled by the stock way whether anything may be changed."""

    def process(self) -> None:
        if _intelmq.being_debugged(self) or not self._connect():
            self._process_stock()
            return
        assert self._source is not None
        self._wait_for_room()
        most = 1 if self._one_by_one else self.batch_size
        raw = self._source.take(most, WAIT_SECONDS, self.gather_seconds)
        if not raw:
            self.idle()
            _intelmq.count_taken(self, 0)
            return
        if len(raw) > 1:
            try:
                self._work(raw)
            except (PipelineError, SystemExit):
                raise
            except Exception as error:
                self._raise_if_outside(error)
                self.logger.warning(
                    "A batch of %d messages failed (%s), they are tried one by one.", len(raw), _short(error)
                )
                self._one_by_one = len(raw)
            else:
                _intelmq.count_taken(self, len(raw))
            return
        self._one_by_one = max(0, self._one_by_one - 1)
        try:
            self._work(raw)
        except (PipelineError, SystemExit):
            raise
        except Exception as error:
            self._raise_if_outside(error)
            self._dump(raw[0], error)

    def _work(self, raw: Sequence[bytes]) -> None:
        """Handles a batch; the last of what comes of it goes out in one MULTI with the acknowledgement.

        A report of a million rows is sent in pieces before; if it is read again after a crash, the store knows them.
        """
        outgoing: dict[str, list[bytes]] = defaultdict(list)
        count = size = 0
        for path, message in self.handle([_load(text) for text in raw]):
            text = orjson.dumps(message)
            outgoing[path].append(text)
            count += 1
            size += len(text)
            if count >= SEND_MESSAGES or size >= SEND_BYTES:
                self._send(outgoing)
                outgoing.clear()
                count = size = 0
                self._wait_for_room()
        self._send(outgoing, acknowledge=len(raw))

    def _send(self, outgoing: dict[str, list[bytes]], *, acknowledge: int = 0) -> None:
        if self._targets is not None:
            self._targets.send(outgoing, self._source, acknowledge)
        elif outgoing:
            raise PipelineError("destination_queues is empty; name the next bot's queue in runtime.yaml")
        elif acknowledge and self._source is not None:
            self._source.acknowledge(acknowledge)
        for path, messages in outgoing.items():
            _intelmq.count(self, path, len(messages))

    def _raise_if_outside(self, error: BaseException) -> None:
        """An outage is no fault of the message: the stock loop waits and tries again, for ever."""
        if isinstance(error, (Unavailable, EvidenceError, OSError)):
            raise PipelineError(str(error)) from error

    def _dump(self, raw: bytes, error: BaseException) -> None:
        """Puts one message into IntelMQ's dump file, sends it to `_on_error` if that path exists, acknowledges it."""
        self.logger.error("A message cannot be handled; it goes to the dump file.")
        try:
            message = MessageFactory.unserialize(raw.decode("utf-8", "replace"), harmonization=self.harmonization)
        except Exception:
            message = raw
        self._dump_message(traceback.format_exception(type(error), error, error.__traceback__), message=message)
        outgoing = {"_on_error": [raw]} if "_on_error" in _intelmq.destination_queues(self) else {}
        self._send(outgoing, acknowledge=1)

    def _connect(self) -> bool:
        """Whether the pipelines are Redis; keeps its queue objects in step with IntelMQ's reconnects."""
        source, destination = _intelmq.source(self), _intelmq.destination(self)
        if source is None and destination is None:
            return False
        if self._pipelines is None or self._pipelines[0] is not source or self._pipelines[1] is not destination:
            self._pipelines = (source, destination)
            self._source = source and self._open_source(_intelmq.redis_client(source), source.source_queue)
            self._targets = destination and TargetQueues(
                _intelmq.redis_client(destination), destination.destination_queues, load_balance=bool(self.load_balance)
            )
        return True

    def _open_source(self, client: Any, queue: str) -> SourceQueue:
        return SourceQueue(client, queue)

    def _wait_for_room(self) -> None:
        """Blocks while a queue behind us is too long; says so once a minute."""
        if self._targets is None or self._targets.longest()[1] < self.queue_limit:
            return
        said = 0.0
        while True:
            self._targets.measure()
            queue, length = self._targets.longest()
            if length <= self.queue_limit // 2:
                return
            if time.monotonic() - said > 60:
                self.logger.warning(
                    "Queue %s holds %d messages (queue_limit %d), waiting until its bot has caught up.",
                    queue,
                    length,
                    self.queue_limit,
                )
                said = time.monotonic()
            _intelmq.handle_reload(self)
            time.sleep(CONGESTION_POLL_SECONDS)

    def _process_stock(self) -> None:
        """One message by IntelMQ's own methods: unit tests and brokers other than Redis."""
        message = self.receive_message()
        self.prepare_dry_run(_intelmq.dry_run(self))
        try:
            produced = list(self.handle([{**message.to_dict(hierarchical=False), "__type": type(message).__name__}]))
        except (PipelineError, SystemExit):
            raise
        except Exception as error:
            self._raise_if_outside(error)
            raise
        for path, sent in produced:
            self.send_message(MessageFactory.from_dict(sent, harmonization=self.harmonization), path=path)
        self.acknowledge_message()


def _load(raw: bytes) -> Message:
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        # stock bots write half surrogate pairs as they found them in a report; Python's own reader takes them
        text = json.dumps(json.loads(raw), ensure_ascii=False)
        message = orjson.loads(text.encode("utf-8", "replace"))
    if not isinstance(message, dict):
        raise ValueError("the message is no JSON object")
    return message


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]


__all__ = ["BatchBot", "Message"]
