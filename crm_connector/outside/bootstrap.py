# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which RDAP server knows an address: IANA's bootstrap files (RFC 9224), kept on disk."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from abusehandler.crm_connector.addresses import parse_prefix

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Where IANA publishes them.
IANA = "https://data.iana.org/rdap/"
_FILES = {32: "ipv4.json", 128: "ipv6.json"}
#: Seconds after which they are fetched again; a broken IANA is asked again after the second.
_FRESH, _AGAIN = 7 * 86400.0, 3600.0
_MOST_SERVICES = 2000


class Bootstrap:
    """The servers of all prefixes. `fetch` gets a URL and gives the JSON value, or raises."""

    def __init__(self, folder: Path | None, fetch: Callable[[str], Any], base_url: str = IANA) -> None:
        self._folder = folder
        self._fetch = fetch
        self._base = base_url.rstrip("/") + "/"
        self._services: dict[int, list[tuple[int, int, str]]] = {}
        self._until: dict[int, float] = {}

    def server_of(self, bits: int, number: int) -> str:
        """The base URL of the server for an address, empty if IANA names none; raises what `fetch` raises."""
        best, longest = "", -1
        for network, length, url in self._table(bits):
            if length > longest and number >> (bits - length) == network >> (bits - length):
                best, longest = url, length
        return best

    def hosts(self) -> frozenset[str]:
        """The host names of all servers known so far: where an answer may lead to."""
        return frozenset(urlsplit(url).hostname or "" for table in self._services.values() for _, _, url in table)

    def load_all(self) -> None:
        """Have both tables in memory, as far as they can be had."""
        for bits in _FILES:
            with contextlib.suppress(Exception):  # whichever is missing is asked for again when it is needed
                self._table(bits)

    def _table(self, bits: int) -> list[tuple[int, int, str]]:
        known = self._services.get(bits)
        if known is not None and time.time() < self._until[bits]:
            return known
        stored, age = self._stored(bits)
        if stored is not None and age < _FRESH:
            self._services[bits], self._until[bits] = stored, time.time() + _FRESH - age
            return stored
        try:
            data = self._fetch(self._base + _FILES[bits])
            table = services(data)
            if not table:
                raise ValueError(f"{self._base}{_FILES[bits]}: names no server")
        except Exception:
            older = known if known is not None else stored
            if older is None:
                raise
            self._services[bits], self._until[bits] = older, time.time() + _AGAIN
            return older
        self._services[bits], self._until[bits] = table, time.time() + _FRESH
        self._store(bits, data)
        return table

    def _stored(self, bits: int) -> tuple[list[tuple[int, int, str]] | None, float]:
        if self._folder is None:
            return None, 0.0
        path = self._folder / _FILES[bits]
        try:
            return services(orjson.loads(path.read_bytes())) or None, time.time() - path.stat().st_mtime
        except (OSError, ValueError):
            return None, 0.0

    def _store(self, bits: int, data: Any) -> None:
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            new = self._folder / f".{_FILES[bits]}.new"
            new.write_bytes(orjson.dumps(data))
            new.replace(self._folder / _FILES[bits])


def services(data: Any) -> list[tuple[int, int, str]]:
    """(network, length, URL) of all prefixes in a bootstrap file; what is not understood is left out."""
    found: list[tuple[int, int, str]] = []
    entries = data.get("services") if isinstance(data, dict) else None
    for entry in entries[:_MOST_SERVICES] if isinstance(entries, list) else ():
        if not isinstance(entry, list) or len(entry) < 2 or not all(isinstance(one, list) for one in entry[:2]):
            continue
        urls = [url for url in entry[1] if isinstance(url, str) and url.startswith(("https://", "http://"))]
        # RFC 9224 section 4: a client should take the secure one.
        url = next((one for one in urls if one.startswith("https:")), urls[0] if urls else "")
        for text in entry[0][:10_000] if url else ():
            with contextlib.suppress(ValueError):
                _, network, length, _ = parse_prefix(str(text))
                found.append((network, length, url.rstrip("/")))
    return found
