# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Takes mails from an IMAP mailbox."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from intelmq.lib.bot import CollectorBot

from abusehandler.bots import _intelmq
from abusehandler.bots._intake import IntakeCollector
from abusehandler.errors import ConfigurationError
from abusehandler.reports.mailbox.imap import (
    DEFAULT_KEYWORD,
    ImapFolder,
    ImapSettings,
    MailboxUnavailable,
    MailUnreadable,
    sleep,
)
from abusehandler.tickets.mailboxes import MailboxNotes

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Taken mails are marked on the server after so many at the latest, and handed on.
MAILS_AT_ONCE = 50
#: A mail that the server does not give is asked for again after this time.
UNREADABLE_RETRY_SECONDS = 600
#: Reserved by RFC 2606: nobody has a mailbox there.
EXAMPLE_HOSTS = ("example.net", "example.com", "example.org")
FIRST_PAUSE_SECONDS = 5
LONGEST_PAUSE_SECONDS = 300


class AbuseImapCollectorBot(IntakeCollector, CollectorBot):
    """Takes every mail of an IMAP folder, seen or not, whatever it is: evidence first, then it is moved or flagged.

    Nothing is deleted. Where the server has IDLE, new mails are taken at once. See docs/mailboxes.md.

    Parameters:
        host, port, user: the server and the login name; port 993 (tls) or 143 if left out
        password_file: file whose first line is the password, mode 0600; or
        token_file: file whose first line is an OAuth2 access token (XOAUTH2); another program keeps it fresh
        security: tls (default), starttls, or none for a server on this machine
        ca_file: certificates to trust instead of the system's
        folder: where the mails are
        processed_folder: where taken mails are moved; if empty they stay and get the keyword processed_flag
        longest_wait: seconds between two looks where the server tells nothing by itself
    """

    host: str = ""
    port: int = 0
    user: str = ""
    password_file: str = ""
    token_file: str = ""
    security: str = "tls"
    ca_file: str = ""
    folder: str = "INBOX"
    processed_folder: str = ""
    processed_flag: str = DEFAULT_KEYWORD
    timeout: float = 60
    longest_wait: float = 30
    rate_limit: int = 0

    _pause = 0.0
    _not_before = 0.0

    def prepare(self) -> None:
        super().prepare()
        self._mailbox = ImapFolder(self._settings({name: getattr(self, name) for name in _PARAMETERS}))
        self._notes = MailboxNotes(self.box.database, f"{self.user}@{self.host}/{self.folder}")
        self._unreadable: dict[int, float] = {}
        self._validity = 0

    def take_new(self) -> None:
        try:
            if time.monotonic() < self._not_before:
                sleep(min(self._not_before - time.monotonic(), self.longest_wait), self._wanted_elsewhere)
                return
            if not self._open():
                return
            taken = self._take_waiting()
            if self.run_mode == "scheduled":
                while taken:
                    taken = self._take_waiting()
            elif not taken:
                self._mailbox.wait(self.longest_wait, self._wanted_elsewhere)
            self._pause = 0.0
        except (MailboxUnavailable, ConfigurationError) as error:
            self._pause = min(max(FIRST_PAUSE_SECONDS, self._pause * 2), LONGEST_PAUSE_SECONDS)
            self._not_before = time.monotonic() + self._pause
            self.logger.error(
                "%s. Trying again in %d seconds; the mails wait there.", str(error).rstrip("."), self._pause
            )

    def _open(self) -> bool:
        if self._mailbox.is_open:
            return True
        self._mailbox.open()
        if self._validity not in (0, self._mailbox.uidvalidity):
            self._unreadable.clear()
        self._validity = self._mailbox.uidvalidity
        if self.processed_folder and self._mailbox.marking != "move":
            self.logger.warning("%s cannot move mails (RFC 6851); taken mails stay and are flagged.", self.host)
        if self._mailbox.marking == "nothing":
            self.logger.warning(
                "%s: the folder takes no flags; the database alone remembers what was taken.", self.host
            )
        return True

    def _take_waiting(self) -> int:
        """Takes up to MAILS_AT_ONCE mails, then marks them on the server; returns how many it has dealt with."""
        validity = self._validity
        waiting = set(self._mailbox.waiting())
        noted = self._notes.taken(validity)
        self._notes.forget(validity, noted - waiting)
        now = time.monotonic()
        new = sorted(uid for uid in waiting - noted if self._unreadable.get(uid, 0) <= now)[:MAILS_AT_ONCE]
        taken = sorted(noted & waiting)
        dealt_with = len(new) + (len(taken) if self._mailbox.marking != "nothing" else 0)
        for uid in new:
            try:
                self.take_bytes(
                    self._mailbox.pieces(uid),
                    name=f"{self.folder}/{validity}/{uid}",
                    note=partial(self._notes.note, validity, uid),
                )
            except MailUnreadable as error:
                self._unreadable[uid] = now + UNREADABLE_RETRY_SECONDS
                self.logger.error("%s. The others go on.", str(error).rstrip("."))
            else:
                taken.append(uid)
        self._mailbox.mark(taken)
        return dealt_with

    def _wanted_elsewhere(self) -> bool:
        """Whether `intelmqctl reload` waits."""
        return _intelmq.reload_waits(self)

    def shutdown(self) -> None:
        if "_mailbox" in self.__dict__:
            self._mailbox.close()
        super().shutdown()

    @classmethod
    def _settings(cls, parameters: Mapping[str, Any]) -> ImapSettings:
        def path(name: str) -> Any:
            return cls.path_of(str(parameters[name])) if parameters.get(name) else None

        return ImapSettings(
            host=str(parameters.get("host") or ""),
            user=str(parameters.get("user") or ""),
            port=int(parameters.get("port") or 0),
            security=parameters.get("security") or "tls",
            folder=str(parameters.get("folder") or "INBOX"),
            processed_folder=str(parameters.get("processed_folder") or ""),
            keyword=str(parameters.get("processed_flag") or DEFAULT_KEYWORD),
            password_file=path("password_file"),
            token_file=path("token_file"),
            ca_file=path("ca_file"),
            timeout=float(parameters.get("timeout") or 60),
        )

    @classmethod
    def check_values(cls, parameters: Mapping[str, Any]) -> list[list[str]]:
        found = super().check_values(parameters)
        try:
            settings = cls._settings(parameters)
        except (TypeError, ValueError) as error:
            return [*found, ["error", f"A parameter is no number: {error}."]]
        found.extend(["error", f"Parameter {fault}."] for fault in settings.faults())
        if settings.host.endswith(EXAMPLE_HOSTS):
            return [
                *found,
                ["info", f"Parameter 'host' is the example {settings.host}; fill in your own before you enable it."],
            ]
        for path in (settings.password_file, settings.token_file, settings.ca_file):
            if path is not None and not path.is_file():
                found.append(["error", f"{path} is no file; write the password, token or certificates there."])
        return found


_PARAMETERS = (
    "host", "port", "user", "password_file", "token_file", "security", "ca_file", "folder", "processed_folder",
    "processed_flag", "timeout",
)  # fmt: skip
BOT = AbuseImapCollectorBot
