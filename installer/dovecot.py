# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A Dovecot of one's own, for the tests of the IMAP collector: one user, a Maildir, IMAP with and without TLS."""

from __future__ import annotations

import contextlib
import getpass
import grp
import os
import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

from abusehandler.installer.services import Service, ServiceError, free_port, reap, until

if TYPE_CHECKING:
    from pathlib import Path

USER = "abuse@example.net"
PASSWORD = "a password for tests"  # noqa: S105
TOKEN = "a-token-for-tests"  # noqa: S105


class DovecotServer(Service):
    """Dovecot 2.3 as an ordinary user, from Debian's package dovecot-imapd; `missing` tells why it cannot run."""

    name = "dovecot"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.maildir = self.folder / "mail"
        self.ca_file = self.folder / "ca.pem"
        self.port = 0
        self.tls_port = 0

    @staticmethod
    def program() -> str | None:
        return shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    @classmethod
    def missing(cls) -> str:
        """Why it cannot be started here; empty if it can."""
        if cls.program() is None:
            return "Dovecot is not installed: sudo apt-get install dovecot-imapd"
        if shutil.which("openssl") is None:
            return "openssl is not installed: sudo apt-get install openssl"
        return ""

    def start(self) -> None:
        """Starts the server; does nothing if it runs."""
        if self.pid() is not None:
            return
        if not (self.folder / "dovecot.conf").exists():
            self._lay_out()
        # Dovecot goes to the background by itself unless told not to
        pid = self._spawn([str(self.program()), "-F", "-c", str(self.folder / "dovecot.conf")])
        self.pid_file.write_text(f"{pid}\n", encoding="ascii")
        until(self._answers, "Dovecot", log=self.log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the server and the processes it has for its connections, which would linger for half a minute."""
        number = self.pid()
        super().stop(how)
        if number is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(number, signal.SIGKILL)
        reap()

    def _lay_out(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port = free_port(), free_port()
        (self.folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
        self.rights("lrwstipekxa")
        self._make_certificate()
        user, group = getpass.getuser(), grp.getgrgid(os.getegid()).gr_name
        (self.folder / "dovecot.conf").write_text(
            f"""
protocols = imap
listen = 127.0.0.1
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/dovecot-mail.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_location = maildir:{self.maildir}
first_valid_uid = 0
mail_fsync = never
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
ssl = yes
ssl_cert = <{self.folder}/server.pem
ssl_key = <{self.folder}/server.key
mailbox_list_index = no
mail_plugins = acl
plugin {{
  acl = vfile:{self.folder}/rights
}}
passdb {{
  driver = passwd-file
  args = {self.folder}/users
}}
passdb {{
  driver = static
  mechanisms = xoauth2
  args = password={TOKEN}
}}
userdb {{
  driver = static
  args = uid={os.geteuid()} gid={os.getegid()} home={self.folder}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = {self.tls_port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
""",
            encoding="utf-8",
        )

    def rights(self, letters: str) -> None:
        """What the user may do in all folders, in the letters of RFC 4314; `lr` is to look and to read."""
        (self.folder / "rights").write_text(f"* owner {letters}\n", encoding="ascii")

    def _make_certificate(self) -> None:
        """A certificate authority of our own, and a certificate of it for the name localhost."""
        authority = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=example-ca -keyout ca.key -out ca.pem"
        steps = (
            f"{authority} -addext keyUsage=critical,keyCertSign",
            "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out server.pem -extfile names",
        )
        (self.folder / "names").write_text("subjectAltName=DNS:localhost\n", encoding="ascii")
        for step in steps:
            done = subprocess.run(
                ["openssl", *step.split()], cwd=self.folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise ServiceError(f"openssl {step} failed: {done.stderr.strip()}")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=3) as connection:
                return connection.recv(4) == b"* OK"
        except OSError:
            return False
