# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys about how tickets live and how long things are kept."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from abusehandler.configuration.sections import Section


class Tickets(Section):
    ipv6_prefix: int = Field(64, ge=32, le=128, description="IPv6 addresses that share this many bits share a ticket.")


class Retention(Section):
    events_months: int | None = Field(
        None,
        ge=1,
        le=1200,
        description="So many whole months of events are kept beside the present one; all if it is not set.",
    )
    closed_tickets_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="Tickets go so long after closing, with notices, notes and history, once their events are gone; never if not set.",
    )
    reports_days: int | None = Field(
        None, ge=1, le=36500, description="Reports and their evidence go so long after receipt; never if it is not set."
    )
    mail_texts_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="The text of a sent notice goes so long after sending; that it was sent stays known.",
    )
    answers_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="Answers to closed tickets and their files go so long after they came; with the ticket if not set.",
    )
    sessions_days: int | None = Field(
        30, ge=1, le=36500, description="Sessions of the portal go so long after their end."
    )
    audit_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="Lines of the audit trail go after so long, except those about erasures; never if it is not set.",
    )


class RulesFile(Section):
    path: Path = Field(
        Path("rules.yaml"),
        description="The file with rules about tickets and notices; without such a file the defaults apply. See docs/rules.md.",
    )
