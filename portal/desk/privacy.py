# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is stored about a customer or person: shown, handed out, erased or pseudonymised. For administrators."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.login.gate import needs
from abusehandler.portal.login.roles import Viewer
from abusehandler.portal.pages import render
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import privacy, privacy_removal
from abusehandler.tickets.desk.privacy import Subject

router = APIRouter()
Administers = Annotated[Viewer, Depends(needs("administer"))]
#: More tickets than this take longer than a person waits for a page.
MOST_TICKETS = 2000


@router.get("/admin/privacy")
def show(request: Request, viewer: Administers, customer: str = "", who: str = "") -> Response:
    """`customer` comes from a customer's page and is always a number; `who` was typed."""
    if customer:
        return _page(request, viewer, Subject("customer", customer.replace("\0", "")[:300]))
    return _page(request, viewer, Subject.of(who) if who.strip() else None)


def _page(request: Request, viewer: Viewer, subject: Subject | None, *, wrong: str = "") -> Response:
    found = None
    if subject is not None:
        try:
            with portal_of(request).pool.database() as database:
                found = privacy.stored(database, viewer.scope, subject, author=viewer.user.login, preview=True)
        except AbusehandlerError as error:
            wrong = wrong or str(error)
    return render(
        request, "admin_privacy", 400 if wrong else 200, subject=subject, found=found, counted=privacy.COUNTED, wrong=wrong,
        kept=privacy_removal.kept(found) if found else [], most=MOST_TICKETS, removed=None,
    )  # fmt: skip


@router.post("/admin/privacy/take-out")
def take_out(
    request: Request, viewer: Administers, kind: Annotated[str, Form(max_length=20)], text: Annotated[str, Form(max_length=300)]
) -> Response:  # fmt: skip
    """Everything itself, as JSON lines, for the person who asked."""
    with portal_of(request).pool.database() as database:
        rows = privacy.handed_out(database, viewer.scope, _subject(kind, text), author=viewer.user.login)
        lines = [json.dumps({"kind": one, **row}, default=str, ensure_ascii=False) for one, row in rows]
    return Response(
        "".join(f"{line}\n" for line in lines), media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="stored.jsonl"'},
    )  # fmt: skip


@router.post("/admin/privacy/remove")
def remove(
    request: Request, viewer: Administers, kind: Annotated[str, Form(max_length=20)], text: Annotated[str, Form(max_length=300)],
    how: Annotated[str, Form(max_length=20)], typed: Annotated[str, Form(max_length=300)] = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:  # fmt: skip
    """Erases or pseudonymises; the person types once more whom, so that no click alone does it."""
    subject = _subject(kind, text)
    if how not in ("erase", "pseudonymise"):
        raise HTTPException(400)
    if typed.strip() != subject.text:
        return _page(
            request, viewer, subject, wrong=f"Type {subject.text} into the field, to be sure that it is meant."
        )
    portal = portal_of(request)
    try:
        with portal.pool.database() as database:
            found = privacy.stored(database, viewer.scope, subject, author=viewer.user.login, preview=True)
            if len(found.belongings.tickets) > MOST_TICKETS:
                raise AbusehandlerError(
                    "so many tickets take too long for a page: use the command abusehandler privacy"
                )
            removed = privacy_removal.remove(
                database, portal.evidence, subject, "erase" if how == "erase" else "pseudonymise",
                author=viewer.user.login, reason=reason,
            )  # fmt: skip
    except AbusehandlerError as error:
        return _page(request, viewer, subject, wrong=str(error))
    return render(
        request, "admin_privacy", subject=None, found=None, counted=privacy.COUNTED, wrong="", kept=[], most=MOST_TICKETS,
        removed=removed,
    )  # fmt: skip


def _subject(kind: str, text: str) -> Subject:
    """From the form that we made."""
    if kind == "customer" and text:
        return Subject("customer", text.replace("\0", ""))
    return Subject.of(text)
