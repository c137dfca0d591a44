# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler backup`: saves database, evidence, configuration and keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.configuration import load
from abusehandler.installer.backup.making import make
from abusehandler.installer.backup.manifest import BackupError, backups, read_manifest
from abusehandler.installer.doctor.examined import intelmq_root

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", type=Path, metavar="FOLDER", help="folder of backups (default: backup: path of abusehandler.yaml)"
    )
    parser.add_argument("--keep", type=int, metavar="N", help="so many stay there (default: backup: keep)")
    parser.add_argument("--list", action="store_true", help="list the backups in the folder")


def run(arguments: argparse.Namespace) -> int:
    """0 done, 1 not done; what the backup itself found wrong is printed."""
    configuration = load()
    place = (arguments.to or configuration.backup.path).expanduser().absolute()
    keep = configuration.backup.keep if arguments.keep is None else arguments.keep
    if arguments.list:
        for folder in backups(place):
            manifest = read_manifest(folder)
            size = sum(file.size for file in manifest.files)
            print(
                f"{folder}  {manifest.made_at:%Y-%m-%d %H:%M} UTC  {size / 1e6:.1f} MB and {manifest.evidence_count} raw reports"
            )
        return 0
    if keep < 1:
        raise BackupError("--keep must be 1 or more")
    made = make(configuration, intelmq_root(), place, keep)
    manifest = made.manifest
    size = sum(file.size for file in manifest.files)
    raw = f"{manifest.evidence_count} raw reports, {made.new_evidence} of them new"
    print(f"{made.folder}: database and configuration {size / 1e6:.1f} MB; {raw}")
    if made.dropped:
        print(f"{made.dropped} older backups were removed")
    for fault in manifest.faults:
        print(f"note: {fault}")
    return 0
