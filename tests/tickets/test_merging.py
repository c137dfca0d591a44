# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tickets that go on as one, and tickets that are cut in two; no event is lost, told twice or never."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from observations import hours_ago, observation, store_of
from test_actions import WHO, ticket, trail

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import actions, listing, merging
from abusehandler.tickets.actions import Refused
from abusehandler.tickets.database import Database
from abusehandler.tickets.merging import Part


def store(database: Database, number: int, hours: float, **other: Any) -> int:
    """One event of an address; returns its open ticket."""
    store_of(database).store([observation(time_source=hours_ago(hours), source_ip=f"192.0.2.{number}", **other)])
    ((found,),) = database.fetch(
        "SELECT e.ticket_id FROM events e WHERE ip = %s ORDER BY id DESC LIMIT 1", (f"192.0.2.{number}",)
    )
    return int(found)


def told(database: Database, *numbers: int) -> None:
    """A notice about these tickets was made."""
    database.fetch(
        "UPDATE tickets SET notified_at = now(), notified_event_id = last_event_id, notify_due = NULL WHERE id = ANY(%s)",
        (list(numbers),),
    )


def untold(database: Database, number: int) -> int:
    ((count,),) = database.fetch(
        "SELECT count(*) FROM events e JOIN tickets t ON t.id = e.ticket_id WHERE t.id = %s AND e.id > t.notified_event_id",
        (number,),
    )
    return int(count)


def counts_are_right(database: Database) -> None:
    wrong = database.fetch(
        "SELECT t.id, t.event_count, e.count, t.last_event_id, e.last FROM tickets t LEFT JOIN LATERAL "
        "(SELECT count(*), max(id) AS last, min(at) AS first, max(at) AS latest FROM events WHERE ticket_id = t.id) e ON true "
        "WHERE t.event_count <> e.count OR e.count > 0 AND (t.last_event_id <> e.last OR t.first_seen <> e.first OR t.last_seen <> e.latest)"
    )
    assert wrong == []


def test_what_was_not_told_goes_on_in_the_other_ticket(database: Database) -> None:
    one, two = store(database, 1, 9), store(database, 2, 8)
    told(database, one)
    store(database, 1, 7)
    told(database, two)
    assert untold(database, one) == 1
    done = merging.merge(database, [one], two, **WHO)
    assert done.changed == (one,)
    assert ticket(database, one)["state"] == "closed"
    assert ticket(database, one)["merged_into"] == two
    assert (ticket(database, one)["event_count"], ticket(database, two)["event_count"]) == (1, 2)
    assert untold(database, two) == 1
    assert ticket(database, two)["notify_due"] is not None
    counts_are_right(database)
    assert trail(database, one)[-1][1] == f"merged into ticket {two}"


def test_later_events_of_the_merged_key_go_to_the_other(database: Database) -> None:
    one, two, three = store(database, 1, 9), store(database, 2, 8), store(database, 3, 8)
    merging.merge(database, [one], two, **WHO)
    assert store(database, 1, 3) == two
    merging.merge(database, [two], three, **WHO)
    assert store(database, 1, 2) == three
    assert store(database, 2, 1) == three
    assert ticket(database, three)["event_count"] == 6
    counts_are_right(database)


def test_merge_is_undone_with_its_events_and_its_key(database: Database) -> None:
    one, two = store(database, 1, 9), store(database, 2, 8)
    told(database, one)
    store(database, 1, 7)
    before = ticket(database, one)
    merging.merge(database, [one], two, **WHO)
    later = store(database, 1, 3)
    undone = actions.undo(database, author="anna")
    assert undone.changed == (one,)
    after = ticket(database, one)
    assert (after["state"], after["event_count"]) == ("open", before["event_count"])
    assert untold(database, one) == 1
    assert after["notify_due"] == before["notify_due"]
    assert later == two
    assert ticket(database, two)["event_count"] == 2
    assert store(database, 1, 1) == one
    counts_are_right(database)


def test_what_the_other_has_told_meanwhile_is_not_told_again_after_undo(database: Database) -> None:
    one, two = store(database, 1, 9), store(database, 2, 8)
    merging.merge(database, [one], two, **WHO)
    told(database, two)
    actions.undo(database, author="anna")
    assert untold(database, one) == 0
    assert ticket(database, one)["notify_due"] is None


def test_chain_of_merges_is_undone_step_by_step(database: Database) -> None:
    one, two, three = (store(database, number, 9) for number in (1, 2, 3))
    merging.merge(database, [one], two, **WHO)
    merging.merge(database, [two], three, **WHO)
    actions.undo(database, author="anna")
    assert store(database, 1, 3) == two
    actions.undo(database, author="anna")
    assert store(database, 1, 2) == one
    counts_are_right(database)


def test_tickets_of_two_customers_are_never_merged(database: Database) -> None:
    one, two = store(database, 1, 9), store(database, 2, 8, customer_id="C2")
    done = merging.merge(database, [one], two, **WHO)
    assert done.changed == ()
    assert "another customer" in done.refused[one]


def test_merge_again_changes_nothing_and_into_a_closed_ticket_is_refused(database: Database) -> None:
    one, two = store(database, 1, 9), store(database, 2, 8)
    merging.merge(database, [one], two, **WHO)
    assert merging.merge(database, [one, two], two, **WHO).unchanged == (one,)
    assert "merged into" in actions.reopen(database, [one], **WHO).refused[one]
    actions.close(database, [two], **WHO)
    with pytest.raises(Refused, match="is closed"):
        merging.merge(database, [one], two, **WHO)
    with pytest.raises(Refused, match="no ticket 99"):
        merging.merge(database, [one], 99, **WHO)


def test_merge_and_undo_while_events_pour_in_lose_and_double_nothing(dsn: str, database: Database) -> None:
    one, two = store(database, 1, 9), store(database, 2, 8)
    failures: list[BaseException] = []
    over = threading.Event()

    def pour(customer_address: int) -> None:
        mine = Database(dsn)
        try:
            number = 0
            while not over.is_set() and number < 400:
                number += 1
                store_of(mine).store(
                    [
                        observation(
                            time_source=hours_ago(1),
                            source_ip=f"192.0.2.{address}",
                            extra_n=number * 10 + customer_address,
                        )
                        for address in (1, 2)
                    ]
                )
        except BaseException as error:
            failures.append(error)
        finally:
            mine.close()

    workers = [threading.Thread(target=pour, args=(number,)) for number in (1, 2)]
    for worker in workers:
        worker.start()
    for _ in range(12):
        merging.merge(database, [one], two, **WHO)
        actions.undo(database, author="anna")
    over.set()
    for worker in workers:
        worker.join()
    assert failures == []
    counts_are_right(database)
    assert database.fetch("SELECT count(*) FROM tickets WHERE state <> 'closed'") == [(2,)]
    ((events, counted),) = database.fetch(
        "SELECT (SELECT count(*) FROM events), (SELECT sum(event_count) FROM tickets)"
    )
    assert events == counted
    store(database, 1, 0.5)
    assert ticket(database, one)["state"] == "open"


def shared(database: Database) -> int:
    """One ticket of an IPv6 network with events of two addresses, two ports, two days."""
    store_of(database).store(
        [
            observation(source_ip=f"2001:db8::{host}", source_port=port, time_source=hours_ago(hours))
            for host, port, hours in ((1, 22, 50), (1, 80, 20), (2, 22, 10), (2, 80, 5))
        ]
    )
    ((number,),) = database.fetch("SELECT id FROM tickets")
    return int(number)


@pytest.mark.parametrize(
    ("part", "cut"),
    [
        (Part(network="2001:db8::2"), 2),
        (Part(port=22), 2),
        (Part(network="2001:db8::2", port=22), 1),
        (Part(problem="brute-force", port=80), 2),
        (Part(feed="Example Feed", network="2001:db8::1"), 2),
    ],
)
def test_split_cuts_out_what_fits(database: Database, part: Part, cut: int) -> None:
    number = shared(database)
    (new,) = merging.split(database, number, part, **WHO).made
    assert ticket(database, new)["event_count"] == cut
    assert ticket(database, number)["event_count"] == 4 - cut
    assert ticket(database, new)["notify_due"] is not None
    counts_are_right(database)
    shown = listing.ticket(database, new)
    assert shown is not None
    assert [(row["ticket"], row["relation"]) for row in shown["links"]] == [(number, "was cut out of it")]


def test_split_by_time_and_back(database: Database) -> None:
    number = shared(database)
    before = ticket(database, number)
    ((middle,),) = database.fetch("SELECT now() - interval '15 hours'")
    (new,) = merging.split(database, number, Part(until=middle), **WHO).made
    assert ticket(database, new)["event_count"] == 2
    actions.undo(database, author="anna")
    assert ticket(database, number) == before
    assert (ticket(database, new)["state"], ticket(database, new)["event_count"]) == ("closed", 0)


def test_split_of_nothing_or_all_is_refused_and_leaves_no_trace(database: Database) -> None:
    number = shared(database)
    for part in (Part(port=25), Part(problem="brute-force")):
        with pytest.raises(Refused, match=r"no event|all events"):
            merging.split(database, number, part, **WHO)
    assert database.fetch("SELECT count(*) FROM tickets") == [(1,)]


def test_part_of_a_notice_that_is_not_sent_is_told_by_the_new_ticket(database: Database) -> None:
    number = shared(database)
    database.fetch("INSERT INTO notices (customer_id, state) VALUES ('C1', 'held')")
    database.fetch(
        "INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of) "
        "SELECT 1, id, 0, last_event_id, 4, false FROM tickets"
    )
    told(database, number)
    (new,) = merging.split(database, number, Part(port=22), **WHO).made
    assert untold(database, new) == 2
    assert ticket(database, new)["notify_due"] is not None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_people_do_in_whatever_order_no_event_is_lost(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    count = 0
    for _ in range(60):
        number = chance.randrange(1, 5)
        all_tickets = [row[0] for row in database.fetch("SELECT id FROM tickets ORDER BY id")]
        one, two = (chance.choice(all_tickets) if all_tickets else 0 for _ in range(2))
        try:
            match chance.randrange(7):
                case 0 | 1:
                    count += 1
                    store(database, number, chance.uniform(0.1, 90), extra_n=count, source_port=chance.choice([22, 80]))
                case 2:
                    merging.merge(database, [one], two, **WHO)
                case 3:
                    merging.split(database, one, Part(port=22), **WHO)
                case 4:
                    actions.undo(database, author="anna")
                case 5:
                    chance.choice([actions.close, actions.reopen, actions.resolve])(database, [one], **WHO)
                case 6:
                    told(database, one)
        except AbusehandlerError:
            continue
        counts_are_right(database)
        ((stored,),) = database.fetch("SELECT count(*) FROM events WHERE ticket_id IS NOT NULL")
        assert stored == count
    # what nobody was told of is due, or in a ticket that a person has put aside
    assert database.fetch(
        "SELECT t.id FROM tickets t WHERE state IN ('open', 'escalated') AND notify_due IS NULL AND notified_event_id < "
        "(SELECT max(id) FROM events WHERE ticket_id = t.id)"
    ) == []  # fmt: skip
