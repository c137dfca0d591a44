# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One IMAP folder: which mails are there, their bytes in pieces, and marking those that were taken. Never deletes.

RFC 3501 with, where the server has them, IDLE (RFC 2177) and MOVE (RFC 6851). A mail is named by its UID, which means the
same mail for ever as long as the folder's UIDVALIDITY stays.
"""

from __future__ import annotations

import imaplib
import ipaddress
import re
import select
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from abusehandler.errors import AbusehandlerError, ConfigurationError
from abusehandler.secret_files import secret_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

#: So much of a mail is asked for at once; most mails come whole.
PIECE = 1 << 20
#: A server that sends more for one mail is broken.
LARGEST_MAIL = 1 << 30
#: UIDs named in one command: keeps the line below the 8192 octets that servers must take (RFC 7162, section 4).
UIDS_IN_A_COMMAND = 500
#: How often an idle connection looks whether somebody wants the program for something else.
LOOK_UP_SECONDS = 1.0
DEFAULT_KEYWORD = "AbusehandlerTaken"
_UIDVALIDITY = re.compile(rb"\d+")


class MailboxUnavailable(AbusehandlerError):
    """The mailbox cannot be reached or refuses; nothing is lost, the mails wait there."""


class MailUnreadable(AbusehandlerError):
    """The server does not give this mail; the others are not at fault."""


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """How to reach a folder.

    `security`: `tls` (port 993), `starttls` (143) or `none`, which is refused for other machines than this one.
    `password_file` or `token_file` (an OAuth2 access token, for XOAUTH2) is read at each login, so that a program beside
    may renew it; its first line counts and nobody else may read it. `processed_folder`: where taken mails are moved;
    empty leaves them where they are, with the keyword `keyword`.
    """

    host: str
    user: str
    port: int = 0
    security: Literal["tls", "starttls", "none"] = "tls"
    folder: str = "INBOX"
    processed_folder: str = ""
    keyword: str = DEFAULT_KEYWORD
    password_file: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    timeout: float = 60

    def faults(self) -> list[str]:
        """What is wrong with them, in words; empty if nothing."""
        found = []
        if not self.host:
            found.append("'host' is missing; write the name of your IMAP server, for example imap.example.net")
        if not self.user:
            found.append("'user' is missing; write the login name of the mailbox, for example abuse@example.net")
        if (self.password_file is None) == (self.token_file is None):
            found.append(
                "write either 'password_file' or 'token_file', the file that holds the password or OAuth2 token"
            )
        if self.security not in ("tls", "starttls", "none"):
            found.append(f"'security' is {self.security!r}; write tls, starttls or none")
        elif self.security == "none" and not _is_this_machine(self.host):
            found.append("'security: none' would send the password in clear; write tls or starttls")
        if self.processed_folder and self.processed_folder == self.folder:
            found.append("'processed_folder' is the same as 'folder'; name another, or leave it out")
        if not re.fullmatch(r"\$?[A-Za-z0-9_.-]{1,60}", self.keyword):
            found.append(
                f"'processed_flag' {self.keyword!r} is no keyword; write letters and digits, for example {DEFAULT_KEYWORD}"
            )
        return found


class ImapFolder:
    """A connection to one folder. Not for threads. After MailboxUnavailable it is closed; `open` again."""

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._box: BaseMailBox | None = None
        #: Identity of the UIDs (RFC 3501, section 2.3.1.1); known once open.
        self.uidvalidity = 0
        #: `move`, `flag` (a keyword or \\Flagged), or `nothing` where the server allows neither.
        self.marking: Literal["move", "flag", "nothing"] = "nothing"
        self._flag = ""
        self._under_way = False

    @property
    def is_open(self) -> bool:
        return self._box is not None

    @property
    def can_idle(self) -> bool:
        return self._box is not None and "IDLE" in self._box.client.capabilities

    def open(self) -> None:
        """Connects, logs in and selects the folder; does nothing if that is done. Raises MailboxUnavailable, and
        ConfigurationError for settings, a password file or a folder that somebody must mend.
        """
        if self._box is not None:
            return
        settings = self._settings
        faults = settings.faults()
        if faults:
            raise ConfigurationError("; ".join(faults))
        secret = _secret(settings.token_file or settings.password_file)
        self._box = self._guarded(self._connect)
        self._guarded(lambda: self._login(secret))
        self._guarded(self._select)

    def close(self) -> None:
        """Leaves the server; never raises. Also from a signal's handler, whatever the server is waited for."""
        box, self._box = self._box, None
        if box is None:
            return
        if self._under_way:
            # a command has no answer yet: another would wait behind it, and its stream is being read
            with suppress(OSError):
                box.client.sock.shutdown(socket.SHUT_RDWR)
            return
        # without CLOSE, which would expunge what somebody marked as deleted
        with suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
            box.logout()
        _hang_up(box)

    def _give_up(self) -> None:
        """Leaves a server that did not answer as it should: it is not spoken to any more."""
        box, self._box = self._box, None
        if box is not None:
            _hang_up(box)

    def waiting(self) -> list[int]:
        """The UIDs of all mails that are not marked as taken, seen or not, oldest first. Raises MailboxUnavailable."""
        if self.marking != "flag":
            criteria = "ALL"
        elif self._flag == "\\Flagged":
            criteria = "UNFLAGGED"
        else:
            criteria = f"UNKEYWORD {self._flag}"

        def search() -> list[str]:
            box = self._open_box()
            # so that `wait` knows whether news came after this
            box.client.response("EXISTS")
            # without CHARSET, which some servers refuse
            return box.uids(criteria, charset=None)

        return sorted(int(uid) for uid in self._guarded(search))

    def pieces(self, uid: int) -> Iterator[bytes]:
        """The bytes of a mail as the server has them, without marking it as seen.

        Raises MailUnreadable if the server has it no more or does not give it, MailboxUnavailable if the line broke.
        """
        start = 0
        while True:
            piece = self._guarded(partial(self._piece, uid, start))
            if piece:
                yield piece
            start += len(piece)
            if len(piece) < PIECE:
                return
            if start >= LARGEST_MAIL:
                raise MailUnreadable(f"mail {uid} is larger than {LARGEST_MAIL} bytes and stays where it is")

    def _piece(self, uid: int, start: int) -> bytes:
        client = self._open_box().client
        status, answers = client.uid("FETCH", str(uid), f"(BODY.PEEK[]<{start}.{PIECE}>)")
        if status != "OK":
            raise MailUnreadable(f"the server does not give mail {uid}: {_text(answers)}")
        for answer in answers:
            if isinstance(answer, tuple) and b"BODY[]" in answer[0]:
                return bytes(answer[1])
        # a short or empty text may come as a quoted string or NIL instead of a literal
        for answer in answers:
            if isinstance(answer, bytes) and (
                found := re.search(rb'BODY\[\](?:<\d+>)? (?:"((?:[^"\\]|\\.)*)"|NIL)', answer)
            ):
                return re.sub(rb"\\(.)", rb"\1", found[1] or b"")
        raise MailUnreadable(f"mail {uid} is no more in the folder, somebody else moved or deleted it")

    def mark(self, uids: Sequence[int]) -> None:
        """Moves or flags mails that were taken. Raises MailboxUnavailable."""
        for first in range(0, len(uids), UIDS_IN_A_COMMAND):
            names = ",".join(str(uid) for uid in uids[first : first + UIDS_IN_A_COMMAND])
            if self.marking == "move":
                self._guarded(partial(self._open_box().move, names, self._settings.processed_folder))
            elif self.marking == "flag":
                # not imap_tools' flag(), which expunges what others have marked as deleted
                self._guarded(partial(self._store_flag, names))

    def wait(self, seconds: float, interrupted: Callable[[], bool]) -> None:
        """Returns when the folder changed, after `seconds`, or soon after `interrupted()` became true.

        Raises MailboxUnavailable if the line broke meanwhile.
        """
        if self.can_idle:
            self._guarded(lambda: self._idle(seconds, interrupted))
        else:
            sleep(seconds, interrupted)
            self._guarded(lambda: self._open_box().client.noop())

    def _idle(self, seconds: float, interrupted: Callable[[], bool]) -> None:
        client = self._open_box().client
        if client.untagged_responses.get("EXISTS"):
            return
        tag = client._command("IDLE")
        changed = False
        # the server may tell news before it says that it idles
        while client._get_response() is not None:
            refused = client.tagged_commands[tag]
            if refused:
                raise imaplib.IMAP4.abort(f"IDLE refused: {_text(refused[1])}")
            changed = True
        until = time.monotonic() + seconds
        while not changed and not interrupted() and (left := until - time.monotonic()) > 0:
            changed = _readable(client.sock, min(left, LOOK_UP_SECONDS))
        client.send(b"DONE\r\n")
        self._open_box().consume_until_tagged_response(tag)

    def _connect(self) -> BaseMailBox:
        settings = self._settings
        port = settings.port or (993 if settings.security == "tls" else 143)
        if settings.security == "none":
            return MailBoxUnencrypted(settings.host, port, timeout=settings.timeout)
        try:
            trusted = ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"{settings.ca_file}: 'ca_file' cannot be read: {error}") from error
        if settings.security == "starttls":
            return MailBoxStartTls(settings.host, port, timeout=settings.timeout, ssl_context=trusted)
        return MailBox(settings.host, port, timeout=settings.timeout, ssl_context=trusted)

    def _login(self, secret: str) -> None:
        box, user = self._open_box(), self._settings.user
        try:
            if self._settings.token_file is not None:
                box.xoauth2(user, secret, initial_folder=None)
            elif user.isascii() and secret.isascii():
                box.login(user, secret, initial_folder=None)
            else:
                box.login_utf8(user, secret, initial_folder=None)
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, ImapToolsError) as error:
            raise MailboxUnavailable(
                f"{self._settings.host} refuses the login of {user}: {_text(error)}; "
                f"mend {self._settings.token_file or self._settings.password_file}"
            ) from error
        # what the server offers changes with the login
        status, offered = box.client.capability()
        if status == "OK" and offered and offered[-1]:
            box.client.capabilities = tuple(offered[-1].decode("ascii", "replace").upper().split())

    def _select(self) -> None:
        box, settings = self._open_box(), self._settings
        folders = [settings.folder, *([settings.processed_folder] if settings.processed_folder else [])]
        for folder in folders:
            if folder.upper() != "INBOX" and not box.folder.exists(folder):
                if folder == settings.folder:
                    raise ConfigurationError(f"{settings.host}: there is no folder {folder!r}; 'folder' must name one")
                box.folder.create(folder)
        try:
            box.folder.set(settings.folder)
        except imaplib.IMAP4.readonly:
            box.folder.set(settings.folder, readonly=True)
        found = _UIDVALIDITY.search(_told(box.client, "UIDVALIDITY"))
        self.uidvalidity = (
            int(found[0]) if found else box.folder.status(settings.folder, ["UIDVALIDITY"])["UIDVALIDITY"]
        )
        if box.client.is_readonly:
            self.marking = "nothing"
            return
        if settings.processed_folder and "MOVE" in box.client.capabilities:
            self.marking = "move"
            return
        allowed = (_told(box.client, "PERMANENTFLAGS") or b"(\\Flagged)").decode("ascii", "replace").strip("()").split()
        lower = [flag.lower() for flag in allowed]
        if "\\*" in lower or settings.keyword.lower() in lower:
            self.marking, self._flag = "flag", settings.keyword
        elif "\\flagged" in lower:
            self.marking, self._flag = "flag", "\\Flagged"
        else:
            self.marking = "nothing"

    def _store_flag(self, uids: str) -> None:
        status, answers = self._open_box().client.uid("STORE", uids, "+FLAGS.SILENT", f"({self._flag})")
        if status != "OK":
            raise MailboxUnavailable(f"{self._settings.host} does not set the flag {self._flag}: {_text(answers)}")

    def _open_box(self) -> BaseMailBox:
        if self._box is None:
            raise MailboxUnavailable("the mailbox is not open")
        return self._box

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Calls `work`; whatever the library raises becomes one of ours, and the connection is given up."""
        self._under_way = True
        try:
            return work()
        except MailUnreadable:
            raise
        except AbusehandlerError:
            self._give_up()
            raise
        except ssl.SSLCertVerificationError as error:
            self._give_up()
            raise MailboxUnavailable(
                f"the certificate of {self._settings.host} is not trusted: {error.verify_message}; name your own "
                "certificate authority in 'ca_file', or the host as its certificate does"
            ) from error
        except Exception as error:  # imaplib meets odd answers with IndexError, KeyError, TypeError and others
            self._give_up()
            raise MailboxUnavailable(
                f"the mailbox at {self._settings.host} cannot be used now: {_text(error)}"
            ) from error
        finally:
            self._under_way = False


def _hang_up(box: BaseMailBox) -> None:
    with suppress(OSError, imaplib.IMAP4.error):
        box.client.shutdown()


def _told(client: imaplib.IMAP4, code: str) -> bytes:
    """What the server said with this response code; empty if nothing."""
    said = client.response(code)[1] or [b""]
    return bytes(said[0] or b"")


def sleep(seconds: float, interrupted: Callable[[], bool]) -> None:
    """Waits, but not much longer than until `interrupted()` is true."""
    until = time.monotonic() + seconds
    while not interrupted() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_UP_SECONDS))


def _readable(sock: Any, seconds: float) -> bool:
    """Whether the server has said something, or hung up. A TLS layer may hold what the socket shows no more."""
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(seconds * 1000))


def _secret(path: Path | None) -> str:
    if path is None:
        raise ConfigurationError("no 'password_file' and no 'token_file'")
    return secret_line(path, "the password or token")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _text(said: object) -> str:
    """What a server or library said, on one line."""
    if isinstance(said, (list, tuple)):
        said = b" ".join(part for part in said if isinstance(part, bytes))
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[:300]
