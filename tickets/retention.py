# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is older than it may be kept goes: events by whole months, closed tickets, reports with their evidence, and what stands
beside them (texts of mails, answers, sessions, old lines of the audit trail).

Events go by dropping the month's partition, which takes the same moment for a thousand and for ten million. The statistics
are brought up to date before and keep their figures. Evidence is moved aside in the transaction that drops its report and
removed at the next run, six hours later: the same bytes may just be coming in again.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import psycopg2.errors
import psycopg2.sql

from abusehandler.tickets import rollups
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.evidence import EvidenceStore

#: Rows in one transaction.
BATCH = 500
#: Dropping a month waits no longer than this for those who read it, because everybody else waits behind it.
PATIENCE = "3s"
#: Below the evidence folder: what the last run moved aside.
ASIDE = "dropped"


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How long things are kept; None for ever. Months are whole months before the present one."""

    events_months: int | None = None
    closed_tickets_days: int | None = None
    reports_days: int | None = None
    mail_texts_days: int | None = None
    answers_days: int | None = None
    sessions_days: int | None = None
    audit_days: int | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and value < 1:
                raise ValueError("nothing is kept for less than a month or a day")


@dataclass(slots=True)
class Dropped:
    """What went, or in a dry run what would go. `put_off`: why something has to wait for the next run, in words."""

    months: list[str] = field(default_factory=list)
    events: int = 0
    withdrawn_events: int = 0
    tickets: int = 0
    reports: int = 0
    evidence: int = 0
    bytes: int = 0
    #: Texts of mails, answers, sessions, lines of the audit trail: the word and how many.
    beside: dict[str, int] = field(default_factory=dict)
    put_off: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.months
            or self.events
            or self.withdrawn_events
            or self.tickets
            or self.reports
            or self.evidence
            or self.beside
        )


def apply(
    database: Database,
    settings: RetentionSettings,
    now: datetime,
    *,
    evidence: EvidenceStore | None = None,
    dry_run: bool = False,
) -> Dropped:
    """Drops what is too old at `now` (aware) in small transactions; any number of processes may do it at once.

    Without `evidence` reports stay. Raises Unavailable when the database is away.
    """
    dropped = Dropped()
    statistics = settings.events_months or settings.closed_tickets_days or settings.reports_days
    if not dry_run and statistics and rollups.refresh(database).busy:
        dropped.put_off.append("statistics are being made by another process")
        return dropped
    if settings.events_months is not None:
        _drop_events(database, _months_before(now.date(), settings.events_months), dropped, dry_run=dry_run)
    if settings.closed_tickets_days is not None:
        _drop_tickets(database, now - timedelta(days=settings.closed_tickets_days), dropped, dry_run=dry_run)
    if evidence is not None and not dry_run:
        # also what erasing at the desk has put there
        dropped.evidence = _remove_aside(database, evidence)
    for days, statement, word in (
        (settings.mail_texts_days, "drop_mail_texts", "texts of mails"),
        (settings.answers_days, "drop_answers", "answers"),
        (settings.sessions_days, "drop_sessions", "sessions that ended"),
        (settings.audit_days, "drop_old_audit", "lines of the audit trail"),
    ):
        if days is not None:
            count = _drop_beside(database, statement, now - timedelta(days=days), evidence, dropped, dry_run=dry_run)
            if count:
                dropped.beside[word] = count
    if settings.reports_days is not None and evidence is not None:
        _drop_reports(database, now - timedelta(days=settings.reports_days), evidence, dropped, dry_run=dry_run)
    return dropped


def _months_before(day: date, months: int) -> date:
    """The first day of the month so many months before."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _drop_events(database: Database, before: date, dropped: Dropped, *, dry_run: bool) -> None:
    sql, here = statements("retention"), {"before": before}
    months = database.fetch(sql["months"], here)
    ((events, withdrawn),) = database.fetch(sql["count_old_events"], here)
    dropped.events, dropped.withdrawn_events = int(events), int(withdrawn)
    if dry_run:
        dropped.months = [str(name) for name, _, _ in months]
        dropped.bytes = sum(int(size) for _, _, size in months)
        return

    def drop(cursor: Cursor, name: str, following: date) -> None:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", (PATIENCE,))
        cursor.execute(psycopg2.sql.SQL("DROP TABLE {}").format(psycopg2.sql.Identifier(name)))
        cursor.execute(sql["note_events"], {"before": following})

    for name, month, size in months:
        try:
            database.retrying(lambda cursor, one=name, at=month: drop(cursor, one, _months_before(at, -1)))
        except psycopg2.errors.UndefinedTable:
            continue
        except (psycopg2.errors.LockNotAvailable, Unavailable) as error:
            if not isinstance(error.__cause__ or error, psycopg2.errors.LockNotAvailable):
                raise
            dropped.put_off.append(f"{name} is being read")
            continue
        dropped.months.append(str(name))
        dropped.bytes += int(size)

    def clear(cursor: Cursor) -> None:
        cursor.execute(sql["drop_other_events"], here)
        cursor.execute(sql["drop_withdrawn_events"], here)
        if dropped.months or dropped.events or dropped.withdrawn_events:
            if not dropped.put_off:
                cursor.execute(sql["note_events"], here)
            words = f"{dropped.events} events and {dropped.withdrawn_events} withdrawn ones dropped"
            _audit(cursor, "events", f"before {before}", words, f"kept since {before}")

    database.retrying(clear)


def _drop_tickets(database: Database, before: datetime, dropped: Dropped, *, dry_run: bool) -> None:
    sql = statements("retention")

    def drop(cursor: Cursor, after: int) -> list[int]:
        cursor.execute(sql["old_tickets"], {"before": before, "after": after, "limit": BATCH})
        rows = cursor.fetchall()
        numbers = [int(number) for number, _ in rows]
        if rows and not dry_run:
            cursor.execute(sql["drop_notice_tickets"], {"tickets": numbers})
            notices = [row[0] for row in cursor.fetchall()]
            cursor.execute(sql["drop_notices"], {"notices": notices})
            cursor.execute(sql["drop_audit"], {"names": [str(number) for number in numbers]})
            cursor.execute(sql["drop_links"], {"tickets": numbers})
            cursor.execute(sql["drop_tickets"], {"tickets": numbers})
            cursor.execute(sql["note_tickets"], {"opened": max(opened for _, opened in rows)})
            words = f"{len(numbers)} closed tickets dropped"
            _audit(cursor, "tickets", f"{numbers[0]}-{numbers[-1]}", words, f"closed before {before:%Y-%m-%d}")
        return numbers

    last = 0
    while numbers := database.retrying(lambda cursor, after=last: drop(cursor, after)):
        dropped.tickets += len(numbers)
        last = numbers[-1]


def _drop_beside(
    database: Database, statement: str, before: datetime, evidence: EvidenceStore | None, dropped: Dropped, *, dry_run: bool
) -> int:  # fmt: skip
    """Rows older than that, in batches; the files of answers go with them."""
    sql = statements("retention")

    def drop(cursor: Cursor) -> tuple[int, set[str]]:
        files: set[str] = set()
        if statement == "drop_answers":
            cursor.execute(sql["files_of_old_answers"], {"before": before, "limit": BATCH})
            files = {str(row[0]) for row in cursor.fetchall()}
        cursor.execute(sql[statement], {"before": before, "limit": BATCH})
        return cursor.rowcount, files

    if dry_run:
        ((count,),) = database.fetch(sql[statement.replace("drop", "count", 1)], {"before": before})
        return int(count)
    total = 0
    while True:
        count, files = database.retrying(drop)
        total += int(count)
        if files and evidence is not None:
            named = {row[0] for row in database.fetch(sql["still_named"], {"hashes": sorted(files)})}
            dropped.bytes += sum(move_aside(evidence, one) for one in files - named)
        if count < BATCH:
            break
    if total:
        table = {"drop_mail_texts": "mail-texts", "drop_old_audit": "audit-trail"}.get(
            statement, statement.partition("_")[2]
        )
        words = f"{total} dropped"
        database.retrying(lambda cursor: _audit(cursor, table, f"before {before:%Y-%m-%d}", words, "kept for so long"))
    return total


def _drop_reports(
    database: Database, before: datetime, evidence: EvidenceStore, dropped: Dropped, *, dry_run: bool
) -> None:
    sql = statements("retention")

    def drop(cursor: Cursor, after: int) -> list[int]:
        cursor.execute(sql["old_reports"], {"before": before, "after": after, "limit": BATCH})
        rows = cursor.fetchall()
        numbers, hashes = [int(number) for number, _ in rows], [str(one) for _, one in rows]
        if rows and not dry_run:
            cursor.execute(sql["drop_reports"], {"reports": numbers})
            cursor.execute(sql["note_reports"], {"before": before.astimezone(timezone.utc).date()})
            _audit(
                cursor,
                "reports",
                f"{numbers[0]}-{numbers[-1]}",
                f"{len(numbers)} reports dropped",
                f"received before {before:%Y-%m-%d}",
            )
            cursor.execute(sql["still_named"], {"hashes": hashes})
            named = {row[0] for row in cursor.fetchall()}
            for one in hashes:
                if one not in named:
                    dropped.bytes += move_aside(evidence, one)
        elif rows:
            dropped.bytes += sum(_size(evidence.path(one)) for one in hashes)
        return numbers

    last = 0
    while numbers := database.retrying(lambda cursor, after=last: drop(cursor, after)):
        dropped.reports += len(numbers)
        last = numbers[-1]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def move_aside(evidence: EvidenceStore, sha256: str) -> int:
    """Takes a file out of its place until the next run removes it; returns its size in bytes, compressed, 0 for none."""
    path = evidence.path(sha256)
    size = _size(path)
    aside = evidence.folder / ASIDE
    with contextlib.suppress(FileNotFoundError):
        aside.mkdir(exist_ok=True)
        path.rename(aside / path.name)
    return size


def _remove_aside(database: Database, evidence: EvidenceStore) -> int:
    """Removes what the last run moved aside; what was received again meanwhile goes back to its place."""
    aside = evidence.folder / ASIDE
    waiting = sorted(aside.glob("*.gz")) if aside.is_dir() else []
    removed = 0
    for start in range(0, len(waiting), BATCH):
        part = waiting[start : start + BATCH]
        hashes = [path.name.removesuffix(".gz") for path in part]
        named = {row[0] for row in database.fetch(statements("retention")["still_named"], {"hashes": hashes})}
        for path, sha256 in zip(part, hashes, strict=True):
            with contextlib.suppress(FileNotFoundError):
                place = evidence.path(sha256)
                if sha256 in named and not place.exists():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    path.rename(place)
                else:
                    path.unlink()
                    removed += 1
    return removed


def _audit(cursor: Cursor, kind: str, number: str, change: str, reason: str) -> None:
    values: dict[str, Any] = {"object": kind, "number": number, "change": change, "reason": reason}
    cursor.execute(statements("retention")["audit"], values)


def describe(dropped: Dropped, *, dry_run: bool = False) -> Sequence[str]:
    """Lines for people and logs."""
    would = "would be " if dry_run else ""
    lines = [
        f"{dropped.events} events in {len(dropped.months)} months and {dropped.withdrawn_events} withdrawn ones {would}dropped"
        + (f" ({', '.join(dropped.months)})" if dropped.months else ""),
        f"{dropped.tickets} closed tickets {would}dropped",
        f"{dropped.reports} reports {would}dropped, {dropped.evidence} files removed that the last run had moved aside",
        *(f"{count} {word} {would}dropped" for word, count in dropped.beside.items()),
        f"{dropped.bytes / 1e6:.1f} MB {would}freed",
    ]
    return [*lines, *(f"put off: {why}" for why in dropped.put_off)]
