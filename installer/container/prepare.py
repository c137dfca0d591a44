# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a container does once at each start: writes configuration that is not there yet, brings the database up to date."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.harmonization.fields import merge_file
from abusehandler.installer.backup.manifest import write_whole
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDERS = ("etc/manager", "var/lib/bots", "var/lib/evidence", "var/lib/feeds", "var/lib/customers", "var/lib/maildir/new",
           "var/lib/maildir/cur", "var/lib/maildir/tmp", "var/log", "var/run")  # fmt: skip
HARMONIZATION = "harmonization.conf"


def prepare(root: Path, words: Mapping[str, str]) -> list[str]:
    """Writes what is missing under `root`; what is there stays as it is. Returns what was written. Raises AbusehandlerError."""
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    etc, package = root / "etc", resources.files("abusehandler.runtime")
    written = []
    for name, text in (
        ("runtime.yaml", _runtime(package.joinpath("everything.yaml").read_text(encoding="utf-8"), words)),
        ("abusehandler.yaml", yaml.safe_dump(_configuration(words), sort_keys=False, allow_unicode=True)),
        ("rules.yaml", package.joinpath("rules.yaml").read_text(encoding="utf-8")),
        ("manager/positions.conf", package.joinpath("positions.conf").read_text(encoding="utf-8")),
        ("customers.csv", "customer,name,network,email\n"),
    ):
        if not (etc / name).exists():
            write_whole(etc / name, text.encode(), 0o600 if name == "runtime.yaml" else 0o640)
            written.append(name)
    if not (etc / HARMONIZATION).exists():
        shutil.copyfile(str(resources.files("intelmq") / "etc" / HARMONIZATION), etc / HARMONIZATION)
        written.append(HARMONIZATION)
    merge_file(etc / HARMONIZATION)
    if not (root / "var/lib/state.json").exists():
        _intelmqctl("upgrade-config", root)
    return written


def _runtime(shipped: str, words: Mapping[str, str]) -> str:
    runtime = yaml.safe_load(shipped)
    for key in ("source_pipeline_host", "destination_pipeline_host", "statistics_host"):
        runtime["global"][key] = words.get("REDIS_HOST") or "redis"
    return str(yaml.safe_dump(runtime, sort_keys=False))


def _configuration(words: Mapping[str, str]) -> dict[str, Any]:
    host = words.get("ABUSE_HOST", "")
    found: dict[str, Any] = {
        "organisation": {
            "name": words.get("ABUSE_ORGANISATION") or "Example Networks",
            "abuse_address": words.get("ABUSE_ADDRESS") or "abuse@example.net",
        },
        "networks": {"prefixes": (words.get("ABUSE_PREFIXES") or "").replace(",", " ").split()},
        "database": {
            "dsn": words.get("DATABASE_DSN") or "dbname=abusehandler user=abusehandler host=/var/run/postgresql"
        },
        "evidence": {"path": "/var/lib/abusehandler/evidence"},
        "customers": {"connector": "csv", "path": "customers.csv", "state_path": "/var/lib/abusehandler/customers"},
        "mail": {"smtp": {"host": words.get("SMTP_HOST") or "localhost"}},
        # nothing goes to customers before somebody has looked
        "notices": {"hold": True},
        "backup": {"path": "/var/backups/abusehandler"},
    }
    if host:
        found["portal"] = {"public_url": f"https://{host}", "socket": "/run/abusehandler/portal/portal.sock"}
    return found


def _intelmqctl(verb: str, root: Path) -> None:
    program = Path(sys.executable).parent / "intelmqctl"
    done = subprocess.run(
        [str(program), verb],
        env={**os.environ, "INTELMQ_ROOT_DIR": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AbusehandlerError(f"intelmqctl {verb} failed: {(done.stderr or done.stdout).strip()[-800:]}")


def main() -> int:
    root = Path(os.environ.get("INTELMQ_ROOT_DIR") or "/opt/intelmq")
    try:
        for name in prepare(root, os.environ):
            print(f"prepare: wrote etc/{name}")
        database = Database(load(root / "etc/abusehandler.yaml").database.dsn)
        for migration in upgrade(database):
            print(f"prepare: migration {migration.number} {migration.name}")
        database.close()
    except (AbusehandlerError, OSError) as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
