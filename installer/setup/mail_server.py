# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The way from this machine's mail server to `abusehandler deliver`, for the abuse address and its sub-addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.installer.setup.system import ROOT, SetupError, System

if TYPE_CHECKING:
    from abusehandler.installer.setup.answers import Answers

# R: bounces are told by their empty return path
PIPE = "abusehandler unix - n n - 4 pipe flags=Rq user=intelmq argv=/usr/local/bin/abusehandler deliver"
#: What earlier releases wrote; another line is the operator's and stays.
EARLIER_PIPES = (PIPE.replace("flags=Rq", "flags=q"),)
ROUTER = """# abusehandler, written by installer/install.sh: mail to the abuse address goes to 'abusehandler deliver'
abusehandler:
  driver = accept
  domains = {domain}
  local_parts = {local}
  local_part_suffix = +*
  local_part_suffix_optional
  transport = abusehandler_pipe
"""
TRANSPORT = """# abusehandler, written by installer/install.sh; whatever goes wrong here, the mail stays in the queue
abusehandler_pipe:
  driver = pipe
  command = /usr/local/bin/abusehandler deliver
  user = intelmq
  group = intelmq
  home_directory = /var/lib/abusehandler
  current_directory = /
  message_prefix =
  message_suffix =
  return_path_add
  envelope_to_add
  temp_errors = *
  log_defer_output
"""


class Postfix:
    """A transport in master.cf, and the abuse address in a transport map of its own."""

    name = "mail server (Postfix)"

    def __init__(self, system: System, answers: Answers) -> None:
        self.system = system
        self.address = answers.organisation.abuse_address.lower()
        self.map = system.layout.at("/etc/postfix/abusehandler")
        self.text = f"# abusehandler, written by installer/install.sh\n{self.address} abusehandler:\n"

    def missing(self) -> list[str]:
        if not self.system.real:
            return []
        if not self.system.has("postconf"):
            raise SetupError(
                "mailbox.kind is postfix, and Postfix is not here: apt-get install postfix, then start again"
            )
        lines = []
        if self._transport() in ("", *EARLIER_PIPES):
            lines.append("transport abusehandler in master.cf")
        if self.system.differs(self.map, self.text, ROOT, 0o644):
            lines.append(f"file {self.map}: {self.address}")
        if f"texthash:{self.map}" not in self._value("transport_maps"):
            lines.append("transport_maps in main.cf, the new map in front")
        if not self._value("recipient_delimiter"):
            lines.append("recipient_delimiter = + in main.cf, for answers to notices")
        if self.system.untold("postfix"):
            lines.append("reload Postfix")
        return lines

    def apply(self) -> None:
        with self.system.telling("postfix"):
            self._apply()

    def _apply(self) -> None:
        if self._transport() in ("", *EARLIER_PIPES):
            self.system.run("postconf", "-M", f"abusehandler/unix={PIPE}")
        self.system.write(self.map, self.text)
        maps = self._value("transport_maps")
        if f"texthash:{self.map}" not in maps:
            self.system.run("postconf", "-e", f"transport_maps=texthash:{self.map}{', ' + maps if maps else ''}")
        if not self._value("recipient_delimiter"):
            self.system.run("postconf", "-e", "recipient_delimiter=+")
        self.system.run("postfix", "check")
        self.system.run("postfix", "reload", check=False)

    def _transport(self) -> str:
        return " ".join(self.system.run("postconf", "-M", "abusehandler/unix", check=False).stdout.split())

    def _value(self, key: str) -> str:
        return self.system.run("postconf", "-h", key).stdout.strip()


class Exim:
    """A router and a transport in Debian's split configuration."""

    name = "mail server (Exim)"

    def __init__(self, system: System, answers: Answers) -> None:
        self.system = system
        local, _, domain = answers.organisation.abuse_address.lower().rpartition("@")
        if not re.fullmatch(r"[a-z0-9._-]+", local):
            raise SetupError(f"{local}@{domain}: write Exim's router for this address yourself, see docs/install.md")
        folder = system.layout.at("/etc/exim4/conf.d")
        self.files = {
            # before all of Debian's own routers for local domains
            folder / "router" / "150_abusehandler": ROUTER.format(domain=domain, local=local),
            folder / "transport" / "30_abusehandler": TRANSPORT,
        }

    def missing(self) -> list[str]:
        if self.system.real and not self.system.has("update-exim4.conf"):
            raise SetupError(
                "mailbox.kind is exim, and Debian's Exim is not here: apt-get install exim4, then start again"
            )
        settings = self.system.read(self.system.layout.at("/etc/exim4/update-exim4.conf.conf")) or ""
        if self.system.real and not re.search(r"(?m)^dc_use_split_config='true'", settings):
            raise SetupError(
                "Exim's configuration is in one file: run 'dpkg-reconfigure exim4-config' and choose to split it, or set "
                "mailbox.kind to maildir or imap; then start again"
            )
        lines = [f"file {path}" for path, text in self.files.items() if self.system.differs(path, text, ROOT, 0o644)]
        return [*lines, "reload Exim"] if self.system.untold("exim") else lines

    def apply(self) -> None:
        with self.system.telling("exim"):
            for path, text in self.files.items():
                self.system.write(path, text)
            if self.system.real:
                self.system.run("update-exim4.conf")
                self.system.run("service", "exim4", "reload", check=False)
