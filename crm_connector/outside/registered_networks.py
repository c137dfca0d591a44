# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The registered networks that are known: in memory to answer at once, in a file that several processes add to.

The file has one JSON value a line; a line is appended by one write, so processes do not mix theirs, and each takes
what others have learned.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from bisect import bisect_right, insort
from dataclasses import astuple
from typing import TYPE_CHECKING

import orjson

from abusehandler.crm_connector.outside.registered_network import RegisteredNetwork

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 200_000
#: A file larger than this is written anew, without what is too old, when a process starts.
_LARGE = 20_000_000
#: Networks nest a few levels; so many that begin before an address are looked at.
_LOOKED_AT = 64


class RegisteredNetworks:
    """Networks by address and by id. `keep_seconds`: how long what a registry told is believed."""

    def __init__(self, path: Path | None, keep_seconds: float) -> None:
        self._path = path
        self._keep = keep_seconds
        self._lock = threading.Lock()
        self._begins: dict[int, list[tuple[int, int]]] = {32: [], 128: []}
        self._networks: dict[tuple[int, int, int], RegisteredNetwork] = {}
        self._by_id: dict[str, RegisteredNetwork] = {}
        self._offset = 0
        self._identity = 0
        self.take_news()
        self._compact()

    def find(self, bits: int, number: int) -> RegisteredNetwork | None:
        """The smallest known network that holds the address and is not too old."""
        oldest = time.time() - self._keep
        best: RegisteredNetwork | None = None
        with self._lock:
            begins = self._begins[bits]
            at = bisect_right(begins, (number, 0))
            for first, minus_last in reversed(begins[max(0, at - _LOOKED_AT) : at]):
                if -minus_last < number:
                    continue
                network = self._networks[bits, first, -minus_last]
                if network.told_at >= oldest and (best is None or network.last - first < best.last - best.first):
                    best = network
        return best

    def by_id(self, key: str) -> RegisteredNetwork | None:
        """The network with this id (`rdap:HANDLE`), however old."""
        with self._lock:
            known = self._by_id.get(key)
        if known is None:
            self.take_news()
            with self._lock:
                known = self._by_id.get(key)
        return known

    def add(self, network: RegisteredNetwork) -> None:
        """Tell the other processes, then know it: what has once been answered is not asked for after a restart."""
        self._write(network)
        self._take(network)

    def _write(self, network: RegisteredNetwork) -> None:
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, _line(network))
            finally:
                os.close(handle)

    def take_news(self) -> None:
        """Read what was appended since the last time."""
        if self._path is None:
            return
        with contextlib.suppress(OSError), self._path.open("rb") as stream:
            identity = os.fstat(stream.fileno()).st_ino
            if identity != self._identity:
                self._identity, self._offset = identity, 0
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    break  # another process is writing it
                self._offset += len(line)
                network = _read(line)
                if network is not None:
                    self._take(network)

    def _take(self, network: RegisteredNetwork) -> None:
        key = (network.bits, network.first, network.last)
        with self._lock:
            if len(self._networks) >= _MOST:
                for begins in self._begins.values():
                    begins.clear()
                self._networks.clear()
                self._by_id.clear()
            if key not in self._networks:
                # The end is negative so that of two that begin alike the smaller comes later.
                insort(self._begins[network.bits], (network.first, -network.last))
            self._networks[key] = network
            if network.handle or network.name:
                self._by_id[network.id] = network

    def _compact(self) -> None:
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            if self._path.stat().st_size < _LARGE:
                return
            oldest = time.time() - self._keep
            new = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            kept = [_line(network) for network in self._networks.values() if network.told_at >= oldest]
            new.write_bytes(b"".join(kept))
            new.chmod(0o600)
            new.replace(self._path)
            self.take_news()


def _line(network: RegisteredNetwork) -> bytes:
    bits, first, last, *rest = astuple(network)
    return orjson.dumps([bits, f"{first:x}", f"{last:x}", *rest]) + b"\n"


def _read(line: bytes) -> RegisteredNetwork | None:
    """A line as a network; None for one that is damaged."""
    try:
        bits, first, last, handle, name, country, abuse, told_by, told_at = orjson.loads(line)
        if bits not in (32, 128):
            return None
        return RegisteredNetwork(
            bits, int(first, 16), int(last, 16), str(handle), str(name), str(country),
            tuple(map(str, abuse)), str(told_by), float(told_at),
        )  # fmt: skip
    except (ValueError, TypeError):
        return None
