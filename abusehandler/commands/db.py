# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler db upgrade|status|retention|statistics`."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from abusehandler.configuration import load
from abusehandler.tickets import retention, rollups
from abusehandler.tickets.database import Database
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.migrate import migrations, require_current, upgrade

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="upgrade|status|retention|statistics")
    verbs.add_parser("upgrade", help="bring the database to this program's schema; bots may run meanwhile")
    verbs.add_parser("status", help="which schema the database has")
    drop = verbs.add_parser(
        "retention", help="drop what 'retention' of abusehandler.yaml says is too old; the timers bot does so, too"
    )
    drop.add_argument("--dry-run", action="store_true", help="only say what would be dropped")
    figures = verbs.add_parser("statistics", help="bring the daily statistics up to date and show the last days")
    figures.add_argument("--days", type=int, default=30)
    for verb in (drop, figures):
        verb.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    configuration = load()
    database = Database(configuration.database.dsn)
    if arguments.verb == "upgrade":
        done = upgrade(database)
        for migration in done:
            print(f"applied {migration.number:04} {migration.name}")
        print(f"the database has schema {migrations()[-1].number}.")
        return 0
    require_current(database)
    if arguments.verb == "status":
        print(f"the database has schema {migrations()[-1].number}, as this program needs.")
    elif arguments.verb == "retention":
        settings = retention.RetentionSettings(**configuration.retention.model_dump())
        dropped = retention.apply(
            database, settings, datetime.now(timezone.utc),
            evidence=EvidenceStore(configuration.evidence.path), dry_run=arguments.dry_run,
        )  # fmt: skip
        lines = [json.dumps({"dry_run": arguments.dry_run, **dataclasses.asdict(dropped)})] if arguments.json else None
        print("\n".join(lines or retention.describe(dropped, dry_run=arguments.dry_run)))
    else:
        rollups.refresh(database)
        rates = rollups.rates(database, days=arguments.days)
        told = {**dataclasses.asdict(rates), "relapse_rate": round(rates.relapse_rate, 4)}
        if arguments.json:
            print(json.dumps(told, default=lambda span: span.total_seconds()))
        else:
            print("\n".join(rollups.describe(rates, arguments.days)))
    return 0
