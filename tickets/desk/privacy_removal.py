# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Erases or pseudonymises what is stored about a customer, a mail address or an address; cannot be undone.

Erased: the rows go. Pseudonymised: counts, times and problems stay for the statistics, addresses are cut to their wider network
(IPv4 /24, IPv6 /48), names, mail addresses and everything that a person wrote go. Either way raw reports about nobody else go,
and the audit trail keeps who did it, when and why, under a number that names nobody.

Work is done in small transactions and may be run again after a break: what is done already is not found any more.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import retention
from abusehandler.tickets.desk import privacy
from abusehandler.tickets.desk.scope import EVERYTHING, Row, note, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.desk.privacy import Belongings, Stored, Subject
    from abusehandler.tickets.evidence import EvidenceStore

How = Literal["erase", "pseudonymise"]
#: Tickets or reports in one transaction.
BATCH = 300
#: Of a pseudonymised event these fields stay: what it was, when, of which feed; nothing of who.
KEPT_FIELDS = (
    "classification.type", "classification.identifier", "classification.taxonomy", "feed.name", "feed.code", "feed.provider",
    "time.source", "time.observation", "protocol.transport", "protocol.application", "severity", "source.port", "source.asn",
    "malware.name", "report.reader", "report.confidence",
)  # fmt: skip


@dataclass(slots=True)
class Removed:
    """What was done. `number` stands for the erasure in the audit trail; `kept` says what stayed and why."""

    number: str
    tickets: int = 0
    reports: int = 0
    bytes: int = 0
    kept: tuple[str, ...] = ()


def kept(found: Stored) -> list[str]:
    """What stays, in words: also for the preview."""
    shared = sum(1 for report in found.reports if report["shared"])
    waiting = sum(1 for report in found.reports if report["waits"])
    words = []
    if shared:
        number = f"up to {shared}" if found.preview else str(shared)
        words.append(f"{number} raw reports hold other people's data, too: they stay until retention drops them")
    if waiting:
        words.append(f"{waiting} reports wait for a reader: run this again once they are read")
    if found.counts["logins"]:
        words.append("the login of the portal: shut it out under People")
    if found.belongings.subject.kind == "customer":
        words.append(
            "the customer database is not ours: what stands there makes the customer known again with the next event"
        )
    return words


def remove(
    database: Database, evidence: EvidenceStore, subject: Subject, how: How, *, author: str, reason: str
) -> Removed:
    """Does it. Raises AbusehandlerError without a reason, for an unknown customer, or while one of the mails is being sent."""
    if not reason.strip():
        raise AbusehandlerError("say why, for example the date of the person's request; it stays in the audit trail")
    found = privacy.stored(database, EVERYTHING, subject, author=author)
    if found.counts["sending"]:
        raise AbusehandlerError("a mail is being sent just now; try again in a minute")
    removed = Removed(f"erased-{secrets.token_hex(5)}", kept=tuple(kept(found)))
    work = _Work(database, evidence, found, how, removed)
    _once(
        database,
        lambda cursor: note(cursor, author, "privacy", removed.number, f"{how} begun: {_kind(subject)}", reason),
    )
    work.run()
    said = f"{how}d: {_kind(subject)}, {removed.tickets} tickets, {removed.reports} raw reports"
    _once(database, lambda cursor: note(cursor, author, "privacy", removed.number, said, reason))
    return removed


def _kind(subject: Subject) -> str:
    return {"customer": "a customer", "mail": "a mail address", "network": "an address"}[subject.kind]


def _once(database: Database, work: Callable[[Cursor], None]) -> None:
    database.retrying(work)


class _Work:
    def __init__(self, database: Database, evidence: EvidenceStore, found: Stored, how: How, removed: Removed) -> None:
        self._database = database
        self._evidence = evidence
        self._found = found
        self._whose: Belongings = found.belongings
        self._erase = how == "erase"
        self._removed = removed
        subject = self._whose.subject
        self._values: Row = {
            **self._whose.parameters, "pseudonym": removed.number if subject.kind == "customer" else None,
            "stand_in": removed.number, "kept_fields": list(KEPT_FIELDS),
        }  # fmt: skip

    def _do(self, cursor: Cursor, *names: str, **values: Any) -> list[Row]:
        found: list[Row] = []
        for name in names:
            found = rows(cursor, EVERYTHING, f"privacy_removal.{name}", **{**self._values, **values})
        return found

    def run(self) -> None:
        """In this order: a break in between leaves what is found again by the same subject."""
        files: set[str] = set()
        if not self._erase and self._values["pseudonym"]:
            self._database.retrying(lambda cursor: self._do(cursor, "make_stand_in"))
        if self._values["network"]:
            _once(self._database, self._other_events)
        numbers = self._whose.tickets
        for start in range(0, len(numbers), BATCH):
            part = list(numbers[start : start + BATCH])
            files.update(self._database.retrying(lambda cursor, some=part: self._tickets(cursor, some)))
            self._removed.tickets += len(part)
        files.update(self._database.retrying(self._people))
        self._reports()
        self._put_aside(files)

    def _other_events(self, cursor: Cursor) -> None:
        """Events of the address outside its own tickets; before the tickets go, whose events look the same."""
        self._do(cursor, "erase_other_events" if self._erase else "mask_other_events")

    def _tickets(self, cursor: Cursor, part: list[int]) -> set[str]:
        """One batch; returns the files of answers that nobody needs now."""
        names = {"tickets": part, "names": [str(number) for number in part]}
        self._do(cursor, "lock_tickets", **names)
        files = {row["evidence"] for row in self._do(cursor, "drop_answer_files", **{**names, "mails": []})}
        actions = [row["action_id"] for row in self._do(cursor, "drop_undo", **names)]
        self._do(cursor, "drop_actions", actions=actions)
        self._do(
            cursor, "drop_withdrawn", "drop_alerts", "drop_rechecks", "drop_webhook_messages", "drop_links", "drop_moved",
            "drop_merged_keys", "forget_mail_texts", **names,
        )  # fmt: skip
        self._mutes(cursor, **names)
        if self._erase:
            self._do(cursor, "erase_events", "erase_answers", **names)
            notices = [row["notice_id"] for row in self._do(cursor, "erase_notice_tickets", **names)]
            self._do(cursor, "erase_notices", notices=notices)
            self._do(cursor, "erase_audit", "erase_tickets", **names)
        else:
            self._do(cursor, "mask_events", "mask_notes", "mask_audit", **names)
            self._do(cursor, "mask_answers", **{**names, "mails": []})
            self._do(cursor, "mask_tickets", **names)
        return files

    def _people(self, cursor: Cursor) -> set[str]:
        """The customer's own row, mail addresses wherever they stand, and who looked."""
        alone: Row = {"tickets": []}
        files: set[str] = set()
        if self._whose.mails:
            files = {row["evidence"] for row in self._do(cursor, "drop_answer_files", **alone)}
            self._do(cursor, "drop_answers_of_mails" if self._erase else "mask_answers", **alone)
            self._do(
                cursor, "drop_mail_addresses", "mask_delivery_news", "mask_deliveries", "mask_reporter_mails", "drop_login_failures"
            )  # fmt: skip
            for mail in self._whose.mails:
                self._do(cursor, "mask_in_notes", "mask_in_audit", "mask_in_answers", pattern=_pattern(mail))
        self._do(cursor, "drop_contacts", "drop_api_answers")
        if self._values["customer"]:
            self._do(cursor, "drop_rechecks", "drop_links", **alone)
            self._mutes(cursor, **alone)
            if self._erase:
                self._do(cursor, "erase_customers_notices", "erase_customers_days")
            else:
                notices = [row["id"] for row in self._do(cursor, "mask_customers_notices")]
                self._do(cursor, "mask_customers_mails", notices=notices)
                self._do(cursor, "mask_customers_days", "withdraw_notices")
            self._do(cursor, "erase_customer")
        self._do(cursor, "rename_in_audit")
        return files

    def _mutes(self, cursor: Cursor, **names: Any) -> None:
        gone = [row["id"] for row in self._do(cursor, "drop_mutes", **names)]
        self._do(cursor, "mask_audit_of", object="mute", names=gone)

    def _reports(self) -> None:
        """Raw reports about nobody else."""
        numbers = [report["id"] for report in self._found.own_reports]
        for start in range(0, len(numbers), BATCH):
            part = numbers[start : start + BATCH]
            gone = self._database.retrying(lambda cursor, some=part: self._drop_reports(cursor, some))
            self._removed.reports += len(gone)
            self._put_aside({row["evidence"] for row in gone})

    def _drop_reports(self, cursor: Cursor, numbers: list[int]) -> list[Row]:
        gone = self._do(cursor, "drop_reports", reports=numbers)
        self._do(cursor, "mask_audit_of", object="report", names=[row["id"] for row in gone])
        return gone

    def _put_aside(self, hashes: set[str]) -> None:
        """Files that no row names any more; the timers remove them at their next run."""
        listed: Sequence[str] = sorted(hashes)
        if not listed:
            return
        with self._database.transaction() as cursor:
            named = {row["evidence"] for row in self._do(cursor, "still_named", hashes=listed)}
        for one in listed:
            if one not in named:
                self._removed.bytes += retention.move_aside(self._evidence, one)


def _pattern(mail: str) -> str:
    """The mail address as PostgreSQL's pattern, as a whole word."""
    return r"(?<![A-Za-z0-9._%+-])" + re.sub(r"([^A-Za-z0-9@_])", r"\\\1", mail) + r"(?![A-Za-z0-9-])"
