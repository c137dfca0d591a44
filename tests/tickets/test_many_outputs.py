# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Two, four and eight ticket outputs at once, as processes of their own, make the same tickets as one."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from observations import observation, store_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.tickets.database import Database

EVENTS, BATCH = 600, 50

WRITER = """
import sys
sys.path.insert(0, sys.argv[4])
from test_many_outputs import plan
from observations import store_of
from abusehandler.tickets.database import Database
store = store_of(Database(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for batch in plan(int(sys.argv[2]), int(sys.argv[3])):
    store.store(batch)
"""


def events(seed: int) -> list[dict[str, Any]]:
    """Events of few tickets, so that the outputs are always in each other's way; some come again and late."""
    chance = random.Random(seed)
    return [
        observation(
            source_ip=f"192.0.2.{number % 23}",
            customer_id=f"C{number % 23 % 5}",
            customer_match="none" if number % 7 == 0 else "one",
            classification_type=chance.choice(("brute-force", "infected-system", "scanner")),
            severity=chance.choice(("low", "medium", "critical")),
            time_source=f"2026-{chance.choice((9, 10, 11)):02}-{chance.randint(1, 20):02}T10:00:{number % 60:02}+00:00",
            extra_number=number,
        )
        for number in range(EVENTS)
    ]


def plan(seed: int, worker: int) -> list[list[dict[str, Any]]]:
    """The batches of one output: all events in an order of its own, so that each event comes to every output."""
    chosen = events(seed)
    random.Random(seed * 1000 + worker).shuffle(chosen)
    return [chosen[start : start + BATCH] for start in range(0, len(chosen), BATCH)]


def run(dsn: str, seed: int, workers: Sequence[int]) -> None:
    """All outputs begin at the same moment."""
    command = [sys.executable, "-c", WRITER, dsn, str(seed)]
    here = str(Path(__file__).parent)
    processes = [
        subprocess.Popen([*command, str(worker), here], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for worker in workers
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.close()
    for process in processes:
        assert process.wait(timeout=300) == 0
        assert process.stdout is not None
        process.stdout.close()


def summary(database: Database) -> list[tuple[Any, ...]]:
    """Everything about tickets that does not depend on who came first."""
    return database.fetch(
        "SELECT customer_id, resource, problem, severity, state, event_count, first_seen, last_seen, relapses "
        "FROM tickets ORDER BY 1, 2, 3"
    )


def assert_counts_are_those_of_the_events(database: Database) -> None:
    wrong = database.fetch(
        "SELECT t.id FROM tickets t, LATERAL (SELECT count(*), min(at), max(at), max(severity), max(id) FROM events e WHERE e.ticket_id = t.id) "
        "AS e (count, first, last, severity, id) WHERE (t.event_count, t.first_seen, t.last_seen, t.severity, t.last_event_id) "
        "IS DISTINCT FROM (e.count, e.first, e.last, e.severity, e.id)"
    )
    assert wrong == []


@pytest.mark.parametrize("number", [2, 4, 8])
def test_so_many_outputs_do_as_one(dsn: str, database: Database, number: int) -> None:
    run(dsn, number, range(number))
    together = summary(database)
    assert database.fetch("SELECT count(*), count(DISTINCT id) FROM events") == [(EVENTS, EVENTS)]
    assert_counts_are_those_of_the_events(database)
    database.fetch("TRUNCATE customers, tickets, events RESTART IDENTITY CASCADE")
    alone = store_of(database)
    for batch in plan(number, 0):
        alone.store(batch)
    assert summary(database) == together


def test_outputs_that_reopen_the_same_tickets_count_each_relapse_once(dsn: str, database: Database) -> None:
    early = [event for event in events(1) if event["time.source"] < "2026-10"]
    store_of(database).store(early)
    database.fetch(
        "UPDATE tickets SET state = CASE WHEN id % 2 = 0 THEN 'resolved' ELSE 'closed' END, state_at = '2026-10-25Z'"
    )
    run(dsn, 1, range(4))
    assert database.fetch(
        "SELECT count(*) FROM (SELECT key FROM tickets GROUP BY key HAVING count(*) > 1) AS twice"
    ) == [(0,)]
    assert database.fetch("SELECT count(*) FROM tickets WHERE relapses > 1") == [(0,)]
    assert database.fetch("SELECT count(*) FROM tickets WHERE state <> 'open' AND last_seen > state_at") == [(0,)]
    ((relapses, audited),) = database.fetch(
        "SELECT (SELECT sum(relapses) FROM tickets), (SELECT count(*) FROM audit_trail WHERE change = 'reopened')"
    )
    assert relapses == audited
    assert_counts_are_those_of_the_events(database)
