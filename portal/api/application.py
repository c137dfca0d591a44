# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The API as one application: its parts, its description (OpenAPI 3.1), its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException

from abusehandler import __version__
from abusehandler.portal.api import (
    PREFIX,
    accounts,
    customers,
    drafts,
    events,
    mutes,
    notices,
    privacy,
    reading,
    reports,
    rules,
    selfhelp,
    statistics,
    ticket_actions,
    tickets,
    trail,
    users,
    views,
    webhooks,
)
from abusehandler.portal.api.problems import Problem, ProblemJson, problem, problem_of
from abusehandler.portal.api.rate import RateLimit

if TYPE_CHECKING:
    from starlette.responses import Response

    from abusehandler.portal.settings import Portal

ABOUT = """All that the desk can do, for programs. Errors are RFC 9457 problems. Lists go on with `cursor`. A change may carry
an `Idempotency-Key`: the same key again within a day gets the same answer and changes nothing. See docs/api.md."""
_PROBLEMS = {
    400: "It cannot be done so; `detail` says why.", 401: "No token, or one that is not good.", 403: "Token or role do not allow it.",
    404: "Not there, or not to be seen.", 409: "The state of things does not allow it.", 412: "It has changed since you looked (If-Match).",
    413: "Too large.", 415: "A content type that is not taken here.", 422: "Some values cannot be taken.", 429: "Too often.",
    503: "The database or the evidence folder is away, or it takes too long.",
}  # fmt: skip


def create_api(portal: Portal) -> FastAPI:
    """The application to be mounted at PREFIX."""
    api = FastAPI(
        title="abusehandler", version=__version__, description=ABOUT, docs_url=None, redoc_url=None, redirect_slashes=False,
        servers=[{"url": PREFIX}], root_path_in_servers=False, generate_unique_id_function=lambda route: route.name,
    )  # fmt: skip
    api.state.portal = portal
    api.state.rate = RateLimit(portal.configuration.portal.api_per_minute)
    responses: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": said} for status, said in _PROBLEMS.items()
    }
    for part in (
        reading, reports, drafts, ticket_actions, selfhelp, tickets, events, notices, privacy, customers, rules, mutes, statistics,
        views, webhooks, users, accounts, trail,
    ):  # fmt: skip
        api.include_router(part.router, responses=responses)
    api.add_exception_handler(HTTPException, _refused)
    api.add_exception_handler(Exception, _broken)
    _describe(api)
    return api


def _describe(api: FastAPI) -> None:
    """Problems have a content type of their own, which FastAPI cannot be told."""
    make = api.openapi

    def openapi() -> dict[str, Any]:
        known = api.openapi_schema is not None
        schema = make()
        if not known:
            for operations in schema["paths"].values():
                for operation in operations.values():
                    for status, response in operation["responses"].items():
                        if status.isdigit() and int(status) in _PROBLEMS:
                            response["content"] = {ProblemJson.media_type: response["content"]["application/json"]}
        return schema

    api.openapi = openapi  # type: ignore[method-assign]


async def _refused(_request: Request, error: Exception) -> Response:
    answer = problem_of(error)
    assert answer is not None
    return answer


async def _broken(_request: Request, _error: Exception) -> Response:
    """The log has the rest."""
    return problem(500, "This is a fault of ours; the portal's log tells more.")
