# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The customer's pages behind the link in a notice, and what the desk needs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from abusehandler.tickets.recheck.ours import Ours


def add_to(app: FastAPI, ours: Ours | None = None) -> None:
    """Adds the pages to the application. `ours`: other networks than abusehandler.yaml names, for tests."""
    from fastapi import Depends

    from abusehandler.portal.security import csrf
    from abusehandler.portal.selfhelp import brand_files, for_desk, forms, pages
    from abusehandler.portal.selfhelp.access_log import leave_tokens_out
    from abusehandler.portal.selfhelp.service import SelfHelp

    leave_tokens_out()
    app.state.selfhelp = SelfHelp.of(app.state.portal, ours)
    # these need no cookie: their forms are checked by the secret of the link itself, see rendering.py
    for router in (pages.router, forms.router, brand_files.router):
        app.include_router(router, include_in_schema=False)
    app.include_router(for_desk.router, dependencies=[Depends(csrf.checked)], include_in_schema=False)
