# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How long a round of the timers takes over a store with very many tickets, and that an idle one writes nothing."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.database import Database
from abusehandler.tickets.life_cycle import LifeCycle
from abusehandler.tickets.rules import Rules
from abusehandler.tickets.rules.model import RuleFile

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Tickets made by SQL, each with its customer of a ten-thousand and no events: the timers look at tickets.
TICKETS = """
INSERT INTO customers (id) SELECT 'C' || n FROM generate_series(0, 9999) n ON CONFLICT DO NOTHING;
INSERT INTO tickets (key, customer_id, resource, network, problem, severity, event_count, first_seen, last_seen, opened_at, state_at,
                     last_event_id, notified_event_id, notified_at, close_check)
SELECT md5('t' || n)::uuid, 'C' || n %% 10000, host('10.0.0.0'::inet + n), set_masklen('10.0.0.0'::inet + n, 32)::cidr, 'brute-force', 3, 1,
       now() - interval '1 day', now() - interval '1 day', now() - interval '1 day', now() - interval '1 day', 1, 1, now(),
       now() + interval '2 days' + n * interval '1 second'
FROM generate_series(1, %(count)s) n;
ANALYZE tickets, customers
"""
RULES = RuleFile.model_validate({"escalation": [{"name": "flood", "events": 100, "raise_severity_to": "critical"}]})


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds are medians of `rounds`; `tickets` are those in the store."""

    tickets: int
    rounds: int
    idle_ms: float
    idle_worst_ms: float
    idle_wrote: bool
    first_ms: float


def make_tickets(dsn: str, count: int) -> None:
    """Puts open tickets into an empty store."""
    database = Database(dsn)
    database.fetch(TICKETS, {"count": count})
    database.close()


def idle_round(dsn: str, rounds: int = 50) -> Mapping[str, object]:
    """Times rounds in which nothing is due, on the store as it is; the first round, which may have work, is told apart."""
    database = Database(dsn)
    timers = LifeCycle(database)
    rules = Rules(RULES, Catalogue.load())
    begin = time.perf_counter()
    while timers.run(rules, seconds=600).more:
        pass
    first = time.perf_counter() - begin
    before = _written(database)
    took = []
    for _ in range(rounds):
        begin = time.perf_counter()
        timers.run(rules)
        took.append(1000 * (time.perf_counter() - begin))
    wrote = _written(database) != before
    ((tickets,),) = database.fetch("SELECT count(*) FROM tickets")
    database.close()
    return asdict(
        Timing(tickets, rounds, round(statistics.median(took), 2), round(max(took), 2), wrote, round(1000 * first, 1))
    )


def close_all(dsn: str) -> Mapping[str, object]:
    """Times the closing of all open tickets at once, as after a long stop."""
    database = Database(dsn)
    database.fetch("UPDATE tickets SET opened_at = opened_at - i, state_at = state_at - i, last_seen = last_seen - i, close_check = now() "
                   "FROM (SELECT interval '100 days' AS i) x WHERE state <> 'closed'")  # fmt: skip
    timers = LifeCycle(database)
    rules = Rules(RULES, Catalogue.load())
    begin = time.perf_counter()
    closed = 0
    while True:
        report = timers.run(rules, seconds=600)
        closed += report.closed
        if not report.more:
            break
    took = time.perf_counter() - begin
    database.close()
    return {"closed": closed, "per_second": round(closed / took) if took else 0}


def _written(database: Database) -> object:
    """The next transaction number: one that writes takes one. Nobody else may write meanwhile."""
    return database.fetch("SELECT pg_snapshot_xmax(pg_current_snapshot())")


def main() -> None:
    """Alone: with a PostgreSQL of its own, one million tickets (or so many as are asked for)."""
    import argparse
    import json
    import signal
    import tempfile
    from pathlib import Path

    from abusehandler.installer.services import PostgresServer
    from abusehandler.tickets.migrate import upgrade

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--close", action="store_true", help="also close all of them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ah-") as folder:
        server = PostgresServer(Path(folder) / "pg")
        server.start("shared_buffers=256MB", "max_wal_size=4GB")
        try:
            server.make_database("timers")
            database = Database(server.dsn("timers"))
            upgrade(database)
            database.close()
            make_tickets(server.dsn("timers"), arguments.tickets)
            told = dict(idle_round(server.dsn("timers")))
            if arguments.close:
                told.update(close_all(server.dsn("timers")))
            print(json.dumps(told, indent=2))
        finally:
            server.stop(signal.SIGINT)


if __name__ == "__main__":
    main()
