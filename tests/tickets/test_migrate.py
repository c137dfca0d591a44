# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The database comes to the program's schema once, forwards only."""

from __future__ import annotations

import threading

import pytest

from abusehandler.errors import StoreError
from abusehandler.tickets.database import Database, Unavailable
from abusehandler.tickets.migrate import migrations, require_current, upgrade


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_upgrade_twice_changes_nothing(empty_dsn: str) -> None:
    database = Database(empty_dsn)
    assert upgrade(database) == migrations()
    assert upgrade(database) == []
    require_current(database)
    database.close()


def test_two_upgrades_at_once_apply_each_migration_once(empty_dsn: str) -> None:
    done: list[int] = []
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        database = Database(empty_dsn)
        try:
            start.wait(30)
            done.extend(migration.number for migration in upgrade(database))
        except BaseException as error:
            failures.append(error)
        finally:
            database.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert sorted(done) == [migration.number for migration in migrations()]


def test_newer_database_is_refused(dsn: str, database: Database) -> None:
    database.fetch("INSERT INTO schema_versions (number, name) VALUES (9999, 'from the future')")
    for action in (upgrade, require_current):
        with pytest.raises(StoreError, match="9999.*install the newer program"):
            action(database)


def test_missing_migration_says_which_command_to_run_and_writes_nothing(empty_dsn: str) -> None:
    database = Database(empty_dsn)
    with pytest.raises(StoreError, match="abusehandler db upgrade"):
        require_current(database)
    assert database.fetch("SELECT to_regclass('schema_versions')") == [(None,)]
    database.close()


def test_broken_connection_string_is_named() -> None:
    with pytest.raises(StoreError, match="database: dsn"):
        Database("no such=thing =").connection()


def test_server_that_is_away_is_an_outage(tmp_path: object) -> None:
    with pytest.raises(Unavailable, match="database: dsn"):
        Database(f"dbname=x host={tmp_path}").connection()


def test_connection_is_opened_again_after_it_broke(database: Database, dsn: str) -> None:
    ((pid,),) = database.fetch("SELECT pg_backend_pid()")
    other = Database(dsn)
    other.fetch("SELECT pg_terminate_backend(%s)", (pid,))
    other.close()
    with pytest.raises(Unavailable, match="broke"):
        database.fetch("SELECT 1")
    assert database.fetch("SELECT 1") == [(1,)]


def test_crossed_transactions_are_run_again(database: Database, dsn: str) -> None:
    database.fetch("CREATE TABLE pair (id integer PRIMARY KEY, value integer NOT NULL)")
    database.fetch("INSERT INTO pair VALUES (1, 0), (2, 0)")
    first_step = threading.Barrier(2)

    def work(order: tuple[int, int]) -> None:
        mine = Database(dsn)
        waited: list[bool] = []

        def cross(cursor: object) -> None:
            cursor.execute("UPDATE pair SET value = value + 1 WHERE id = %s", (order[0],))  # type: ignore[attr-defined]
            if not waited:
                waited.append(True)
                first_step.wait(30)
            cursor.execute("UPDATE pair SET value = value + 1 WHERE id = %s", (order[1],))  # type: ignore[attr-defined]

        mine.retrying(cross)
        mine.close()

    workers = [threading.Thread(target=work, args=(order,)) for order in ((1, 2), (2, 1))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert database.fetch("SELECT value FROM pair") == [(2,), (2,)]
