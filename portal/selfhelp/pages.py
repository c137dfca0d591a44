# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a customer sees: the open tickets, one ticket, its table. Looking changes nothing, whoever looks."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from abusehandler.portal.selfhelp.rendering import (
    Refused,
    SelfHelpRoute,
    check_visitor,
    help_pages,
    language_of,
    opened,
    render,
)
from abusehandler.portal.selfhelp.service import selfhelp_of
from abusehandler.tickets import selfhelp_pages
from abusehandler.tickets.incoming import SEVERITY_NAMES
from abusehandler.tickets.selfhelp_pages import DETAILS, TICKETS_SHOWN
from abusehandler.tickets.spreadsheet_cells import safe_cell

if TYPE_CHECKING:
    from abusehandler.portal.selfhelp.help_sections import HelpSections
    from abusehandler.portal.selfhelp.service import SelfHelp
    from abusehandler.tickets.selfhelp_pages import TicketView

router = APIRouter(route_class=SelfHelpRoute)
MOST_CSV_ROWS = 20_000


@router.get("/help/{token}")
def overview(request: Request, token: str, after: int = 0) -> Response:
    """Open tickets behind the link, the worst first, by pages; with one alone its page."""
    check_visitor(request)
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        link = opened(request, database, token)
        tickets = selfhelp_pages.open_tickets(database, link, after=_number(after) or None)
    only = len(tickets) == 1 and not {"done", "wrong", "all", "after"} & set(request.query_params)
    if only or (after and not tickets):
        language = request.query_params.get("lang", "")
        suffix = f"?lang={language}" if language.isalpha() and len(language) == 2 else ""
        page = f"/help/{token}/{tickets[0]['id']}" if only else f"/help/{token}"
        return RedirectResponse(page + suffix, 303)
    language = language_of(request, link)
    shown = tickets[:TICKETS_SHOWN]
    for ticket in shown:
        ticket["title"] = title(selfhelp, ticket["problem"], language)
    return render(
        request, "overview", link=link, token=token, tickets=shown, more=len(tickets) > len(shown), after=after
    )


@router.get("/help/{token}/{number}")
def one_ticket(request: Request, token: str, number: int, before: int = 0) -> Response:
    """One ticket: what was seen, what it means, what to do, what can be said and checked."""
    check_visitor(request)
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        link = opened(request, database, token)
        view = selfhelp_pages.ticket_view(
            database, link, _number(number), selfhelp.terms, selfhelp.recheck, before=_number(before)
        )
    if view is None:
        raise Refused(404, "gone")
    language = language_of(request, link)
    return render(
        request, "ticket", link=link, token=token, view=view, ticket=view.ticket, before=before,
        title=title(selfhelp, view.ticket["problem"], language), help=help_of(selfhelp, view, language),
        newest=view.events[0] if view.events else None, pause_days=selfhelp.pause_days(view.ticket["problem"], link.customer),
        only_one=link.ticket is not None,
    )  # fmt: skip


@router.get("/help/{token}/{number}/observations.csv")
def observations(request: Request, token: str, number: int) -> Response:
    """All that was seen, for a spreadsheet; a cell that it would calculate stays text."""
    check_visitor(request, 3)
    selfhelp = selfhelp_of(request)
    with selfhelp.portal.pool.database() as database:
        link = opened(request, database, token)
        found = selfhelp_pages.observations(database, link, _number(number), selfhelp.terms, MOST_CSV_ROWS)
    if found is None:
        raise Refused(404, "gone")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("time", "ticket", "source.ip", "source.port", "protocol.transport", *DETAILS))
    for one in found:
        details = [one.details.get(name, "") for name in DETAILS]
        cells = (one.at.isoformat(), number, one.address, one.port, one.transport, *details)
        writer.writerow([safe_cell(cell) for cell in cells])
    return Response(
        b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace"), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="ticket-{number}.csv"'},
    )  # fmt: skip


def title(selfhelp: SelfHelp, problem: str, language: str) -> str:
    """The name of a problem for people."""
    known = selfhelp.portal.catalogue.problems.get(problem)
    return selfhelp.help_texts.title(known, language) if known is not None else problem


def help_of(selfhelp: SelfHelp, view: TicketView, language: str) -> HelpSections:
    """The help text, with the address and port of the newest observation in its commands."""
    problems = selfhelp.portal.catalogue.problems
    problem = problems.get(view.ticket["problem"]) or problems["undetermined"]
    newest = view.events[0] if view.events else None
    address = newest.address if newest is not None and view.ticket["is_address"] else None
    host = newest.details.get("source.fqdn") if newest is not None else None
    if host is None and not view.ticket["is_address"]:
        host = view.ticket["resource"]
    port = newest.port if newest is not None else None
    return help_pages(selfhelp.help_texts).of(problem, language, address=address, port=port, host=host)


def _number(value: int) -> int:
    """Within what PostgreSQL counts."""
    return value if 0 <= value < 2**62 else 0


__all__ = ["SEVERITY_NAMES", "help_of", "router", "title"]
