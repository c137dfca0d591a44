# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The web application: layers of security around the routers of desk, self-help and API."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.api.problems import problem
from abusehandler.portal.desk import routers as desk_routers
from abusehandler.portal.login import routes as login_routes
from abusehandler.portal.login.gate import Gate
from abusehandler.portal.pages import render
from abusehandler.portal.security import csrf
from abusehandler.portal.security.body_limit import BodyLimit
from abusehandler.portal.security.headers import SecurityHeaders
from abusehandler.portal.settings import Portal
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.desk.scope import OutOfScopeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from abusehandler.configuration import Configuration

STATIC = Path(__file__).resolve().parent / "static"
#: Reports come in by the API, a logo by the desk.
LARGER_BODIES = {"/api/v1/reports": 60_000_000}


def create_app(configuration: Configuration) -> FastAPI:
    """The application for one configuration. Raises ConfigurationError when it says nothing of a portal."""
    portal = Portal.of(configuration)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        portal.pool.close()

    app = FastAPI(
        title="abusehandler", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.portal = portal
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    # routers are asked in turn: customers' pages, which come in thousands after a run of notices, first
    _add_others(app)
    # every form is checked here, not page by page; the API, which lives by tokens, brings its own router
    for router in (login_routes.router, *desk_routers()):
        app.include_router(router, dependencies=[Depends(csrf.checked)], include_in_schema=False)
    app.add_api_route("/healthz", _health, include_in_schema=False)
    for kind, handler in (
        (HTTPException, _refused), (RequestValidationError, _not_understood), (OutOfScopeError, _out_of_scope),
        (Unavailable, _away), (AbusehandlerError, _explained), (psycopg2.errors.QueryCanceled, _too_slow),
    ):  # fmt: skip
        app.add_exception_handler(kind, handler)  # type: ignore[arg-type]
    # the last one added is the first one asked
    app.add_middleware(Gate, portal=portal)
    app.add_middleware(BodyLimit, larger=LARGER_BODIES)
    app.add_middleware(SecurityHeaders, https=portal.https)
    return app


def _add_others(app: FastAPI) -> None:
    """Self-help and API are folders of their own, each with `add_to(app)`."""
    import importlib
    import importlib.util

    for name in ("abusehandler.portal.selfhelp", "abusehandler.portal.api"):
        if importlib.util.find_spec(name) is not None:
            module = importlib.import_module(name)
            if hasattr(module, "add_to"):
                module.add_to(app)


def _health(request: Request) -> Response:
    """For a monitor: 200 while the database answers."""
    with request.app.state.portal.pool.database() as database:
        database.fetch("SELECT 1")
    return PlainTextResponse("ok")


def _page(request: Request, status: int, text: str) -> Response:
    if request.url.path.startswith("/api/"):
        return problem(status, text)
    if request.url.path.startswith("/healthz"):
        return PlainTextResponse(text, status)
    return render(request, "refused", status, text=text, status=status)


def _refused(request: Request, error: HTTPException) -> Response:
    answer = _page(request, error.status_code, str(error.detail) if error.detail else "")
    answer.headers.update(error.headers or {})
    return answer


def _not_understood(request: Request, error: RequestValidationError) -> Response:
    wrong = sorted({str(fault["loc"][-1]) for fault in error.errors() if fault.get("loc")})
    return _page(request, 422, f"This cannot be understood: {', '.join(wrong)[:200]}.")


def _out_of_scope(request: Request, error: OutOfScopeError) -> Response:
    return _page(request, 403, str(error))


def _away(request: Request, error: Unavailable) -> Response:
    return _page(request, 503, str(error))


def _explained(request: Request, error: AbusehandlerError) -> Response:
    return _page(request, 400, str(error))


def _too_slow(request: Request, _error: Exception) -> Response:
    return _page(request, 503, "This takes too long. Narrow the search, for example by a shorter period.")
