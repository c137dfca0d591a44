# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What all of the customer's pages share: terms of links, brands, help texts, limits, checks from outside."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from abusehandler.configuration.rechecking import recheck_rules
from abusehandler.configuration.sending import link_terms
from abusehandler.crm_connector.question import Query
from abusehandler.portal.desk.contacts import directory
from abusehandler.portal.selfhelp.brand import Brands
from abusehandler.portal.selfhelp.page_limit import PageLimit
from abusehandler.templates.help_texts import HelpTexts
from abusehandler.tickets.database import Database
from abusehandler.tickets.recheck.running import Runner
from abusehandler.tickets.rules.rules import RulesInUse

if TYPE_CHECKING:
    from fastapi import Request

    from abusehandler.portal.settings import Portal
    from abusehandler.tickets.recheck.asking import RecheckRules
    from abusehandler.tickets.recheck.ours import Ours
    from abusehandler.tickets.selfhelp_links import LinkTerms

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SelfHelp:
    """Stands in `app.state.selfhelp`."""

    portal: Portal
    terms: LinkTerms
    brands: Brands
    help_texts: HelpTexts
    limit: PageLimit
    recheck: RecheckRules
    runner: Runner
    rules: RulesInUse

    @classmethod
    def of(cls, portal: Portal, ours: Ours | None = None) -> SelfHelp:
        """For one portal; `ours` stands in for the networks of abusehandler.yaml, in tests alone."""
        configuration = portal.configuration
        recheck = recheck_rules(configuration, ours, lambda address, customer: is_theirs(portal, address, customer))
        dsn = configuration.database.dsn
        return cls(
            portal=portal,
            terms=link_terms(configuration),
            brands=Brands(portal),
            help_texts=HelpTexts.load(),
            limit=PageLimit(configuration.self_help.pages_per_minute),
            recheck=recheck,
            runner=Runner(
                lambda: Database(dsn, application="abusehandler recheck"), recheck, configuration.recheck.at_once
            ),
            rules=RulesInUse(configuration.rules.path, portal.catalogue),
        )

    def pause_days(self, problem: str, customer: str) -> int:
        """So long this customer may hold notices about such a ticket back, as rules.yaml says."""
        return self.rules.right(log.error).pause_days(problem, customer)


def selfhelp_of(request: Request) -> SelfHelp:
    """What the pages share, for the application that serves this request; the API is one within the portal's."""
    app = request.app
    selfhelp = getattr(app.state, "portal_app", app).state.selfhelp
    assert isinstance(selfhelp, SelfHelp)
    return selfhelp


def is_theirs(portal: Portal, address: str, customer: str) -> bool:
    """Whether the customer has this address now. Where nobody knows, the ticket's word counts; another holder's does not."""
    (answer,) = directory(portal).lookup_many([Query(address, datetime.now(timezone.utc))])
    if answer.outcome == "one" and answer.customer is not None:
        return answer.customer.id == customer
    return answer.outcome == "none"
