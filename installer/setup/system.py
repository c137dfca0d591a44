# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The machine as the steps see it: files, accounts, programs, services. Everything a step changes goes through here."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError
from abusehandler.installer.setup.layout import USER, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: pip, apt and pg_restore take minutes; nothing here takes longer.
LONGEST_SECONDS = 3600.0
#: Of what a program said, this much is shown or logged.
MOST_SAID = 3000


class SetupError(AbusehandlerError):
    """The set-up cannot go on; the message says what to do before it is started again."""


@dataclass(frozen=True, slots=True)
class Owner:
    """To whom a file belongs."""

    user: str = "root"
    group: str = "root"


ROOT = Owner()
BOTS = Owner(USER, USER)
#: Written by root, read by the bots.
SHARED = Owner("root", USER)


@dataclass(slots=True)
class System:
    """A machine, or with another `layout.root` than / a folder that is laid out like one (no accounts, no services)."""

    layout: Layout = field(default_factory=Layout)
    changes: list[str] = field(default_factory=list)
    #: Whether programs run in sessions of their own, where the terminal's signals do not reach them.
    detached: bool = False

    @property
    def real(self) -> bool:
        return self.layout.root == Path("/")

    @property
    def as_root(self) -> bool:
        return os.geteuid() == 0

    @property
    def systemd(self) -> bool:
        """Whether systemd is this machine's init; in a container or chroot it is not."""
        return self.real and Path("/run/systemd/system").is_dir()

    # ---------------------------------------------------------------- words

    def log(self, text: str) -> None:
        """A line in install.log, with the time in UTC."""
        path = self.layout.log / "install.log"
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            # no link is followed: the bots may write in this folder
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o640)
            with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                file.write(f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {text}\n")

    def changed(self, text: str) -> None:
        self.changes.append(text)
        self.log(text)

    # ---------------------------------------------------------------- files

    def read(self, path: Path) -> str | None:
        """The text of a file, None if it is not there. Raises SetupError if it is a link or no file.

        A bot that was taken over could put a link in the place of its configuration, and what root reads is merged and
        written to files of the bots.
        """
        try:
            # without O_NONBLOCK root would wait for ever at a named pipe
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise SetupError(f"{path} is a link; put the file itself there and start again") from None
            raise
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SetupError(f"{path} is no file; move it away and start again")
            return file.read().decode("utf-8")

    def differs(self, path: Path, text: str, owner: Owner, mode: int) -> bool:
        """Whether a file lacks this text, owner or mode."""
        return self.read(path) != text or self.permissions_differ(path, owner, mode)

    def write(self, path: Path, text: str | bytes, owner: Owner = ROOT, mode: int = 0o644) -> None:
        """Writes a file whole or not at all; a secret is never readable for others, not for a moment."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8") if isinstance(text, str) else text)
            file.flush()
            os.fsync(descriptor)
            self._permit(descriptor, owner, mode)
        temporary.replace(path)

    def permissions_differ(self, path: Path, owner: Owner, mode: int) -> bool:
        try:
            status = path.stat()
        except FileNotFoundError:
            return True
        if status.st_mode & 0o7777 != mode:
            return True
        return self.real and self.as_root and (status.st_uid, status.st_gid) != self._ids(owner)

    def permit(self, path: Path, owner: Owner, mode: int) -> None:
        """Sets owner and mode; in a folder that only looks like a machine, and for other users than root, the mode alone.

        Raises OSError for a link: its target is none of ours.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            self._permit(descriptor, owner, mode)
        finally:
            os.close(descriptor)

    def _permit(self, descriptor: int, owner: Owner, mode: int) -> None:
        # by descriptor: whoever owns the folder or the file could exchange it between two calls by name
        if self.real and self.as_root:
            os.fchown(descriptor, *self._ids(owner))
        os.fchmod(descriptor, mode)

    @staticmethod
    def _ids(owner: Owner) -> tuple[int, int]:
        # an account that comes later: nothing has these ids
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(owner.user).pw_uid, grp.getgrnam(owner.group).gr_gid
        return -2, -2

    @contextlib.contextmanager
    def telling(self, server: str) -> Iterator[None]:
        """Around a change of a server's files and the reload: where a run ends in between, the next one reloads (`untold`)."""
        mark = self._untold(server)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        yield
        mark.unlink(missing_ok=True)

    def untold(self, server: str) -> bool:
        """Whether files of this server were changed by a run that ended before the server was told."""
        return self._untold(server).exists()

    def _untold(self, server: str) -> Path:
        return self.layout.program / f"untold-{server}"

    # ---------------------------------------------------------------- programs

    def run(
        self, *command: str, user: str | None = None, check: bool = True, stdin: str | None = None,
        environment: Mapping[str, str] | None = None, folder: str = "/",
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Runs a program and returns what it said. Raises SetupError with that, unless `check` is False."""
        words = list(command)
        if user is not None and self.as_root:
            # as_root implies that this account exists by now
            words = ["runuser", "-u", user, "--", *words]
        self.log(f"run: {' '.join(words)}")
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS, cwd=folder,
                start_new_session=self.detached,
                input=stdin, **({} if stdin is not None else {"stdin": subprocess.DEVNULL}),
                env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            )  # type: ignore[call-overload]  # fmt: skip
        except FileNotFoundError:
            raise SetupError(f"the program {words[0]} is missing; apt-get install it and start again") from None
        except subprocess.TimeoutExpired:
            raise SetupError(f"{' '.join(words)} did not end within an hour; look at {self.layout.log}") from None
        if done.returncode:
            self.log(f"     exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-MOST_SAID:]}")
            if check:
                raise SetupError(
                    f"{' '.join(words)} failed:\n{(done.stderr.strip() or done.stdout.strip())[-MOST_SAID:]}"
                )
        result: subprocess.CompletedProcess[str] = done
        return result

    def has(self, program: str) -> bool:
        return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None

    def ours(self, *command: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a program of the release in use (`intelmqctl`, `abusehandler`) as the user of the bots."""
        folder = self.layout.current / "venv" / "bin"
        return self.run(
            str(folder / command[0]), *command[1:], user=USER, check=check, stdin=stdin, environment=self.environment()
        )

    def environment(self) -> dict[str, str]:
        """What IntelMQ and abusehandler need to find this installation."""
        return {
            "INTELMQ_ROOT_DIR": str(self.layout.intelmq),
            "PATH": f"{self.layout.current}/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.layout.state),
            "PYTHONWARNINGS": "ignore",
        }
