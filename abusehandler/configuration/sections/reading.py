# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys about what comes in."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from abusehandler.configuration.sections import Section
from abusehandler.reports.links.prefix import LinkPrefix


class Mailbox(Section):
    max_mail_bytes: int = Field(
        52_428_800, ge=10_000, description="Larger mails are kept as evidence and wait for a person."
    )
    verify_signatures: bool = Field(
        True,
        description="Whether DKIM and ARC signatures are checked when a mail is read, by DNS; the verdict stays with the report.",
    )
    link_prefixes: tuple[str, ...] = Field(
        (),
        description="Beginnings of links that may be fetched when a mail holds only a link to the report, for example "
        "https://dl.shadowserver.org/; empty fetches nothing. See docs/links-and-signatures.md.",
    )
    max_link_bytes: int = Field(
        268_435_456, ge=10_000, description="A file behind a link that is larger than this is not fetched."
    )

    @field_validator("link_prefixes")
    @classmethod
    def _prefixes_are_safe(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            LinkPrefix.of(value)
        return values


class Reading(Section):
    sure_enough: float = Field(
        0.5, ge=0, le=1, description="Free text read with less sureness than this waits for a person."
    )
    reporters: Path | None = Field(None, description="Folder with reporter definitions of your own.")
    catalogue: Path | None = Field(None, description="File with problems and feeds of your own.")
