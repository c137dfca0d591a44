# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""All checks in the order in which they are told."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError
from abusehandler.installer.doctor import flow, keeping, machine, names, outside, store
from abusehandler.installer.doctor.running import Check

if TYPE_CHECKING:
    from collections.abc import Collection

CHECKS = (
    Check("versions", "Python, IntelMQ, PostgreSQL, Redis", machine.versions),
    Check("permissions", "secrets, configuration, folders", machine.permissions),
    Check("disk", "room and inodes for evidence, database, logs", machine.disk),
    Check("clock", "against the database, and synchronised", machine.clock),
    Check("database", "reachable, migrated, connections", store.database),
    Check("partitions", "this month's and next month's events", store.partitions),
    Check("redis", "on disk, nothing thrown away", flow.redis_settings),
    Check("queues", "long, growing or stuck", flow.queues),
    Check("bots", "enabled but down", flow.bots),
    Check("dumps", "messages that no bot could handle", flow.dumps),
    Check("timers", "tickets close and escalate", store.timers),
    Check("feeds", "sources that fell silent", store.feeds, 25),
    Check("reports", "unread, stuck, alerts", store.reports),
    Check("mailbox", "IMAP login, Maildir, feed folders", outside.mailbox, 40),
    Check("shadowserver", "API key and secret", outside.shadowserver),
    Check("customers", "age and faults of customer data", keeping.customers, 45),
    Check("smtp", "reachable, TLS, login", outside.smtp, 40),
    Check("notices", "in doubt, failed, waiting", store.notices),
    Check("mx", "where reports and answers arrive", names.mx, 30),
    Check("spf", "the sender's SPF record", names.spf),
    Check("dkim", "the sender's DKIM keys", names.dkim, 30),
    Check("dmarc", "the sender's DMARC policy", names.dmarc),
    Check("reverse", "name of the sending host", names.reverse, 30),
    Check("certificates", "days left of the portal's", outside.certificates, 25),
    Check("evidence", "spot check of raw reports", keeping.evidence, 30),
    Check("backup", "age of the last", keeping.backup),
)


def chosen(only: Collection[str], skip: Collection[str]) -> list[Check]:
    """The checks to run. Raises AbusehandlerError for a name that no check has."""
    known = [check.name for check in CHECKS]
    for name in (*only, *skip):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise AbusehandlerError(
                f"there is no check {name!r}; " + (f"write {near[0]}" if near else f"known are {', '.join(known)}")
            )
    return [check for check in CHECKS if (check.name in only if only else check.name not in skip)]
