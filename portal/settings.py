# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What all pages share: configuration, connections, catalogue, evidence; made once when the portal starts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.portal.login.seal import Seal
from abusehandler.portal.pool import Pool
from abusehandler.tickets.evidence import EvidenceStore

if TYPE_CHECKING:
    from fastapi import Request

    from abusehandler.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Portal:
    """Stands in `app.state.portal`. `public_url` has no slash at its end."""

    configuration: Configuration
    pool: Pool
    catalogue: Catalogue
    evidence: EvidenceStore
    zone: ZoneInfo
    public_url: str
    seal: Seal
    #: Its own among all that this process has had: what is remembered for a portal goes by it. The address of an object does
    #: not do, the next portal may get the same.
    number: int = field(default_factory=itertools.count(1).__next__)

    @classmethod
    def of(cls, configuration: Configuration) -> Portal:
        """Raises ConfigurationError while abusehandler.yaml says nothing of a portal: then there is none."""
        settings = configuration.portal
        if not settings.public_url:
            raise ConfigurationError(
                "abusehandler.yaml says nothing of a portal: write 'portal:' with 'public_url: https://abuse.example.net' below it"
            )
        return cls(
            configuration=configuration,
            pool=Pool(configuration.database.dsn, settings.database_connections),
            catalogue=Catalogue.load(configuration.reading.catalogue),
            evidence=EvidenceStore(configuration.evidence.path),
            zone=ZoneInfo(configuration.organisation.time_zone),
            public_url=settings.public_url,
            seal=Seal.of(settings.seal_file),
        )

    @property
    def https(self) -> bool:
        """Whether people come by TLS; if not, it is the loopback address of this machine."""
        return self.public_url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """Name of the cookie; with __Host- no other name below the same domain can set it (RFC 6265bis)."""
        return "__Host-abusehandler" if self.https else "abusehandler"

    @property
    def visit_cookie(self) -> str:
        """Name of the cookie for forms of people without a session."""
        return "__Host-abusehandler-visit" if self.https else "abusehandler-visit"

    @property
    def session_lasts(self) -> timedelta:
        return timedelta(hours=self.configuration.portal.session_hours)

    @property
    def session_idle(self) -> timedelta:
        return timedelta(minutes=self.configuration.portal.idle_minutes)


def portal_of(request: Request) -> Portal:
    """What the pages share, for the application that serves this request."""
    portal = request.app.state.portal
    assert isinstance(portal, Portal)
    return portal
