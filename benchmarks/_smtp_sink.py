# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mail server that takes everything and keeps nothing, fast enough not to be what is measured: PIPELINING, DSN, no checks.

It counts mails and bytes and tells them, as `221 <mails> <bytes>`, to whoever says QUIT.
"""

from __future__ import annotations

import asyncio
import signal
import sys

READY = (b"250-sink.example.net\r\n250-PIPELINING\r\n250-DSN\r\n250 8BITMIME\r\n", b"250 2.0.0 fine\r\n")
taken = [0, 0]


class Sink(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = b""
        self._in_data = False
        self._size = 0
        transport.write(b"220 sink.example.net\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers: list[bytes] = []
        while self._buffer:
            if self._in_data:
                end = self._buffer.find(b"\r\n.\r\n")
                if end < 0:
                    self._size += max(0, len(self._buffer) - 4)
                    self._buffer = self._buffer[-4:]
                    break
                taken[0] += 1
                taken[1] += self._size + end
                self._buffer, self._in_data, self._size = self._buffer[end + 5 :], False, 0
                answers.append(b"250 2.0.0 taken\r\n")
                continue
            line, found, rest = self._buffer.partition(b"\r\n")
            if not found:
                break
            self._buffer = rest
            word = line[:4].upper()
            if word == b"DATA":
                self._in_data = True
                answers.append(b"354 go on\r\n")
            elif word == b"EHLO":
                answers.append(READY[0])
            elif word == b"QUIT":
                answers.append(b"221 %d %d\r\n" % (taken[0], taken[1]))
            else:
                answers.append(READY[1])
        if answers:
            self._transport.write(b"".join(answers))


async def serve(port: int) -> None:
    """Until SIGTERM."""
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, done.set)
    server = await loop.create_server(Sink, "127.0.0.1", port)
    await done.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
