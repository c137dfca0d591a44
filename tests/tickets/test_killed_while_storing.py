# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""kill -9 of a process that stores, at any moment, and the batch delivered again: the counts are exact."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from observations import observation, store_of, tickets_in

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

BATCHES, SIZE = 12, 100

WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from test_killed_while_storing import batches
from observations import store_of
from abusehandler.tickets.database import Database
store = store_of(Database(sys.argv[1]))
for number, batch in enumerate(batches()):
    print(number, flush=True)
    store.store(batch)
print("done", flush=True)
"""


def batches() -> list[list[dict[str, object]]]:
    """The batches as a queue holds them: the same at every delivery."""
    return [
        [
            observation(
                source_ip=f"192.0.2.{number % 40}",
                customer_id=f"C{number % 40 % 7}",
                time_source=f"2026-11-{1 + batch % 20:02}T10:{number % 60:02}:00+00:00",
                extra_number=batch * SIZE + number,
            )
            for number in range(SIZE)
        ]
        for batch in range(BATCHES)
    ]


def test_killed_at_random_moments_nothing_is_lost_or_doubled(dsn: str, database: Database) -> None:
    chance = random.Random(20261121)
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, dsn, str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            # killed when it said that it begins this batch: before, in the middle of, or after its transaction
            last = chance.randrange(BATCHES)
            for line in process.stdout:
                if line.strip() == str(last):
                    break
            process.kill()
        # one statement: what the killed program had handed to PostgreSQL may be committed yet
        ((stored, counted),) = database.fetch(
            "SELECT (SELECT count(*) FROM events), (SELECT coalesce(sum(event_count), 0) FROM tickets)"
        )
        assert stored == counted
        assert stored % SIZE == 0
    store = store_of(database)
    for batch in batches():
        store.store(batch)
    assert database.fetch("SELECT count(*) FROM events") == [(BATCHES * SIZE,)]
    assert sum(ticket["event_count"] for ticket in tickets_in(database)) == BATCHES * SIZE
    assert len(tickets_in(database)) == 40
