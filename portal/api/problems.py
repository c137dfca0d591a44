# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Errors as RFC 9457 wants them: `application/problem+json`, a sentence for a person in `detail`."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import psycopg2
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from abusehandler.errors import AbusehandlerError, EvidenceError
from abusehandler.tickets.actions import Refused
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.desk.scope import OutOfScopeError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Wrong values of one request that are told.
MOST_FAULTS = 20


class ProblemJson(JSONResponse):
    media_type = "application/problem+json"


class Fault(BaseModel):
    """One value that cannot be taken: where it stands, and what is wrong with it."""

    where: str
    what: str


class Problem(BaseModel):
    """RFC 9457."""

    model_config = ConfigDict(extra="allow")
    type: str = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="What is wrong here, and what to do, for a person.")
    faults: list[Fault] | None = Field(None, description="With 422: each value that cannot be taken.")
    refused: dict[str, str] | None = Field(None, description="With 409: ticket number to the reason.")


class ProblemError(Exception):
    """Ends a request with a status, a sentence and more members of the problem."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        self.members = members


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> ProblemJson:
    """The answer."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **members}
    return ProblemJson(body, status, headers=dict(headers or {}))


def problem_of(error: Exception) -> ProblemJson | None:
    """The answer for an exception; None for one that is a fault of ours."""
    if isinstance(error, ProblemError):
        return problem(error.status, str(error), error.headers, **error.members)
    if isinstance(error, HTTPException):
        said = str(error.detail)
        if said == HTTPStatus(error.status_code).phrase:
            said = _SAID.get(error.status_code, said)
        return problem(error.status_code, said, error.headers)
    if isinstance(error, RequestValidationError):
        return problem(422, "Some values cannot be taken; see faults.", faults=_faults(error))
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return problem(status, str(error), {"Retry-After": "5"} if status == 503 else None)
    if isinstance(error, psycopg2.errors.QueryCanceled):
        return problem(503, "This takes too long. Narrow the search, for example by a shorter period.")
    if isinstance(error, psycopg2.DataError):
        return problem(422, "A value has a form that cannot be stored.")
    return None


#: The first that fits counts.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (OutOfScopeError, 403), (Refused, 409), (Unavailable, 503), (EvidenceError, 503), (AbusehandlerError, 400),
)  # fmt: skip
_SAID = {
    404: "There is no such thing, or it is not yours to see.",
    405: "This cannot be done here; the header Allow says what can.",
    400: "The request cannot be understood.",
}


def _faults(error: RequestValidationError) -> list[dict[str, str]]:
    """Places and reasons; not the values, which may be secret or large."""
    faults = []
    for one in error.errors()[:MOST_FAULTS]:
        where = ".".join(str(step)[:100] for step in one.get("loc", ()))
        faults.append({"where": _clean(where), "what": _clean(str(one.get("msg", "")))})
    return faults


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:300]
