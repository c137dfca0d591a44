# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A web server on loopback that answers as a test tells it, and notes what it was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl


@dataclass
class Answer:
    """`drip` sends the body a byte at a time, with that many seconds between, until the other side is gone."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    drip: float = 0


class ScriptedWeb:
    """`answers` by path with query; 404 for all else. Knows the headers of each request in `requests`."""

    def __init__(self, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._over = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                answer = web.answers.get(self.path, Answer(b"not here", 404))
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
                self.send_header("Set-Cookie", "seen=before; Path=/")
                self.end_headers()
                try:
                    if not answer.drip:
                        self.wfile.write(answer.body)
                    for number in range(len(answer.body) if answer.drip else 0):
                        self.wfile.write(answer.body[number : number + 1])
                        if web._over.wait(answer.drip):
                            break
                except OSError:
                    return

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:  # a handshake that the other side gave up
                    return

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def asked(self) -> list[str]:
        return [path for path, _ in self.requests]

    def __enter__(self) -> ScriptedWeb:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
