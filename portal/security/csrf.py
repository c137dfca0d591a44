# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A form counts only when a page of ours made it: a token in the form that follows from the cookie.

The token is an HMAC of the cookie's secret value, so nothing need be stored, and a site that cannot read the cookie
cannot make it. Beside it the browser's own word is heard (Origin, Sec-Fetch-Site), where it says one.
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from fastapi import HTTPException, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FIELD = "csrf"
HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def token(secret: str) -> str:
    """The token for the cookie with this value."""
    return hmac.new(secret.encode(), b"abusehandler csrf", hashlib.sha256).hexdigest()


def comes_from_us(request: Request, public_url: str) -> bool:
    """Whether nothing that the browser says speaks for another site."""
    origin = request.headers.get("origin")
    if origin is not None and origin != public_url:
        return False
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


async def checked(request: Request) -> AsyncIterator[None]:
    """Dependency of all pages: a request that changes something carries the token. Raises 403. Files that came are closed."""
    try:
        if request.method not in SAFE_METHODS:
            await _check(request)
        yield
    finally:
        await request.close()


async def _check(request: Request) -> None:
    secret = getattr(request.state, "cookie_secret", "")
    form = await request.form(max_files=20, max_fields=2000)
    if any("\0" in text for pair in form.multi_items() for text in pair if isinstance(text, str)):
        # PostgreSQL stores none, and no browser's field makes one
        raise HTTPException(400, "This form has a character in it that cannot be stored.")
    said = request.headers.get(HEADER, "") or form.get(FIELD, "")
    if (
        not secret
        or not isinstance(said, str)
        or not hmac.compare_digest(said.encode(), token(secret).encode())
        or not comes_from_us(request, request.app.state.portal.public_url)
    ):
        raise HTTPException(
            403, "This form is too old or came from another page. Go back, load the page again and repeat."
        )
