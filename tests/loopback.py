# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An HTTP server on the loopback that plays recorded exchanges, and misbehaves on demand."""

from __future__ import annotations

import itertools
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Loopback:
    """Answers with the first exchange that fits; `{url}` in an answer is the server's own address.

    `refused` is what a caller hears who is not let in, or asks for what is not there.
    """

    def __init__(self, exchanges, *, tls=None, refused=None):
        self.exchanges = exchanges
        self.refused = refused
        self.asked = []
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                loopback.answer(self, {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                loopback.answer(self, dict(parse_qsl(body, keep_blank_values=True)))

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                """A client that hangs up on a wrong certificate is what the test wants."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler, form):
        parts = urlsplit(handler.path)
        parameters = dict(parse_qsl(parts.query))
        self.asked.append(handler.path)
        refused = [{"path": parts.path, **self.refused}] if self.refused else []
        for exchange in itertools.chain(self.exchanges, refused):
            if exchange["path"] == parts.path and all(
                wanted.items() <= given.items()
                for wanted, given in (
                    (exchange.get("parameters", {}), parameters),
                    (exchange.get("form", {}), form),
                    (exchange.get("headers", {}), dict(handler.headers)),
                )
            ):
                statuses = exchange.get("statuses")
                status = statuses.pop(0) if statuses else exchange.get("status", 200)
                text = exchange["answer"] if isinstance(exchange["answer"], str) else json.dumps(exchange["answer"])
                content = text.replace("{url}", self.url).encode()
                handler.send_response(status)
                for name, value in exchange.get("answer_headers", {}).items():
                    handler.send_header(name, value)
                handler.send_header("Content-Length", str(len(content)))
                handler.end_headers()
                handler.wfile.write(content)
                return
        handler.send_error(404, "no such exchange")
