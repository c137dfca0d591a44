# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is stored about a customer or person: counted, handed out, removed. For administrators; who asks is noted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.portal.api.caller import AsksPrivacy
from abusehandler.portal.api.fields import Asked, Name, Query, Told
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.desk.privacy import MOST_TICKETS
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import privacy, privacy_removal

router = APIRouter(route_class=ApiRoute, tags=["privacy"])
Kind = Literal["customer", "mail", "network"]
#: Rows that are handed out in one answer; the command takes out more.
MOST_ROWS = 100_000


class WhoQuery(Query):
    who: Name = Field(description="A customer's number, a mail address, an address or prefix.")


class Who(Asked):
    who: Name


class Removal(Who):
    """`confirm` names the subject once more, as `subject` of GET /privacy says it."""

    how: Literal["erase", "pseudonymise"]
    confirm: Name
    reason: Annotated[Name, Field(max_length=500)]


class Stored(Told):
    """`kept`: what a removal would leave, and why."""

    kind: Kind
    subject: str
    name: str
    counts: dict[str, int]
    tickets: int
    mails: list[str]
    reports: int
    kept: list[str]


class HandedOut(Told):
    items: list[dict[str, Any]]


class Removed(Told):
    """`number` stands for the subject in the audit trail."""

    number: str
    tickets: int
    reports: int
    bytes: int
    kept: list[str]


@router.get("/privacy", response_model=Stored, summary="What is stored about a customer, mail address or network")
def get_stored(request: Request, caller: AsksPrivacy, asked: Annotated[WhoQuery, InQuery()]) -> Any:
    subject = privacy.Subject.of(asked.who)
    with portal_of(request).pool.database() as database:
        found = privacy.stored(database, caller.scope, subject, author=caller.author, preview=True)
    return {
        "kind": subject.kind, "subject": subject.text, "name": found.belongings.name,
        "counts": {name: found.counts[name] for name in privacy.COUNTED}, "tickets": len(found.belongings.tickets),
        "mails": found.belongings.mails, "reports": len(found.reports), "kept": privacy_removal.kept(found),
    }  # fmt: skip


@router.post("/privacy/take-out", response_model=HandedOut, summary="Everything itself, for the person who asked")
def take_out(request: Request, caller: AsksPrivacy, asked: Who) -> Any:
    subject = privacy.Subject.of(asked.who)
    items: list[dict[str, Any]] = []
    with portal_of(request).pool.database() as database:
        for kind, row in privacy.handed_out(database, caller.scope, subject, author=caller.author):
            if len(items) == MOST_ROWS:
                raise ProblemError(413, "This is too much for one answer; use the command 'abusehandler privacy'.")
            items.append({"kind": kind, **{name: _plain(value) for name, value in row.items()}})
    return {"items": items}


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else str(value)


@router.post("/privacy/removal", response_model=Removed, summary="Erase or pseudonymise")
def remove(request: Request, caller: AsksPrivacy, asked: Removal) -> Any:
    """This cannot be undone."""
    subject = privacy.Subject.of(asked.who)
    if asked.confirm.strip() != subject.text:
        raise ProblemError(400, f"Write {subject.text!r} as confirm, to be sure that it is meant.")
    portal = portal_of(request)
    with portal.pool.database() as database:
        found = privacy.stored(database, caller.scope, subject, author=caller.author, preview=True)
        if len(found.belongings.tickets) > MOST_TICKETS:
            raise ProblemError(
                400, "So many tickets take too long for a request: use the command 'abusehandler privacy'."
            )
        removed = privacy_removal.remove(
            database, portal.evidence, subject, asked.how, author=caller.author, reason=asked.reason
        )
    return {
        "number": removed.number, "tickets": removed.tickets, "reports": removed.reports, "bytes": removed.bytes, "kept": removed.kept,
    }  # fmt: skip
