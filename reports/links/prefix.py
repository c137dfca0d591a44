# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which URLs may be fetched: those that begin with a prefix the operator named, whatever tricks are in them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

LONGEST_URL = 2000
#: The characters of RFC 3986; no space, quote, backslash, control or letter of another script.
_PLAIN = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,2000}\Z")
_PORTS = {"http": 80, "https": 443}
#: An encoded slash, backslash, NUL or percent sign is read in two ways by two programs.
_ENCODED_TWICE = re.compile(r"%(?:2f|5c|00|25)", re.I)


@dataclass(frozen=True, slots=True)
class LinkPrefix:
    """A prefix such as `https://dl.example.org/reports/`; `host` is lower case, `path` ends in `/`."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, text: str) -> LinkPrefix:
        """From the text in abusehandler.yaml. Raises ValueError, which says what to write instead."""
        advice = f"{text!r:.200} is no link prefix: write for example https://dl.example.org/reports/"
        parts = _split(text)
        if parts is None:
            raise ValueError(advice)
        scheme, host, port, path, query = parts
        if query or "#" in text or not path.endswith("/"):
            raise ValueError(f"{advice}, with a slash at the end and nothing behind it")
        prefix = cls(scheme, host, port, path)
        if scheme == "http" and not prefix._names_this_machine():
            raise ValueError(f"{text!r:.200}: http is for this machine only; write https://")
        return prefix

    @property
    def origin(self) -> str:
        """Scheme, host and, where it is another than usual, port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    def match(self, url: str) -> str | None:
        """The URL, spelt plainly and without fragment, if it lies below this prefix; else None. Never raises."""
        parts = _split(url)
        if parts is None or parts[:3] != (self.scheme, self.host, self.port):
            return None
        path, query = parts[3], parts[4]
        if not path.startswith(self.path) or (path == self.path and not query):
            return None
        return self.origin + path + (f"?{query}" if query else "")

    def may_connect(self, address: str) -> bool:
        """Whether a connection may go to this address: any public one, a private one only if the prefix names it."""
        try:
            peer = _address(address)
        except ValueError:
            return False
        try:
            return peer == _address(self.host)
        except ValueError:  # a name
            return (self._names_this_machine() and peer.is_loopback) or (peer.is_global and not peer.is_multicast)

    def _names_this_machine(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return _address(self.host).is_loopback
        except ValueError:
            return False


def matching(url: str, prefixes: tuple[LinkPrefix, ...]) -> tuple[str, LinkPrefix] | None:
    """The URL spelt plainly and the first prefix that it lies below, or None."""
    return next(((found, one) for one in prefixes if (found := one.match(url)) is not None), None)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _split(url: str) -> tuple[str, str, int, str, str] | None:
    """Scheme, host, port, path, query of an absolute http(s) URL in which nothing can be read in two ways."""
    if len(url) > LONGEST_URL or not _PLAIN.match(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or "@" in parts.netloc or not parts.hostname or parts.netloc.endswith(":"):
        return None
    path = parts.path or "/"
    if _ENCODED_TWICE.search(path) or "//" in path or {".", ".."} & set(unquote(path).split("/")):
        return None
    return parts.scheme, parts.hostname.lower(), port if port is not None else _PORTS[parts.scheme], path, parts.query
