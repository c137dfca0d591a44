# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mutes and rules: seen by the desk, written by administrators, checked and tried dry before they count."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from abusehandler.errors import AbusehandlerError, ConfigurationError
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import done, render
from abusehandler.portal.rules_file import LARGEST, rules_of, rules_path, rules_text, write_rules
from abusehandler.portal.settings import portal_of
from abusehandler.tickets import mutes
from abusehandler.tickets.desk import administration
from abusehandler.tickets.desk.scope import read
from abusehandler.tickets.desk.ticket_list import network_of
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.life_cycle_trial import KINDS, Sums, Trial, Tried

router = APIRouter()
SeesRules = Annotated[Viewer, Depends(needs("rules"))]
Administers = Annotated[Viewer, Depends(needs("administer"))]
#: Tickets shown of a trial; the sums count all.
SHOWN = 100
TRIAL_DAYS = 30


@router.get("/rules")
def page(request: Request, viewer: SeesRules, version: int = 0) -> Response:
    portal = portal_of(request)
    text = rules_text(portal)
    if version:
        with portal.pool.database() as database:
            found = read(database, viewer.scope, "administration.rule_version", version=version)
        if not found:
            raise HTTPException(404)
        text = found[0]["text"]
    return _shown(request, viewer, text)


def _shown(
    request: Request, viewer: Viewer, text: str, *, wrong: str = "", tried: object = None, right: bool = False
) -> Response:
    portal = portal_of(request)
    with portal.pool.database() as database:
        in_force = mutes.listed(database, limit=200)
        versions = read(database, viewer.scope, "administration.rule_versions")
    return render(
        request, "rules", 400 if wrong else 200, mutes=in_force, versions=versions, text=text, wrong=wrong, tried=tried, right=right,
        kinds=KINDS, file=str(rules_path(portal) or ""), days=TRIAL_DAYS,
    )  # fmt: skip


@router.post("/rules/check")
def check(
    request: Request, viewer: SeesRules, text: Annotated[str, Form(max_length=LARGEST)],
    days: Annotated[float, Form(gt=0, le=TRIAL_DAYS)] = 7,
) -> Response:  # fmt: skip
    """Checks the text and plays the last days through with it; changes nothing."""
    portal = portal_of(request)
    try:
        rules = rules_of(portal, text)
    except ConfigurationError as error:
        return _shown(request, viewer, text, wrong=str(error))
    sums = Sums()
    different: list[Tried] = []
    with portal.pool.database() as database:
        for one in islice(Trial(database, rules, days).run(), 50_000):
            sums.add(one)
            if one.differs and len(different) < SHOWN:
                different.append(one)
    return _shown(request, viewer, text, tried=(sums, different, days), right=True)


@router.post("/rules/save")
def save(
    request: Request, viewer: Administers, text: Annotated[str, Form(max_length=LARGEST)],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:  # fmt: skip
    portal = portal_of(request)
    path = rules_path(portal)
    if path is None:
        raise AbusehandlerError(
            "abusehandler.yaml names no file for rules: write 'rules:' with 'path: rules.yaml' below it"
        )
    text = text.replace("\r\n", "\n")
    try:
        rules_of(portal, text)
    except ConfigurationError as error:
        return _shown(request, viewer, text, wrong=str(error))
    with portal.pool.database() as database:
        administration.keep_rules(database, viewer.scope, text, author=viewer.user.login, reason=reason)
    write_rules(path, text)
    return done("/rules", "saved")


@router.post("/mutes")
def mute(
    request: Request, viewer: SeesRules, reason: Annotated[str, Form(max_length=500)], days: Annotated[int, Form(ge=1, le=730)] = 7,
    network: Annotated[str, Form(max_length=60)] = "", customer: Annotated[str, Form(max_length=300)] = "",
    problem: Annotated[str, Form(max_length=100)] = "", feed: Annotated[str, Form(max_length=300)] = "",
) -> Response:  # fmt: skip
    network = network.strip()
    if network and network_of(network) is None:
        raise AbusehandlerError(f"{network!r} is no address or prefix; write for example 192.0.2.0/24")
    about = mutes.Scope(
        network=network_of(network) if network else None, customer=customer.strip() or None, problem=problem or None,
        feed=feed.strip() or None,
    )  # fmt: skip
    with portal_of(request).pool.database() as database:
        mutes.add(database, about, now_utc() + timedelta(days=days), author=viewer.user.login, reason=reason)
    return done("/rules", "saved")


@router.post("/mutes/{number}/end")
def end_mute(request: Request, viewer: SeesRules, number: int) -> Response:
    with portal_of(request).pool.database() as database:
        mutes.end(database, number, author=viewer.user.login, reason="ended at the desk")
    return done("/rules", "done")
