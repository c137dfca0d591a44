# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes the pictures of this folder: starts PostgreSQL and a portal with an invented network's data, and looks with chromium.

    installer/test.sh run docs/pictures/make.py FOLDER [--all]

`--all` takes every page of the desk, light, dark and on a phone. All people, companies and addresses are invented or reserved
for documentation (RFC 5737, RFC 3849, RFC 2606).
"""

from __future__ import annotations

import argparse
import random
import shutil
import socket
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import sync_playwright

from abusehandler.configuration.model import Configuration
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.installer.services import PostgresServer
from abusehandler.portal.app import create_app
from abusehandler.portal.login import passwords
from abusehandler.tickets import actions, rollups
from abusehandler.tickets.aggregate import TicketStore
from abusehandler.tickets.database import Database
from abusehandler.tickets.desk.users import UserStore
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.incoming import Incoming
from abusehandler.tickets.migrate import upgrade
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.reports import Outcome, ReportStore

PASSWORD = "pictures of an invented desk"  # noqa: S105
CUSTOMERS = (
    ("10021", "Harbour Lights Hotel"), ("10044", "Lindqvist & Daughters"), ("10107", "Northside Public Library"),
    ("10230", "Bluebell Web Hosting"), ("10318", "Café Morgenrot"), ("10402", "Orchard Valley School"),
    ("10455", "Pension Seeblick"), ("10519", "Varga Engineering"), ("10777", "Riverbank Dental Care"),
    ("10931", "Kestrel Logistics"), ("11002", "Atelier Fontaine"), ("11040", "Tallgrass Energy Coop"),
)  # fmt: skip
#: type, identifier, port, feed, how often it is seen
PROBLEMS = (
    ("infected-system", "mirai", 23, "Example Sinkhole", 46), ("brute-force", "ssh", 22, "Night Watch", 31),
    ("vulnerable-system", "open-dns-resolver", 53, "Shadowserver Open-DNS", 4), ("spam", "spam", 25, "Feedback loop", 12),
    ("vulnerable-system", "open-ntp-monlist", 123, "Shadowserver NTP", 5), ("phishing", "phishing", 443, "abuse mailbox", 2),
    ("vulnerable-system", "open-redis", 6379, "Shadowserver Redis", 3),
    ("ddos-amplifier", "open-memcached", 11211, "Shadowserver Memcached", 4),
    ("scanner", "portscan", 445, "Night Watch", 18), ("c2-server", "c2", 8443, "Example C2 tracker", 6),
)  # fmt: skip
REPORT = b"""From: Night Watch <noc@watch.example.org>
To: abuse@example.net
Subject: Login attempts from your network
Date: Fri, 20 Nov 2026 10:00:00 +0000
Message-ID: <one@watch.example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Dear colleagues,

a machine of yours tries passwords at our mail server, please have a look.
It is 192.0.2.77, last seen on 2026-11-20 09:58:00 UTC, and it knocks about forty times an hour.

Kind regards,
the night shift
"""
PAGES = (
    "/tickets", "/tickets/1", "/tickets/1/notice", "/inbox", "/drafts/1", "/drafts", "/reports/1", "/customers", "/customers/10230",
    "/networks?prefix=192.0.2.0/24", "/analytics", "/rules", "/admin", "/admin/users", "/admin/audit", "/admin/privacy?who=10230", "/me",
)  # fmt: skip


def events() -> list[dict[str, Any]]:
    """A week of an invented network; the same each time but for the present moment."""
    dice = random.Random(7)  # noqa: S311  # pictures
    now = datetime.now(timezone.utc).replace(microsecond=0)
    found = []
    for number in range(58):
        kind, identifier, port, feed, often = PROBLEMS[(number * 3 + number // 7) % len(PROBLEMS)]
        customer, name = CUSTOMERS[(number * 5) % len(CUSTOMERS)]
        address = (
            f"2001:db8:{number:x}::{number + 16:x}"
            if number % 11 == 5
            else f"{('192.0.2', '198.51.100', '203.0.113')[number % 3]}.{dice.randrange(2, 250)}"
        )
        first = dice.uniform(2, 160)
        for _ in range(dice.randrange(1, often + 1)):
            at = now - timedelta(hours=dice.uniform(0.2, first))
            found.append(
                {
                    "__type": "Event", "classification.type": kind, "classification.identifier": identifier, "source.ip": address,
                    "source.port": port, "protocol.transport": "udp" if port in (53, 123, 11211) else "tcp", "time.source": at.isoformat(),
                    "time.observation": now.isoformat(), "feed.name": feed, "report.id": 1, "customer.id": customer,
                    "customer.match": "one", "customer.name": name, "destination.port": port,
                    **({"malware.name": "mirai"} if identifier == "mirai" else {}),
                }
            )  # fmt: skip
    return found


def fill(database: Database, evidence: Path) -> None:
    """Tickets in every state, with what people did to them."""
    kept, reports = EvidenceStore(evidence), ReportStore(database)
    record, _ = reports.accept(kept.keep(REPORT), kind="mail", channel="abuse-mail", name="mail")
    reports.describe(record.id, sender="noc@watch.example.org", subject="Login attempts from your network")
    reports.finish(record.id, Outcome("unread", "free-text", "not sure enough: 0.44", confidence=0.44))
    schedule = NoticeSchedule(settle=timedelta(hours=1), again=timedelta(days=3), policy="at-once")
    TicketStore(database, Incoming(Catalogue.load(), schedule)).store(events())
    database.fetch(
        "UPDATE tickets SET opened_at = first_seen + interval '4 minutes', state_at = first_seen + interval '4 minutes'"
    )
    numbers = [row[0] for row in database.fetch("SELECT id FROM tickets ORDER BY severity DESC, id DESC")]
    ((first,),) = database.fetch(
        "SELECT id FROM tickets WHERE problem LIKE 'infected%%' AND customer_id = '10021' ORDER BY event_count DESC LIMIT 1",
        (),
    )
    actions.assign(database, [first, *numbers[5:9]], "anna", author="anna")
    actions.assign(database, numbers[10:13], "ben", author="ben")
    actions.note(
        database, [first], "Rang the hotel; their technician changes the camera's password today.", author="anna"
    )
    actions.note(database, [first], "We will look again tomorrow at noon.", author="anna", public=True)
    database.fetch(
        "UPDATE tickets SET notified_at = first_seen + interval '1 hour', notified_event_id = last_event_id WHERE id %% 3 <> 0",
        (),
    )
    database.fetch(
        "UPDATE tickets SET customer_state = (ARRAY['working','resolved','disputed'])[1 + id %% 3] WHERE id %% 4 = 1",
        (),
    )
    database.fetch(
        "UPDATE tickets SET state = 'closed', state_at = now() - interval '3 hours' WHERE id = ANY(%s)",
        (numbers[-14:],),
    )
    database.fetch("UPDATE tickets SET state = 'resolved', relapses = 1 WHERE id = ANY(%s)", (numbers[14:17],))
    database.fetch(
        "UPDATE tickets SET state = 'escalated', escalated_at = now(), escalated_by = 'anna' WHERE id = %s", (first,)
    )
    for number in {first, *numbers[:30]}:
        _notice(database, number)
    _answer(database, first)
    rollups.refresh(database)


def _notice(database: Database, ticket: int) -> None:
    database.fetch(
        "WITH n AS (INSERT INTO notices (customer_id, state, created_at) SELECT customer_id, 'addressed', first_seen + interval '1 hour' "
        "FROM tickets WHERE id = %(t)s RETURNING id), nt AS (INSERT INTO notice_tickets (notice_id, ticket_id, after_event, "
        "through_event, event_count, update_of) SELECT n.id, %(t)s, 0, 1, 1, false FROM n) "
        "INSERT INTO deliveries (notice_id, recipient, language, message_id, state, sent_at, answer) "
        "SELECT n.id, 'it@' || t.customer_id || "
        "'.example.com', 'en', 'n' || n.id || '@example.net', 'sent', t.first_seen + interval '62 minutes', '250 2.0.0 Ok: queued' "
        "FROM n, tickets t WHERE t.id = %(t)s",
        {"t": ticket},
    )


def _answer(database: Database, ticket: int) -> None:
    database.fetch(
        "WITH a AS (INSERT INTO answers (kind, at, sender, sender_name, sender_is, proven, subject, tied_by, said, whole_text) VALUES "
        "('reply', now() - interval '25 minutes', 'it@harbour.example.com', 'Front office', 'contact', true, "
        "'Re: A machine in your network', "
        "'address', 'Thank you for the hint. It is the camera at the back door; we have taken it off the network.', '') RETURNING id) "
        "INSERT INTO answer_tickets (answer_id, ticket_id, unread) SELECT id, %s, true FROM a",
        (ticket,),
    )


def settings(folder: Path, dsn: str, port: int) -> dict[str, Any]:
    """abusehandler.yaml of the invented network."""
    lines = [
        f"{('192.0.2', '198.51.100', '203.0.113')[n % 3]}.{n * 16}/28,{number},{name},it@{number}.example.com"
        for n, (number, name) in enumerate(CUSTOMERS)
    ]
    (folder / "customers.csv").write_text("prefix,customer,name,email\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return {
        "organisation": {"name": "Example Networks", "abuse_address": "abuse@example.net", "time_zone": "Europe/Vienna"},
        "networks": {"prefixes": ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"]},
        "database": {"dsn": dsn}, "evidence": {"path": str(folder / "evidence")},
        "customers": {"connector": "csv", "path": str(folder / "customers.csv")}, "rules": {"path": str(folder / "rules.yaml")},
        "portal": {"public_url": f"http://127.0.0.1:{port}", "port": port, "proxies": 0},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--all", action="store_true", help="every page, light, dark and on a phone")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ah-") as name, socket.socket() as free:
        folder = Path(name)
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
        free.close()
        server = PostgresServer(folder / "pg")
        server.start("max_connections=40", "fsync=off")
        try:
            server.make_database("pictures")
            database = Database(server.dsn("pictures"))
            upgrade(database)
            fill(database, folder / "evidence")
            for login, name in (("anna", "Anna Berg"), ("ben", "Ben Okoye")):
                UserStore(database).add(
                    login, "admin", author="pictures", name=name, password_hash=passwords.hashed(PASSWORD)
                )
            web = uvicorn.Server(
                uvicorn.Config(
                    create_app(Configuration.model_validate(settings(folder, server.dsn("pictures"), port))), host="127.0.0.1",
                    port=port, log_level="error", ws="none",
                )
            )  # fmt: skip
            thread = threading.Thread(target=web.run)
            thread.start()
            while not web.started:
                time.sleep(0.05)
            ((ticket,),) = database.fetch("SELECT id FROM tickets WHERE state = 'escalated'")
            _look(f"http://127.0.0.1:{port}", arguments.folder, int(ticket), everything=arguments.all)
            web.should_exit = True
            thread.join()
        finally:
            server.stop()


def _look(url: str, folder: Path, ticket: int, *, everything: bool) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        looks: list[tuple[str, dict[str, Any]]] = [
            ("light", {"viewport": {"width": 1280, "height": 860}, "device_scale_factor": 1})
        ]
        if everything:
            looks += [
                ("dark", {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"}),
                ("phone", {"viewport": {"width": 390, "height": 844}, "is_mobile": True}),
            ]
        for look, context in looks:
            tab = browser.new_context(base_url=url, **context).new_page()
            tab.goto("/")
            tab.get_by_label("Login").fill("anna")
            tab.get_by_label("Password").fill(PASSWORD)
            tab.get_by_role("button", name="Log in").click()
            tab.wait_for_url("**/tickets")
            if not everything:
                tab.screenshot(path=folder / "tickets.png")
                tab.set_viewport_size({"width": 1280, "height": 1120})
                tab.goto(f"/tickets/{ticket}")
                tab.screenshot(path=folder / "ticket.png")
                continue
            if look == "light":
                tab.goto("/inbox")
                tab.get_by_role("button", name="Teach").click()
                tab.wait_for_url("**/drafts/1")
            for page in PAGES:
                page = page.replace("/tickets/1", f"/tickets/{ticket}")
                tab.goto(page)
                tab.screenshot(
                    path=folder / f"{look}-{page.strip('/').replace('/', '-').partition('?')[0]}.png", full_page=True
                )
        browser.close()


if __name__ == "__main__":
    main()
