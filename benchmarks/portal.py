# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How fast the portal's pages are with a year of tickets, on one worker: every screen of the desk, and the customers' pages.

    python benchmarks/portal.py [--quick] [--tickets 1000000] [--folder F] [--only WORD] [--json]

It starts PostgreSQL and one uvicorn worker of its own. The database is kept in the folder, where one is named, for the next
run. Screens of the desk are asked for one after another; self-help by one client, and by several at once, which take
part of a core themselves, as PostgreSQL does.
"""

from __future__ import annotations

import multiprocessing
import random
import socket
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _stage

if TYPE_CHECKING:
    import argparse

    from abusehandler.tickets.database import Database
    from benchmarks._page_client import Consumers

LINKS = 500
CLIENTS = 4
AGENT = "benchmark"
DESK_MS, SELF_HELP_MS = 150, 50


def serve(settings: dict[str, Any]) -> None:
    """One worker, as `abusehandler portal` starts it."""
    from abusehandler.commands.portal import serve
    from abusehandler.configuration.model import Configuration
    from abusehandler.portal.app import create_app

    configuration = Configuration.model_validate(settings)
    serve(create_app(configuration), configuration, access_log=False)


def desk(
    database: Database, port: int, number: int, seed: int, only: str, consumers: Consumers
) -> dict[str, dict[str, Any]]:
    """Every screen for an administrator, some for a person of an account."""
    from benchmarks._page_client import PageClient, one_after_another
    from benchmarks._portal_screens import OF_AN_ACCOUNT, downloads, screens

    dice = random.Random(seed)  # no secret
    known = screens(database, dice)
    whole: dict[str, dict[str, Any]] = {"desk": {}, "desk, an account": {}, "downloads": {}}
    for group, login, account, wanted in (
        ("desk", "anna", None, known),
        ("desk, an account", "tina", "acme", {name: known[name] for name in OF_AN_ACCOUNT}),
        ("downloads", "anna", None, downloads(database, dice)),
    ):
        client = PageClient(port, f"abusehandler={_session(database, login, account)}")
        for name, path in wanted.items():
            if only in name:
                calls = number if group != "downloads" else max(number // 10, 2)
                whole[group][name] = one_after_another(client, path, calls, consumers)
                _stage.say(f"{group}: {name}: {whole[group][name]}")
        client.close()
    return whole


def _session(database: Database, login: str, account: str | None) -> str:
    """Somebody who is logged in: the value of the cookie."""
    from abusehandler.tickets.desk.sessions import SessionStore
    from abusehandler.tickets.desk.users import UserStore

    people = UserStore(database)
    role: Any = "tenant" if account else "admin"
    user = people.find(login) or people.add(login, role, author=AGENT, account=account)
    sessions = SessionStore(database, idle=timedelta(days=1))
    return sessions.begin(user, lasts=timedelta(days=1), address="127.0.0.1", agent=AGENT)


def self_help(database: Database, port: int, seconds: float, consumers: Consumers) -> dict[str, Any]:
    """The customers' pages: a ticket, the list, and the list of a customer with very many tickets."""
    from abusehandler.tickets.selfhelp_links import LinkTerms, make_link
    from benchmarks._page_client import at_once

    rows = database.fetch(
        "SELECT customer_id, id FROM tickets WHERE state = 'open' AND customer_id <> 'C1' ORDER BY md5(id::text) LIMIT %s",
        (LINKS,),
    )
    tokens = [(make_link(database, customer, terms=LinkTerms(), made_for=AGENT), ticket) for customer, ticket in rows]
    largest = make_link(database, "C1", terms=LinkTerms(), made_for=AGENT)
    ((owner, large),) = database.fetch("SELECT customer_id, id FROM tickets ORDER BY event_count DESC LIMIT 1")
    link = make_link(database, owner, terms=LinkTerms(), made_for=AGENT)
    pages = {
        "ticket": [f"/help/{token}/{ticket}" for token, ticket in tokens],
        "list": [f"/help/{token}?all=1" for token, _ in tokens],
        "ticket with a tenth of the events": [f"/help/{link}/{large}"],
        "first page of a customer with 5,000 tickets": [f"/help/{largest}"],
    }
    at_once(port, pages["ticket"], 1, seconds / 5, consumers)
    found: dict[str, Any] = {}
    for name, paths in pages.items():
        found[name] = {
            "one client": at_once(port, paths, 1, seconds / 2, consumers),
            f"{CLIENTS} clients": at_once(port, paths, CLIENTS, seconds, consumers),
        }
        _stage.say(f"self-help: {name}: {found[name]}")
    return found


def measure(parsed: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Fills, serves, asks."""
    from abusehandler.installer.services import PostgresServer
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.migrate import upgrade
    from benchmarks._page_client import Consumers
    from benchmarks._portal_rows import fill

    server = PostgresServer(folder / "pg")
    server.start(
        "shared_buffers=512MB", "fsync=off", "max_wal_size=8GB", "maintenance_work_mem=512MB", "autovacuum=off"
    )
    name = f"portal{parsed.tickets}"
    try:
        done = folder / f"{name}.filled"
        if not done.exists():
            server.make_database(name)
        database = Database(server.dsn(name))
        upgrade(database)
        if not done.exists():
            _stage.say(f"filling a database with {parsed.tickets} tickets and {parsed.tickets * parsed.events} events")
            fill(database, parsed.tickets, parsed.events, folder / "evidence")
            done.touch()
        events, size = database.fetch("SELECT (SELECT count(*) FROM events), pg_database_size(current_database())")[0]
        settings = _settings(folder, server.dsn(name))
        worker = multiprocessing.get_context("spawn").Process(target=serve, args=(settings,))
        worker.start()
        try:
            port = settings["portal"]["port"]
            _wait_for(port)
            consumers = Consumers(worker.pid or 0, server.pid() or 0)
            pages, seconds = (10, 3) if parsed.quick else (parsed.pages, parsed.seconds)
            whole = desk(database, port, pages, parsed.seed, parsed.only, consumers)
            if not parsed.only or parsed.only == "self-help":
                whole["self-help"] = self_help(database, port, seconds, consumers)
        finally:
            worker.terminate()
            worker.join()
            database.close()
    finally:
        server.stop()
    slow = [
        f"{group}: {name}"
        for group in ("desk", "desk, an account")
        for name, one in whole[group].items()
        if one["p95_ms"] > DESK_MS
    ]
    slow += [
        name
        for name, ways in whole.get("self-help", {}).items()
        if any(one["p95_ms"] > SELF_HELP_MS for one in ways.values())
    ]
    return {"tickets": parsed.tickets, "events": events, "database_mb": size // 1_000_000, "slower_than_wanted": slow, **whole}  # fmt: skip


def _settings(folder: Path, dsn: str) -> dict[str, Any]:
    customers = folder / "customers.csv"
    lines = [
        f"10.{n >> 8}.{n & 255}.0/24,{'A' if n % 10 == 3 else 'C'}{n},Customer {n},contact{n}@example.com"
        for n in range(1, 2000)
    ]
    customers.write_text("\n".join(("prefix,customer,name,email", *lines)) + "\n", encoding="utf-8")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    return {
        "organisation": {"name": "Example Networks", "abuse_address": "abuse@example.net", "time_zone": "Europe/Vienna"},
        "networks": {"prefixes": ["10.0.0.0/8"]}, "database": {"dsn": dsn}, "evidence": {"path": str(folder / "evidence")},
        "customers": {"connector": "csv", "path": str(customers)}, "recheck": {"enabled": True},
        "portal": {"public_url": f"http://127.0.0.1:{port}", "port": port, "proxies": 0, "session_hours": 24, "idle_minutes": 720},
        "self_help": {"pages_per_minute": 100_000, "colour": "#0f7b6c"},
    }  # fmt: skip


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the portal did not start")


def configure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tickets", type=int, help="in the database (1,000,000; --quick: 20,000)")
    parser.add_argument("--events", type=int, default=10, help="for each ticket, on average")
    parser.add_argument("--pages", type=int, default=100, help="calls of each screen")
    parser.add_argument("--seconds", type=float, default=15, help="for each page of self-help")
    parser.add_argument("--folder", type=Path, help="where the database is kept")
    parser.add_argument("--only", default="", help="only screens with this in their name, or self-help")
    parser.add_argument("--seed", type=int, default=1)


def main() -> None:
    """As the module's docstring says."""
    parsed = _stage.arguments(__doc__, configure_arguments)
    parsed.tickets = parsed.tickets or (20_000 if parsed.quick else 1_000_000)
    if parsed.folder is not None:
        parsed.folder.mkdir(parents=True, exist_ok=True)
        found = measure(parsed, parsed.folder)
    else:
        with tempfile.TemporaryDirectory(prefix="ah-") as folder:
            found = measure(parsed, Path(folder))
    _stage.finish({"benchmark": "portal", **found})


if __name__ == "__main__":
    main()
