# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Batches of events become tickets, once, whatever their order and however often they come."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import psycopg2.errors
import pytest
from observations import hours_ago, observation, store_of, tickets_in

from abusehandler.tickets import aggregate
from abusehandler.tickets.database import Database, Unavailable
from abusehandler.tickets.incoming import EventRejected, now_utc

if TYPE_CHECKING:
    from abusehandler.tickets.aggregate import TicketStore


@pytest.fixture
def store(database: Database) -> TicketStore:
    return store_of(database)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def events_in(database: Database) -> int:
    ((number,),) = database.fetch("SELECT count(*) FROM events")
    return int(number)


def test_first_event_opens_a_ticket(store: TicketStore, database: Database) -> None:
    stored = store.store([observation()])
    assert (stored.events, stored.tickets, stored.known, stored.foreign) == (1, 1, 0, 0)
    (ticket,) = tickets_in(database)
    assert ticket["customer_id"] == "C1"
    assert ticket["resource"] == "192.0.2.1"
    assert ticket["problem"] == "brute-force"
    assert ticket["severity"] == 3
    assert ticket["state"] == "open"
    assert ticket["event_count"] == 1
    assert ticket["first_seen"] == ticket["last_seen"] == utc("2026-11-20T10:00:00")
    assert ticket["notify_due"] <= now_utc()
    assert database.fetch("SELECT id, name FROM customers") == [("C1", "Customer One")]


def test_second_event_joins_the_ticket(store: TicketStore, database: Database) -> None:
    store.store([observation()])
    store.store([observation(time_source="2026-11-20T12:00:00+00:00")])
    (ticket,) = tickets_in(database)
    assert ticket["event_count"] == 2
    assert ticket["last_seen"] == utc("2026-11-20T12:00:00")


def test_batch_delivered_again_changes_nothing(store: TicketStore, database: Database) -> None:
    batch = [observation(source_ip=f"192.0.2.{number}") for number in range(1, 6)]
    store.store(batch)
    before = database.fetch("SELECT t.*, xmin FROM tickets t ORDER BY id")
    again = store.store(batch)
    assert (again.events, again.known, again.tickets) == (0, 5, 0)
    assert database.fetch("SELECT t.*, xmin FROM tickets t ORDER BY id") == before


def test_same_event_twice_in_one_batch_counts_once(store: TicketStore, database: Database) -> None:
    stored = store.store([observation(), observation()])
    assert (stored.events, stored.known) == (1, 1)
    assert tickets_in(database)[0]["event_count"] == 1


def test_same_observation_by_another_report_counts_once(store: TicketStore, database: Database) -> None:
    store.store([observation()])
    stored = store.store(
        [observation(report_id=2, report_evidence="cd" * 32, time_observation="2026-11-21T11:00:00+00:00")]
    )
    assert (stored.events, stored.known) == (0, 1)


@pytest.mark.parametrize("order", [(10, 12, 11), (12, 11, 10), (11, 10, 12)])
def test_late_events_move_first_and_last_seen_right(
    store: TicketStore, database: Database, order: tuple[int, ...]
) -> None:
    for hour in order:
        store.store([observation(time_source=f"2026-11-20T{hour}:00:00+00:00")])
    (ticket,) = tickets_in(database)
    assert ticket["first_seen"] == utc("2026-11-20T10:00:00")
    assert ticket["last_seen"] == utc("2026-11-20T12:00:00")


def test_severity_only_grows(store: TicketStore, database: Database) -> None:
    for hour, severity in enumerate(("low", "critical", "info"), 10):
        store.store([observation(severity=severity, time_source=f"2026-11-20T{hour}:00:00+00:00")])
    assert tickets_in(database)[0]["severity"] == 4


def test_resolved_ticket_opens_again_and_counts_the_relapse(store: TicketStore, database: Database) -> None:
    store.store([observation()])
    database.fetch("UPDATE tickets SET state = 'resolved', state_at = '2026-11-20T11:00:00Z'")
    store.store([observation(time_source="2026-11-20T12:00:00+00:00")])
    (ticket,) = tickets_in(database)
    assert (ticket["state"], ticket["relapses"], ticket["event_count"]) == ("open", 1, 2)


def test_known_event_does_not_open_a_resolved_or_closed_ticket(store: TicketStore, database: Database) -> None:
    store.store([observation()])
    for state in ("resolved", "closed"):
        database.fetch("UPDATE tickets SET state = %s", (state,))
        store.store([observation()])
        (ticket,) = tickets_in(database)
        assert (ticket["state"], ticket["relapses"]) == (state, 0)


def test_ticket_closed_long_ago_stays_closed_and_a_new_one_opens(store: TicketStore, database: Database) -> None:
    store.store([observation(time_source="2026-08-20T12:00:00+00:00")])
    database.fetch("UPDATE tickets SET state = 'closed', state_at = '2026-09-01T12:00:00Z'")
    store.store([observation(time_source="2026-11-20T12:00:00+00:00")])
    old, new = tickets_in(database)
    assert (old["state"], old["event_count"]) == ("closed", 1)
    assert (new["state"], new["event_count"]) == ("open", 1)


def test_ignored_ticket_counts_and_stays_quiet(store: TicketStore, database: Database) -> None:
    store.store([observation()])
    database.fetch("UPDATE tickets SET state = 'ignored', notify_due = NULL")
    store.store([observation(time_source="2026-11-20T12:00:00+00:00")])
    (ticket,) = tickets_in(database)
    assert (ticket["state"], ticket["event_count"], ticket["notify_due"]) == ("ignored", 2, None)


def test_ipv6_addresses_of_a_prefix_share_a_ticket(database: Database) -> None:
    store_of(database, ipv6_prefix=64).store(
        [observation(source_ip=f"2001:db8:0:{net}::{host}") for net in (1, 2) for host in (1, 2)]
    )
    assert {(t["resource"], t["event_count"]) for t in tickets_in(database)} == {
        ("2001:db8:0:1::/64", 2),
        ("2001:db8:0:2::/64", 2),
    }


def test_ipv6_addresses_have_tickets_of_their_own_where_the_prefix_is_128(database: Database) -> None:
    store_of(database, ipv6_prefix=128).store([observation(source_ip=f"2001:db8::{host}") for host in (1, 2)])
    assert {t["resource"] for t in tickets_in(database)} == {"2001:db8::1", "2001:db8::2"}


@pytest.mark.parametrize(
    ("fields", "resource"),
    [
        ({"source_fqdn": "www.example.com"}, "www.example.com"),
        ({"source_url": "https://shop.example.com:8443/x?y=1"}, "shop.example.com"),
        ({"source_url": "http://[broken"}, "http://[broken"),
        ({"source_account": "user@example.com"}, "user@example.com"),
        ({"source_network": "192.0.2.0/24"}, "192.0.2.0/24"),
        ({"source_asn": 64496}, "AS64496"),
    ],
)
def test_event_without_address_goes_by_its_name(
    store: TicketStore, database: Database, fields: dict[str, Any], resource: str
) -> None:
    store.store([observation(source_ip=None, **fields)])
    (ticket,) = tickets_in(database)
    assert ticket["resource"] == resource
    assert database.fetch("SELECT network FROM tickets") == [(None,)]


@pytest.mark.parametrize("match", ["none", "ambiguous"])
def test_event_of_nobody_is_stored_without_a_ticket(store: TicketStore, database: Database, match: str) -> None:
    stored = store.store([observation(customer_match=match, customer_id=None)])
    assert (stored.events, stored.foreign, stored.tickets) == (1, 1, 0)
    assert database.fetch("SELECT customer_match, ticket_id FROM events") == [(match, None)]
    assert tickets_in(database) == []


def test_ambiguous_event_gets_no_ticket_though_it_names_a_customer(store: TicketStore, database: Database) -> None:
    store.store([observation(customer_match="ambiguous")])
    assert tickets_in(database) == []


def test_event_without_time_counts_once_in_its_report_and_again_in_another(
    store: TicketStore, database: Database
) -> None:
    timeless = observation(time_source=None)
    assert store.store([timeless, timeless]).events == 1
    assert store.store([timeless]).events == 0
    other = observation(
        time_source=None, report_evidence="cd" * 32, report_id=2, time_observation="2026-11-21T11:00:00+00:00"
    )
    assert store.store([other]).events == 1
    assert database.fetch("SELECT at FROM events ORDER BY at") == [
        (utc("2026-11-20T11:00:00"),),
        (utc("2026-11-21T11:00:00"),),
    ]


def test_time_in_the_future_is_a_mistake_and_receipt_counts(store: TicketStore, database: Database) -> None:
    store.store([observation(time_source=hours_ago(-30)), observation(time_source=hours_ago(-20))])
    times = [row[0] for row in database.fetch("SELECT at FROM events ORDER BY at")]
    assert times[0] == utc("2026-11-20T11:00:00")
    assert times[1] > now_utc()


def test_very_old_time_goes_to_the_default_partition(store: TicketStore, database: Database) -> None:
    store.store([observation(time_source="2009-05-05T10:00:00+00:00")])
    assert database.fetch("SELECT at FROM events_other") == [(utc("2009-05-05T10:00:00"),)]
    assert tickets_in(database)[0]["first_seen"] == utc("2009-05-05T10:00:00")


def test_months_have_partitions_of_their_own(store: TicketStore, database: Database) -> None:
    store.store([observation(), observation(time_source="2026-10-31T23:59:59+00:00")])
    assert database.fetch("SELECT count(*) FROM events_2026_11") == [(1,)]
    assert database.fetch("SELECT count(*) FROM events_2026_10") == [(1,)]


def test_text_that_postgresql_does_not_take_is_stored_without_it(store: TicketStore, database: Database) -> None:
    odd = {"a\0b": ["x\0", {"deep": "half \ud800 pair"}], "large": 1 << 70}
    store.store(
        [
            observation(extra_odd=odd, feed_name="Feed\0 with \udfff"),
            observation(source_ip=None, source_account="back\\slash\ttab\nline \ud800\0"),
        ]
    )
    ((data,),) = database.fetch("SELECT data FROM events WHERE ip IS NOT NULL")
    assert data["extra.odd"] == {"ab": ["x", {"deep": "half ? pair"}], "large": str(1 << 70)}
    assert {ticket["resource"] for ticket in tickets_in(database)} >= {"back\\slash\ttab\nline ?"}


def test_raw_is_left_to_the_evidence(store: TicketStore, database: Database) -> None:
    store.store([observation(raw="cmF3")])
    ((data,),) = database.fetch("SELECT data FROM events")
    assert "raw" not in data


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (observation(time_source=None, time_observation=None), "time"),
        (observation(classification_type=None), "classification.type"),
        (observation(source_ip=None), "source"),
        (observation(source_ip="192.0.2.300"), "not an address"),
    ],
)
def test_event_that_lacks_the_least_is_rejected_with_its_batch(
    store: TicketStore, database: Database, event: dict[str, Any], reason: str
) -> None:
    with pytest.raises(EventRejected, match=reason):
        store.store([observation(), event])
    assert events_in(database) == 0


def test_key_too_long_for_an_index_is_the_events_fault_not_an_outage(store: TicketStore, database: Database) -> None:
    """An outage would be waited for without end, and the queue would stand still."""
    endless = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9000))
    with pytest.raises(Exception, match="index") as caught:
        store.store([observation(customer_id=endless)])
    assert not isinstance(caught.value, Unavailable)


@pytest.mark.parametrize(
    "broken", ["ALTER DATABASE {name} SET default_transaction_read_only = on", "ALTER TABLE tickets RENAME TO gone"]
)
def test_database_that_cannot_be_written_is_an_outage_not_the_events_fault(
    store: TicketStore, database: Database, dsn: str, broken: str
) -> None:
    """Otherwise every event would be thrown out as a bad message while a standby takes over or a migration is missing."""
    name = dsn.split()[0].removeprefix("dbname=")
    database.fetch(broken.format(name=name))
    database.close()
    with pytest.raises(Unavailable):
        store.store([observation()])


def test_same_event_named_for_two_customers_leaves_no_empty_ticket(store: TicketStore, database: Database) -> None:
    """The customer data changed between two deliveries, and both came in one batch with events of other tickets."""
    store.store([observation(source_ip="192.0.2.9")])
    store.store(
        [
            observation(),
            observation(customer_id="C2"),
            observation(source_ip="192.0.2.9", time_source="2026-11-20T12:00:00+00:00"),
        ]
    )
    assert [ticket["event_count"] for ticket in tickets_in(database)] == [2, 1]


def test_ticket_closed_between_opening_and_locking_leads_to_another_try(
    store: TicketStore, database: Database, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.store([observation()])
    other = Database(dsn)
    sql = dict(store._sql)
    closed: list[int] = []

    class ClosesInBetween(dict):  # type: ignore[type-arg]
        def __getitem__(self, name: str) -> str:
            if name == "lock_tickets" and not closed:
                closed.append(1)
                other.fetch("UPDATE tickets SET state = 'closed', state_at = '2026-09-01T12:00:00Z'")
            return sql[name]

    monkeypatch.setattr(store, "_sql", ClosesInBetween(sql))
    store.store([observation(time_source="2026-11-20T12:00:00+00:00")])
    other.close()
    old, new = tickets_in(database)
    assert (old["state"], old["event_count"]) == ("closed", 1)
    assert (new["state"], new["event_count"]) == ("open", 1)


def test_customer_that_vanished_from_the_database_is_written_again(store: TicketStore, database: Database) -> None:
    """A backup was restored below a running bot, which remembers customers that it wrote."""
    store.store([observation()])
    database.fetch("TRUNCATE customers, tickets, events CASCADE")
    assert store.store([observation()]).tickets == 1
    assert database.fetch("SELECT id FROM customers") == [("C1",)]


def test_no_ticket_without_customer_and_no_customer_deleted_with_tickets(
    store: TicketStore, database: Database
) -> None:
    store.store([observation()])
    for statement in (
        "INSERT INTO tickets (key, customer_id, resource, problem) VALUES (gen_random_uuid(), 'C9', 'x', 'x')",
        "UPDATE tickets SET customer_id = 'C9'",
        "DELETE FROM customers",
        "UPDATE customers SET id = 'C9'",
    ):
        with pytest.raises(psycopg2.errors.ForeignKeyViolation):
            database.fetch(statement)


def test_dry_run_stores_nothing(store: TicketStore, database: Database) -> None:
    database.dry_run = True
    assert store.store([observation()]).events == 1
    database.dry_run = False
    assert tickets_in(database) == []
    assert events_in(database) == 0


def shuffled_batches(seed: int, workers: int) -> list[list[list[dict[str, Any]]]]:
    """For each worker batches that overlap with those of the others, in another order."""
    chance = random.Random(seed)
    events = [
        observation(
            source_ip=f"192.0.2.{number % 23}",
            customer_id=f"C{number % 23 % 5}",
            customer_match="none" if number % 7 == 0 else "one",
            classification_type=chance.choice(("brute-force", "infected-system", "scanner")),
            severity=chance.choice(("low", "medium", "critical")),
            time_source=f"2026-{chance.choice((9, 10, 11)):02}-{chance.randint(1, 20):02}T10:00:{number % 60:02}+00:00",
            extra_number=number,
        )
        for number in range(400)
    ]
    plan = []
    for _ in range(workers):
        chosen = events[:]
        chance.shuffle(chosen)
        plan.append([chosen[start : start + 50] for start in range(0, len(chosen), 50)])
    return plan


def summary(database: Database) -> set[tuple[Any, ...]]:
    return {
        tuple(ticket[name] for name in ("customer_id", "resource", "problem", "severity", "event_count", "first_seen", "last_seen"))
        for ticket in tickets_in(database)
    }  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_four_workers_with_overlapping_batches_do_as_one(dsn: str, database: Database, seed: int) -> None:
    plan = shuffled_batches(seed, 4)
    failures: list[BaseException] = []

    def work(batches: list[list[dict[str, Any]]]) -> None:
        mine = Database(dsn)
        try:
            store = store_of(mine)
            for batch in batches:
                store.store(batch)
        except BaseException as error:
            failures.append(error)
        finally:
            mine.close()

    workers = [threading.Thread(target=work, args=(batches,)) for batches in plan]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    together = summary(database)
    assert events_in(database) == 400

    database.fetch("TRUNCATE customers, tickets, events RESTART IDENTITY CASCADE")
    alone = store_of(database)
    for batch in plan[0]:
        alone.store(batch)
    assert summary(database) == together
    assert events_in(database) == 400


def many(number: int) -> list[dict[str, Any]]:
    return [
        observation(source_ip=f"192.0.2.{count % 200}", time_source=f"2026-11-20T10:{count // 60 % 60:02}:{count % 60:02}+00:00")
        for count in range(number)
    ]  # fmt: skip


def test_many_events_are_stored_in_several_transactions(
    store: TicketStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregate, "TRANSACTION", 100)
    batch = many(950)
    assert (store.store(batch).events, store.store(batch).known) == (950, 950)
    assert sum(ticket["event_count"] for ticket in tickets_in(database)) == events_in(database) == 950
    ((transactions,),) = database.fetch("SELECT count(DISTINCT xmin::text) FROM events")
    assert transactions == 10


def test_what_stands_before_a_bad_event_may_be_stored_and_counts_once_when_it_comes_again(
    store: TicketStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregate, "TRANSACTION", 100)
    good = many(250)
    with pytest.raises(EventRejected):
        store.store([*good, observation(classification_type=None)])
    for event in good:
        store.store([event])
    assert sum(ticket["event_count"] for ticket in tickets_in(database)) == events_in(database) == 250


def test_database_that_is_away_fails_the_whole_of_many_events(
    store: TicketStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregate, "TRANSACTION", 100)
    answers = iter([None, Unavailable("away")])

    def retrying(work: Any) -> Any:
        answer = next(answers, None)
        if answer is not None:
            raise answer
        return original(work)

    original = database.retrying
    store.store(many(1))
    monkeypatch.setattr(database, "retrying", retrying)
    with pytest.raises(Unavailable):
        store.store(many(950))
    monkeypatch.undo()
    store.store(many(950))
    assert events_in(database) == 950
