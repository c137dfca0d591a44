# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the checks look at: the configuration, IntelMQ's runtime.yaml, and how to reach the rest."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.resolver
import redis
import yaml

from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError, ConfigurationError
from abusehandler.tickets.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abusehandler.configuration import Configuration

#: Seconds that one DNS question may take, all tries together.
DNS_SECONDS = 5.0
REDIS_SECONDS = 5.0


def intelmq_root() -> Path:
    """IntelMQ's root directory, as its own programs find it."""
    return Path(os.environ.get("INTELMQ_ROOT_DIR") or "/opt/intelmq")


def default_resolver() -> dns.resolver.Resolver:
    """The system's name servers; where /etc/resolv.conf names none, all questions fail."""
    try:
        resolver = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        resolver = dns.resolver.Resolver(configure=False)
    resolver.lifetime = DNS_SECONDS
    return resolver


@dataclass(frozen=True)
class Examined:
    """One installation. Checks run in threads: whoever needs the database or Redis opens a connection of his own."""

    configuration: Configuration
    root: Path
    runtime: Mapping[str, Any]
    resolver: dns.resolver.Resolver = field(default_factory=default_resolver)
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    test_mail_to: str = ""

    @property
    def runtime_path(self) -> Path:
        return self.root / "etc" / "runtime.yaml"

    @property
    def state(self) -> Path:
        """Where a run leaves notes for the next."""
        return self.root / "var" / "lib"

    def bots(self) -> dict[str, dict[str, Any]]:
        """The enabled bots that run all the time, by their ids."""
        return {
            str(name): bot
            for name, bot in self.runtime.items()
            if name != "global"
            and isinstance(bot, dict)
            and bot.get("enabled", True)
            and bot.get("run_mode", "continuous") == "continuous"
        }

    def parameter(self, bot: Mapping[str, Any], name: str, default: Any = None) -> Any:
        """A bot's parameter, else the global one, else the default."""
        own = bot.get("parameters") or {}
        return own.get(name, (self.runtime.get("global") or {}).get(name, default))

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A connection that is closed at the end, with a limit for each statement. Raises Unavailable when used."""
        opened = Database(self.configuration.database.dsn, application="abusehandler doctor")
        try:
            with opened.transaction() as cursor:
                cursor.execute("SET SESSION statement_timeout = '20s'")
            yield opened
        finally:
            opened.close()

    @contextmanager
    def queues(self, database: int | None = None) -> Iterator[redis.Redis]:
        """IntelMQ's Redis as runtime.yaml names it; `database` another than that of the queues. Raises ConfigurationError."""
        settings = self.runtime.get("global") or {}
        if settings.get("source_pipeline_broker", "redis") != "redis":
            raise ConfigurationError(f"{self.runtime_path}: queues are not in Redis; look at your broker's own tools")
        host = str(settings.get("source_pipeline_host", "127.0.0.1"))
        number = int(settings.get("source_pipeline_db", 2)) if database is None else database
        password = settings.get("source_pipeline_password") or None
        if host.startswith("/"):
            client = redis.Redis(unix_socket_path=host, db=number, password=password, socket_timeout=REDIS_SECONDS)
        else:
            client = redis.Redis(
                host=host, port=int(settings.get("source_pipeline_port", 6379)), db=number, password=password,
                socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS,
            )  # fmt: skip
        try:
            yield client
        finally:
            client.close()


def read_runtime(root: Path) -> dict[str, Any]:
    """runtime.yaml as it stands. Raises ConfigurationError."""
    path = root / "etc" / "runtime.yaml"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}; see 'intelmqctl check'") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path}: must hold one entry for each bot; see 'intelmqctl check'")
    return found


def examine(*, test_mail_to: str = "") -> tuple[Examined | None, list[str]]:
    """The installation of this machine, and what is wrong with its two files; None if nothing else can be looked at."""
    root, faults = intelmq_root(), []
    runtime: dict[str, Any] = {}
    try:
        runtime = read_runtime(root)
    except ConfigurationError as error:
        faults.append(str(error))
    try:
        configuration = load()
    except AbusehandlerError as error:
        return None, [*faults, *str(error).splitlines()]
    return Examined(configuration, root, runtime, test_mail_to=test_mail_to), faults
