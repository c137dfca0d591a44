# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is remembered for one portal is never shown by another, whatever place in memory it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abusehandler.configuration.model import Configuration
from abusehandler.portal.desk.contacts import directory
from abusehandler.portal.settings import Portal

if TYPE_CHECKING:
    from pathlib import Path


def test_portals_one_after_the_other_have_their_own_customers(settings: dict[str, Any], tmp_path: Path) -> None:
    for number in range(20):
        customers = tmp_path / f"customers-{number}.csv"
        customers.write_text(f"prefix,customer,name\n192.0.2.0/24,C{number},Customer {number}\n", encoding="utf-8")
        settings["customers"] = {"connector": "csv", "path": str(customers)}
        portal = Portal.of(Configuration.model_validate(settings))
        assert directory(portal).customer(f"C{number}") is not None
        portal.pool.close()
