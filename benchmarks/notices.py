# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Notices: mails a second unsigned and signed, 100,000 tickets due at once, and what a run with nothing due costs.

PostgreSQL, the mail server and the senders are processes of their own; each mail has text, HTML, help, CSV and XARF.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _stage import ROOT, arguments, finish, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from abusehandler.tickets.database import Database

EVENT = {
    "classification.type": "brute-force", "classification.identifier": "ssh", "source.port": 50022, "feed.name": "Example Feed",
    "protocol.transport": "tcp", "protocol.application": "ssh", "destination.port": 22, "event_description.text": "SSH login attempts",
}  # fmt: skip
PROBLEM = "brute-force"


class Desk:
    """A database with tickets, and a mail server."""

    def __init__(self) -> None:
        from abusehandler.installer.services import PostgresServer, free_port

        self.folder = Path(tempfile.mkdtemp(prefix="ahb-"))
        self.postgres = PostgresServer(self.folder / "pg")
        self.port = free_port()
        self._number = 0

    def start(self) -> None:
        from abusehandler.installer.services import until

        self.postgres.start(
            "max_connections=50", "shared_buffers=256MB", "max_wal_size=4GB", "checkpoint_timeout=30min"
        )
        self._sink = subprocess.Popen([sys.executable, str(ROOT / "benchmarks" / "_smtp_sink.py"), str(self.port)])
        until(self._sink_answers, "the mail server")

    def stop(self) -> None:
        self._sink.terminate()
        self._sink.wait(timeout=20)
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _sink_answers(self) -> bool:
        try:
            return bool(self.mails() >= 0)
        except OSError:
            return False

    def mails(self) -> int:
        """How many mails the server has taken."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"QUIT\r\n")
            words = connection.recv(200)
            while words.count(b"\n") < 2:
                words += connection.recv(200)
        return int(words.splitlines()[1].split()[1])

    def server_cpu(self) -> float:
        """Seconds of a core that PostgreSQL (sessions that have ended included) and the mail server have used."""
        tick = os.sysconf("SC_CLK_TCK")
        pid = self.postgres.pid()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        total = 0
        for process, wanted in (
            (pid, slice(11, 15)),
            (self._sink.pid, slice(11, 13)),
            *((child, slice(11, 13)) for child in children),
        ):
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
                total += sum(int(field) for field in fields[wanted])
        return total / tick

    def new_database(self, customers: int, tickets_each: int, events_each: int, *, due: bool = True) -> str:
        """A database whose tickets are all due, or none; returns its connection string."""
        from psycopg2.extras import Json

        from abusehandler.tickets.database import Database
        from abusehandler.tickets.migrate import upgrade

        self._number += 1
        name = f"desk{self._number}"
        self.postgres.make_database(name)
        database = Database(self.postgres.dsn(name))
        upgrade(database)
        total = customers * tickets_each
        database.fetch(
            "INSERT INTO customers (id, name) SELECT 'C' || n, 'Customer ' || n FROM generate_series(1, %s) n",
            (customers,),
        )
        database.fetch(
            "INSERT INTO tickets (key, customer_id, resource, network, problem, severity, event_count, first_seen, last_seen,"
            " last_event_id, notify_due, notified_at, state)"
            " SELECT md5(n::text)::uuid, 'C' || (n %% %s + 1), host(a), a, %s, 3, %s, now() - interval '2 hours', now(), n * %s,"
            " CASE WHEN %s THEN now() - interval '1 minute' END, CASE WHEN %s THEN NULL ELSE now() END, 'open'"
            " FROM (SELECT n, '10.0.0.0'::inet + n AS a FROM generate_series(1, %s) n) AS rows",
            (customers, PROBLEM, events_each, events_each, due, due, total),
        )
        if events_each:
            database.fetch("SELECT make_events_month(now()), make_events_month(now() - interval '2 hours')")
            database.fetch(
                "INSERT INTO events (id, ticket_id, at, fingerprint, customer_match, ip, port, problem, severity, feed, data)"
                " OVERRIDING SYSTEM VALUE"
                " SELECT (t - 1) * %s + e, t, now() - e * interval '1 minute', md5(t || '/' || e)::uuid, 'one', '10.0.0.0'::inet + t, 22, %s,"
                " 3, 'Example Feed', %s || jsonb_build_object('source.ip', host('10.0.0.0'::inet + t), 'time.source', now())"
                " FROM generate_series(1, %s) t, generate_series(1, %s) e",
                (events_each, PROBLEM, Json(EVENT), total, events_each),
            )
        database.close()
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            self._maintain(name, statement)
        return self.postgres.dsn(name)

    def _maintain(self, name: str, statement: str) -> None:
        import psycopg2

        connection = psycopg2.connect(self.postgres.dsn(name))
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement)

    def send(self, dsn: str, processes: int = 1, **task: Any) -> list[dict[str, Any]]:
        """Lets so many sender processes work until nothing is due; returns what each says."""
        whole = json.dumps({"dsn": dsn, "port": self.port, "senders": 2, **task})
        program = [sys.executable, "-W", "ignore", "-m", "benchmarks._notice_sender", whole]
        running = [subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(processes)]
        results = []
        for process in running:
            out, _ = process.communicate(timeout=3600)
            if process.returncode:
                raise RuntimeError(f"a sender ended with {process.returncode}")
            results.append(json.loads(out))
        return results


@contextlib.contextmanager
def desk() -> Iterator[Desk]:
    stage = Desk()
    stage.start()
    try:
        yield stage
    finally:
        stage.stop()


def rate(stage: Desk, mails: int, processes: int, senders: int, **task: Any) -> dict[str, Any]:
    """Mails a second from prepared notices, of senders that begin together."""
    dsn = stage.new_database(mails, 1, 3)
    (prepared,) = stage.send(dsn, only_prepare=True)
    before, used = stage.mails(), stage.server_cpu()
    results = stage.send(dsn, processes, senders=senders, **task)
    taken = stage.mails() - before
    servers = (stage.server_cpu() - used) / mails * 1000
    sending = sum(result["cpu"] for result in results) / mails * 1000
    if taken != mails:
        raise RuntimeError(f"{taken} mails were taken, {mails} were due")
    # the processes start together, so the longest is the whole
    seconds = max(result["seconds"] for result in results)
    return {
        "mails": mails, "mails_per_second": round(mails / seconds, 1), "processes": processes, "connections_each": senders,
        "cpu_ms_per_mail": {"senders": round(sending, 2), "postgresql_and_mail_server": round(servers, 2)},
        "memory_mb": max(result["memory"] for result in results),
        "prepared_notices_per_second": round(prepared["notices"] / prepared["seconds"], 1),
    }  # fmt: skip


def keys(folder: Path) -> dict[str, dict[str, str]]:
    """Ed25519 for PGP/MIME and ECDSA P-256 for S/MIME, made now."""
    import pysequoia

    pgp = folder / "pgp.asc"
    pgp.write_bytes(bytes(str(pysequoia.Tsk.generate("Abuse Desk <abuse@example.net>")), "ascii"))
    key, certificate = folder / "smime.key", folder / "smime.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=abuse@example.net", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    for path in (pgp, key):
        path.chmod(0o600)
    return {
        "pgp_ed25519": {"pgp_key": str(pgp)},
        "smime_ecdsa": {"smime_key": str(key), "smime_certificate": str(certificate)},
    }


def flood(stage: Desk, customers: int, tickets_each: int, processes: int) -> dict[str, Any]:
    """All is due at once: from tickets to taken mails."""
    dsn = stage.new_database(customers, tickets_each, 2)
    start = time.perf_counter()
    results = stage.send(dsn, processes, senders=2)
    seconds = time.perf_counter() - start
    return {
        "tickets_due": customers * tickets_each, "mails": sum(result["sent"] for result in results), "seconds": round(seconds, 1),
        "memory_mb": max(result["memory"] for result in results), "memory_mb_before": max(result["base"] for result in results),
    }  # fmt: skip


def wait_until_alone(database: Database) -> None:
    """Until no other session is left: at its end each tells its statistics."""
    from _fed_desk import wait_until

    others = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    wait_until(lambda: database.fetch(others) == [(0,)], "the end of other sessions", 20)


def idle(stage: Desk, tickets: int) -> dict[str, Any]:
    """A round of the mailer with nothing due."""
    from abusehandler.tickets.database import Database

    dsn = stage.new_database(max(1, tickets // 10), 10, 0, due=False)
    database = Database(dsn)
    wal = (
        "SELECT pg_current_wal_lsn() - '0/0', (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables)"
    )
    stage.send(dsn, rounds=1)
    wait_until_alone(database)
    before = database.fetch(wal)[0]
    rounds = [stage.send(dsn, rounds=20)[0]["seconds"] / 20 * 1000 for _ in range(3)]
    wait_until_alone(database)
    after = database.fetch(wal)[0]
    database.close()
    return {
        "tickets": tickets,
        "milliseconds": round(statistics.median(rounds), 2),
        "rows_written": int(after[1] - before[1]),
    }


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, default=2, help="sender processes (bots) at once")
    parser.add_argument("--senders", type=int, default=6, help="connections of each, as the bot's parameter `senders`")
    parser.add_argument("--only", help="unsigned, signed, flood or idle")


def main() -> None:
    options = arguments("Notices: speed, memory, idle cost.", _configure)
    quick = options.quick
    figures: dict[str, Any] = {}
    with desk() as stage:
        if options.only in (None, "unsigned"):
            say("unsigned mails")
            figures["unsigned"] = rate(stage, 500 if quick else 10_000, options.processes, options.senders)
        if options.only in (None, "signed"):
            for name, files in keys(stage.folder).items():
                say(f"mails signed with {name}")
                figures[name] = rate(stage, 300 if quick else 4_000, options.processes, options.senders, keys=files)
        if options.only in (None, "flood"):
            say("many tickets due at once")
            figures["flood"] = flood(stage, 200 if quick else 10_000, 10, options.processes)
        if options.only in (None, "idle"):
            say("nothing due")
            figures["idle"] = idle(stage, 10_000 if quick else 1_000_000)
    finish(figures)


if __name__ == "__main__":
    main()
