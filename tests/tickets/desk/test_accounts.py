# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers come to an account with all their tickets, in small steps, and go on where a step broke off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.desk import accounts
from abusehandler.tickets.desk.scope import EVERYTHING, OutOfScopeError, Scope
from tests.tickets.observations import observation, store_of

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database


def fill(database: Database, customers: int, tickets: int) -> None:
    """Customers A-1, A-2 …, each with so many tickets."""
    database.fetch(
        "INSERT INTO customers (id, name) SELECT 'A-' || n, 'Number ' || n FROM generate_series(1, %s) n", (customers,)
    )
    database.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem) SELECT md5(c.id || n)::uuid, c.id, 'host-' || n, 'spam' "
        "FROM customers c, generate_series(1, %s) n", (tickets,),
    )  # fmt: skip


def of_account(database: Database, account: str | None) -> tuple[int, int]:
    """How many customers, and how many tickets it has."""
    ((customers, tickets),) = database.fetch(
        "SELECT (SELECT count(*) FROM customers WHERE account_id IS NOT DISTINCT FROM %(a)s), "
        "(SELECT count(*) FROM tickets WHERE account_id IS NOT DISTINCT FROM %(a)s)", {"a": account},
    )  # fmt: skip
    return customers, tickets


def test_patterns_are_written_as_people_write_them() -> None:
    assert accounts.likes(["ACME-*", "4_7", "100%", "*", " ", "a\\b"]) == ["ACME-%", "4\\_7", "100\\%", "a\\\\b"]
    assert accounts.as_words(["ACME-%", "4\\_7", "100\\%", "a\\\\b"]) == ["ACME-*", "4_7", "100%", "a\\b"]


def test_many_customers_come_in_groups_with_their_tickets(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "CUSTOMERS", 7)
    monkeypatch.setattr(accounts, "TICKETS", 10)
    fill(database, 30, 4)
    accounts.add(database, EVERYTHING, "a", "A", accounts.likes(["A-1*"]), author="root")
    assert accounts.waiting(database, EVERYTHING, ["A-1%"]) == 11
    assert accounts.take(database, EVERYTHING, "a", author="root") == (11, False)
    assert of_account(database, "a") == (11, 44)
    assert of_account(database, None) == (19, 76)
    assert accounts.take(database, EVERYTHING, "a", author="root") == (0, False)
    assert database.fetch("SELECT count(*) FROM audit_trail WHERE object = 'customer' AND change = 'account a'") == [
        (11,)
    ]


def test_whoever_has_no_time_is_told_that_there_are_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "CUSTOMERS", 5)
    fill(database, 12, 1)
    accounts.add(database, EVERYTHING, "a", "A", ["A-%"], author="root")
    assert accounts.take(database, EVERYTHING, "a", author="root", patience=-1) == (0, True)
    assert accounts.take(database, EVERYTHING, "a", author="root") == (12, False)


def test_customers_of_another_account_stay_there(database: Database) -> None:
    fill(database, 3, 2)
    for key in ("one", "two"):
        accounts.add(database, EVERYTHING, key, key, [], author="root")
    accounts.give(database, EVERYTHING, "A-1", "one", author="root")
    accounts.change(database, EVERYTHING, "two", author="root", patterns=["A-%"])
    assert accounts.take(database, EVERYTHING, "two", author="root") == (2, False)
    assert of_account(database, "one") == (1, 2)
    accounts.give(database, EVERYTHING, "A-1", None, author="root")
    assert of_account(database, None) == (1, 2)


def test_what_broke_off_is_gone_on_with(database: Database) -> None:
    fill(database, 1, 6)
    accounts.add(database, EVERYTHING, "a", "A", [], author="root")
    database.fetch("UPDATE tickets SET account_id = 'a' WHERE id <= (SELECT min(id) + 2 FROM tickets)")
    assert accounts.give(database, EVERYTHING, "A-1", "a", author="root")
    assert of_account(database, "a") == (1, 6)


def test_tickets_are_opened_while_customers_move(database: Database, dsn: str) -> None:
    """Between two groups nothing is locked: intake goes on, and its tickets have the right account."""
    fill(database, 2, 1)
    accounts.add(database, EVERYTHING, "a", "A", [], author="root")
    store = store_of(database)
    for number, customer in enumerate(("A-1", "A-2"), 1):
        accounts.give(database, EVERYTHING, customer, "a", author="root")
        store.store([observation(customer_id="A-1", customer_name="Number 1", source_ip=f"192.0.2.{number}")])
        assert database.fetch("SELECT count(*) FROM tickets t JOIN customers c ON c.id = t.customer_id "
                              "WHERE t.account_id IS DISTINCT FROM c.account_id") == [(0,)]  # fmt: skip


def test_what_cannot_be_is_told(database: Database) -> None:
    accounts.add(database, EVERYTHING, "a", "A", [], author="root", time_zone="Europe/Vienna")
    with pytest.raises(AbusehandlerError, match="an account a already"):
        accounts.add(database, EVERYTHING, "a", "A", [], author="root")
    with pytest.raises(AbusehandlerError, match="small letters"):
        accounts.add(database, EVERYTHING, "A b", "A", [], author="root")
    for zone in ("Mars/Olympus", "../../etc/passwd", "Europe", "a\0b"):
        with pytest.raises(AbusehandlerError, match="no time zone"):
            accounts.change(database, EVERYTHING, "a", author="root", time_zone=zone)
    with pytest.raises(AbusehandlerError, match="needs a name"):
        accounts.change(database, EVERYTHING, "a", author="root", name=" ")
    assert not accounts.change(database, EVERYTHING, "b", author="root", name="B")
    assert not accounts.give(database, EVERYTHING, "nobody", "a", author="root")
    with pytest.raises(AbusehandlerError, match="no account"):
        accounts.take(database, EVERYTHING, "b", author="root")


def test_accounts_are_the_operators(database: Database) -> None:
    for ask in (
        lambda: accounts.listed(database, Scope("a")),
        lambda: accounts.one(database, Scope("a"), "a"),
        lambda: accounts.give(database, Scope("a"), "A-1", "a", author="tina"),
        lambda: accounts.change(database, Scope("a"), "a", author="tina", name="Mine"),
    ):
        with pytest.raises(OutOfScopeError):
            ask()
