# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What makes events one ticket, as rules.yaml says it for each problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from observations import AT_ONCE, observation, store_of, tickets_in

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.incoming import Incoming, KeyParts, now_utc, registered_domain
from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database


def incoming(tmp_path: Path, key: str) -> Incoming:
    path = tmp_path / "rules.yaml"
    path.write_text(f"problems:\n  brute-force:\n    key: {{{key}}}\n", encoding="utf-8")
    made = Incoming(Catalogue.load(), AT_ONCE, rules=Rules.load(path, Catalogue.load()))
    made.begin(now_utc())
    return made


def keys(made: Incoming, *events: dict[str, Any]) -> int:
    return len({made.take(event).key for event in events})


def test_key_is_the_same_as_ever_where_the_rules_say_nothing() -> None:
    """Open tickets must be found again after an upgrade."""
    assert KeyParts("C1", "192.0.2.1", "brute-force").hashed() == "c6f4c506-33c4-5ffd-f724-0a4864a726a8"


def test_each_port_has_its_ticket(tmp_path: Path) -> None:
    made = incoming(tmp_path, "port: true")
    ssh, web = observation(source_port=22), observation(source_port=443)
    assert keys(made, ssh, web, observation()) == 3
    assert made.take(ssh).resource == "192.0.2.1:22"
    assert made.take(observation(source_ip="2001:db8::1", source_port=22)).resource == "[2001:db8::/64]:22"
    assert made.take(observation()).resource == "192.0.2.1"
    other = {"classification_type": "scanner"}
    assert keys(made, observation(source_port=22, **other), observation(source_port=443, **other)) == 1


def test_each_feed_has_its_ticket(tmp_path: Path) -> None:
    made = incoming(tmp_path, "feed: true")
    assert keys(made, observation(feed_name="One"), observation(feed_name="Other")) == 2
    assert keys(incoming(tmp_path, "feed: false"), observation(feed_name="One"), observation(feed_name="Other")) == 1


def test_names_of_one_registered_domain_share_a_ticket(tmp_path: Path) -> None:
    made = incoming(tmp_path, "domain: true")
    names = [observation(source_ip=None, source_fqdn=f"{host}.example.com") for host in ("www", "ftp")]
    links = [observation(source_ip=None, source_url="https://a.b.Example.com/x")]
    assert keys(made, *names, *links) == 1
    assert made.take(names[0]).resource == "example.com"
    assert keys(made, observation(source_ip=None, source_fqdn="www.example.org"), *names) == 2


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.com", "example.com"),
        ("Shop.Example.CO.UK.", "example.co.uk"),
        ("com", "com"),
        ("localhost", "localhost"),
        ("a.b.invalid", "b.invalid"),
    ],
)
def test_registered_domain(host: str, domain: str) -> None:
    assert registered_domain(host) == domain


def test_ipv6_prefix_of_a_problem(tmp_path: Path) -> None:
    made = incoming(tmp_path, "ipv6_prefix: 56")
    assert made.take(observation(source_ip="2001:db8:0:ff::1")).network == "2001:db8::/56"
    other = observation(source_ip="2001:db8:0:ff::1", classification_type="scanner")
    assert made.take(other).network == "2001:db8:0:ff::/64"


def test_ticket_names_the_feed_that_opened_it(database: Database) -> None:
    store_of(database).store(
        [observation(feed_code="one"), observation(feed_code="two", time_source="2026-11-20T11:00:00+00:00")]
    )
    assert len(tickets_in(database)) == 1
    assert database.fetch("SELECT feed FROM tickets") == [("one",)]
