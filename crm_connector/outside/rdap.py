# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Asks RDAP servers (RFC 7480, 9082) about addresses: seldom, politely, and never where an answer merely points to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import orjson
import requests

from abusehandler.crm_connector.addresses import address_text
from abusehandler.crm_connector.outside.bootstrap import IANA, Bootstrap
from abusehandler.crm_connector.outside.registered_network import RegisteredNetwork, read_ip_network
from abusehandler.crm_connector.web_api.bounded_client import retry_after

if TYPE_CHECKING:
    from pathlib import Path

_CONNECT, _SILENCE, _WHOLE = 5, 10, 30.0
_LARGEST = 8_000_000
_MOST_REDIRECTS = 4
#: Pauses of a server that fails, seconds: doubled from the first to the last.
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 3600.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class RdapError(Exception):
    """No answer: names URL and status. `retry_after`: seconds after which asking again makes sense."""

    def __init__(self, text: str, retry_after: float = 60.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Rdap:
    """Used by one thread. `folder` keeps the bootstrap files; `per_minute` limits requests to all servers together."""

    def __init__(self, folder: Path | None, per_minute: float, bootstrap_url: str = IANA) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(
            {"Accept": "application/rdap+json, application/json", "User-Agent": "abusehandler"}
        )
        self._bootstrap = Bootstrap(folder, self._get_json, bootstrap_url)
        # Somebody who tests with a server on this machine says so by the URL.
        self._plain = urlsplit(bootstrap_url).hostname in _LOOPBACK
        self._start_host = urlsplit(bootstrap_url).hostname or ""
        self._gap = 60.0 / per_minute
        self._next = 0.0
        self._broken: dict[str, tuple[float, float]] = {}

    def network_of(self, bits: int, number: int) -> RegisteredNetwork:
        """The registered network of an address; one without handle and name where nobody registered it.

        Raises RdapError.
        """
        address = address_text(bits, number)
        server = self._bootstrap.server_of(bits, number)
        if not server:
            return RegisteredNetwork(bits, number, number, "", "", "", (), "IANA bootstrap", time.time())
        self._bootstrap.load_all()
        url = f"{server}/ip/{address}"
        data = self._get_json(url)
        if data is None:
            return RegisteredNetwork(bits, number, number, "", "", "", (), url, time.time())
        try:
            network = read_ip_network(data, url, time.time())
        except ValueError as error:
            raise RdapError(f"{url}: {error}", 86400.0) from error
        if network.bits != bits or not network.first <= number <= network.last:
            raise RdapError(f"{url}: told of another network ({data.get('startAddress')!r})", 86400.0)
        return network

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _get_json(self, url: str) -> Any:
        """The JSON value; None for 404. Raises RdapError."""
        for _ in range(_MOST_REDIRECTS):
            self._refuse_unknown(url)
            answer = self._get(url)
            if isinstance(answer, str):
                url = answer
                continue
            return answer
        raise RdapError(f"{url}: more than {_MOST_REDIRECTS} redirects", 86400.0)

    def _refuse_unknown(self, url: str) -> None:
        """Registries send each other on; a redirect must not lead into our own network or to strangers."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self._plain and host in _LOOPBACK:
            return
        if parts.scheme != "https" or (host != self._start_host and host not in self._bootstrap.hosts()):
            raise RdapError(f"{url[:200]}: no server that the bootstrap files name; not asked", 86400.0)

    def _get(self, url: str) -> Any:
        origin = urlsplit(url).netloc
        until, pause = self._broken.get(origin, (0.0, 0.0))
        now = time.monotonic()
        if now < until:
            raise RdapError(f"{origin}: left alone after an error", until - now)
        time.sleep(max(0.0, self._next - now))
        self._next = time.monotonic() + self._gap
        end = time.monotonic() + _WHOLE
        try:
            with self._session.get(url, timeout=(_CONNECT, _SILENCE), allow_redirects=False, stream=True) as answer:
                if answer.status_code == 404:
                    self._broken.pop(origin, None)
                    return None
                if answer.is_redirect:
                    return urljoin(url, answer.headers.get("Location", ""))
                if answer.status_code == 429 or answer.status_code >= 500:
                    wished = retry_after(answer.headers.get("Retry-After", ""))
                    raise RdapError(f"{url}: HTTP {answer.status_code}", wished)
                if not answer.ok:
                    raise RdapError(f"{url}: HTTP {answer.status_code}", 86400.0)
                content = bytearray()
                for chunk in answer.iter_content(65536):
                    content += chunk
                    if len(content) > _LARGEST or time.monotonic() > end:
                        raise RdapError(f"{url}: the answer is too large or too slow", 86400.0)
            value = orjson.loads(content)
        except RdapError as error:
            if error.retry_after < 86400.0:
                error.retry_after = self._trip(origin, pause, error.retry_after)
            raise
        except (requests.RequestException, OSError) as error:
            raise RdapError(f"{url}: {type(error).__name__}: {error}"[:400], self._trip(origin, pause, 0.0)) from error
        except orjson.JSONDecodeError as error:
            raise RdapError(f"{url}: not JSON", self._trip(origin, pause, 0.0)) from error
        self._broken.pop(origin, None)
        return value

    def _trip(self, origin: str, pause: float, wished: float) -> float:
        """Open the circuit to a server; seconds for which it is left alone."""
        pause = min(pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
        until = max(pause, wished)
        self._broken[origin] = (time.monotonic() + until, pause)
        return until
