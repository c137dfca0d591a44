# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A request has a size: what is longer is refused before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Bytes of a form of the desk.
MOST = 2_000_000


class BodyLimit:
    """Refuses larger bodies with 413, also those that do not say how long they are. `larger`: limits by beginning of path."""

    def __init__(self, app: ASGIApp, *, most: int = MOST, larger: dict[str, int] | None = None) -> None:
        self._app = app
        self._most = most
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = next((size for path, size in self._larger.items() if scope["path"].startswith(path)), self._most)
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not said.isdigit() or len(said) > 15 or int(said) > most:
            await PlainTextResponse(f"At most {most} bytes are taken here.", 413)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413, f"At most {most} bytes are taken here.")
            return message

        await self._app(scope, counted, send)
