# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How fast the portal's pages are with many tickets, on one worker: pages a second and their times.

    python benchmarks/portal.py [--tickets 1000000] [--events 2] [--seconds 15] [--clients 6] [--folder F] [--json]

It starts PostgreSQL and one uvicorn worker of its own; the database is kept in the folder for the next run. The clients
are threads of this process, so they compete with the server for the machine's cores.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import random
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from abusehandler.configuration.model import Configuration
from abusehandler.installer.services import PostgresServer
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade
from abusehandler.tickets.selfhelp_links import LinkTerms, make_link

LINKS = 500
#: Problems that customers see; some have long help texts.
PROBLEMS = (
    "brute-force",
    "open-dns-resolver",
    "infected-system",
    "spam",
    "phishing",
    "open-ntp",
    "open-redis",
    "exposed-smb",
)


def fill(database: Database, tickets: int, events: int) -> None:
    """Customers, tickets and events; a customer in ten thousand is a large one."""
    names = ", ".join(f"'{problem}'" for problem in PROBLEMS)
    customers = max(tickets // 20, 10)
    database.fetch(
        "INSERT INTO customers (id, name, language) SELECT 'C' || n, 'Customer ' || n, (ARRAY['en','de','nl','fr','es'])[1 + n %% 5] "
        "FROM generate_series(1, %s) n", (customers,)
    )  # fmt: skip
    database.fetch(
        "INSERT INTO tickets (key, customer_id, resource, network, problem, severity, state, event_count, first_seen, last_seen, "
        "last_event_id, opened_at) SELECT md5(n::text)::uuid, 'C' || CASE WHEN n %% 200 = 0 THEN 1 ELSE 1 + n * 7919 %% %(c)s END, "
        f"host('10.0.0.0'::inet + n), ('10.0.0.0'::inet + n)::cidr, (ARRAY[{names}])[1 + n %% 8], (n %% 5)::smallint, "
        "CASE WHEN n %% 4 = 0 THEN 'open' ELSE 'closed' END, %(e)s, now() - interval '3 days', now() - interval '1 hour', n, "
        "now() - interval '3 days' FROM generate_series(1::bigint, %(t)s) n",
        {"c": customers, "e": events, "t": tickets},
    )
    database.fetch("SELECT make_events_month(now() - n * interval '1 month') FROM generate_series(0, 1) n")
    for begin in range(0, tickets, 100_000):
        database.fetch(
            "INSERT INTO events (at, fingerprint, report_id, ticket_id, customer_match, ip, port, problem, severity, feed, data) "
            "SELECT now() - k * interval '7 hours', md5(n || '-' || k)::uuid, n, n, 'one', '10.0.0.0'::inet + n, 53, 'open-dns-resolver', 2, "
            "'Feed', jsonb_build_object('source.ip', host('10.0.0.0'::inet + n), 'source.port', 53, 'protocol.transport', 'udp', "
            "'event_description.text', 'seen by a sensor', 'extra.tag', 'x' || k) "
            "FROM generate_series(%s::bigint, %s) n, generate_series(1, %s) k",
            (begin + 1, min(begin + 100_000, tickets), events),
        )
    database.connection().autocommit = True
    with database.connection().cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    database.connection().autocommit = False


def serve(settings: dict[str, Any]) -> None:
    """One worker."""
    import uvicorn

    from abusehandler.portal.app import create_app

    configuration = Configuration.model_validate(settings)
    uvicorn.run(
        create_app(configuration), host="127.0.0.1", port=configuration.portal.port, log_level="error", ws="none"
    )


def load(port: int, paths: list[str], seconds: float, clients: int, worker: psutil.Process) -> dict[str, float]:
    """Asks for pages for so long: their number a second, their times in milliseconds, and what one costs the worker."""
    used = sum(worker.cpu_times()[:2])
    times: list[float] = []
    wrong: list[int] = []
    end = time.monotonic() + seconds

    def work(seed: int) -> None:
        chance = random.Random(seed)  # no secret
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < end:
            before = time.perf_counter()
            connection.request("GET", chance.choice(paths))
            answer = connection.getresponse()
            answer.read()
            times.append(time.perf_counter() - before)
            if answer.status != 200:
                wrong.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()

    def at(part: float) -> float:
        return round(times[min(int(len(times) * part), len(times) - 1)] * 1000, 1)

    return {
        "pages_per_second": round(len(times) / seconds, 1), "p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99),
        "cpu_ms": round((sum(worker.cpu_times()[:2]) - used) / len(times) * 1000, 2), "errors": len(wrong),
    }  # fmt: skip


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Fills, serves, asks."""
    server = PostgresServer(folder / "pg")
    server.start("shared_buffers=256MB", "fsync=off", "max_wal_size=4GB", "maintenance_work_mem=256MB")
    name = f"portal{arguments.tickets}"
    try:
        done = folder / f"{name}.filled"
        if not done.exists():
            server.make_database(name)
        database = Database(server.dsn(name))
        upgrade(database)
        if not done.exists():
            fill(database, arguments.tickets, arguments.events)
            done.touch()
        port = _free_port()
        settings = {
            "organisation": {"name": "Example Networks", "abuse_address": "abuse@example.net", "time_zone": "Europe/Vienna"},
            "networks": {"prefixes": ["10.0.0.0/8"]}, "database": {"dsn": server.dsn(name)}, "evidence": {"path": str(folder / "evidence")},
            "customers": {"connector": "csv", "path": "customers.csv"}, "recheck": {"enabled": True},
            "portal": {"public_url": f"http://127.0.0.1:{port}", "port": port, "proxies": 0},
            "self_help": {"pages_per_minute": 100_000, "colour": "#0f7b6c"},
        }  # fmt: skip
        worker = multiprocessing.get_context("spawn").Process(target=serve, args=(settings,))
        worker.start()
        try:
            _wait_for(port)
            return {
                "tickets": arguments.tickets,
                "events": arguments.tickets * arguments.events,
                **self_help(database, port, arguments, psutil.Process(worker.pid)),
            }
        finally:
            worker.terminate()
            worker.join()
            database.close()
    finally:
        server.stop()


def self_help(database: Database, port: int, arguments: argparse.Namespace, worker: psutil.Process) -> dict[str, Any]:
    """The customer's pages: a ticket, the list, and the list of a customer with very many tickets."""
    rows = database.fetch(
        "SELECT customer_id, id FROM tickets WHERE state = 'open' AND customer_id <> 'C1' ORDER BY md5(id::text) LIMIT %s",
        (LINKS,),
    )
    tokens = [
        (make_link(database, customer, terms=LinkTerms(), made_for="benchmark"), ticket) for customer, ticket in rows
    ]
    large = make_link(database, "C1", terms=LinkTerms(), made_for="benchmark")
    pages = {
        "ticket": [f"/help/{token}/{ticket}" for token, ticket in tokens],
        "list": [f"/help/{token}?all=1" for token, _ in tokens],
        "large customer's list": [f"/help/{large}"],
    }
    found: dict[str, Any] = {}
    load(port, pages["ticket"], 3, 2, worker)
    for name, paths in pages.items():
        found[name] = {
            "one client": load(port, paths, arguments.seconds / 2, 1, worker),
            f"{arguments.clients} clients": load(port, paths, arguments.seconds, arguments.clients, worker),
        }
    return {"self-help": found}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the portal did not start")


def main() -> None:
    """As the module's docstring says."""
    parser = argparse.ArgumentParser(description="How fast the portal's pages are.")
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=2, help="for each ticket")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        found = measure(arguments, arguments.folder)
    else:
        with tempfile.TemporaryDirectory(prefix="ah-") as folder:
            found = measure(arguments, Path(folder))
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{found['tickets']} tickets, {found['events']} events")
    for name, ways in found["self-help"].items():
        for way, numbers in ways.items():
            print(f"self-help, {name}, {way}: " + ", ".join(f"{key} {value}" for key, value in numbers.items()))


if __name__ == "__main__":
    main()
