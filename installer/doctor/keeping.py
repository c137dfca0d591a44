# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks of what is kept: customer data, evidence, backups."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.configuration import configuration_path
from abusehandler.crm_connector import open_directory
from abusehandler.crm_connector.directory import configured_links
from abusehandler.errors import ConfigurationError, EvidenceError
from abusehandler.installer.doctor.finding import critical, ok, warning
from abusehandler.installer.doctor.store import since
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.installer.doctor.examined import Examined
    from abusehandler.installer.doctor.finding import Finding

#: So many reports are looked at, none larger than this.
SPOTS = 15
LARGEST_SPOT = 20_000_000
#: The note that `abusehandler backup` leaves in IntelMQ's var/lib.
BACKUP_NOTE = "last-backup.json"


def customers(examined: Examined) -> Iterator[Finding]:
    """The sources of customer data can be read, are fresh, and hold something."""
    section, base = examined.configuration.customers, configuration_path().resolve().parent
    try:
        directory = open_directory(section, base=base, read_only=True)
        copies = [
            (link.name, link.copy.summary())
            for link in configured_links(section, base, read_only=True)
            if link.copy is not None
        ]
    except ConfigurationError as error:
        yield critical(str(error), "mend customers: of abusehandler.yaml; 'abusehandler crm check' tells more")
        return
    problems = directory.problems()
    for problem in problems[:10]:
        yield warning(problem[:400], "'abusehandler crm check' tells more")
    if len(problems) > 10:
        yield warning(f"and {len(problems) - 10} more", "'abusehandler crm show' lists them")
    for name, summary in copies:
        if summary is not None:
            yield ok(f"{name}: {summary.items} entries, last read well {since(summary.read_at, examined.now)} ago")
    if not problems:
        yield ok("all sources of customer data can be read")


def evidence(examined: Examined) -> Iterator[Finding]:
    """Some of the raw reports are there and hold what was received."""
    store = EvidenceStore(examined.configuration.evidence.path)
    with examined.database() as opened:
        rows = opened.fetch(statements("doctor")["some_evidence"], {"some": SPOTS, "most": LARGEST_SPOT})
    if rows and not store.holds_anything():
        yield critical(
            f"{store.folder} holds no evidence, but the database names some: is its disk mounted?",
            f"mount it, or restore {store.folder} from the backup",
        )
        return
    bad = 0
    for (sha256,) in rows:
        try:
            store.read(sha256)
        except EvidenceError as error:
            bad += 1
            yield critical(str(error), "look for damage of the disk (dmesg, smartctl)")
    if not bad:
        yield ok(f"{len(rows)} raw reports looked at, all whole")


def backup(examined: Examined) -> Iterator[Finding]:
    """The last backup is young and still there."""
    limit = timedelta(hours=examined.configuration.backup.max_age_hours)
    mend = "run 'abusehandler backup'; systemctl status abusehandler-backup.timer; docs/operate.md, 'Backup'"
    try:
        note = json.loads((examined.state / BACKUP_NOTE).read_text(encoding="utf-8"))
        folder, made = Path(str(note["folder"])), datetime.fromisoformat(str(note["made_at"])).astimezone(timezone.utc)
    except FileNotFoundError:
        yield warning("there was no backup yet", mend)
        return
    except (OSError, ValueError, KeyError, TypeError):
        yield warning(f"{examined.state / BACKUP_NOTE} cannot be read", mend)
        return
    age = since(made, examined.now)
    if not folder.is_dir():
        yield critical(f"the last backup, {age} old, is no longer at {folder}", mend)
    elif examined.now - made > limit:
        yield critical(f"the last backup is {age} old", mend)
    else:
        yield ok(f"{folder}, {age} old")
    for fault in list(note.get("faults") or ())[:5]:
        yield warning(f"the last backup says: {str(fault)[:300]}", "see docs/operate.md, 'Backup'")
