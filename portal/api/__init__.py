# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""REST for programs, below /api/v1: all that the desk can do, by token. docs/api.md tells the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/api/v1"


def add_to(app: FastAPI) -> None:
    """Called by portal/app.py. An application of its own: its errors are JSON, and its description names no page."""
    from abusehandler.portal.api.application import create_api

    api = create_api(app.state.portal)
    api.state.portal_app = app
    app.mount(PREFIX, api)
