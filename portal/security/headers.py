# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Headers of every answer: nothing of other sites is loaded, nothing is framed, nothing personal is cached.

https://www.w3.org/TR/CSP3/, https://owasp.org/www-project-secure-headers/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "frame-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: For a page of ours that another page of ours shows in a frame.
FRAMED_POLICY = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
#: For a stranger's mail in a frame of ours: no script, no form, nothing from the network; styles of its own are harmless then.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
)
#: For a file that is shown or downloaded as it came.
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


class SecurityHeaders:
    """Adds the headers; an answer that brings its own Content-Security-Policy keeps it."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_file = scope["path"].startswith("/static/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
                headers["X-Content-Type-Options"] = "nosniff"
                # not no-referrer: with it browsers send "Origin: null" with our own forms
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
                headers["X-Robots-Tag"] = "noindex, nofollow"
                if "frame-ancestors 'self'" not in headers["Content-Security-Policy"]:
                    headers["X-Frame-Options"] = "DENY"
                headers.setdefault("Cache-Control", "public, max-age=31536000, immutable" if is_file else "no-store")
                if self._https:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, send_with_headers)
