# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The gate: every path needs a session, except those few that say they do not. A new page is closed by itself."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from abusehandler.portal.login.roles import Viewer
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.desk.sessions import SessionStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from abusehandler.portal.login.roles import Permission
    from abusehandler.portal.settings import Portal

#: Beginnings of paths without a session. The API asks for its token itself, self-help lives by the link's secret.
OPEN_PATHS = ("/static/", "/login", "/api/v1/", "/help/", "/healthz")


def is_open(path: str) -> bool:
    """Whether this path is for everybody."""
    return any(path == one.rstrip("/") or path.startswith(one.rstrip("/") + "/") for one in OPEN_PATHS)


class Gate:
    """Finds out who asks (`request.state.viewer`), and sends away whoever has no session."""

    def __init__(self, app: ASGIApp, portal: Portal) -> None:
        self._app = app
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        state = scope.setdefault("state", {})
        state["viewer"] = None
        state["cookie_secret"] = visit = request.cookies.get(self._portal.visit_cookie, "")
        if scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        value = request.cookies.get(self._portal.session_cookie, "")
        if value:
            try:
                viewer = await run_in_threadpool(self._find, value)
            except Unavailable:
                await PlainTextResponse("The database is away; try again in a moment.", 503)(scope, receive, send)
                return
            if viewer is not None:
                state["viewer"], state["cookie_secret"] = viewer, value
        if state["viewer"] is None and not is_open(scope["path"]):
            await self._turn_away(request)(scope, receive, send)
            return
        if state["viewer"] is None and len(visit) < 20 and request.method == "GET":
            # the cookie goes out with the page that makes a form from it
            state["cookie_secret"] = state["new_visit"] = secrets.token_urlsafe(24)
        await self._app(scope, receive, send)

    def _find(self, value: str) -> Viewer | None:
        with self._portal.pool.database() as database:
            session = SessionStore(database, idle=self._portal.session_idle).find(value)
        return None if session is None else Viewer(session.user, session.number, session.wide)

    def _turn_away(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("Your session has ended. Log in again.", 401)
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Redirect": "/login"})
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/login" if wanted == "/" else f"/login?next={quote(wanted)}", 303)


def viewer_of(request: Request) -> Viewer:
    """Who asks. Raises 401 where the gate let somebody through without a session."""
    viewer = request.state.viewer
    if not isinstance(viewer, Viewer):
        raise HTTPException(401, "Log in first.")
    return viewer


def needs(permission: Permission) -> Callable[[Request], Viewer]:
    """Dependency of a page: the viewer, who may do this. Raises 403."""

    def checked(request: Request) -> Viewer:
        viewer = viewer_of(request)
        if not viewer.may(permission):
            raise HTTPException(403, "Your role does not allow this.")
        return viewer

    return checked
