# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Colours and logo of a brand: the same for everybody, so browsers may keep them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from abusehandler.portal.security.headers import FILE_POLICY
from abusehandler.portal.selfhelp.brand import OPERATOR, colours
from abusehandler.portal.selfhelp.rendering import Refused, SelfHelpRoute, check_visitor
from abusehandler.portal.selfhelp.service import selfhelp_of

router = APIRouter(route_class=SelfHelpRoute)
#: Of a page. Browsers keep these, whoever asks for them all the time does not.
COST = 0.2
_KEEP = {"Cache-Control": "public, max-age=3600", "Content-Security-Policy": FILE_POLICY}


@router.get("/help/brand/{account}/colours.css")
def brand_colours(request: Request, account: str) -> Response:
    check_visitor(request, COST)
    brand = selfhelp_of(request).brands.of("" if account == OPERATOR else account[:40])
    return Response(colours(brand.colour), media_type="text/css; charset=utf-8", headers=_KEEP)


@router.get("/help/brand/{account}/logo")
def brand_logo(request: Request, account: str) -> Response:
    check_visitor(request, COST)
    found = selfhelp_of(request).brands.logo(account[:40])
    if found is None:
        raise Refused(404, "link")
    content, kind = found
    # an SVG is a document of its own when it is opened by itself: nothing in it may run
    return Response(content, media_type=kind, headers=_KEEP)
