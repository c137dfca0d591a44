# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What can be done to tickets, all that the desk's buttons do; If-Match lets only him act who has seen the newest state."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Request
from pydantic import Field

from abusehandler.portal.api.caller import Acts
from abusehandler.portal.api.fields import (
    Asked,
    InPath,
    LongText,
    Moment,
    Name,
    Network,
    Number,
    Port,
    Reason,
    Tags,
    Told,
)
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.api.shown import version
from abusehandler.portal.api.tickets import SeverityName
from abusehandler.portal.desk.acting import check_visible
from abusehandler.portal.settings import portal_of
from abusehandler.tickets import actions, merging
from abusehandler.tickets.desk import ticket_page
from abusehandler.tickets.desk.scope import read, rows
from abusehandler.tickets.incoming import now_utc

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.portal.api.caller import Caller
    from abusehandler.tickets.actions import Done
    from abusehandler.tickets.database import Database

router = APIRouter(route_class=ApiRoute, tags=["ticket actions"])
LONGEST_MUTE = timedelta(days=730)
_ETAG = re.compile(r'"[0-9a-f]{32}"')


class _Action(Asked):
    reason: Reason = Field("", description="Stands in the audit trail.")


class Plain(_Action):
    """close: it is over. resolve: said to be mended. ignore: the customer hears nothing more. reopen: back to open."""

    verb: Literal["close", "resolve", "ignore", "reopen"]


class Escalate(_Action):
    verb: Literal["escalate"]
    tell_customer: bool = Field(False, description="A notice of that kind is due at once.")


class Assign(_Action):
    verb: Literal["assign"]
    to: Name | None = Field(description="A login; null for nobody.")


class SetSeverity(_Action):
    verb: Literal["severity"]
    severity: SeverityName | None = Field(description="Null lets events decide again.")


class CustomerSays(_Action):
    verb: Literal["customer-says"]
    state: Literal["open", "working", "resolved", "disputed"]


class Note(_Action):
    verb: Literal["note"]
    text: LongText
    public: bool = Field(False, description="The customer sees it.")


class Mute(Asked):
    verb: Literal["mute"]
    until: Moment = Field(description="At most two years from now.")
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class Merge(_Action):
    verb: Literal["merge"]
    into: Number = Field(description="The ticket in which these go on; of the same customer.")


class Split(_Action):
    """Events that fit all that is named go into a ticket of their own."""

    verb: Literal["split"]
    network: Network | None = None
    port: Port | None = None
    problem: Name | None = None
    feed: Name | None = None
    since: Moment | None = None
    until: Moment | None = None


Action = Annotated[
    Plain | Escalate | Assign | SetSeverity | CustomerSays | Note | Mute | Merge | Split, Field(discriminator="verb")
]


class Many(Asked):
    """One action for many tickets, in one transaction."""

    tickets: Annotated[list[Number], Field(min_length=1, max_length=1000)]
    action: Action


class Outcome(Told):
    """`action` is the number for undoing, null when nothing changed; `made` are the notes, mutes or tickets made."""

    action: int | None
    changed: list[int]
    unchanged: list[int]
    refused: dict[int, str]
    made: list[int]


@router.post("/tickets/actions", response_model=Outcome, summary="Do something to many tickets")
def act_on_many(request: Request, caller: Acts, asked: Many) -> Any:
    with portal_of(request).pool.database() as database:
        return _outcome(_act(database, caller, asked.tickets, asked.action))


@router.post("/tickets/{number}/actions", response_model=Outcome, summary="Do something to a ticket")
def act_on_one(
    request: Request, caller: Acts, number: InPath, asked: Annotated[Action, Body()],
    if_match: Annotated[Tags | None, Header(description="The ETag of the ticket as you saw it; 412 if it is another now.")] = None,
) -> Any:  # fmt: skip
    with portal_of(request).pool.database() as database:
        if if_match is None or if_match.strip() == "*":
            return _outcome(_act(database, caller, [number], asked))
        with database.guarded(_unchanged(caller, number, if_match)):
            return _outcome(_act(database, caller, [number], asked))


def _unchanged(caller: Caller, number: int, tags: str) -> Callable[[Cursor], None]:
    """Locks the ticket and compares; in the transaction of the action itself, so that nobody comes between."""
    known = set(_ETAG.findall(tags))

    def check(cursor: Cursor) -> None:
        rows(cursor, caller.scope, "api.lock", ticket=number)
        found = rows(cursor, caller.scope, "ticket_page.ticket", ticket=number)
        if not found:
            raise ProblemError(404, f"There is no ticket {number}, or it is not yours to see.")
        if version(found[0]) not in known:
            raise ProblemError(412, f"Ticket {number} has changed since you looked; look again.")

    return check


@router.post("/actions/{number}/undo", response_model=Outcome, summary="Take an action back")
def undo_action(request: Request, caller: Acts, number: InPath) -> Any:
    """Each ticket that nobody has changed since is as it was before."""
    with portal_of(request).pool.database() as database:
        touched = [
            row["ticket_id"] for row in read(database, caller.scope, "ticket_page.tickets_of_action", action=number)
        ]
        if not touched or None in touched:
            raise ProblemError(404, f"There is no action {number}, or its tickets are not yours to see.")
        return _outcome(actions.undo(database, number, author=caller.author))


@router.post("/tickets/{number}/answers/seen", status_code=204, summary="The answers to a ticket are unread no more")
def see_answers(request: Request, caller: Acts, number: InPath) -> None:
    with portal_of(request).pool.database() as database:
        check_visible(database, caller.viewer, [number])
        ticket_page.note_answers_seen(database, caller.scope, number, author=caller.author)


def _outcome(done: Done) -> dict[str, Any]:
    if done.refused and not done.changed and not done.unchanged:
        refused = {str(number): why for number, why in done.refused.items()}
        first, why = next(iter(refused.items()))
        raise ProblemError(409, f"Ticket {first}: {why}.", refused=refused)
    return {
        "action": done.action, "changed": done.changed, "unchanged": done.unchanged, "refused": dict(done.refused), "made": done.made,
    }  # fmt: skip


def _act(database: Database, caller: Caller, numbers: list[int], action: Any) -> Done:
    tickets = check_visible(database, caller.viewer, numbers)
    by = {"author": caller.author, "reason": " ".join(action.reason.split())}
    if isinstance(action, Plain):
        return _PLAIN[action.verb](database, tickets, **by)
    if isinstance(action, Escalate):
        return actions.escalate(database, tickets, tell_customer=action.tell_customer, **by)
    if isinstance(action, Assign):
        _check_person(database, caller, tickets, action.to)
        return actions.assign(database, tickets, action.to, **by)
    if isinstance(action, SetSeverity):
        return actions.set_severity(database, tickets, action.severity, **by)
    if isinstance(action, CustomerSays):
        return actions.customer_says(database, tickets, action.state, **by)
    if isinstance(action, Note):
        return actions.note(database, tickets, action.text, author=caller.author, public=action.public)
    if isinstance(action, Mute):
        if action.until > now_utc() + LONGEST_MUTE:
            raise ProblemError(400, "A mute lasts two years at most.")
        return actions.mute(database, tickets, action.until, **by)
    if isinstance(action, Merge):
        (into,) = check_visible(database, caller.viewer, [action.into])
        return merging.merge(database, tickets, into, **by)
    return _split(database, tickets, action, by)


_PLAIN: dict[str, Callable[..., Done]] = {
    "close": actions.close, "resolve": actions.resolve, "ignore": actions.ignore, "reopen": actions.reopen,
}  # fmt: skip


def _split(database: Database, tickets: list[int], action: Split, by: dict[str, str]) -> Done:
    if len(tickets) > 1:
        raise ProblemError(400, "One ticket is split at a time.")
    part = merging.Part(action.network, action.port, action.problem, action.feed, action.since, action.until)
    return merging.split(database, tickets[0], part, **by)


def _check_person(database: Database, caller: Caller, tickets: list[int], login: str | None) -> None:
    """Only who may see the ticket, and act, can have it in hand."""
    for ticket in tickets if login is not None else ():
        people = read(database, caller.scope, "ticket_page.people", ticket=ticket)
        if login not in {person["login"] for person in people}:
            raise ProblemError(400, f"{login!r:.60} is nobody who may work on ticket {ticket}.")
