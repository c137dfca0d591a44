# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Fetches a file behind a link: only below the operator's prefixes, within size and time, to public addresses.

The standard library and requests follow redirects to anywhere, take proxies and passwords from the environment and know
no limit on the whole transfer; each of these is taken away here.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.cookiejar import DefaultCookiePolicy
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from abusehandler.reports.links.prefix import LinkPrefix, matching

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_REDIRECTS = 5
CONNECT_SECONDS = 10.0
#: Seconds without a byte.
SILENCE_SECONDS = 30.0
PIECE = 1 << 16
_PERMANENT = frozenset({401, 405, 410, 451})
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")


class LinkError(Exception):
    """A link could not be fetched; the text says why. `for_good`: trying again would end the same way."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bytes of a file, and seconds for the whole of it, redirects included."""

    largest: int
    seconds: float = 300.0
    #: Certificates to trust instead of the usual ones; empty for those.
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is coming: its name, made harmless, and its bytes. Reading them raises LinkError when they break off."""

    name: str
    pieces: Iterator[bytes]


@contextmanager
def fetch(url: str, prefixes: tuple[LinkPrefix, ...], limits: FetchLimits) -> Iterator[Fetched]:
    """The file behind the link; use it within the block. Raises LinkError, also from within `pieces`."""
    transfer = _Transfer(prefixes, limits)
    try:
        response = transfer.follow(url)
        yield Fetched(_name(response), transfer.pieces(response))
    finally:
        transfer.close()


class _Transfer:
    def __init__(self, prefixes: tuple[LinkPrefix, ...], limits: FetchLimits) -> None:
        self._prefixes = prefixes
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._sockets: list[socket.socket] = []
        self._prefix: LinkPrefix | None = None
        self._response: requests.Response | None = None
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = limits.ca_file or True
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _GuardedAdapter(self)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        # A server may keep a reader busy for ever with a byte now and then: each is within every time limit of a socket.
        self._watch = threading.Timer(limits.seconds, self._cut)
        self._watch.daemon = True
        self._watch.start()

    def connected(self, connection: Any) -> None:
        """Called with each new connection before anything is asked; raises LinkError if it goes where it must not."""
        self._sockets.append(connection.sock)
        peer = connection.sock.getpeername()[0]
        if self._prefix is None or not self._prefix.may_connect(peer):
            connection.close()
            raise LinkError(f"{connection.host} has the address {peer}, which is not public")

    def follow(self, url: str) -> requests.Response:
        """The answer at the end of all redirects."""
        for number in range(MOST_REDIRECTS + 1):
            allowed = matching(url, self._prefixes)
            if allowed is None:
                said = "the server sends us on to" if number else "not allowed:"
                raise LinkError(f"{said} {url!r:.300}, which is not below mailbox.link_prefixes", for_good=True)
            url, self._prefix = allowed
            response = self._response = self._ask(url)
            if response.status_code not in (301, 302, 303, 307, 308):
                self._judge(response)
                return response
            response.close()
            with self._told():
                url = urljoin(url, response.headers.get("location", ""))
        raise LinkError(f"more than {MOST_REDIRECTS} redirects", for_good=True)

    def pieces(self, response: requests.Response) -> Iterator[bytes]:
        size = 0
        # with a Content-Encoding, requests unpacks: what counts is what comes out
        source = response.iter_content(PIECE)
        while True:
            with self._told():
                piece = next(source, None)
            if piece is None:
                break
            size += len(piece)
            if size > self._limits.largest:
                raise self._too_large()
            yield piece
        self._in_time()
        promised = response.headers.get("content-length", "")
        if promised.isdecimal() and int(promised) != size and "content-encoding" not in response.headers:
            raise LinkError(f"the transfer broke off after {size} of {promised} bytes")
        if not size:
            raise LinkError("the file is empty")

    def close(self) -> None:
        self._watch.cancel()
        if self._response is not None:
            self._response.close()
        for one in self._sockets:
            one.close()
        self._session.close()

    def _ask(self, url: str) -> requests.Response:
        self._in_time()
        with self._told():
            return self._session.get(
                url,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
                headers={"User-Agent": "abusehandler", "Accept": "*/*", "Accept-Encoding": "identity"},
            )

    def _judge(self, response: requests.Response) -> None:
        if response.status_code != 200:
            raise LinkError(
                f"the server answers {response.status_code} {response.reason or ''!s:.100}".rstrip(),
                for_good=response.status_code in _PERMANENT,
            )
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.largest:
            raise self._too_large()
        if response.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml")):
            raise LinkError("there is a web page, no file; the link may have expired")

    def _too_large(self) -> LinkError:
        return LinkError(
            f"the file is larger than mailbox.max_link_bytes ({self._limits.largest}) of abusehandler.yaml",
            for_good=True,
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Network errors as LinkError: they are no OSError, which would mean to the bots that a disk is away."""
        try:
            yield
        except LinkError:
            raise
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            self._in_time()
            raise LinkError(_said(error)) from error

    def _in_time(self) -> None:
        if time.monotonic() >= self._deadline:
            raise LinkError(f"the transfer took more than {self._limits.seconds:g} seconds")

    def _cut(self) -> None:
        for one in self._sockets:
            try:
                # not SSLSocket.shutdown, which takes the TLS state away under the reader's feet
                socket.socket.shutdown(one, socket.SHUT_RDWR)
            except OSError:
                continue


class _GuardedAdapter(HTTPAdapter):
    """Connections report to their transfer before the first byte is sent."""

    def __init__(self, transfer: _Transfer) -> None:
        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                transfer.connected(self)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                transfer.connected(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self._pools = {"http": PlainPool, "https": SecurePool}
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = self._pools


def _name(response: requests.Response) -> str:
    """The file's name from Content-Disposition (RFC 6266), else from the URL; letters, digits, `._-` only."""
    header = Message()
    try:
        header["content-disposition"] = response.headers.get("content-disposition", "")[:1000]
        name = header.get_filename("")
    except (ValueError, LookupError):
        name = ""
    name = name or unquote(urlsplit(response.url).path)
    name = PurePosixPath(name.replace("\\", "/")).name
    return _NOT_IN_NAMES.sub("_", name).lstrip(".")[-150:] or "report"


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
