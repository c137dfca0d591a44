# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A ticket, an event, as programs see them; other answers hold these, too."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from pydantic import Field

from abusehandler.portal.api.fields import Seen, Severity, Told

if TYPE_CHECKING:
    from collections.abc import Mapping


class TicketLine(Told):
    """A ticket in a list."""

    id: int
    state: str = Field(description="The desk's: open, escalated, ignored, resolved, closed.")
    customer_state: str = Field(description="The customer's: open, working, resolved, disputed.")
    severity: Severity
    problem: str
    resource: str = Field(description="An address, IPv6 prefix or host name.")
    customer: str = Field(validation_alias="customer_id")
    customer_name: str
    events: int = Field(validation_alias="event_count")
    first_seen: Seen
    last_seen: Seen
    opened_at: Seen
    relapses: int
    assignee: str | None
    notified_at: Seen
    notify_due: Seen
    muted_until: Seen
    mute_reason: str | None
    unread_answer: bool | None = None


class Ticket(TicketLine):
    """One ticket."""

    state_at: Seen
    severity_fixed: bool = Field(description="A person has set the severity; events change it no more.")
    network: str | None
    account: str | None = Field(validation_alias="account_id")
    escalated_at: Seen
    escalated_by: str
    merged_into: int | None


class Event(Told):
    """One observation. `data` is the IntelMQ event."""

    id: int
    at: Seen = Field(description="When it was observed.")
    ip: str | None
    port: int | None
    problem: str
    severity: Severity
    feed: str
    ticket: int | None = None
    report: int | None = None
    customer: str | None = None
    data: dict[str, Any]


def ticket_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row of tickets/sql/desk/ticket_page.sql."""
    network = row["network"]
    return {
        **row, "severity_fixed": row["severity_fixed"] is not None, "network": None if network is None else str(network),
    }  # fmt: skip


def version(row: Mapping[str, Any]) -> str:
    """The ETag of a ticket: another one as soon as anything of it is another."""
    text = json.dumps(row, default=str, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
