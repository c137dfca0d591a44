# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A DNS server on loopback that answers as a test tells it, and counts what it was asked."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest


class ScriptedDns:
    """`records`: name → TXT, `typed`: (name, type) → records in DNS's own words; other names do not exist. `answer_with`
    REFUSED or SERVFAIL refuses all; None stays silent.
    """

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.typed: dict[tuple[str, str], list[str]] = {}
        self.answer_with: dns.rcode.Rcode | None = dns.rcode.NOERROR
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> ScriptedDns:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            packet, sender = self._socket.recvfrom(4096)
            if not packet:
                return
            query = dns.message.from_wire(packet)
            (question,) = query.question
            name, kind = question.name.to_text().rstrip("."), dns.rdatatype.to_text(question.rdtype)
            self.asked.append(name)
            if self.answer_with is None:
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            if self.answer_with is not dns.rcode.NOERROR:
                answer.set_rcode(self.answer_with)
            elif (name, kind) in self.typed:
                answer.answer.append(dns.rrset.from_text_list(question.name, 300, "IN", kind, self.typed[name, kind]))
            elif name in self.records and kind == "TXT":
                text = self.records[name]
                strings = " ".join(f'"{text[at : at + 200].decode()}"' for at in range(0, len(text), 200))
                answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", "TXT", strings))
            elif name not in self.records and all(known != name for known, _ in self.typed):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), sender)


def key_pair() -> tuple[bytes, bytes]:
    """A fresh RSA key: the DKIM record, and the private key as PEM."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command")
    private = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout"], input=private, capture_output=True, check=True).stdout
    lines = [line for line in public.splitlines() if line and not line.startswith(b"-")]
    return b"v=DKIM1; k=rsa; p=" + b"".join(lines), private


def signed(mail: bytes, domain: bytes, private: bytes, *, length: bool = False) -> bytes:
    """The mail with a DKIM signature under the selector `key`."""
    import dkim

    mail = mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    signature = dkim.sign(mail, b"key", domain, private, include_headers=[b"from", b"subject", b"date"], length=length)
    return signature + mail
