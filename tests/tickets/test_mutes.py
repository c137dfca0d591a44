# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mute holds notices back, records everything, and ends."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from observations import hours_ago, observation, store_of, tickets_in
from test_life_cycle import rules

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import listing, mutes
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.life_cycle import LifeCycle
from abusehandler.tickets.mutes import Scope

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

WHO = {"author": "anna", "reason": "the customer renumbers"}


def later(days: float = 7) -> Any:
    return (now_utc() + timedelta(days=days)).replace(microsecond=0)


def held(database: Database, customer: str = "C1") -> int:
    """What the outbox asks before it takes what is due."""
    ((count,),) = database.fetch("SELECT hold_muted_tickets(%s, now())", (customer,))
    return int(count)


def due(database: Database) -> list[int]:
    return [row[0] for row in database.fetch("SELECT id FROM tickets WHERE notify_due <= now() ORDER BY id")]


@pytest.mark.parametrize(
    ("scope", "muted"),
    [
        (Scope(network="192.0.2.1"), True),
        (Scope(network="192.0.2.0/24"), True),
        (Scope(network="198.51.100.0/24"), False),
        (Scope(network="2001:db8::/32"), False),
        (Scope(customer="C1"), True),
        (Scope(customer="C2"), False),
        (Scope(problem="brute-force"), True),
        (Scope(problem="spam"), False),
        (Scope(feed="Example Feed"), True),
        (Scope(feed="Other Feed"), False),
        (Scope(ticket=1), True),
        (Scope(ticket=2), False),
        (Scope(network="192.0.2.0/24", customer="C1", problem="brute-force", feed="Example Feed"), True),
        (Scope(network="192.0.2.0/24", customer="C1", problem="spam"), False),
    ],
)
def test_all_that_is_named_must_fit(database: Database, scope: Scope, muted: bool) -> None:
    store_of(database).store(
        [observation(time_source=hours_ago(1)), observation(customer_id="C9", time_source=hours_ago(2))]
    )
    ours, another = sorted(tickets_in(database), key=lambda ticket: ticket["customer_id"])
    if scope.ticket is not None:
        scope = Scope(ticket=(ours if muted else another)["id"])
    mutes.add(database, scope, later(), **WHO)
    assert held(database) == muted
    assert (ours["id"] in due(database)) != muted


def test_held_back_ticket_goes_on_and_is_due_at_the_end(database: Database) -> None:
    store = store_of(database)
    store.store([observation(time_source=hours_ago(2))])
    number = mutes.add(database, Scope(customer="C1"), later(), **WHO)
    assert held(database) == 1
    store.store([observation(time_source=hours_ago(1))])
    (ticket,) = tickets_in(database)
    assert ticket["event_count"] == 2
    held(database)
    assert due(database) == []
    database.fetch("UPDATE mutes SET starts_at = now() - interval '2 days', ends_at = now() - interval '1 second'")
    assert LifeCycle(database).run(rules()).mutes_ended == 1
    assert due(database) == [ticket["id"]]
    assert database.fetch(
        "SELECT actor, change FROM audit_trail WHERE object = 'mute' AND object_id = %s ORDER BY id", (str(number),)
    )[-1] == (
        "timers",
        "ended",
    )


def test_mute_that_a_person_ends_lets_go_at_once(database: Database) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    number = mutes.add(database, Scope(problem="brute-force"), later(), **WHO)
    held(database)
    assert due(database) == []
    assert mutes.end(database, number, author="bert")
    assert due(database) == [1]
    assert held(database) == 0
    assert not mutes.end(database, number, author="bert")


def test_the_longest_mute_counts_and_the_other_goes_on_after_it(database: Database) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    short = mutes.add(database, Scope(customer="C1"), later(1), **WHO)
    long = mutes.add(database, Scope(problem="brute-force"), later(9), **WHO)
    held(database)
    assert database.fetch("SELECT muted_by FROM tickets") == [(long,)]
    mutes.end(database, long, author="bert")
    assert held(database) == 1
    assert database.fetch("SELECT muted_by FROM tickets") == [(short,)]


def test_feed_mute_lets_through_what_another_feed_saw(database: Database) -> None:
    store = store_of(database)
    store.store([observation(time_source=hours_ago(2))])
    mutes.add(database, Scope(feed="Example Feed"), later(), **WHO)
    store.store([observation(time_source=hours_ago(1), feed_name="Other Feed")])
    assert held(database) == 0


def test_address_within_an_ipv6_ticket_mutes_only_while_it_is_alone(database: Database) -> None:
    store = store_of(database)
    store.store([observation(source_ip="2001:db8::1", time_source=hours_ago(2))])
    mutes.add(database, Scope(network="2001:db8::1/128"), later(), **WHO)
    assert held(database) == 1
    store.store([observation(source_ip="2001:db8::2", time_source=hours_ago(1))])
    assert held(database) == 0
    assert due(database) == [1]


def test_list_and_show_tell_who_muted_it_until_when(database: Database) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    until = later()
    number = mutes.add(database, Scope(customer="C1"), until, **WHO)
    (row,) = listing.tickets(database)
    assert row["muted until"] == until
    shown = listing.ticket(database, 1)
    assert shown is not None
    assert (shown["ticket"][0]["muted by"], shown["ticket"][0]["muted because"]) == (number, WHO["reason"])


def test_same_mute_again_is_the_same(database: Database) -> None:
    until = later()
    assert mutes.add(database, Scope(customer="C1"), until, **WHO) == mutes.add(
        database, Scope(customer="C1"), until, **WHO
    )
    assert len(mutes.listed(database)) == 1


def test_mutes_without_scope_reason_or_future_are_refused(database: Database) -> None:
    with pytest.raises(AbusehandlerError, match="everything"):
        Scope()
    with pytest.raises(AbusehandlerError, match="not an address"):
        Scope(network="192.0.2.1/24")
    with pytest.raises(AbusehandlerError, match="passed"):
        mutes.add(database, Scope(customer="C1"), later(-1), **WHO)
    with pytest.raises(AbusehandlerError, match="reason"):
        mutes.add(database, Scope(customer="C1"), later(), author="anna", reason=" ")


def test_mutes_of_rules_yaml_come_and_go_with_the_file(database: Database) -> None:
    entry = {"name": "lab", "network": "192.0.2.0/24", "until": date(2999, 12, 31), "reason": "our own scanners"}
    timers = LifeCycle(database)
    assert timers.run(rules(mutes=[entry])).mutes_changed == 1
    (mute,) = mutes.listed(database)
    assert (mute["rule"], mute["network"], mute["author"]) == ("lab", "192.0.2.0/24", "rules.yaml")
    assert mute["until"].isoformat() == "3000-01-01T00:00:00+00:00"
    assert LifeCycle(database).run(rules(mutes=[entry])).mutes_changed == 0
    with pytest.raises(AbusehandlerError, match="remove it there"):
        mutes.end(database, mute["mute"], author="anna")
    assert timers.run(rules(mutes=[{**entry, "network": "198.51.100.0/24"}])).mutes_changed == 2
    assert [row["network"] for row in mutes.listed(database)] == ["198.51.100.0/24"]
    timers.run(rules())
    assert mutes.listed(database) == []
    assert len(mutes.listed(database, ended=True)) == 2
