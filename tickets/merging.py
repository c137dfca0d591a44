# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tickets that a person makes one, and tickets that a person cuts in two.

Merging moves what no notice has told yet into the other ticket, and later events of the merged key go there. What was
told stays where it was, so that each notice still finds what it said. Splitting moves the events that fit into a new
ticket; later events of the old key still go to the old one.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.actions import Done, Refused, TicketRow, lock, record, write
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database


@dataclass(frozen=True, slots=True)
class Part:
    """Which events of a ticket are meant: those that fit all that is named. `since` inclusive, `until` not (aware)."""

    network: str | None = None
    port: int | None = None
    problem: str | None = None
    feed: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.network is not None:
            try:
                ipaddress.ip_network(self.network)
            except ValueError as error:
                raise AbusehandlerError(f"{self.network!r:.60} is not an address or network: {error}") from None
        if all(getattr(self, name) is None for name in ("network", "port", "problem", "feed", "since", "until")):
            raise AbusehandlerError("name what to cut out: an address or network, port, problem, feed, or times")

    def parameters(self) -> dict[str, Any]:
        return {
            "network": self.network, "port": self.port, "problem": self.problem, "feed": self.feed, "since": self.since,
            "until": self.until,
        }  # fmt: skip


def merge(database: Database, sources: Iterable[int], into: int, *, author: str, reason: str) -> Done:
    """Closes `sources`, which go on in ticket `into`. All must be of one customer.

    Raises Refused if `into` is not there or closed; a single source that cannot be merged is in `refused`.
    """
    wanted = sorted(set(sources) - {into})

    def work(cursor: Cursor) -> Done:
        rows = lock(cursor, [*wanted, into])
        target = rows.pop(into, None)
        if target is None:
            raise Refused(f"there is no ticket {into}")
        if target["state"] == "closed":
            raise Refused(f"ticket {into} is closed; reopen it first, or merge into another")
        refused = {number: "there is no such ticket" for number in wanted if number not in rows}
        merged: dict[int, tuple[TicketRow, TicketRow]] = {}
        led: dict[int, list[str]] = {}
        same = []
        for number, row in rows.items():
            if row["merged_into"] == into:
                same.append(number)
            elif row["merged_into"] is not None:
                refused[number] = f"it was merged into ticket {row['merged_into']} already"
            elif row["customer_id"] != target["customer_id"]:
                refused[number] = f"it belongs to another customer than ticket {into}"
            else:
                merged[number], led[number] = _merge_one(cursor, row, into, author)
        if not merged:
            return Done(None, (), tuple(same), refused)
        changes = dict.fromkeys(merged, f"merged into ticket {into}")
        changes[into] = "ticket " + ", ".join(map(str, merged)) + " merged into it"
        action = record(cursor, "merge", author, reason, changes, merged, {"into": into, "led": led})
        return Done(action, tuple(merged), tuple(same), refused)

    done: Done = database.retrying(work)
    return done


def _merge_one(cursor: Cursor, row: TicketRow, into: int, author: str) -> tuple[tuple[TicketRow, TicketRow], list[str]]:
    sql = statements("actions")
    source = row["id"]
    cursor.execute(sql["move_untold"], {"into": into, "source": source, "told": row["notified_event_id"]})
    moved = cursor.rowcount
    after = {"state": "closed", "merged_into": into, "notify_due": None}
    before = {name: row[name] for name in after}
    write(cursor, [{**row, **after}])
    if moved:
        cursor.execute(sql["recount"], {"ids": [source, into], "added": [-moved, moved]})
        if row["notify_due"] is not None:
            cursor.execute(sql["due_earlier"], {"ticket": into, "due": row["notify_due"]})
    cursor.execute(sql["lead_on"], {"into": into, "source": source})
    led = [found[0] for found in cursor.fetchall()]
    cursor.execute(sql["lead_key"], {"key": row["key"], "into": into, "source": source})
    cursor.execute(sql["link"], {"ticket": source, "other": into, "kind": "merged", "author": author})
    return (before, after), led


def split(database: Database, ticket: int, part: Part, *, author: str, reason: str) -> Done:
    """Cuts the events that fit out of a ticket into a new one, whose number is in `made`.

    Raises Refused if there is no such ticket, or if none or all of its events fit.
    """

    def work(cursor: Cursor) -> Done:
        sql = statements("actions")
        row = lock(cursor, [ticket]).get(ticket)
        if row is None:
            raise Refused(f"there is no ticket {ticket}")
        resource = None
        if part.network is not None:
            network = ipaddress.ip_network(part.network)
            resource = str(network.network_address) if network.num_addresses == 1 else str(network)
        cursor.execute(
            sql["cut_out"],
            {"source": ticket, "resource": resource, "network": part.network, "problem": part.problem},
        )
        (new,) = cursor.fetchone() or (0,)
        cursor.execute(sql["move_part"], {"into": new, "source": ticket, **part.parameters()})
        moved = cursor.rowcount
        if not moved:
            raise Refused(f"no event of ticket {ticket} fits")
        cursor.execute(sql["events_left"], {"ticket": ticket})
        if cursor.fetchone() == (False,):
            raise Refused(f"all events of ticket {ticket} fit; there is nothing to cut")
        cursor.execute(sql["recount"], {"ids": [ticket, new], "added": [-moved, moved]})
        cursor.execute(sql["link"], {"ticket": new, "other": ticket, "kind": "split", "author": author})
        changes = {ticket: f"{moved} event(s) cut out into ticket {new}", new: f"cut out of ticket {ticket}"}
        action = record(cursor, "split", author, reason, changes, {}, {"new": new, "from": ticket})
        return Done(action, (ticket,), made=(new,))

    done: Done = database.retrying(work)
    return done


def undo(
    cursor: Cursor, verb: str, details: Mapping[str, Any], kept: Sequence[tuple[int, TicketRow, TicketRow]], author: str,
    reason: str,
) -> Done:  # fmt: skip
    """Takes a merge or split back, in the cursor's transaction. What came in meanwhile stays where it went."""
    if verb == "split":
        return _undo_split(cursor, int(details["new"]), int(details["from"]), author, reason)
    into = int(details["into"])
    rows = lock(cursor, [row[0] for row in kept])
    changes: dict[int, str] = {}
    refused: dict[int, str] = {}
    for number, before, _ in kept:
        row = rows.get(number)
        if number == into:
            continue
        if row is None or row["merged_into"] != into or into not in rows:
            refused[number] = "it has changed since"
            continue
        cursor.execute(statements("actions")["other_open"], {"keys": [row["key"]]})
        other = cursor.fetchone()
        if other is not None and before["state"] != "closed":
            refused[number] = f"ticket {other[1]} is open for the same problem now"
            continue
        _unmerge_one(cursor, row, before, into, details["led"].get(str(number), []))
        changes[number] = f"no longer merged into ticket {into}"
    if changes:
        changes[into] = "ticket " + ", ".join(map(str, changes)) + " taken out again"
        _audit(cursor, changes, author, reason)
    return Done(None, tuple(number for number in changes if number != into), refused=refused)


def _unmerge_one(cursor: Cursor, row: TicketRow, before: TicketRow, into: int, led: Sequence[str]) -> None:
    sql = statements("actions")
    source = row["id"]
    cursor.execute(sql["unlink"], {"ticket": source, "other": into, "kind": "merged"})
    cursor.execute(sql["lead_back"], {"source": source, "key": row["key"]})
    if led:
        cursor.execute(sql["lead_others_back"], {"source": source, "into": into, "keys": list(led)})
    cursor.execute(sql["move_back"], {"source": source, "into": into})
    moved, told, told_at = cursor.fetchone() or (0, None, None)
    if moved:
        cursor.execute(sql["recount"], {"ids": [source, into], "added": [moved, -moved]})
    if told is not None:
        cursor.execute(sql["told_through"], {"ticket": source, "last": told, "at": told_at})
    fresh = lock(cursor, [source])[source]
    untold = fresh["last_event_id"] > fresh["notified_event_id"]
    write(cursor, [{**fresh, **before, "notify_due": before.get("notify_due") if untold else None}])


def _undo_split(cursor: Cursor, new: int, old: int, author: str, reason: str) -> Done:
    sql = statements("actions")
    rows = lock(cursor, [new, old])
    if len(rows) < 2 or rows[new]["merged_into"] is not None or rows[old]["merged_into"] is not None:
        return Done(None, refused={new: "it has changed since"})
    cursor.execute(sql["move_all"], {"into": old, "source": new})
    moved = cursor.rowcount
    cursor.execute(sql["recount"], {"ids": [old, new], "added": [moved, -moved]})
    fresh = lock(cursor, [new])[new]
    write(cursor, [{**fresh, "state": "closed", "merged_into": old, "notify_due": None}])
    if rows[new]["notify_due"] is not None:
        cursor.execute(sql["due_earlier"], {"ticket": old, "due": rows[new]["notify_due"]})
    cursor.execute(sql["unlink"], {"ticket": new, "other": old, "kind": "split"})
    _audit(cursor, {old: f"what was cut out into ticket {new} is back", new: f"back in ticket {old}"}, author, reason)
    return Done(None, (old, new))


def _audit(cursor: Cursor, changes: Mapping[int, str], author: str, reason: str) -> None:
    cursor.execute(
        statements("actions")["audit"],
        {"actor": author, "reason": reason, "ids": list(changes), "changes": list(changes.values())},
    )
