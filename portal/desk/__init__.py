# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The operator's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import APIRouter


def routers() -> list[APIRouter]:
    """All pages of the desk."""
    from abusehandler.portal.desk import (
        accounts,
        administration,
        analytics,
        customers,
        inbox,
        notices,
        one_ticket,
        privacy,
        rules,
        teaching,
        ticket_list,
        webhooks,
    )

    pages = (
        ticket_list, one_ticket, notices, inbox, teaching, customers, analytics, rules, administration, accounts, webhooks, privacy,
    )  # fmt: skip
    return [page.router for page in pages]
