# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a person does to tickets, by command, desk or API alike.

Each function works on many tickets in one transaction, writes who did it and why into the audit trail, keeps what was
before, so that `undo` can bring it back, and changes nothing when it is called again. `merge` and `split` are in
tickets/merging.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2.errors

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import mutes
from abusehandler.tickets.incoming import SEVERITIES, SEVERITY_NAMES, now_utc, storable
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

#: Tickets that one call may change.
MOST = 20_000
MAX_NOTE = 100_000
CUSTOMER_STATES = ("open", "working", "resolved", "disputed")

TicketRow = dict[str, Any]
_COLUMNS = (
    "id", "key", "customer_id", "resource", "network", "problem", "state", "customer_state", "severity", "severity_floor",
    "severity_fixed", "assignee", "notify_due", "escalated_at", "escalated_by", "merged_into", "notified_event_id",
    "last_event_id", "event_count", "notified_at",
)  # fmt: skip
_WRITTEN = (
    "id", "state", "customer_state", "severity", "severity_floor", "severity_fixed", "assignee", "notify_due",
    "escalated_at", "escalated_by", "merged_into",
)  # fmt: skip
#: These may have moved on by themselves since; they hinder no undoing.
_MOVES_ON = ("notify_due", "severity", "escalated_at", "escalated_by")


class Refused(AbusehandlerError):
    """This cannot be done with this ticket; the message says why and what can."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an action came to. `action` is the number for `undo`, None when nothing changed.

    `unchanged` were so already; `refused` says why of each; `made` are the notes, mutes or tickets that it made.
    """

    action: int | None = None
    changed: tuple[int, ...] = ()
    unchanged: tuple[int, ...] = ()
    refused: Mapping[int, str] = field(default_factory=dict)
    made: tuple[int, ...] = ()


def close(database: Database, ticket_ids: Iterable[int], *, author: str, reason: str) -> Done:
    """The problem is over, or nobody has to care any more. No notice goes out about it."""
    return _edit(database, ticket_ids, "close", author, reason, lambda row: {"state": "closed", "notify_due": None})


def resolve(database: Database, ticket_ids: Iterable[int], *, author: str, reason: str = "") -> Done:
    """The problem is said to be mended; a new event opens the ticket again as a relapse."""
    return _edit(
        database, ticket_ids, "resolve", author, reason, _not_closed({"state": "resolved", "notify_due": None})
    )


def ignore(database: Database, ticket_ids: Iterable[int], *, author: str, reason: str) -> Done:
    """Events go on being counted, the customer hears nothing of them."""
    return _edit(database, ticket_ids, "ignore", author, reason, _not_closed({"state": "ignored", "notify_due": None}))


def escalate(
    database: Database, ticket_ids: Iterable[int], *, author: str, reason: str, tell_customer: bool = False
) -> Done:
    """The ticket needs a person; with `tell_customer` a notice of that kind is due at once."""

    def change(row: TicketRow) -> TicketRow:
        _refuse_closed(row)
        if row["state"] == "escalated":
            return {}
        now = now_utc()
        due = {"notify_due": now} if tell_customer else {}
        return {"state": "escalated", "escalated_at": now, "escalated_by": author, **due}

    return _edit(database, ticket_ids, "escalate", author, reason, change)


def reopen(database: Database, ticket_ids: Iterable[int], *, author: str, reason: str) -> Done:
    """Back to open, from whatever state. What the customer was not told yet is due then."""
    wanted = list(ticket_ids)

    def work(cursor: Cursor) -> Done:
        rows = lock(cursor, wanted)
        others = _open_with(cursor, [row["key"] for row in rows.values() if row["state"] == "closed"])

        def change(row: TicketRow) -> TicketRow:
            other = others.get(row["key"], row["id"])
            if row["merged_into"] is not None:
                raise Refused(f"it was merged into ticket {row['merged_into']}; undo that, or reopen the other")
            if other != row["id"]:
                raise Refused(f"ticket {other} is open for the same problem already; merge this one into it")
            if row["state"] == "closed":
                others[row["key"]] = row["id"]
            untold = row["last_event_id"] > row["notified_event_id"] and row["notify_due"] is None
            again = {"notify_due": now_utc()} if untold and row["state"] != "open" else {}
            return {"state": "open", **again}

        return _apply(cursor, rows, wanted, "reopen", author, reason, change)

    return _in_one(database, work)


def assign(database: Database, ticket_ids: Iterable[int], to: str | None, *, author: str, reason: str = "") -> Done:
    """Somebody takes it in hand; None for nobody."""
    return _edit(database, ticket_ids, "assign", author, reason, lambda row: {"assignee": to or None})


def set_severity(
    database: Database, ticket_ids: Iterable[int], severity: str | None, *, author: str, reason: str
) -> Done:
    """Fixes the severity (`info` … `critical`), so that events change it no more; None lets events decide again."""
    if severity is not None and severity not in SEVERITIES:
        raise AbusehandlerError(f"{severity!r:.40} is not a severity; write one of {', '.join(SEVERITIES)}")
    wanted = list(ticket_ids)

    def work(cursor: Cursor) -> Done:
        rows = lock(cursor, wanted)
        cursor.execute(statements("actions")["worst_events"], {"ids": list(rows)})
        worst = dict(cursor.fetchall())

        def change(row: TicketRow) -> TicketRow:
            if severity is None:
                found = max(row["severity_floor"], worst[row["id"]])
                return {} if row["severity_fixed"] is None else {"severity_fixed": None, "severity": found}
            return {"severity_fixed": SEVERITIES[severity], "severity": SEVERITIES[severity]}

        return _apply(cursor, rows, wanted, "set-severity", author, reason, change)

    return _in_one(database, work)


def customer_says(database: Database, ticket_ids: Iterable[int], state: str, *, author: str, reason: str = "") -> Done:
    """Notes what the customer says of it: open, working, resolved, disputed. The desk's own state stays."""
    if state not in CUSTOMER_STATES:
        raise AbusehandlerError(
            f"{state!r:.40} is not a state of the customer; write one of {', '.join(CUSTOMER_STATES)}"
        )
    return _edit(database, ticket_ids, "customer-says", author, reason, _not_closed({"customer_state": state}))


def note(database: Database, ticket_ids: Iterable[int], text: str, *, author: str, public: bool = False) -> Done:
    """Writes a note to each ticket; `public` ones are shown to the customer. No mail goes out.

    The author's last words to a ticket are not noted again within ten minutes: a form may be sent twice.
    """
    wanted = list(ticket_ids)
    text = storable(text).strip()
    if not text or len(text) > MAX_NOTE:
        raise AbusehandlerError(f"a note has 1 to {MAX_NOTE} characters, this one has {len(text)}")

    def work(cursor: Cursor) -> Done:
        rows = lock(cursor, wanted)
        cursor.execute(
            statements("actions")["add_notes"], {"ids": list(rows), "author": author, "public": public, "text": text}
        )
        made = dict(cursor.fetchall())
        changes = dict.fromkeys(made.values(), "public note" if public else "note")
        action = record(cursor, "note", author, "", changes, {}, {"notes": list(made)}) if made else None
        same = tuple(number for number in rows if number not in changes)
        return Done(action, tuple(changes), same, _missing(rows, wanted), tuple(made))

    return _in_one(database, work)


def mute(database: Database, ticket_ids: Iterable[int], until: datetime, *, author: str, reason: str) -> Done:
    """Holds notices about these tickets back until a moment (aware); events are recorded as ever."""
    wanted = list(ticket_ids)

    def work(cursor: Cursor) -> Done:
        rows = lock(cursor, wanted)
        cursor.execute("SELECT coalesce(max(id), 0) FROM mutes")
        (before,) = cursor.fetchone() or (0,)
        made = {
            number: mutes.add_with(cursor, mutes.Scope(ticket=number), until, author=author, reason=reason)
            for number in rows
        }
        new = {number: one for number, one in made.items() if one > before}
        changes = dict.fromkeys(new, f"muted until {until:%Y-%m-%d %H:%M %Z}")
        action = record(cursor, "mute", author, reason, changes, {}, {"mutes": list(new.values())}) if new else None
        same = tuple(number for number in rows if number not in new)
        return Done(action, tuple(new), same, _missing(rows, wanted), tuple(new.values()))

    return _in_one(database, work)


def undo(database: Database, action: int | None = None, *, author: str) -> Done:
    """Takes back an action, or the author's last one: each ticket that nobody has changed since is as it was.

    Raises AbusehandlerError if there is no such action or it was undone already.
    """
    from abusehandler.tickets import merging

    def work(cursor: Cursor) -> Done:
        sql = statements("actions")
        number = action
        if number is None:
            cursor.execute(sql["last_action"], {"author": author})
            (number,) = cursor.fetchone() or (None,)
        cursor.execute(sql["take_action"], {"action": number})
        found = cursor.fetchone()
        if found is None:
            raise AbusehandlerError("there is nothing to undo" if action is None else f"there is no action {action}")
        _, by, verb, details, undone_at = found
        if undone_at is not None:
            raise AbusehandlerError(f"action {number} was undone at {undone_at:%Y-%m-%d %H:%M %Z}")
        cursor.execute(sql["kept"], {"action": number})
        kept = cursor.fetchall()
        reason = f"action {number} ({verb} by {by}) undone"
        if verb in ("merge", "split"):
            done = merging.undo(cursor, verb, details, kept, author, reason)
        elif verb == "note":
            cursor.execute(sql["withdraw_notes"], {"notes": details["notes"]})
            done = _told(cursor, [row[0] for row in cursor.fetchall()], "note withdrawn", author, reason)
        elif verb == "mute":
            for one in details["mutes"]:
                mutes.end_with(cursor, one, actor=author, reason=reason)
            done = _told(cursor, [row[0] for row in kept], "mute ended", author, reason)
        else:
            done = _restore(cursor, kept, author, reason)
        if done.changed or not done.refused:
            cursor.execute(sql["mark_undone"], {"action": number, "author": author})
        return Done(number, done.changed, done.unchanged, done.refused, done.made)

    return _in_one(database, work)


def _restore(cursor: Cursor, kept: Sequence[tuple[int, TicketRow, TicketRow]], author: str, reason: str) -> Done:
    rows = lock(cursor, [row[0] for row in kept])
    opened = {
        number: rows[number]["key"]
        for number, before, _ in kept
        if before.get("state", "closed") != "closed" and number in rows
    }
    others = _open_with(cursor, list(opened.values()))
    changes: dict[int, str] = {}
    refused: dict[int, str] = {}
    for number, before, after in kept:
        row = rows.get(number)
        moved_on = row is None or any(
            _comparable(row[name]) != value for name, value in after.items() if name not in _MOVES_ON
        )
        if row is None or moved_on:
            refused[number] = "it has changed since"
        elif number in opened and others.get(row["key"], number) != number:
            refused[number] = f"ticket {others[row['key']]} is open for the same problem now"
        else:
            was = {name: row[name] for name in before}
            row.update(before)
            changes[number] = _change_words(was, before)
    write(cursor, [rows[number] for number in changes])
    _audit(cursor, changes, author, reason)
    return Done(None, tuple(changes), refused=refused)


def _told(cursor: Cursor, numbers: Sequence[int], change: str, author: str, reason: str) -> Done:
    _audit(cursor, dict.fromkeys(numbers, change), author, reason)
    return Done(None, tuple(numbers))


def lock(cursor: Cursor, ticket_ids: Iterable[int]) -> dict[int, TicketRow]:
    """The tickets that exist, by number, locked until the transaction's end. Raises AbusehandlerError for too many."""
    wanted = sorted(set(ticket_ids))
    if len(wanted) > MOST:
        raise AbusehandlerError(f"{len(wanted)} tickets in one go; at most {MOST} are changed at once")
    cursor.execute(statements("actions")["lock"], {"ids": wanted})
    return {row[0]: dict(zip(_COLUMNS, row, strict=True)) for row in cursor.fetchall()}


def write(cursor: Cursor, rows: Sequence[TicketRow]) -> None:
    """Writes the columns that people can change, of locked tickets."""
    if rows:
        told = [{name: _comparable(row[name]) for name in _WRITTEN} for row in rows]
        cursor.execute(statements("actions")["write"], {"rows": json.dumps(told)})


def record(
    cursor: Cursor, verb: str, author: str, reason: str, changes: Mapping[int, str],
    states: Mapping[int, tuple[TicketRow, TicketRow]], details: Mapping[str, Any],
) -> int:  # fmt: skip
    """Writes the action with what was before and after, and the audit trail; returns the action's number."""
    sql = statements("actions")
    reason = storable(reason)[:2000]
    cursor.execute(sql["act"], {"author": author, "verb": verb, "reason": reason, "details": json.dumps(details)})
    (action,) = cursor.fetchone() or (0,)
    empty: tuple[TicketRow, TicketRow] = ({}, {})
    kept = [
        {
            "id": number,
            "before": {name: _comparable(value) for name, value in states.get(number, empty)[0].items()},
            "after": {name: _comparable(value) for name, value in states.get(number, empty)[1].items()},
        }
        for number in changes
    ]
    cursor.execute(sql["keep"], {"action": action, "rows": json.dumps(kept)})
    _audit(cursor, changes, author, reason)
    return int(action)


def _edit(
    database: Database, ticket_ids: Iterable[int], verb: str, author: str, reason: str,
    change: Callable[[TicketRow], TicketRow],
) -> Done:  # fmt: skip
    wanted = list(ticket_ids)
    return _in_one(database, lambda cursor: _apply(cursor, lock(cursor, wanted), wanted, verb, author, reason, change))


def _apply(
    cursor: Cursor, rows: Mapping[int, TicketRow], wanted: Iterable[int], verb: str, author: str, reason: str,
    change: Callable[[TicketRow], TicketRow],
) -> Done:  # fmt: skip
    """Asks `change` for the new columns of each ticket and writes what differs."""
    refused = _missing(rows, wanted)
    states: dict[int, tuple[TicketRow, TicketRow]] = {}
    for number, row in rows.items():
        try:
            new = change(row)
        except Refused as error:
            refused[number] = str(error)
            continue
        new = {name: value for name, value in new.items() if row[name] != value}
        # a due time that falls away is no change of its own
        if set(new) - {"notify_due"}:
            states[number] = ({name: row[name] for name in new}, new)
    write(cursor, [{**rows[number], **after} for number, (_, after) in states.items()])
    changes = {number: _change_words(*pair) for number, pair in states.items()}
    action = record(cursor, verb, author, reason, changes, states, {}) if changes else None
    same = tuple(number for number in rows if number not in states and number not in refused)
    return Done(action, tuple(states), same, refused)


def _not_closed(new: TicketRow) -> Callable[[TicketRow], TicketRow]:
    def change(row: TicketRow) -> TicketRow:
        _refuse_closed(row)
        return new

    return change


def _refuse_closed(row: TicketRow) -> None:
    if row["state"] == "closed":
        raise Refused("it is closed; reopen it first")


def _open_with(cursor: Cursor, keys: Sequence[str]) -> dict[str, int]:
    """Open tickets by their key, of these keys."""
    if not keys:
        return {}
    cursor.execute(statements("actions")["other_open"], {"keys": list(keys)})
    return dict(cursor.fetchall())


def _missing(rows: Mapping[int, TicketRow], wanted: Iterable[int]) -> dict[int, str]:
    return dict.fromkeys(sorted(set(wanted) - rows.keys()), "there is no such ticket")


def _audit(cursor: Cursor, changes: Mapping[int, str], author: str, reason: str) -> None:
    if changes:
        cursor.execute(
            statements("actions")["audit"],
            {"actor": author, "reason": reason, "ids": list(changes), "changes": list(changes.values())},
        )


def _change_words(before: TicketRow, after: TicketRow) -> str:
    """`open → closed`, `severity high → low`; what follows by itself is not told."""
    said = []
    for name, new in after.items():
        old = before.get(name)
        if name in ("notify_due", "severity_fixed", "severity_floor", "escalated_at", "escalated_by", "merged_into"):
            continue
        if name == "severity":
            said.append(f"severity {SEVERITY_NAMES[old or 0]} → {SEVERITY_NAMES[new or 0]}")
        elif name == "state":
            said.append(f"{old} → {new}")
        else:
            said.append(f"{name.replace('_', ' ')} {old or 'nobody'} → {new or 'nobody'}")
    return ", ".join(said) or "severity fixed"


def _comparable(value: object) -> object:
    """As it comes back from JSON."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def _in_one(database: Database, work: Callable[[Cursor], Done]) -> Done:
    """In one transaction; again when the intake opened a ticket in the same moment, which is seen then."""
    done: Done
    try:
        done = database.retrying(work)
    except psycopg2.errors.UniqueViolation:
        done = database.retrying(work)
    return done
