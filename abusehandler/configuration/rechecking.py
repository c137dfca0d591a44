# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What abusehandler.yaml says about checks from outside, as the part that the core asks with."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from abusehandler.tickets.recheck.asking import RecheckRules
from abusehandler.tickets.recheck.ours import Ours
from abusehandler.tickets.recheck.probe import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.configuration.model import Configuration


def recheck_rules(
    configuration: Configuration, ours: Ours | None = None, theirs: Callable[[str, str], bool] | None = None
) -> RecheckRules:
    """`recheck` of abusehandler.yaml; only addresses of `networks: prefixes` are ever asked."""
    settings = configuration.recheck
    return RecheckRules(
        enabled=settings.enabled,
        ours=ours or Ours.of(configuration.networks.prefixes),
        budget=Budget(seconds=settings.timeout_seconds, dns_name=settings.dns_name),
        probes=settings.probes,
        pause=timedelta(seconds=settings.pause_seconds),
        per_address_hour=settings.per_address_hour,
        per_customer_hour=settings.per_customer_hour,
        is_theirs=theirs,
    )
