# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mail addresses of contacts and reporters: whether mail to them arrives, from all that mail systems said.

The state is worked out anew from the news each time, under a lock on the address, so that bounces in any order, twice, or
read again come to the same. What a person has set stays until a person changes it.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from abusehandler.errors import AbusehandlerError
from abusehandler.reports.answers.status import enhanced_status, names_nobody
from abusehandler.tickets.audit import audit
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

AddressState = Literal["ok", "bouncing", "blocked"]
STATES: tuple[AddressState, ...] = get_args(AddressState)
SOFT_BOUNCES = 3
LONGEST = 320


def weigh(
    cursor: Cursor,
    address: str,
    *,
    actor: str,
    soft_bounces: int = SOFT_BOUNCES,
    cleared_at: datetime | None = None,
) -> AddressState:
    """Works out the state of an address and notes it, with the audit trail where it changed; returns the state.

    `cleared_at` (aware): mail arrived then, so bounces before it count no more.
    """
    sql = statements("answers")
    address = address.lower()[:LONGEST]
    state, set_by, cleared, reason = _lock(cursor, address)
    if cleared_at is not None and (cleared is None or cleared_at > cleared):
        cleared = cleared_at
    cursor.execute(sql["weigh_bounces"], {"address": address, "cleared": cleared or _BEGINNING})
    hard, soft, bounces, last, words = cursor.fetchone() or (0, 0, 0, None, "")
    now: AddressState = state
    if not set_by:
        now = "bouncing" if hard or soft >= soft_bounces else "ok"
        reason = "" if now == "ok" else (words or "")[:500]
    _note(cursor, address, state, now, actor, reason, set_by=set_by, bounces=bounces, last=last, cleared=cleared)
    return now


def set_state(database: Database, address: str, state: AddressState, *, author: str, reason: str) -> AddressState:
    """What a person says about an address. `ok` forgives all bounces so far; the other states stay until a person
    changes them. Returns the state before.
    """
    if state not in STATES:
        raise AbusehandlerError(f"{state!r} is no state of an address; write one of {', '.join(STATES)}")
    if address.count("@") != 1 or len(address) > LONGEST or not address.isprintable() or " " in address:
        raise AbusehandlerError(f"{address!r:.100} is not a mail address")

    def work(cursor: Cursor) -> AddressState:
        before, _, cleared, _ = _lock(cursor, address.lower())
        if state == "ok":
            cleared = datetime.now(timezone.utc)
        cursor.execute(
            statements("answers")["weigh_bounces"], {"address": address.lower(), "cleared": cleared or _BEGINNING}
        )
        _, _, bounces, last, _ = cursor.fetchone() or (0, 0, 0, None, "")
        _note(
            cursor, address.lower(), before, state, author, reason,
            set_by="" if state == "ok" else author, bounces=bounces, last=last, cleared=cleared,
        )  # fmt: skip
        return before

    return cast("AddressState", database.retrying(work))


def refused(cursor: Cursor, delivery_id: int, recipient: str, answer: str, *, actor: str) -> AddressState:
    """Notes that the mail server refused a mail for good while taking it, as a bounce at once. `answer` holds its words.

    Call it in the transaction that has marked the delivery as failed. Only words about the recipient end an address
    here: a mail server that is set up wrongly refuses everybody. A notice of which nobody is left goes to the desk.
    """
    status = enhanced_status(answer)
    weight = "hard" if names_nobody(status, answer) else "soft"
    cursor.execute(
        "INSERT INTO delivery_news (delivery_id, address, action, status, weight, diagnostic, at) "
        "VALUES (%s, %s, 'failed', %s, %s, %s, now())",
        (delivery_id, recipient.lower()[:LONGEST], status, weight, answer[:1000]),
    )
    state = weigh(cursor, recipient, actor=actor)
    cursor.execute("SELECT notice_id FROM deliveries WHERE id = %s", (delivery_id,))
    for (notice,) in cursor.fetchall():
        note_no_contact(cursor, notice, f"{recipient}: {answer}"[:1000], actor=actor)
    return state


def note_no_contact(cursor: Cursor, notice: int, reason: str, *, actor: str) -> bool:
    """If nobody is left who could have got the notice, it goes to the desk; returns whether it does."""
    sql = statements("answers")
    cursor.execute(sql["note_no_contact"], {"notice": notice, "reason": f"nobody got it; {reason}"})
    if not cursor.fetchall():
        return False
    audit(cursor, "notice", [notice], actor, "addressed → no-contact", reason)
    text = f"nobody got notice {notice}: the customer has not been told"
    cursor.execute(sql["alert_desk"], {"notice": notice, "text": text})
    return True


_BEGINNING = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _lock(cursor: Cursor, address: str) -> tuple[AddressState, str, datetime | None, str]:
    sql = statements("answers")
    cursor.execute(sql["address_row"], {"address": address})
    cursor.execute(sql["lock_address"], {"address": address})
    row: Any = cursor.fetchone()
    state, set_by, cleared, reason = row
    return state, set_by, cleared, reason


def _note(
    cursor: Cursor, address: str, before: AddressState, state: AddressState, actor: str, reason: str, **values: Any
) -> None:
    cursor.execute(
        statements("answers")["set_address"],
        {"address": address, "state": state, "reason": reason, **values, "cleared": values["cleared"] or _BEGINNING},
    )
    if state != before:
        audit(cursor, "address", [address], actor, f"{before} → {state}", reason)
