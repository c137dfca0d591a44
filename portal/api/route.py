# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What every request of the API goes through: who asks, how often, with which parameters, and whether it came before.

One place, so that no endpoint can forget it.
"""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from abusehandler.portal.api.caller import Caller, find
from abusehandler.portal.api.problems import ProblemError, problem, problem_of
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.desk import api_requests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from fastapi import Request

KEY_HEADER = "idempotency-key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("content-type", "etag", "location")
#: Larger answers are not remembered; none of ours to a change comes near.
LARGEST_KEPT = 1_000_000


class ApiRoute(APIRoute):
    """A route that lives by tokens."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        work = super().get_route_handler()
        known = frozenset(_names(self.dependant))

        async def handle(request: Request) -> Response:
            try:
                caller = await run_in_threadpool(find, portal_of(request), request)
                wait = request.app.state.rate.wait(caller.token.id)
                if wait:
                    raise ProblemError(429, "Too many requests with this token.", {"Retry-After": str(math.ceil(wait))})
                unknown = sorted(set(request.query_params) - known)
                if unknown:
                    raise ProblemError(
                        422, "Some parameters are not known.",
                        faults=[{"where": f"query.{name[:100]}", "what": "is not known here"} for name in unknown[:20]],
                    )  # fmt: skip
                request.state.caller = caller
                if request.method not in ("GET", "HEAD") and KEY_HEADER in request.headers:
                    return await _once(request, caller, work)
                return await work(request)
            except Exception as error:
                answer = problem_of(error)
                if answer is None:
                    raise
                return answer

        return handle


def _names(dependant: Any) -> Iterable[str]:
    """The query parameters that a route knows."""
    for parameter in dependant.query_params:
        kind = parameter.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (field.alias or name for name, field in kind.model_fields.items())
        else:
            yield parameter.alias
    for inner in dependant.dependencies:
        yield from _names(inner)


async def _once(request: Request, caller: Caller, work: Callable[[Request], Awaitable[Response]]) -> Response:
    """The same key again gets the same answer, and nothing is done twice.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
    """
    key = request.headers[KEY_HEADER]
    if not _KEY.fullmatch(key):
        raise ProblemError(400, "An Idempotency-Key has 1 to 255 visible ASCII characters.")
    digest = hashlib.sha256(
        f"{request.method} {request.url.path}?{request.url.query}\n{request.headers.get('content-type')}\n".encode()
    )
    digest.update(await request.body())
    portal = portal_of(request)

    def begin() -> api_requests.Earlier | None:
        with portal.pool.database() as database:
            return api_requests.begin(database, caller.token.id, key, digest.digest())

    earlier = await run_in_threadpool(begin)
    if earlier is not None:
        return _again(earlier)
    answer: Response | None = None
    try:
        try:
            answer = await work(request)
        except Exception as error:
            answer = problem_of(error)
            if answer is None:
                raise
    finally:
        status = 500 if answer is None else answer.status_code
        secret = bool(getattr(request.state, "secret", False))
        body = bytes(getattr(answer, "body", b""))

        def end() -> None:
            with portal.pool.database() as database:
                if answer is None or status >= 500 or status == 429 or len(body) > LARGEST_KEPT:
                    api_requests.forget(database, caller.token.id, key)
                else:
                    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
                    api_requests.end(database, caller.token.id, key, status, headers, None if secret else body)

        await run_in_threadpool(end)
    return answer


def _again(earlier: api_requests.Earlier) -> Response:
    if not earlier.same:
        return problem(422, "This Idempotency-Key was used for another request.")
    if earlier.status is None:
        return problem(
            409, "The first request with this Idempotency-Key is under way, or broke off; look what became of it.", {"Retry-After": "2"}
        )  # fmt: skip
    if earlier.body is None:
        return problem(409, "This was done already; its secret is shown once only.")
    return Response(earlier.body, earlier.status, headers={**earlier.headers, "Idempotency-Replayed": "true"})
