# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The questions on a terminal: defaults in brackets, a wrong answer is explained and asked again."""

from __future__ import annotations

import getpass
import ipaddress
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from abusehandler.errors import ConfigurationError
from abusehandler.installer.setup.answers import HOST_NAME, Answers

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = r"[^@\s<>\"]+@[^@\s<>\"]+"


def ask_all(secrets: Path, read: Callable[[str], str] = input) -> Answers:
    """Asks for everything. Secrets are written to files in `secrets` (mode 0600); the answers name these files.

    Raises ConfigurationError if there is no terminal to ask on.
    """
    if read is input and not sys.stdin.isatty():
        raise ConfigurationError("there is no terminal to ask on: write the answers into a file and use --answers FILE")
    asking = _Asking(secrets, read)
    said: dict[str, Any] = {
        "organisation": {
            "name": asking.text("Name of your company, as customers know it"),
            "abuse_address": asking.text("Mail address to which abuse reports come", like=ADDRESS),
            "time_zone": asking.text("Time zone for people", _time_zone()),
        },
        "networks": asking.networks(),
        "customers": {"file": asking.file("CSV file with your customers' networks (empty: later)")},
        "shadowserver": asking.shadowserver(),
        "mailbox": asking.mailbox(),
        "smtp": asking.smtp(),
        "administrator": {"mail": asking.text("Mail address of the administrator: the first login", like=ADDRESS)},
        "web": asking.web(),
    }
    try:
        return Answers.model_validate(said)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False)]
        raise ConfigurationError("these answers do not fit together:\n" + "\n".join(faults)) from None


class _Asking:
    def __init__(self, secrets: Path, read: Callable[[str], str]) -> None:
        self._secrets = secrets
        self._read = read

    def text(self, question: str, default: str = "", *, like: str = r".+", example: str = "") -> str:
        while True:
            said = self._read(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
            if re.fullmatch(like, said):
                return said
            print(f"  That does not look right{f'; write for example {example}' if example else ''}.")

    def choice(self, question: str, words: tuple[str, ...]) -> str:
        return self.text(f"{question} ({', '.join(words)})", words[0], like="|".join(words), example=words[0])

    def file(self, question: str) -> str | None:
        while True:
            said = self._read(f"{question}: ").strip()
            if not said or Path(said).is_file():
                return str(Path(said).absolute()) if said else None
            print(f"  There is no file {said}.")

    def secret(self, question: str) -> str:
        said = ""
        while not said:
            said = (getpass.getpass if self._read is input else self._read)(f"{question}: ").strip()
        handle, name = tempfile.mkstemp(dir=self._secrets, prefix="asked-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(said + "\n")
        return name

    def networks(self) -> dict[str, list[Any]]:
        while True:
            words = (
                self.text("Your AS numbers and networks", example="AS64496 192.0.2.0/24 2001:db8::/32")
                .replace(",", " ")
                .split()
            )
            asns, prefixes, wrong = [], [], []
            for word in words:
                if match := re.fullmatch(r"(?:AS)?([0-9]{1,10})", word, re.IGNORECASE):
                    asns.append(int(match[1]))
                    continue
                try:
                    prefixes.append(str(ipaddress.ip_network(word)))
                except ValueError as error:
                    wrong.append(f"{word}: {error}")
            if not wrong:
                return {"prefixes": prefixes, "asns": asns}
            print("  " + "\n  ".join(wrong))

    def shadowserver(self) -> dict[str, str]:
        if self.choice("Have you a key of Shadowserver's API", ("later", "yes")) == "later":
            return {}
        return {"api_key_file": self.secret("API key"), "secret_file": self.secret("API secret")}

    def mailbox(self) -> dict[str, str]:
        kind = self.choice("How does abuse mail come in", ("later", "imap", "maildir", "postfix", "exim"))
        if kind == "imap":
            return {
                "kind": kind,
                "host": self.text("IMAP server"),
                "user": self.text("Login"),
                "password_file": self.secret("Password"),
            }
        return {"kind": kind, "path": self.text("Folder", like="/.+")} if kind == "maildir" else {"kind": kind}

    def smtp(self) -> dict[str, Any]:
        host = self.text("Mail server that takes notices", "localhost")
        if host in ("localhost", "127.0.0.1", "::1"):
            return {"host": host}
        security = self.choice("Encryption", ("starttls", "tls", "none"))
        said: dict[str, Any] = {
            "host": host,
            "security": security,
            "port": int(self.text("Port", {"tls": "465", "starttls": "587"}.get(security, "25"), like="[0-9]{1,5}")),
        }
        user = self._read("Login (empty: none): ").strip()
        return {**said, "user": user, "password_file": self.secret("Password")} if user else said

    def web(self) -> dict[str, str]:
        name = self._read("Host name of the portal, for example abuse.example.net (empty: no portal): ").strip().lower()
        if not name:
            return {}
        while not re.fullmatch(HOST_NAME, name):
            name = self.text("A full host name").lower()
        tls = self.choice(
            "Certificate: of Let's Encrypt, your own, or have you a web server in front", ("certbot", "own", "proxy")
        )
        if tls != "own":
            return {"host_name": name, "tls": tls}
        return {
            "host_name": name, "tls": tls,
            "certificate": self.file("Certificate with its chain (PEM)") or "", "key": self.file("Its key (PEM)") or "",
        }  # fmt: skip


def _time_zone() -> str:
    try:
        return Path("/etc/timezone").read_text(encoding="ascii").strip() or "UTC"
    except OSError:
        return "UTC"
