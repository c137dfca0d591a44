# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the buttons of the desk mean, each only for tickets that the person may see."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import HTTPException

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import actions, merging
from abusehandler.tickets.desk import ticket_list
from abusehandler.tickets.desk.scope import read
from abusehandler.tickets.incoming import now_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from abusehandler.portal.login.roles import Viewer
    from abusehandler.tickets.actions import Done
    from abusehandler.tickets.database import Database

MOST = 1000
#: Days for which the button of the list mutes.
DAYS = 7
LONGEST_DAYS = 730


def act(
    database: Database, viewer: Viewer, verb: str, tickets: Sequence[int], *, reason: str, argument: str = ""
) -> int | None:
    """Does it, and returns the action's number for undo, None if nothing had to be changed.

    Raises HTTPException 404 if one of the tickets is not to be seen, AbusehandlerError with the reason when none could
    be changed.
    """
    wanted = check_visible(database, viewer, tickets)
    work = _VERBS.get(verb)
    if work is None:
        raise HTTPException(400, f"There is no action {verb!r:.40}.")
    reason = " ".join(reason.split())
    done = work(database, viewer, wanted, reason, argument)
    if done.refused and not done.changed:
        raise AbusehandlerError("; ".join(f"Ticket {number}: {why}" for number, why in list(done.refused.items())[:5]))
    return done.action


def check_visible(database: Database, viewer: Viewer, tickets: Sequence[int]) -> list[int]:
    """The tickets, each once, if all may be seen. Raises 404 otherwise, as for a ticket that is not there."""
    wanted = sorted(set(tickets))
    if not wanted:
        raise AbusehandlerError("No ticket was chosen.")
    if len(wanted) > MOST:
        raise AbusehandlerError(f"At most {MOST} tickets are changed in one go.")
    if ticket_list.visible(database, viewer.scope, wanted) != wanted:
        raise HTTPException(404)
    return wanted


def note(database: Database, viewer: Viewer, ticket: int, text: str, *, public: bool) -> int | None:
    """A note to one ticket."""
    wanted = check_visible(database, viewer, [ticket])
    return actions.note(database, wanted, text, author=viewer.user.login, public=public).action


def undo(database: Database, viewer: Viewer, action: int) -> None:
    """Takes an action back, if all its tickets may be seen. Raises AbusehandlerError when they have changed since."""
    touched = [row["ticket_id"] for row in read(database, viewer.scope, "ticket_page.tickets_of_action", action=action)]
    if not touched or None in touched:
        raise HTTPException(404)
    done = actions.undo(database, action, author=viewer.user.login)
    if done.refused and not done.changed:
        raise AbusehandlerError("; ".join(f"Ticket {number}: {why}" for number, why in list(done.refused.items())[:5]))


def _close(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    return actions.close(database, tickets, author=viewer.user.login, reason=reason)


def _resolve(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    return actions.resolve(database, tickets, author=viewer.user.login, reason=reason)


def _ignore(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    return actions.ignore(database, tickets, author=viewer.user.login, reason=reason)


def _reopen(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    return actions.reopen(database, tickets, author=viewer.user.login, reason=reason)


def _take(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    return actions.assign(database, tickets, viewer.user.login, author=viewer.user.login, reason=reason)


def _give_back(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    return actions.assign(database, tickets, None, author=viewer.user.login, reason=reason)


def _give(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    for ticket in tickets:
        people = read(database, viewer.scope, "ticket_page.people", ticket=ticket)
        if argument not in {person["login"] for person in people}:
            raise AbusehandlerError(f"{argument!r:.60} is nobody who may work on ticket {ticket}")
    return actions.assign(database, tickets, argument, author=viewer.user.login, reason=reason)


def _mute(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    days = int(argument) if argument.isdigit() and len(argument) < 5 else DAYS
    until = now_utc() + timedelta(days=min(max(days, 1), LONGEST_DAYS))
    return actions.mute(database, tickets, until, author=viewer.user.login, reason=reason or "muted at the desk")


def _severity(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    return actions.set_severity(database, tickets, argument or None, author=viewer.user.login, reason=reason)


def _merge(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    if len(tickets) < 2:
        raise AbusehandlerError("Choose at least two tickets to merge.")
    return merging.merge(database, tickets[1:], tickets[0], author=viewer.user.login, reason=reason)


def _merge_into(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    number = argument.strip().lstrip("#")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise AbusehandlerError(f"{argument!r:.40} is no ticket's number")
    (into,) = check_visible(database, viewer, [int(number)])
    return merging.merge(database, tickets, into, author=viewer.user.login, reason=reason)


def _split(database: Database, viewer: Viewer, tickets: list[int], reason: str, argument: str) -> Done:
    """`argument` names what is cut out: `port 53`, `address 192.0.2.1`, `feed NAME` or `problem ID`."""
    kind, _, value = argument.strip().partition(" ")
    value = value.strip()
    if kind == "port" and value.isdigit() and len(value) <= 5:
        part = merging.Part(port=int(value))
    elif kind == "address" and ticket_list.network_of(value):
        part = merging.Part(network=ticket_list.network_of(value))
    elif kind == "feed" and value:
        part = merging.Part(feed=value)
    elif kind == "problem" and value:
        part = merging.Part(problem=value)
    else:
        raise AbusehandlerError("Say what goes into a ticket of its own, for example 'port 53' or 'address 192.0.2.1'.")
    return merging.split(database, tickets[0], part, author=viewer.user.login, reason=reason)


_VERBS: dict[str, Callable[[Database, Viewer, list[int], str, str], Done]] = {
    "close": _close, "resolve": _resolve, "ignore": _ignore, "reopen": _reopen, "assign-me": _take,
    "assign-nobody": _give_back, "assign": _give, "mute": _mute, "severity": _severity, "merge": _merge,
    "merge-into": _merge_into, "split": _split,
}  # fmt: skip
