# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings the database to the schema of this program: numbered files, each in one transaction, never backwards."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from abusehandler.errors import StoreError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

#: Key of the advisory lock under which only one process migrates.
LOCK = 0x6162757365


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """All migrations of this program, in order."""
    found = []
    for entry in resources.files("abusehandler.tickets").joinpath("sql").joinpath("migrations").iterdir():
        number, _, name = entry.name.removesuffix(".sql").partition("_")
        if entry.name.endswith(".sql"):
            found.append(Migration(int(number), name, entry.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def upgrade(database: Database) -> list[Migration]:
    """Applies what is missing and returns it. Raises StoreError if the database is newer than this program."""
    done: list[Migration] = []
    for migration in migrations():
        with database.transaction() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS schema_versions "
                "(number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            version = _version(cursor)
            _refuse_newer(version)
            if migration.number > version:
                cursor.execute(migration.sql)
                cursor.execute(
                    "INSERT INTO schema_versions (number, name) VALUES (%s, %s)", (migration.number, migration.name)
                )
                done.append(migration)
    return done


def require_current(database: Database) -> None:
    """Raises StoreError, with what to do, unless the database has exactly the schema of this program."""
    with database.transaction() as cursor:
        version = _version(cursor)
    _refuse_newer(version)
    if version < migrations()[-1].number:
        raise StoreError(
            f"the database has schema {version}, this program needs {migrations()[-1].number}: run 'abusehandler db upgrade'"
        )


def _version(cursor: Cursor) -> int:
    cursor.execute("SELECT to_regclass('schema_versions') IS NOT NULL")
    (there,) = cursor.fetchone() or (False,)
    if not there:
        return 0
    cursor.execute("SELECT coalesce(max(number), 0) FROM schema_versions")
    (version,) = cursor.fetchone() or (0,)
    return int(version)


def _refuse_newer(version: int) -> None:
    newest = migrations()[-1].number
    if version > newest:
        raise StoreError(
            f"the database has schema {version}, this program knows only up to {newest}; a downgrade would lose data: "
            "install the newer program again, or restore a backup made before the upgrade"
        )
