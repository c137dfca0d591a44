# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler restore BACKUP`: verifies a backup and puts it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2 import ProgrammingError
from psycopg2.extensions import parse_dsn

from abusehandler.configuration import configuration_path, load
from abusehandler.errors import AbusehandlerError
from abusehandler.installer.backup.manifest import CONFIGURATION, BackupError, find
from abusehandler.installer.backup.restoring import PARTS, Target, require_place, restore, verify
from abusehandler.installer.doctor.examined import intelmq_root

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "backup", type=Path, help="a backup's folder or manifest.json, or a folder of backups: the newest"
    )
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="IntelMQ's root directory to restore into (default: this installation's)",
    )
    parser.add_argument(
        "--evidence",
        type=Path,
        metavar="FOLDER",
        help="evidence folder (default: as configured, or var/lib/evidence below --into)",
    )
    parser.add_argument(
        "--database", default="", metavar="DSN", help="database (default: as configured); no password here: PGPASSFILE"
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may stand several times")
    parser.add_argument(
        "--replace", action="store_true", help="overwrite files that differ, drop what the database holds"
    )
    parser.add_argument("--verify", action="store_true", help="only say whether the backup is whole")


def run(arguments: argparse.Namespace) -> int:
    """0 done, 1 not done or something was left."""
    folder = find(arguments.backup)
    manifest = verify(folder)
    print(f"{folder} is whole: {manifest.made_at:%Y-%m-%d %H:%M} UTC, from {manifest.host}, schema {manifest.schema}, "
          f"{manifest.evidence_count} raw reports")  # fmt: skip
    for fault in manifest.faults:
        print(f"note: {fault}")
    if arguments.verify:
        return 0
    parts = arguments.only or list(PARTS)
    target = _target(arguments, folder, parts)
    require_place(manifest, folder, target, parts, replace=arguments.replace)
    done = restore(folder, target, parts, replace=arguments.replace)
    print(
        f"restored: {done.configuration} files of the configuration, {done.evidence} raw reports, {done.tickets} tickets"
    )
    if done.in_doubt:
        print(f"{done.in_doubt} mails waited when the backup was made and may have been sent since: they are in doubt now, "
              "see 'abusehandler notice list --state in-doubt'")  # fmt: skip
    for line in done.left:
        print(f"left: {line}")
    if "database" in parts:
        print("next: abusehandler db upgrade; abusehandler doctor; then start the bots")
    return 1 if done.left else 0


def _target(arguments: argparse.Namespace, folder: Path, parts: list[str]) -> Target:
    root = (arguments.into or intelmq_root()).expanduser().absolute()
    evidence, dsn = arguments.evidence, arguments.database
    if dsn:
        try:
            secret = "password" in parse_dsn(dsn)
        except ProgrammingError as error:
            raise BackupError(f"--database is not a connection string: {' '.join(str(error).split())}") from None
        if secret:
            raise BackupError(
                "a password on the command line can be read by everybody here: put it into a file, see PGPASSFILE"
            )
    if not (dsn or "database" not in parts) or not (evidence or arguments.into or "evidence" not in parts):
        # what is configured here now, else what was when the backup was made
        present = root / "etc/abusehandler.yaml" if arguments.into else configuration_path()
        saved = folder / CONFIGURATION / "etc/abusehandler.yaml"
        try:
            configuration = load(present if present.exists() else saved)
        except AbusehandlerError as error:
            raise BackupError(f"{error}\nor name --database and --evidence") from None
        dsn = dsn or configuration.database.dsn
        if evidence is None and not arguments.into:
            evidence = configuration.evidence.path if present.exists() else root / "var/lib/evidence"
    return Target(root, (evidence or root / "var/lib/evidence").expanduser().absolute(), dsn)
