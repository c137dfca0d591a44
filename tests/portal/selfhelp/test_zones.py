# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Times stand in the customer's own zone, as in the mail with the link; else in the account's; else in the operator's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from abusehandler.tickets.selfhelp_links import LinkTerms, NoticeLinks, make_link
from tests.portal.selfhelp.visiting import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tests.portal.running import Portal


def visitor(desk: Portal, customer: str, **link: str) -> Visitor:
    return Visitor(desk, make_link(desk.database, customer, terms=LinkTerms(), made_for="test", **link), customer)


def last_seen(visitor: Visitor) -> datetime:
    """Of the ticket that is shown."""
    ((moment,),) = visitor.portal.database.fetch("SELECT last_seen FROM tickets WHERE id = %s", (visitor.tickets()[0],))
    return moment  # type: ignore[no-any-return]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", "Pacific/Auckland"])
def test_the_zone_of_the_mail_with_the_link(desk: Portal, zone: str) -> None:
    guest = visitor(desk, "C2", time_zone=zone)
    text = guest.text(f"/{guest.tickets()[0]}")
    assert zone.replace("_", " ") in text
    assert "Vienna" not in text
    assert last_seen(guest).astimezone(ZoneInfo(zone)).strftime("%H:%M:%S") in text
    assert zone.replace("_", " ") in guest.text()


def test_without_one_it_is_the_accounts_then_the_operators(desk: Portal) -> None:
    assert "Europe/Vienna" in visitor(desk, "C2").text()
    assert "Europe/Vienna" in visitor(desk, "ACME-7").text()
    desk.database.fetch("UPDATE accounts SET time_zone = 'Asia/Tokyo'")
    guest = visitor(desk, "ACME-7")
    assert "Asia/Tokyo" in guest.text()
    assert last_seen(guest).astimezone(ZoneInfo("Asia/Tokyo")).strftime("%H:%M:%S") in guest.text(
        f"/{guest.tickets()[0]}"
    )
    assert "America/Lima" in visitor(desk, "ACME-7", time_zone="America/Lima").text()


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "../../../etc/passwd", "/etc/localtime", " "])
def test_a_zone_that_is_none_is_the_operators(desk: Portal, zone: str) -> None:
    assert "Europe/Vienna" in visitor(desk, "C2", time_zone=zone).text()


def test_a_notice_gives_its_recipients_zone_to_the_link(desk: Portal, dsn: str) -> None:
    links = NoticeLinks(dsn, desk.url, LinkTerms())
    address = links("C2", [1, 2], "Asia/Tokyo") or ""
    links.close()
    assert "Asia/Tokyo" in Visitor(desk, address.rpartition("/")[2], "C2").text()


@pytest.fixture
def directory(settings: dict[str, Any], tmp_path: Path) -> None:
    """Customer C2 has a zone of his own in the directory."""
    path = tmp_path / "customers.yaml"
    customer = {
        "id": "C2", "name": "Café am Markt", "attributes": {"time_zone": "America/Lima"}, "contacts": [{"email": "c2@example.com"}],
        "prefixes": ["192.0.2.8/29"],
    }  # fmt: skip
    path.write_text(yaml.safe_dump({"customers": [customer]}), encoding="utf-8")
    settings["customers"] = {"connector": "yaml", "path": str(path)}


def test_a_link_of_the_desk_has_the_customers_zone(
    directory: None, open_portal: Callable[[], Portal], tmp_path: Path
) -> None:
    from tests.portal.desk_samples import fill

    desk = open_portal()
    fill(desk.database, tmp_path / "evidence")
    ((ticket,),) = desk.database.fetch("SELECT min(id) FROM tickets WHERE customer_id = 'C2'")
    desk.client("anna", "desk").send(f"/tickets/{ticket}/self-help-link", opens="ticket")
    assert desk.database.fetch("SELECT time_zone FROM selfhelp_tokens") == [("America/Lima",)]
