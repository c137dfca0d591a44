# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The list by age goes through all that fits once, either way; words are found in notes and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abusehandler.tickets import actions
from abusehandler.tickets.desk import accounts
from abusehandler.tickets.desk.scope import EVERYTHING, Scope
from abusehandler.tickets.desk.ticket_list import TicketFilter, page
from tests.tickets.observations import observation, store_of

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database


@pytest.fixture
def aged(database: Database) -> Database:
    """200 tickets; their age and number go different ways, as after an import."""
    database.fetch("INSERT INTO customers (id) VALUES ('C1'), ('C2')")
    database.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem, severity, state, opened_at) SELECT md5(n::text)::uuid, "
        "'C' || 1 + n % 2, 'host-' || n, 'spam', n % 5, CASE WHEN n % 10 = 0 THEN 'closed' ELSE 'open' END, "
        "now() - (n * 37 % 100) * interval '1 day' - interval '1 hour' FROM generate_series(1, 200) n"
    )
    return database


def asked(**parameters: Any) -> TicketFilter:
    return TicketFilter.of({name: value if isinstance(value, list) else [value] for name, value in parameters.items()})


def walked(database: Database, wanted: TicketFilter, limit: int) -> list[int]:
    """All numbers from the first page to the last, and back again the same."""
    found, after, pages = [], "", []
    while True:
        one = page(database, EVERYTHING, wanted, after=after, limit=limit)
        found += [ticket["id"] for ticket in one.tickets]
        pages.append(one)
        if not one.later:
            break
        after = one.later
    back: list[int] = [ticket["id"] for ticket in pages[-1].tickets]
    before = pages[-1].earlier
    while before:
        one = page(database, EVERYTHING, wanted, before=before, limit=limit)
        back = [ticket["id"] for ticket in one.tickets] + back
        before = one.earlier
    assert back == found
    return found


@pytest.mark.parametrize("age", [">30", "<30", ">98", "<1", ">0", ">9999"])
@pytest.mark.parametrize("state", ["", "all", "open"])
def test_every_ticket_of_an_age_once_in_order(aged: Database, age: str, state: str) -> None:
    wanted = asked(age=age, state=state)
    sign = "<" if age[0] == ">" else ">="
    only = {"": "state <> 'closed'", "all": "TRUE", "open": "state = 'open'"}[state]
    order = "id DESC" if state == "all" else "severity DESC, id DESC"
    expected = aged.fetch(
        f"SELECT id FROM tickets WHERE opened_at {sign} now() - {age[1:]} * interval '1 day' AND {only} ORDER BY {order}"
    )
    assert walked(aged, wanted, 7) == [row[0] for row in expected]


def test_a_key_that_is_none_begins_anew(aged: Database) -> None:
    first = page(aged, EVERYTHING, asked(age=">30"), limit=5)
    for key in ("9-1-99", "x", "3-17-"):
        assert page(aged, EVERYTHING, asked(age=">30"), after=key, limit=5) == first


@pytest.mark.parametrize("state", ["", "all"])
def test_a_part_that_was_split_off_is_as_old_as_what_it_was_part_of(aged: Database, state: str) -> None:
    """2,000 tickets were opened between the two."""
    aged.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem, severity) "
        "SELECT md5('z' || n)::uuid, 'C1', 'z' || n, 'spam', 2 FROM generate_series(1, 2000) n"
    )
    ((part,),) = aged.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem, severity, opened_at) "
        "VALUES (gen_random_uuid(), 'C1', 'part', 'spam', 2, now() - interval '40 days') RETURNING id"
    )
    aged.fetch("INSERT INTO ticket_links (ticket_id, other_id, kind, author) VALUES (%s, 1, 'split', 'anna')", (part,))
    wanted = asked(age=">30", state=state)
    found = walked(aged, wanted, 7)
    assert part in found
    assert len(found) == len(set(found)) == len(walked(aged, wanted, 200))
    assert part not in walked(aged, asked(age="<30", state=state), 500)


@pytest.mark.parametrize("more", [{}, {"state": "all"}, {"severity": "low"}])
def test_an_age_is_looked_up_and_not_looked_for(aged: Database, more: dict[str, str]) -> None:
    """Where many tickets are too young, none of them is read."""
    aged.fetch("UPDATE tickets SET feed = 'Example'")
    aged.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem, severity, feed) SELECT md5('y' || n)::uuid, 'C1', 'y' || n, 'spam', "
        "n %% 5, 'Example' FROM generate_series(1, %s) n", (20_000,),
    )  # fmt: skip
    connection = aged.connection()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE tickets")
    before = _read(aged)
    assert page(aged, EVERYTHING, asked(age=">30", **more), limit=20).tickets
    assert _read(aged) - before < 2000


def _read(database: Database) -> int:
    database.fetch("SELECT pg_stat_force_next_flush()")
    ((read,),) = database.fetch(
        "SELECT coalesce(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'tickets'"
    )
    return int(read)


@pytest.fixture
def told(database: Database) -> Database:
    """Tickets 1 (of acme) and 2, with a note and an answer each."""
    accounts.add(database, EVERYTHING, "acme", "Acme", ["ACME-%"], author="root")
    store = store_of(database)
    for customer, name in (("ACME-1", "Acme Ltd"), ("C2", "Baker & Sons")):
        store.store([
            observation(customer_id=customer, customer_name=name, source_ip="192.0.2.1" if customer == "C2" else "192.0.2.2",),
        ])  # fmt: skip
    numbers = dict(database.fetch("SELECT customer_id, id FROM tickets"))
    for customer, number in numbers.items():
        actions.note(database, [number], f"Rang the Grüneisen foundry of {customer}", author="anna")
        ((answer,),) = database.fetch(
            "INSERT INTO answers (kind, at, sender, sender_is, tied_by, subject, said) VALUES ('reply', now(), 'a@example.com', 'contact', "
            "'address', 'Re: your notice', 'we exchanged the modem xyzzy') RETURNING id"
        )
        database.fetch(
            "INSERT INTO answer_tickets (answer_id, ticket_id, unread) VALUES (%s, %s, true)", (answer, number)
        )
    return database


@pytest.mark.parametrize(
    "words",
    ["foundry", "grüneisen", "grün found", "xyzzy", "modem exch", "your notice"],
)  # fmt: skip
def test_words_are_found_where_people_wrote_them(told: Database, words: str) -> None:
    both = {row[0] for row in told.fetch("SELECT id FROM tickets")}
    acme = {row[0] for row in told.fetch("SELECT id FROM tickets WHERE customer_id = 'ACME-1'")}
    found = {ticket["id"] for ticket in page(told, EVERYTHING, asked(q=words)).tickets}
    inside = {ticket["id"] for ticket in page(told, Scope("acme"), asked(q=words)).tickets}
    assert (found, inside) == (both, acme)


def test_a_note_taken_back_is_not_found(told: Database) -> None:
    told.fetch("UPDATE notes SET withdrawn_at = now()")
    assert page(told, EVERYTHING, asked(q="foundry")).tickets == ()


@pytest.mark.parametrize(
    "words", ["'", "''); DROP TABLE notes; --", ":*", "& | !", "\\", "a" * 5000, "🙂", "\u202e", "_", "%"]
)
def test_any_words_can_be_typed(told: Database, words: str) -> None:
    page(told, EVERYTHING, asked(q=words))
    page(told, Scope("acme", wide=True), asked(q=words))
