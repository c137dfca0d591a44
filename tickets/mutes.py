# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mutes: whom the customer is not told about for a while. They record and do not swallow.

Events are stored and tickets go on; only the notice waits, until the mute's end or until it is ended before. How that
is done is written at the top of sql/migrations/0005_life_cycle.sql.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.incoming import now_utc, storable
from abusehandler.tickets.queries import dicts, statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.rules import MuteRule

#: Key of the advisory lock under which one process follows rules.yaml.
LOCK = 0x6D757465


@dataclass(frozen=True, slots=True)
class Scope:
    """What a mute is about; all that is named must fit. `network` is an address or network as text."""

    ticket: int | None = None
    network: str | None = None
    customer: str | None = None
    problem: str | None = None
    feed: str | None = None

    def __post_init__(self) -> None:
        if self.network is not None:
            try:
                ipaddress.ip_network(self.network)
            except ValueError as error:
                raise AbusehandlerError(
                    f"{self.network!r:.60} is not an address or network ({error}); write for example 192.0.2.0/24"
                ) from None
        if all(value is None for value in (self.ticket, self.network, self.customer, self.problem, self.feed)):
            raise AbusehandlerError(
                "a mute of everything is refused; name a network, customer, problem, feed or ticket"
            )


def add(database: Database, scope: Scope, ends_at: datetime, *, author: str, reason: str) -> int:
    """Mutes until `ends_at` (aware); returns the mute's number. The same again returns the number of the one in force.

    Raises AbusehandlerError for an end in the past, no reason, or an empty scope.
    """
    return int(database.retrying(lambda cursor: add_with(cursor, scope, ends_at, author=author, reason=reason)))


def add_with(
    cursor: Cursor, scope: Scope, ends_at: datetime, *, author: str, reason: str, name: str = "", by_file: bool = False
) -> int:
    """As `add`, in the cursor's transaction."""
    if not reason.strip():
        raise AbusehandlerError("a mute needs a reason; people read it beside each ticket that it holds back")
    if ends_at <= now_utc():
        raise AbusehandlerError(f"the end of the mute, {ends_at:%Y-%m-%d %H:%M %Z}, has passed already")
    sql = statements("mutes")
    what: dict[str, Any] = {
        "ticket": scope.ticket, "network": scope.network, "customer": scope.customer, "problem": scope.problem,
        "feed": scope.feed, "ends_at": ends_at, "reason": storable(reason), "author": author, "name": name,
        "by_file": by_file,
    }  # fmt: skip
    cursor.execute(
        "SELECT id FROM mutes WHERE ended_at IS NULL AND ends_at = %(ends_at)s AND reason = %(reason)s AND author = %(author)s "
        "AND name = %(name)s AND by_file = %(by_file)s AND (ticket_id, network, customer_id, problem, feed) "
        "IS NOT DISTINCT FROM (%(ticket)s::bigint, %(network)s::cidr, %(customer)s::text, %(problem)s::text, %(feed)s::text)",
        what,
    )
    same = cursor.fetchone()
    if same is not None:
        return int(same[0])
    cursor.execute(sql["add"], what)
    (number,) = cursor.fetchone() or (0,)
    change = f"muted {_words(scope)} until {ends_at:%Y-%m-%d %H:%M %Z}"
    cursor.execute(sql["audit"], {"actor": author, "mute": str(number), "change": change, "reason": what["reason"]})
    return int(number)


def end(database: Database, mute: int, *, author: str, reason: str = "") -> bool:
    """Ends a mute now; what it held back is due at once. Returns False if it was over already.

    Raises AbusehandlerError if there is no such mute, or if rules.yaml would bring it back.
    """

    def work(cursor: Cursor) -> bool:
        cursor.execute("SELECT by_file, name FROM mutes WHERE id = %s FOR UPDATE", (mute,))
        found = cursor.fetchone()
        if found is None:
            raise AbusehandlerError(f"there is no mute {mute}; see 'abusehandler mute list'")
        if found[0]:
            raise AbusehandlerError(f"mute {mute} is the rule {found[1]!r} of rules.yaml; remove it there")
        return end_with(cursor, mute, actor=author, reason=reason)

    return bool(database.retrying(work))


def end_with(cursor: Cursor, mute: int, *, actor: str, reason: str) -> bool:
    """As `end`, in the cursor's transaction and for any mute."""
    sql = statements("mutes")
    cursor.execute(sql["end"], {"mute": mute, "actor": actor})
    if cursor.fetchone() is None:
        return False
    cursor.execute(sql["release"], {"mute": mute})
    cursor.execute(sql["audit"], {"actor": actor, "mute": str(mute), "change": "ended", "reason": storable(reason)})
    return True


def listed(database: Database, *, ended: bool = False, limit: int = 1000) -> list[dict[str, Any]]:
    """The mutes in force, the newest first; with `ended` all."""
    with database.transaction() as cursor:
        cursor.execute(statements("mutes")["list"], {"all": ended, "limit": limit})
        return dicts(cursor)


def follow_file(database: Database, rules: Sequence[MuteRule]) -> int:
    """Brings the mutes of rules.yaml into the database; returns how many began or ended. Writes only what differs."""

    def work(cursor: Cursor) -> int:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        cursor.execute(statements("mutes")["of_file"])
        there = {row[1]: row for row in cursor.fetchall()}
        now = now_utc()
        wanted = {rule.name: rule for rule in rules if rule.ends_at > now}
        changed = 0
        for name, row in there.items():
            rule = wanted.get(name)
            if rule is not None and row[2:] == _row(rule):
                del wanted[name]
            elif rule is not None or row[6] > now:
                end_with(cursor, row[0], actor="rules.yaml", reason="the rule was changed or removed")
                changed += 1
        for rule in wanted.values():
            scope = Scope(network=rule.network, customer=rule.customer, problem=rule.problem, feed=rule.feed)
            add_with(cursor, scope, rule.ends_at, author=rule.author, reason=rule.reason, name=rule.name, by_file=True)
            changed += 1
        return changed

    return int(database.retrying(work))


def _row(rule: MuteRule) -> tuple[object, ...]:
    return (rule.network, rule.customer, rule.problem, rule.feed, rule.ends_at, rule.reason, rule.author)


def _words(scope: Scope) -> str:
    parts = (
        ("ticket", scope.ticket), ("network", scope.network), ("customer", scope.customer), ("problem", scope.problem),
        ("feed", scope.feed),
    )  # fmt: skip
    return ", ".join(f"{name} {value}" for name, value in parts if value is not None)
