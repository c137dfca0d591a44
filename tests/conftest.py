# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Servers for the tests: PostgreSQL, Redis and an SMTP sink of their own, started once for a run."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import psycopg2
import pytest

from abusehandler.installer.services import PostgresServer, RedisServer, SmtpSink, until
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator

_number = itertools.count(1)

# how long an example takes says more about the machine than about the code; the same examples each time, so that a change is
# judged by what it changed. ABUSEHANDLER_EXAMPLES tries others each time (and more of them where a test can).
hypothesis.settings.register_profile(
    "whole", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize="ABUSEHANDLER_EXAMPLES" not in os.environ,
)  # fmt: skip
hypothesis.settings.load_profile("whole")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("ABUSEHANDLER_CORPUS"):
        return
    absent = pytest.mark.skip(reason="ABUSEHANDLER_CORPUS names no folder of real reports")
    for item in items:
        if "corpus" in item.keywords:
            item.add_marker(absent)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real reports."""
    return Path(os.environ["ABUSEHANDLER_CORPUS"])


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder with a short path: sockets live in it (pytest's own paths are too long for them)."""
    if os.geteuid() == 0:
        pytest.fail(
            "PostgreSQL and the bots refuse to run as root: use installer/test.sh, which goes on as another user",
            pytrace=False,
        )
    usual = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="ah-", dir=usual if len(usual) < 40 else "/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(server_folder / "pg")
    # a test's database need not outlive the machine, and nobody but the test works in it: some count transactions
    server.start("max_connections=100", "shared_buffers=64MB", "fsync=off", "autovacuum=off")
    yield server
    server.stop(signal.SIGQUIT)


@pytest.fixture(scope="session")
def redis_server(server_folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(server_folder / "rd")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def smtp_sink(tmp_path: Path) -> Iterator[SmtpSink]:
    sink = SmtpSink(tmp_path / "smtp")
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def empty_dsn(postgres: PostgresServer) -> Iterator[str]:
    """A database without our schema."""
    yield from _new_database(postgres, "template0")


@pytest.fixture(scope="session")
def template(postgres: PostgresServer) -> str:
    """Name of a database with our schema, to be copied."""
    postgres.make_database("with_schema")
    database = Database(postgres.dsn("with_schema"))
    upgrade(database)
    database.close()
    # PostgreSQL copies no database that somebody is connected to, and waits for five seconds at most
    database = Database(postgres.dsn("postgres"))
    until(lambda: not database.fetch("SELECT 1 FROM pg_stat_activity WHERE datname = 'with_schema'"), "the template")
    database.close()
    return "with_schema"


@pytest.fixture
def dsn(postgres: PostgresServer, template: str) -> Iterator[str]:
    """A database with our schema and nothing in it."""
    yield from _new_database(postgres, template)


def _new_database(postgres: PostgresServer, template: str) -> Iterator[str]:
    name = f"test{next(_number)}"
    for statement, wait in (
        (f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY", True),
        (f"DROP DATABASE {name} WITH (FORCE)", False),
    ):
        connection = psycopg2.connect(postgres.dsn("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()
        if wait:
            yield postgres.dsn(name)


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    opened = Database(dsn)
    yield opened
    opened.close()
