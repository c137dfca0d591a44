# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks of the database and of what waits in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from abusehandler.installer.doctor.finding import critical, ok, warning
from abusehandler.tickets.migrate import migrations
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.installer.doctor.examined import Examined
    from abusehandler.installer.doctor.finding import Finding

#: The timers bot makes statistics every 30 minutes.
TIMERS_SILENT = timedelta(minutes=45)
#: So long may a report be on its way to its reader.
UNDER_WAY = timedelta(hours=1)
#: A person looks at the inbox once a week at least.
INBOX_PATIENCE = timedelta(days=7)


def database(examined: Examined) -> Iterator[Finding]:
    """PostgreSQL can be reached and has the schema of this program, and connections to spare."""
    needed = migrations()[-1].number
    with examined.database() as opened:
        ((present, used, most, read_only),) = opened.fetch(statements("doctor")["server"])
        version = int(opened.fetch(statements("doctor")["schema"])[0][0]) if present else 0
    if version < needed:
        yield critical(
            f"the database has schema {version}, this program needs {needed}", "run 'abusehandler db upgrade'"
        )
    elif version > needed:
        yield critical(
            f"the database has schema {version}, this program knows only up to {needed}",
            "install the newer program again",
        )
    else:
        yield ok(f"schema {version} is current")
    if read_only:
        yield critical("the database is read-only (a standby?)", "let database: dsn name the primary server")
    if used > 0.85 * most:
        yield warning(
            f"{used} of {most} connections are in use", "raise max_connections, or lower portal: database_connections"
        )
    else:
        yield ok(f"{used} of {most} connections are in use")


def partitions(examined: Examined) -> Iterator[Finding]:
    """The months of events: this one and, near its end, the next; and how much lies in none."""
    with examined.database() as opened:
        rows = opened.fetch(statements("doctor")["months"], {"now": examined.now})
        ((other, may_create),) = opened.fetch(statements("doctor")["other_events"])
    for name, there in rows:
        if there:
            yield ok(f"{name} is there")
        elif may_create:
            yield ok(f"{name} is made by the bots with its first event")
        else:
            yield critical(
                f"{name} is missing, and the bots' role may not create tables",
                "GRANT CREATE ON SCHEMA public TO the role of database: dsn",
            )
    if other > 1_000_000:
        yield warning(
            f"about {other} events lie outside of all months",
            "set retention: events_months, so that very old times are dropped",
        )


def timers(examined: Examined) -> Iterator[Finding]:
    """The timers bot is alive: tickets close, escalate, and old data goes."""
    with examined.database() as opened:
        ((last,),) = opened.fetch(statements("doctor")["timers"])
    enabled = any(str(bot.get("module")).endswith(".abusehandler.timers") for bot in examined.bots().values())
    if not enabled:
        yield warning(
            "no timers bot is enabled: nothing closes, escalates or is dropped", "enable abuse-timers in runtime.yaml"
        )
    elif last is None:
        yield warning("the timers bot never ran", "intelmqctl start abuse-timers; see its log")
    elif examined.now - last > TIMERS_SILENT:
        yield critical(
            f"the timers bot did nothing for {_ago(examined.now - last)}",
            "intelmqctl status; see var/log/abuse-timers.log",
        )
    else:
        yield ok(f"the timers ran {_ago(examined.now - last)} ago")


def notices(examined: Examined) -> Iterator[Finding]:
    """Mails in doubt, mails that failed, notices that wait for a person or for an address."""
    with examined.database() as opened:
        ((doubt, failed, held, nobody, waiting, oldest),) = opened.fetch(statements("doctor")["notices"])
    if doubt:
        yield warning(
            f"{doubt} mails are in doubt: sent or not?",
            "'abusehandler notice list --state in-doubt', then 'notice resolve-doubt'",
        )
    if failed:
        yield warning(f"{failed} mails failed within a week", "'abusehandler notice list --state failed' tells why")
    if nobody:
        yield warning(
            f"{nobody} notices have nobody to go to",
            "'abusehandler notice list --state no-contact'; give these customers an address",
        )
    if held:
        yield ok(f"{held} notices wait for approval")
    if oldest is not None and examined.now - oldest > timedelta(hours=2):
        yield critical(
            f"{waiting} mails wait, the oldest for {_ago(examined.now - oldest)}",
            "see the checks 'smtp' and 'bots', and var/log/notice-output.log",
        )
    else:
        yield ok(f"{waiting} mails wait")


def reports(examined: Examined) -> Iterator[Finding]:
    """Reports that nobody reads: stuck on their way, or unread in the inbox."""
    with examined.database() as opened:
        ((stuck, oldest_stuck, unread, oldest_unread, alerts),) = opened.fetch(statements("doctor")["reports"])
    if oldest_stuck is not None and examined.now - oldest_stuck > UNDER_WAY:
        yield warning(f"{stuck} reports are on their way to a reader, the oldest for {_ago(examined.now - oldest_stuck)}",
                      "see the checks 'bots' and 'queues'")  # fmt: skip
    if oldest_unread is not None and examined.now - oldest_unread > INBOX_PATIENCE:
        yield warning(f"{unread} reports wait for a person, the oldest for {_ago(examined.now - oldest_unread)}",
                      "look at the desk's inbox, or 'abusehandler report list --state unread'")  # fmt: skip
    else:
        yield ok(f"{unread} reports wait for a person")
    if alerts:
        yield warning(f"{alerts} alerts that nobody has seen", "look at the desk, or 'abusehandler ticket list'")


def feeds(examined: Examined) -> Iterator[Finding]:
    """Sources that reported within a month and are silent now."""
    limit = timedelta(hours=examined.configuration.monitoring.silent_hours)
    with examined.database() as opened:
        rows = opened.fetch(statements("doctor")["sources"], {"now": examined.now})
    silent = [(source, last, count) for source, last, count in rows if examined.now - last > limit and count > 1]
    for source, last, count in silent[:20]:
        yield warning(f"{source}: silent for {_ago(examined.now - last)}, after {count} reports within 30 days",
                      "look at its collector's log and at the source; monitoring: silent_hours sets the limit")  # fmt: skip
    if not rows:
        yield warning(
            "no report came within 30 days", "see 'mailbox', 'shadowserver' and 'bots'; are reports sent to you at all?"
        )
    elif not silent:
        yield ok(f"{len(rows)} sources, none silent")


def _ago(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 2880 else f"{minutes // 1440} days"


def since(moment: datetime, now: datetime) -> str:
    """How long ago, in words."""
    return _ago(now - moment)
