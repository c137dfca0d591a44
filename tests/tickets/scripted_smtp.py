# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mail server that does what a test tells it: refuses, hangs up, falls silent, at any command."""

from __future__ import annotations

import socketserver
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

DROP = "drop"
HANG = "hang"


class ScriptedSmtp(socketserver.ThreadingTCPServer):
    """Answers 250 to everything but what `says` names by command: an answer, DROP or HANG (`END` is the end of the data).

    A list of answers is used up one after the other. What was taken stands in `mails`, all commands in `commands`.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, says: dict[str, Any] | None = None, *, extensions: tuple[str, ...] = ()) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.says = says or {}
        self.extensions = extensions
        self.tls: ssl.SSLContext | None = None
        self.implicit_tls = False
        self.mails: list[tuple[str, bytes]] = []
        self.commands: list[str] = []
        self.connections = 0
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def answer(self, command: str, usual: str) -> str:
        said = self.says.get(command, usual)
        if isinstance(said, list):
            return str(said.pop(0)) if said else usual
        return str(said)

    def stop(self) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: ScriptedSmtp

    def handle(self) -> None:
        self.server.connections += 1
        try:
            if self.server.implicit_tls:
                self._encrypt()
            self._talk()
        except (OSError, ssl.SSLError):
            return

    def _talk(self) -> None:
        if not self._say("CONNECT", "220 mx.example.net"):
            return
        recipient = ""
        while line := self.rfile.readline():
            text = line.decode("utf-8", "replace").strip()
            command = text.split(" ")[0].split(":")[0].upper()
            self.server.commands.append(text)
            if command == "EHLO":
                names = ["mx.example.net", *self.server.extensions]
                usual = "\r\n".join(f"250{'-' if name != names[-1] else ' '}{name}" for name in names)
            else:
                usual = {"DATA": "354 go on", "QUIT": "221 bye", "STARTTLS": "220 now", "AUTH": "235 welcome"}.get(
                    command, "250 fine"
                )
            if command == "RCPT":
                recipient = text
            if not self._say(command, usual) or command == "QUIT":
                return
            if command == "STARTTLS":
                self._encrypt()
            if command == "DATA" and self.last.startswith("354"):
                content = b"".join(self._data())
                if not self._say("END", "250 taken", (recipient, content)):
                    return

    def _data(self) -> Iterator[bytes]:
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            yield line[1:] if line.startswith(b".") else line

    def _say(self, command: str, usual: str, mail: tuple[str, bytes] | None = None) -> bool:
        self.last = self.server.answer(command, usual)
        if mail is not None and self.last.startswith("250"):
            # noted before the answer, so that a client that has it can look at once
            self.server.mails.append(mail)
        if self.last == DROP:
            return False
        if self.last == HANG:
            self.server.over.wait(60)
            return False
        self.wfile.write(self.last.encode() + b"\r\n")
        return True

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self.connection: socket.socket = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def finish(self) -> None:
        for thing in (self.rfile, self.wfile, self.connection):
            thing.close()


def certificate(folder: Path, host: str = "localhost") -> tuple[Path, Path]:
    """A self-signed certificate and its key, made by openssl."""
    certificate_file, key = folder / f"{host}.crt", folder / f"{host}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key), "-out", str(certificate_file)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate_file, key
