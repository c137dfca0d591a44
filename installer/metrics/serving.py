# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Serves the page over HTTP: one thread, GET /metrics and nothing else. There are no names of customers on it."""

from __future__ import annotations

import http.server
import socket
from typing import TYPE_CHECKING, Any

from abusehandler.errors import AbusehandlerError

if TYPE_CHECKING:
    from abusehandler.installer.metrics.page import Page

#: Seconds that a client may take to say what it wants.
PATIENCE = 5.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsServer(http.server.HTTPServer):
    """One request after the other, so that the page's connection is used by one at a time."""

    def __init__(self, address: tuple[str, int], page: Page) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.page = page
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise AbusehandlerError(
                f"cannot listen on {address[0]}:{address[1]}: {error.strerror}; choose another with --listen"
            ) from None


class _Handler(http.server.BaseHTTPRequestHandler):
    server: MetricsServer
    server_version, sys_version = "abusehandler", ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        if self.path.partition("?")[0] not in ("/metrics", "/"):
            self.send_error(404)
            return
        content = self.server.page.text().encode()
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Prometheus asks four times a minute: that is no news."""


def address_of(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `[IPV6]:PORT` or `:PORT` on loopback. Raises AbusehandlerError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit() and 0 <= int(port) <= 65535):
        raise AbusehandlerError(f"{text!r:.80} is no address to listen on; write for example 127.0.0.1:9427")
    return host, int(port)
