# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A year of a busy desk, written by SQL: tickets, events, notices, answers, reports, audit trail, and their statistics.

One ticket in four is not closed, all over the year; most tickets have few events, some have many, one has a tenth of the
number of tickets. One customer has every two-hundredth ticket, one customer in ten belongs to an account.
"""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.queries import statements
from abusehandler.tickets.reports import Outcome, ReportStore
from benchmarks._stage import say

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

PART = 100_000
#: Events are written by so many days, from before the first ticket to now.
DAYS, STEP = 372, 12
#: Problems that customers see; some have long help texts.
PROBLEMS = (
    "brute-force", "open-dns-resolver", "infected-system", "spam", "phishing", "open-ntp", "open-redis", "exposed-smb",
    "open-memcached", "exposed-telnet", "exposed-rdp", "open-snmp", "open-ssdp", "copyright", "malware-distribution", "open-portmapper",
)  # fmt: skip
#: Mails that wait for a person, with something to read in them.
WAITING = 40
MAIL = """From: Night Watch <noc{number}@watch.example.org>
To: abuse@example.net
Subject: Odd traffic from your network, case {number}
Date: Fri, 20 Nov 2026 10:00:00 +0000
Message-ID: <case-{number}@watch.example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Dear colleagues,

our sensors saw connections that look like password guessing. Please look at the machine.

Address: 10.0.{third}.{fourth}
Time: 2026-11-20 09:58:00 UTC

{lines}

Kind regards, Night Watch
"""


def fill(database: Database, tickets: int, average: int, evidence: Path) -> dict[str, float]:
    """`average` events for each ticket. Returns the seconds that the parts took."""
    customers, reports = max(tickets // 20, 10), max(tickets // 5, 10)
    seconds: dict[str, float] = {}
    sql = _statements()
    values: dict[str, Any] = {
        "tickets": tickets, "customers": customers, "reports": reports, "average": average, "large": tickets // 20, "problems": list(PROBLEMS),
    }  # fmt: skip

    def run(what: str, *names: str) -> None:
        begin = time.monotonic()
        for name in names:
            with database.transaction() as cursor:
                # keys and triggers are looked after here; a year row by row would take an hour
                cursor.execute("SET LOCAL session_replication_role = replica")
                cursor.execute(sql[name], values)
        seconds[what] = round(seconds.get(what, 0) + time.monotonic() - begin, 1)

    database.fetch("SELECT make_events_month(now() - n * interval '1 month') FROM generate_series(-1, 13) n")
    run("customers", "accounts", "customers", "reports")
    for begin in range(0, tickets, PART):
        values.update(first=begin + 1, last=min(begin + PART, tickets))
        run("tickets", "tickets")
    values["now"] = datetime.now(timezone.utc)
    for since in range(DAYS, 0, -STEP):
        values.update(since=since, until=since - STEP)
        run("events", "events")
    say(f"filled {seconds}")
    done = ("accounts", "customers", "reports", "tickets", "events")
    run("others", *(name for name in sql if name not in done))
    _waiting_mails(database, evidence)
    _settle(database)
    days = [date.today() - timedelta(days=number) for number in range(-1, 368)]  # noqa: DTZ011  # a year and a little more
    values.update(days=days, day=days[-1])
    sql.update({name: statements("rollups")[name] for name in ("make_ticket_days", "make_report_days", "make_work")})
    run("statistics", "make_ticket_days", "make_report_days", "make_work")
    _settle(database)
    say(f"filled {seconds}")
    return seconds


def _statements() -> dict[str, str]:
    """Those of the file beside this one, by name, in its order."""
    text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    pieces = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}


def _waiting_mails(database: Database, evidence: Path) -> None:
    """Reports whose bytes are there, so that the inbox has something to show."""
    kept, reports = EvidenceStore(evidence), ReportStore(database)
    lines = "\n".join(
        f"Nov 20 09:{minute:02}:13 sensor sshd: failed password for root from 10.0.0.9" for minute in range(60)
    )
    for number in range(WAITING):
        content = MAIL.format(number=number, third=number % 200, fourth=10 + number % 200, lines=lines).encode()
        record, _ = reports.accept(kept.keep(content), kind="mail", channel="abuse-mail", name="mail")
        reports.describe(record.id, sender=f"noc{number}@watch.example.org", subject=f"Odd traffic, case {number}")
        reports.finish(record.id, Outcome("unread", "free-text", "not sure enough: 0.40", confidence=0.4))


def _settle(database: Database) -> None:
    """What would otherwise go on beside the measurement."""
    connection = database.connection()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    connection.autocommit = False
