# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ticket output against IntelMQ's SQL output, with an empty and with a full store; and an idle run of the timers.

Events of 30 fields go into 100,000 tickets of 10,000 customers: each ticket is opened by one event and gets two more.
IntelMQ's output makes one INSERT and commit for each event. Bots run as processes with their queue full.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _rows, _stage, _store_rows, whole_way

if TYPE_CHECKING:
    import argparse

OURS, STOCK = "our-tickets", "stock-sql"


def configure(stage: _stage.Stage, database: str) -> None:
    """From now on our bots use this database."""
    configuration = {**whole_way.CONFIGURATION, "database": {"dsn": stage.postgres.dsn(database)}}
    stage.configure(whole_way.bots(stage, 10_000_000), configuration, _rows.customers())


def measure(stage: _stage.Stage, bot: str, number: int, tickets: int, seed: int) -> dict[str, float]:
    """Events per second of one bot, and CPU time in microseconds for each event: its own and PostgreSQL's."""
    messages = list(_store_rows.events(number, tickets=tickets, seed=seed))
    stage.start_bots(bot)
    before = _cpu(stage.pid(bot)), _cpu_of_children(stage.postgres.pid())
    with stage.clock() as seconds:
        stage.push(f"{bot}-queue", messages)
        stage.wait(lambda: not stage.client.exists(f"{bot}-queue", f"{bot}-queue-internal"), f"{bot} to finish")
    bot_cpu, server_cpu = _cpu(stage.pid(bot)) - before[0], _cpu_of_children(stage.postgres.pid()) - before[1]
    memory = stage.stop_bots()[bot]
    return {
        "events": number, "seconds": round(seconds[0], 2), "rate": round(number / seconds[0]),
        "bot_cpu_us": round(bot_cpu / number * 1e6, 1), "postgresql_cpu_us": round(server_cpu / number * 1e6, 1), "memory_mb": memory,
    }  # fmt: skip


def _cpu(pid: int | None) -> float:
    """Seconds of CPU time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _cpu_of_children(pid: int | None) -> float:
    """The same for a server and its present children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    total = _cpu(pid)
    for child in children:
        try:
            total += _cpu(int(child))
        except OSError:
            continue
    return total


def aggregation(stage: _stage.Stage, database: str, tickets: int) -> dict[str, Any]:
    """Each ticket is opened by one event and gets two more, in two reports."""
    from abusehandler.tickets.database import Database

    configure(stage, database)
    connection = Database(stage.postgres.dsn(database))
    before = connection.fetch("SELECT (SELECT count(*) FROM tickets), (SELECT count(*) FROM events)")[0]
    opening = measure(stage, OURS, tickets, tickets, seed=1)
    adding = [measure(stage, OURS, tickets, tickets, seed=seed) for seed in (2, 3)]
    after = connection.fetch("SELECT (SELECT count(*) FROM tickets), (SELECT count(*) FROM events)")[0]
    connection.close()
    made = after[0] - before[0], after[1] - before[1]
    if made != (tickets, 3 * tickets):
        raise RuntimeError(f"{made} tickets and events were stored instead of {(tickets, 3 * tickets)}")
    every = [opening, *adding]
    total = sum(part["seconds"] for part in every)
    cpu = sum(part["bot_cpu_us"] + part["postgresql_cpu_us"] for part in every) / 3
    return {
        "rate": round(3 * tickets / total), "rate_on_one_core": round(1e6 / cpu), "unit": "events/s",
        "opening": opening, "adding": adding,
    }  # fmt: skip


def rollups(database: Any) -> dict[str, float]:
    """Seconds for making all statistics, for making what changed, and milliseconds for asking."""
    from abusehandler.tickets import rollups as made

    times: dict[str, float] = {}
    for name in ("all_seconds", "changed_seconds"):
        start = time.perf_counter()
        made.refresh(database)
        times[name] = round(time.perf_counter() - start, 2)
    asked = []
    for _ in range(5):
        start = time.perf_counter()
        made.rates(database, days=180)
        asked.append((time.perf_counter() - start) * 1000)
    times["asking_ms"] = round(statistics.median(asked), 1)
    return times


def configure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stored-events", type=int, help="events that are in the full store (10,000,000); 0 leaves it out"
    )
    parser.add_argument("--stored-tickets", type=int, help="tickets that are in it (1,000,000)")


def main() -> None:
    parsed = _stage.arguments(__doc__, configure_arguments)
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.migrate import upgrade
    from benchmarks import _timers

    tickets, stock_number = (5_000, 1_000) if parsed.quick else (100_000, 20_000)
    stored_events = (50_000 if parsed.quick else 10_000_000) if parsed.stored_events is None else parsed.stored_events
    stored_tickets = (5_000 if parsed.quick else 1_000_000) if parsed.stored_tickets is None else parsed.stored_tickets
    with _stage.Stage() as stage:
        whole_way.prepare(stage)
        figures: dict[str, Any] = {}
        _stage.say(f"IntelMQ's SQL output, {stock_number} events")
        figures["stock"] = measure(stage, STOCK, stock_number, stock_number, seed=1)
        _stage.say(f"ticket output, {3 * tickets} events into {tickets} tickets, empty store")
        figures["empty_store"] = aggregation(stage, "abusehandler", tickets)
        figures["ratio"] = round(figures["empty_store"]["rate"] / figures["stock"]["rate"], 1)
        if stored_events:
            _stage.say(f"filling a store with {stored_events} events and {stored_tickets} tickets by SQL")
            stage.postgres.make_database("full")
            database = Database(stage.postgres.dsn("full"))
            upgrade(database)
            _store_rows.fill(database, tickets=stored_tickets, events=stored_events)
            _stage.say("the same with the full store")
            figures["full_store"] = aggregation(stage, "full", tickets)
            figures["full_of_empty"] = round(figures["full_store"]["rate"] / figures["empty_store"]["rate"], 2)
            _stage.say("idle timers and statistics over the full store")
            figures["statistics"] = rollups(database)
            database.close()
            figures["idle_timers"] = dict(_timers.idle_round(stage.postgres.dsn("full")))
    _stage.finish(
        {
            "benchmark": "store",
            "tickets": tickets,
            "stored": {"events": stored_events, "tickets": stored_tickets},
            **figures,
        }
    )


if __name__ == "__main__":
    main()
