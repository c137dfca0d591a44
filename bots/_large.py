# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Takes messages that may be larger than our memory: a report inside a message goes to the evidence folder in pieces.

IntelMQ's own collectors put a whole report, in Base64, into one message. redis-py would hold such a message three times
over. Here it is read from the socket piece by piece, after redis-py has made the connection; what is handed on is the
message with the report's SHA-256 in place of its bytes. Until it is acknowledged, the message itself stays in the
internal queue.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import redis
from intelmq.lib.exceptions import PipelineError

from abusehandler.bots._queue import SourceQueue

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

    from abusehandler.tickets.evidence import Kept

#: A message up to this size is simply read.
ORDINARY_BYTES = 1 << 20
PIECE = 1 << 18
#: So much may stand before the report in its message; whoever sends more has put other things there.
MOST_BEFORE = 4 << 20
#: Quotation marks inside a JSON text are escaped, so this can only be the key.
_RAW = re.compile(rb'"raw"\s*:\s*"')


class LargeMessageQueue(SourceQueue):
    """A queue whose messages are taken one at a time; `keep` stores the pieces of a large one's report as evidence."""

    def __init__(self, client: Any, queue: str, keep: Callable[[Iterable[bytes]], Kept]) -> None:
        super().__init__(client, queue)
        self._keep = keep
        self._connection: Any = None

    def take(self, most: int, wait: float, gather: float) -> list[bytes]:
        """The oldest message; an empty list if none came within `wait` seconds. Raises EvidenceError as `keep` does."""
        if not self._looked_for_leftovers:
            left = self._ask(wait, "LINDEX", self.internal, -1)
            if left is not None:
                return [left]
        # what came is a left-over the next time if its evidence cannot be stored
        self._looked_for_leftovers = False
        message = self._ask(wait, "BLMOVE", self._queue, self.internal, "RIGHT", "LEFT", wait)
        self._looked_for_leftovers = message is None
        return [] if message is None else [message]

    def _ask(self, wait: float, *command: Any) -> bytes | None:
        """The answer to a command that gives one text, a large report taken out of it."""
        complete = False
        try:
            source = self._socket()
            source.settimeout(wait + 60)
            source.sendall(b"".join(self._connection.pack_command(*command)))
            answer = _Answer(source)
            message = None if answer.size is None else self._read(answer)
            complete = answer.left == 0
        except (redis.RedisError, OSError) as error:
            raise PipelineError(error) from error
        finally:
            # half an answer on the line would be taken for the next one
            if not complete and self._connection is not None:
                self._connection.disconnect()
        return message

    def _read(self, answer: _Answer) -> bytes:
        if (answer.size or 0) <= ORDINARY_BYTES:
            return b"".join(answer.pieces())
        try:
            return evidence_taken_out(answer.pieces(), self._keep)
        except ValueError:
            # not Base64, or cut: the ordinary way finds out what is wrong and puts the message into the dump file
            for _ in answer.pieces():
                pass
            message = self._client.lindex(self.internal, -1)
            assert isinstance(message, bytes)
            return message

    def _socket(self) -> socket.socket:
        """redis-py makes the connection, with login, database and TLS as IntelMQ configured them."""
        if self._connection is None:
            self._connection = self._client.connection_pool.make_connection()
        self._connection.connect()
        return self._connection._sock  # type: ignore[no-any-return]


class _Answer:
    """Redis' answer to a command, a text or nothing, as RESP 2 and 3 write it. https://redis.io/docs/latest/develop/reference/protocol-spec/"""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self.left = 0
        head = bytearray()
        while not head.endswith(b"\r\n"):
            head += self._receive(1)
            if len(head) > 10_000:
                raise redis.ConnectionError("Redis' answer is no answer to this command")
        kind, rest = bytes(head[:1]), bytes(head[1:-2])
        if kind == b"-":
            raise redis.ResponseError(rest.decode("utf-8", "replace"))
        #: Bytes of the text; None: there is none.
        self.size: int | None = None
        if kind == b"$" and rest != b"-1":
            self.size = int(rest)
            self.left = self.size + 2
        elif kind not in (b"_", b"$") and head != b"*-1\r\n":
            raise redis.ConnectionError(f"Redis' answer is no text: {bytes(head[:40])!r}")

    def pieces(self) -> Iterator[bytes]:
        """The text, or what is left of it."""
        while self.left > 0:
            piece = self._receive(min(PIECE, self.left))
            self.left -= len(piece)
            # the two bytes after the text end the line
            spare = max(0, 2 - self.left)
            yield piece[: len(piece) - spare] if spare else piece

    def _receive(self, most: int) -> bytes:
        piece = self._source.recv(most)
        if not piece:
            raise redis.ConnectionError("Redis closed the connection")
        return piece


def evidence_taken_out(pieces: Iterator[bytes], keep: Callable[[Iterable[bytes]], Kept]) -> bytes:
    """The message with `report.evidence` in place of `raw`, whose decoded bytes `keep` has stored.

    A message without `raw` is returned as it is. Raises ValueError where `raw` is not Base64 or does not end.
    """
    head = bytearray()
    found = None
    for piece in pieces:
        head += piece
        found = _RAW.search(head)
        if found or len(head) > MOST_BEFORE:
            break
    if found is None:
        return bytes(head) + b"".join(pieces)
    tail = bytearray()

    def decoded() -> Iterator[bytes]:
        waiting = bytes(head[found.end() :])
        while True:
            text, end, rest = waiting.partition(b'"')
            whole = len(text) if end else len(text) // 4 * 4
            yield base64.b64decode(text[:whole], validate=True)
            if end:
                tail.extend(rest)
                return
            try:
                waiting = text[whole:] + next(pieces)
            except StopIteration:
                raise ValueError("the report in the message has no end") from None

    kept = keep(decoded())
    for piece in pieces:
        tail += piece
    return bytes(head[: found.start()]) + b'"report.evidence": "' + kept.sha256.encode("ascii") + b'"' + bytes(tail)
