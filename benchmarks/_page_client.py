# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A client that takes as little of the processor as can be, and the processor's time that a page cost the others."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class PageClient:
    """One connection that is kept; HTTP/1.1 answers with a Content-Length. A new one is opened when the server closed it."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self._port = port
        self._head = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n" + (f"Cookie: {cookie}\r\n" if cookie else "") + "\r\n"
        self._socket: socket.socket | None = None

    def get(self, path: str) -> tuple[int, int]:
        """Status and size of a page."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(f"GET {path}{self._head}".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self._socket.recv(262_144)
            if not piece:
                raise ConnectionError("the portal closed the connection")
            answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        size = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        taken = len(body)
        while taken < size:
            taken += len(self._socket.recv(262_144))
        if b"connection: close" in lines:
            self.close()
        return int(lines[0].split()[1]), size

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Consumers:
    """The portal's process and the backends of its database: what they used of the processor since `begin`, in seconds."""

    def __init__(self, worker: int, postgres: int) -> None:
        self._worker = psutil.Process(worker)
        self._postgres = psutil.Process(postgres)
        self.begin()

    def begin(self) -> None:
        self._before = self._now()

    def used(self) -> tuple[float, float]:
        """Of the portal, of PostgreSQL."""
        return tuple(now - before for now, before in zip(self._now(), self._before, strict=True))  # type: ignore[return-value]

    def _now(self) -> tuple[float, float]:
        backends = 0.0
        for child in self._postgres.children():
            try:
                backends += sum(child.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
        return sum(self._worker.cpu_times()[:2]), backends


def figures(times: list[float], used: tuple[float, float], wrong: int) -> dict[str, float]:
    """Times of pages in milliseconds; what one costs portal and PostgreSQL; how many had another status than 200."""
    times = sorted(times)

    def at(part: float) -> float:
        return round(times[min(int(len(times) * part), len(times) - 1)] * 1000, 1)

    return {
        "pages": len(times), "p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99),
        "portal_cpu_ms": round(used[0] / len(times) * 1000, 2), "postgresql_cpu_ms": round(used[1] / len(times) * 1000, 2),
        **({"errors": wrong} if wrong else {}),
    }  # fmt: skip


def one_after_another(
    client: PageClient, path: Callable[[], str], number: int, consumers: Consumers
) -> dict[str, float]:
    """So many calls of one screen by one client."""
    times: list[float] = []
    wrong = 0
    client.get(path())
    consumers.begin()
    for _ in range(number):
        asked = path()
        begin = time.perf_counter()
        status, _ = client.get(asked)
        times.append(time.perf_counter() - begin)
        wrong += status != 200
    return figures(times, consumers.used(), wrong)


def at_once(port: int, paths: Sequence[str], clients: int, seconds: float, consumers: Consumers) -> dict[str, float]:
    """So many clients ask for pages in turn, each for the next one as soon as it has one."""
    times: list[float] = []
    wrong: list[int] = []
    end = time.monotonic() + seconds

    def work(first: int) -> None:
        client = PageClient(port)
        place = first * len(paths) // clients
        while time.monotonic() < end:
            begin = time.perf_counter()
            status, _ = client.get(paths[place % len(paths)])
            times.append(time.perf_counter() - begin)
            place += 1
            if status != 200:
                wrong.append(status)
        client.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(clients)]
    consumers.begin()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"pages_per_second": round(len(times) / seconds, 1), **figures(times, consumers.used(), len(wrong))}
