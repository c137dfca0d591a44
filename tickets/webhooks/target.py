# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A POST to an address that a person typed: never into our own network, never further than asked, never for long.

The name is resolved first, every address that it has is judged, and the connection goes to a judged address, so that
no second answer of DNS can lead elsewhere (rebinding). Redirects are not followed, no proxy or password of the
environment is used. https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from abusehandler.errors import AbusehandlerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST_URL = 2000
#: Bytes of the answer that are read; people see them.
ANSWER_BYTES = 500
_INTERNET = ipaddress.IPv6Network("2000::/3")
_PLAIN = re.compile(r"https?://[\x21-\x7e]+")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TargetError(AbusehandlerError):
    """Nothing was delivered; the text says why, in words for the person who typed the URL."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where messages may go: public addresses that are not ours, and `allowed` networks whatever they are.

    `own` are the networks of the organisation; inside them stand the machines that trust this one.
    """

    allowed: tuple[Network, ...] = ()
    own: tuple[Network, ...] = ()

    @classmethod
    def of(cls, allowed: Sequence[str], own: Sequence[str]) -> Reach:
        """From texts in CIDR form."""
        return cls(tuple(map(ipaddress.ip_network, allowed)), tuple(map(ipaddress.ip_network, own)))

    def may_go_to(self, address: Address) -> bool:
        """Whether a connection may be made to this address."""
        if isinstance(address, ipaddress.IPv6Address):
            # what a gateway would turn into an IPv4 address is judged as that (RFC 4291, RFC 6052, RFC 3056)
            inner = address.ipv4_mapped or address.sixtofour
            if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):
                inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            if inner is not None:
                address = inner
        if any(address in network for network in self.allowed):
            return True
        # whatever it is called one day, the Internet is in 2000::/3 (RFC 4291, 2.4); [::127.0.0.1] and 64:ff9b:1::/48 are not
        if isinstance(address, ipaddress.IPv6Address) and address not in _INTERNET:
            return False
        return address.is_global and not address.is_multicast and not any(address in network for network in self.own)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said: HTTP status, `retry_after` seconds if it asked for a pause, the first bytes as text."""

    status: int
    text: str
    retry_after: float | None = None


def checked_url(url: str, reach: Reach) -> SplitResult:
    """The parts of a URL that can be a target. Raises TargetError with what to write instead.

    Plain http is for `allowed` networks written as an address: elsewhere a message could be read on the way.
    """
    if len(url) > LONGEST_URL or not _PLAIN.fullmatch(url):
        raise TargetError("write the whole address, for example https://hooks.example.net/abuse")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetError(f"this is no web address: {error}") from None
    if not parts.hostname or port == 0 or "\\" in url:
        raise TargetError("the address has no host; write for example https://hooks.example.net/abuse")
    if "@" in parts.netloc:
        raise TargetError("an address with a password in it is refused; the signature tells who sends")
    literal = _literal(parts.hostname)
    if literal is not None and not reach.may_go_to(literal):
        raise TargetError(
            f"{literal} is not a public address, or one of ours; see webhooks.allowed_networks of abusehandler.yaml"
        )
    if parts.scheme == "http" and (literal is None or not any(literal in network for network in reach.allowed)):
        raise TargetError("http could be read on the way; write https://")
    return parts


def post(url: str, body: bytes, headers: Mapping[str, str], reach: Reach, *, seconds: float = 15) -> Answer:
    """Delivers, within so many seconds for everything after the name was resolved. Raises TargetError."""
    parts = checked_url(url, reach)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = _resolved(host, port, reach)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with socket.create_connection((str(address), port), timeout=min(seconds, 10)) as plain:
            # a peer may send a byte now and then for ever, each within every limit of a socket
            watch = threading.Timer(seconds, _cut, [plain])
            watch.daemon = True
            watch.start()
            end = time.monotonic() + seconds
            try:
                answer = _exchange(plain, parts, path, body, headers)
            finally:
                watch.cancel()
            # headers that were cut off look like headers that ended
            if time.monotonic() >= end:
                raise TargetError(f"the answer took more than {seconds:g} seconds")
            return answer
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TargetError(" ".join(f"{type(error).__name__}: {error}".split())[:300]) from error


def _exchange(plain: socket.socket, parts: SplitResult, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    host = parts.hostname or ""
    connection = http.client.HTTPConnection(host)
    secured: socket.socket = plain
    if parts.scheme == "https":
        # a copy of the handle: wrapping takes the original away from the watch
        secured = ssl.create_default_context().wrap_socket(plain.dup(), server_hostname=host)
    with secured:
        connection.sock = secured
        connection.request(
            "POST", path, body,
            {"Host": parts.netloc, "User-Agent": "abusehandler", "Content-Type": "application/json", "Connection": "close", **headers},
        )  # fmt: skip
        response = connection.getresponse()
        text = response.read(ANSWER_BYTES).decode("utf-8", "replace").replace("\0", "")
        pause = response.headers.get("retry-after", "")
        return Answer(
            response.status, " ".join(text.split()), float(pause) if pause.isascii() and pause.isdigit() and len(pause) < 7 else None
        )  # fmt: skip


def _cut(plain: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(plain, socket.SHUT_RDWR)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _resolved(host: str, port: int, reach: Reach) -> Address:
    """An address of the host. A name with any address that must not be reached is refused whole: it means no good."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TargetError(f"{host} has no address: {error}") from None
    addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    wrong = next((address for address in addresses if not reach.may_go_to(address)), None)
    if wrong is not None or not addresses:
        raise TargetError(
            f"{host} has the address {wrong}, which is not public, or ours; see webhooks.allowed_networks of abusehandler.yaml"
        )
    return addresses[0]
