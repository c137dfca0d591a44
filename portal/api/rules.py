# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""rules.yaml: read, checked, tried on the last days, written."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from pydantic import Field

from abusehandler.portal.api.caller import Administers, SeesRules
from abusehandler.portal.api.fields import Asked, InPath, Reason, Seen, Tags, Told
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.rules_file import LARGEST, rules_of, rules_path, rules_text, write_rules
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import administration
from abusehandler.tickets.desk.scope import read
from abusehandler.tickets.life_cycle_trial import Sums, Trial

router = APIRouter(route_class=ApiRoute, tags=["rules"])
MOST_TRIED = 50_000
MOST_SHOWN = 100
Text = Annotated[str, Field(max_length=LARGEST, pattern=r"^[^\x00]*$", description="The whole of rules.yaml.")]


class Rules(Told):
    text: str
    file: str


class Version(Told):
    id: int
    at: Seen
    author: str
    reason: str
    size: int


class Versions(Told):
    items: list[Version]


class Checked(Asked):
    text: Text


class Tried(Checked):
    days: Annotated[float, Field(gt=0, le=30, strict=False)] = 7


class Written(Checked):
    reason: Reason = ""


class Step(Told):
    at: Seen
    kind: str
    why: str


class Difference(Told):
    ticket: int
    customer: str
    problem: str
    resource: str
    would: list[Step]
    happened: list[Step]


class Trialled(Told):
    """What would have happened, against what did. `different`: tickets of which other things would have happened."""

    tickets: int
    different: int
    would: dict[str, int]
    happened: dict[str, int]
    examples: list[Difference]


def _tag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


@router.get("/rules", response_model=Rules, summary="The rules as they are written")
def get_rules(request: Request, response: Response, caller: SeesRules) -> Any:
    """The header ETag is for If-Match."""
    portal = portal_of(request)
    text = rules_text(portal)
    response.headers["ETag"] = _tag(text)
    return {"text": text, "file": str(rules_path(portal) or "")}


@router.get("/rules/versions", response_model=Versions, summary="What was written, newest first")
def list_versions(request: Request, caller: SeesRules) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": read(database, caller.scope, "administration.rule_versions")}


@router.get("/rules/versions/{number}", response_model=Rules, summary="The rules as they were written once")
def get_version(request: Request, caller: SeesRules, number: InPath) -> Any:
    with portal_of(request).pool.database() as database:
        found = read(database, caller.scope, "administration.rule_version", version=number)
    if not found:
        raise ProblemError(404, f"There is no version {number}.")
    return {"text": found[0]["text"], "file": ""}


@router.post("/rules/check", status_code=204, summary="Check a text; 400 names the line that is wrong")
def check(request: Request, caller: SeesRules, asked: Checked) -> None:
    rules_of(portal_of(request), asked.text)


@router.post("/rules/try", response_model=Trialled, summary="What a text would have done in the last days")
def try_out(request: Request, caller: SeesRules, asked: Tried) -> Any:
    """Changes nothing."""
    portal = portal_of(request)
    rules = rules_of(portal, asked.text)
    sums = Sums()
    examples: list[dict[str, Any]] = []
    with portal.pool.database() as database:
        for one in islice(Trial(database, rules, asked.days).run(), MOST_TRIED):
            sums.add(one)
            if one.differs and len(examples) < MOST_SHOWN:
                examples.append({
                    "ticket": one.ticket, "customer": one.customer, "problem": one.problem, "resource": one.resource,
                    **{name: [{"at": step.at, "kind": step.kind, "why": step.why} for step in getattr(one, name)]
                       for name in ("would", "happened")},
                })  # fmt: skip
    return {
        "tickets": sums.tickets, "different": sums.different, "would": dict(sums.would), "happened": dict(sums.happened),
        "examples": examples,
    }  # fmt: skip


@router.put("/rules", status_code=204, summary="Write the rules")
def put_rules(
    request: Request, caller: Administers, asked: Written,
    if_match: Annotated[Tags | None, Header(description="The ETag of the rules as you read them; 412 if they are others now.")] = None,
) -> None:  # fmt: skip
    portal = portal_of(request)
    path = rules_path(portal)
    if path is None:
        raise ProblemError(
            400, "abusehandler.yaml names no file for rules: write 'rules:' with 'path: rules.yaml' below it."
        )
    text = asked.text.replace("\r\n", "\n")
    rules_of(portal, text)
    if if_match is not None and if_match.strip() not in ("*", _tag(rules_text(portal))):
        raise ProblemError(412, "The rules have changed since you read them; read them again.")
    with portal.pool.database() as database:
        administration.keep_rules(database, caller.scope, text, author=caller.author, reason=asked.reason)
    write_rules(path, text)
