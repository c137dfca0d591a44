# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who may ask for a check, of what, and how often; and what the ticket tells of it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from abusehandler.tickets import actions
from abusehandler.tickets.recheck import asking
from abusehandler.tickets.recheck.asking import NotAllowed, NotNow, RecheckRules, ask, choices
from abusehandler.tickets.recheck.ours import Ours
from abusehandler.tickets.recheck.running import Runner, run_one
from tests.tickets.observations import hours_ago, observation, store_of
from tests.tickets.recheck.on_loopback import LOOPBACK, answering

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

OURS = RecheckRules(enabled=True, ours=Ours.of(["192.0.2.0/24"]), pause=timedelta())


def ticket_of(database: Database, **other: Any) -> int:
    """A ticket about an open Redis, unless told otherwise."""
    event = {
        "classification_type": "vulnerable-system", "classification_identifier": "open-redis", "source_ip": "192.0.2.7",
        "source_port": 6380, "time_source": hours_ago(1), "protocol.transport": "tcp", **other,
    }  # fmt: skip
    transport = event.pop("protocol.transport")
    seen = observation(**event)
    seen["protocol.transport"] = transport
    store_of(database).store([seen])
    return int(database.fetch("SELECT max(id) FROM tickets")[0][0])


def offered(database: Database, ticket: int, rules: RecheckRules = OURS) -> list[str]:
    with database.transaction() as cursor:
        return [str(choice.target) for choice in choices(cursor, ticket, rules)]


def test_addresses_and_ports_come_from_the_events(database: Database) -> None:
    assert offered(database, ticket_of(database)) == ["192.0.2.7:6380/tcp"]


def test_without_a_port_it_is_the_usual_one(database: Database) -> None:
    assert offered(database, ticket_of(database, source_port=None)) == ["192.0.2.7:6379/tcp"]


def test_off_until_the_operator_enables_it(database: Database) -> None:
    ticket = ticket_of(database)
    off = RecheckRules(ours=OURS.ours)
    assert offered(database, ticket, off) == []
    with pytest.raises(NotAllowed):
        ask(database, ticket, "", off, author="anna")


def test_only_addresses_of_ours(database: Database) -> None:
    ticket = ticket_of(database, source_ip="198.51.100.7")
    assert offered(database, ticket) == []
    for key in ("", "198.51.100.7|6380|tcp", "192.0.2.7|6380|tcp"):
        with pytest.raises(NotAllowed):
            ask(database, ticket, key, OURS, author="anna")


def test_only_what_the_ticket_names(database: Database) -> None:
    ticket = ticket_of(database)
    for key in ("192.0.2.8|6380|tcp", "192.0.2.7|22|tcp", "192.0.2.7|6380|udp", "127.0.0.1|6380|tcp", "x"):
        with pytest.raises(NotAllowed):
            ask(database, ticket, key, OURS, author="anna")
    assert database.fetch("SELECT count(*) FROM rechecks") == [(0,)]


def test_not_for_a_closed_ticket_or_another_problem(database: Database) -> None:
    ticket = ticket_of(database)
    actions.close(database, [ticket], author="anna", reason="done")
    assert offered(database, ticket) == []
    other = ticket_of(database, classification_type="phishing", classification_identifier="phishing")
    assert offered(database, other) == []


def test_not_when_somebody_else_has_the_address_now(database: Database) -> None:
    rules = RecheckRules(
        enabled=True, ours=OURS.ours, is_theirs=lambda address, customer: (address, customer) == ("x", "y")
    )
    with pytest.raises(NotAllowed, match="somebody else"):
        ask(database, ticket_of(database), "", rules, author="anna")


def test_one_a_minute_for_an_address(database: Database) -> None:
    rules = RecheckRules(enabled=True, ours=OURS.ours)
    ticket = ticket_of(database)
    ask(database, ticket, "", rules, author="anna")
    with pytest.raises(NotNow):
        ask(database, ticket, "", rules, author="ben")


def test_so_many_an_hour_for_an_address_and_for_a_customer(database: Database) -> None:
    few = RecheckRules(enabled=True, ours=OURS.ours, pause=timedelta(), per_address_hour=2, per_customer_hour=3)
    first, second = ticket_of(database), ticket_of(database, source_ip="192.0.2.9")
    for ticket in (first, first, second):
        ask(database, ticket, "", few, author="anna")
    for ticket in (first, second):
        with pytest.raises(NotNow):
            ask(database, ticket, "", few, author="anna")


def test_limits_hold_when_many_ask_at_once(database: Database, dsn: str) -> None:
    from abusehandler.tickets.database import Database as Another

    rules = RecheckRules(enabled=True, ours=OURS.ours)
    ticket = ticket_of(database)
    results: list[str] = []

    def try_it() -> None:
        own = Another(dsn)
        try:
            ask(own, ticket, "", rules, author="anna")
            results.append("asked")
        except NotNow:
            results.append("not now")
        own.close()

    threads = [threading.Thread(target=try_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["asked", *["not now"] * 5]


def test_the_result_stands_in_the_timeline(database: Database) -> None:
    loopback = RecheckRules(enabled=True, ours=LOOPBACK, pause=timedelta())
    with answering("tcp", b"+PONG\r\n") as port:
        ticket = ticket_of(database, source_ip="127.0.0.1", source_port=port)
        ask(database, ticket, "", loopback, author="customer C1 (self-help)")
        assert run_one(database, loopback)
    assert not run_one(database, loopback)
    with database.transaction() as cursor:
        (check,) = asking.of_ticket(cursor, ticket)
    assert (check["state"], check["verdict"], check["detail"]) == ("done", "there", "takes commands without a password")
    assert database.fetch(
        "SELECT actor, change FROM audit_trail WHERE object = 'ticket' AND object_id = %s ORDER BY id DESC LIMIT 1", (str(ticket),)
    ) == [("customer C1 (self-help)", "checked from outside: still there")]  # fmt: skip


def test_what_waited_too_long_is_given_up(database: Database) -> None:
    ticket = ticket_of(database)
    ask(database, ticket, "", OURS, author="anna")
    database.fetch("UPDATE rechecks SET asked_at = now() - interval '10 minutes'")
    assert not run_one(database, OURS)
    with database.transaction() as cursor:
        assert asking.of_ticket(cursor, ticket)[0]["verdict"] == "failed"


def test_the_runner_does_all_that_waits(database: Database, dsn: str) -> None:
    from abusehandler.tickets.database import Database as Another

    rules = RecheckRules(enabled=True, ours=LOOPBACK, pause=timedelta())
    with answering("tcp", b"-NOAUTH\r\n") as port:
        ticket = ticket_of(database, source_ip="127.0.0.1", source_port=port)
        number = ask(database, ticket, "", rules, author="anna")
        runner = Runner(lambda: Another(dsn), rules, at_once=2)
        assert not runner.wait_for(number, 0)
        for _ in range(5):
            runner.wake()
        assert runner.wait_for(number, 60)
        for thread in threading.enumerate():
            if thread.name == "recheck":
                thread.join(timeout=60)
    with database.transaction() as cursor:
        assert asking.of_ticket(cursor, ticket)[0]["verdict"] == "gone"
