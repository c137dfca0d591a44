# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler db upgrade|status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.configuration import load
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import migrations, require_current, upgrade

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "verb", choices=("upgrade", "status"), help="bring the database to this program's schema, or say what it has"
    )


def run(arguments: argparse.Namespace) -> int:
    database = Database(load().database.dsn)
    if arguments.verb == "upgrade":
        done = upgrade(database)
        for migration in done:
            print(f"applied {migration.number:04} {migration.name}")
        print(f"the database has schema {migrations()[-1].number}.")
    else:
        require_current(database)
        print(f"the database has schema {migrations()[-1].number}, as this program needs.")
    return 0
