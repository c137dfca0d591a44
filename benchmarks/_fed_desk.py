# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A desk with real bots that is fed without end, whose parts can be killed, and that is held to the promises afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import redis
import yaml

from abusehandler.installer.services import reap
from abusehandler.installer.tryout import TryOut
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable

#: The way of a feed file, in order.
CHAIN = ("feed-file-collector", "shadowserver-parser", "customer-expert", "ticket-output")
MAILER = "notice-output"
#: 192.0.2.0/24 in blocks of four addresses.
CUSTOMERS = 64
HEADER = (
    '"timestamp","severity","ip","protocol","port","hostname","tag","asn","geo","min_amplification","dns_version"\n'
)
#: What must keep its meaning for ever once it was seen: number → what it stands for.
NUMBERED = {
    "tickets": "SELECT id, key::text FROM tickets",
    "notices": "SELECT id, customer_id FROM notices",
    "deliveries": "SELECT id, message_id FROM deliveries",
    "reports": "SELECT id, evidence FROM reports",
}


class FedDesk(TryOut):
    """A try-out with customers of its own; its bots are processes that the caller starts, kills and starts again."""

    def __init__(
        self, folder: Path, *, mailers: int = 1, smtp_port: int | None = None, smtp_seconds: float = 60
    ) -> None:
        super().__init__(folder)
        self.mailers = [MAILER, *(f"{MAILER}-{number}" for number in range(2, mailers + 1))]
        self.bots: dict[str, subprocess.Popen[bytes]] = {}
        self.fed = 0
        self.files = 0
        self._smtp_port = smtp_port
        self._smtp_seconds = smtp_seconds
        self._started = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=2)
        self._modules: dict[str, str] = {}
        self._seen: dict[str, dict[int, str]] = {what: {} for what in NUMBERED}
        self.reused: list[str] = []

    # ------------------------------------------------------------------ setting up

    def open(self) -> None:
        """Writes the configuration and starts the servers; no bot yet."""
        etc = self.root / "etc"
        etc.mkdir(parents=True, exist_ok=True)
        lines = ["prefix,customer id,name,email,language"]
        lines += [
            f"192.0.2.{number * 4}/30,C-{number},Customer {number},contact{number}@example.org,en"
            for number in range(CUSTOMERS)
        ]
        (etc / "customers.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.lay_out()
        self.start_servers()
        upgrade(Database(self.postgres.dsn()))

    def _runtime(self, pipeline: Path) -> str:
        runtime: dict[str, Any] = yaml.safe_load(super()._runtime(pipeline))
        runtime["global"]["error_retry_delay"] = 1
        for name in self.mailers:
            runtime[name] = {**runtime[MAILER], "parameters": {"longest_wait": 0.3}}
        self._modules = {name: bot["module"] for name, bot in runtime.items() if name != "global"}
        return yaml.safe_dump(runtime, sort_keys=False)

    def _configuration(self) -> dict[str, object]:
        return {
            **super()._configuration(),
            "mail": {
                "smtp": {
                    "host": "127.0.0.1",
                    "port": self._smtp_port or self.sink.port,
                    "timeout_seconds": self._smtp_seconds,
                }
            },
            # An update may follow at once: the more mails, the more moments at which one is under way.
            "notices": {"settle_seconds": 0.2, "policy": "at-once", "repeat_hours": 0.0001, "in_doubt": "ask"},
        }

    # ------------------------------------------------------------------ processes

    def start(self, *bots: str) -> None:
        """Starts bots; what they print goes to their `.out` file."""
        for bot in bots:
            program = Path(sys.executable).parent / self._modules[bot]
            with (self.root / "var/log" / f"{bot}.out").open("ab") as log:
                self.bots[bot] = subprocess.Popen(
                    [str(program), bot], env=self.environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
                )

    def start_all(self) -> None:
        """Starts the whole way."""
        self.start(*CHAIN, *self.mailers)

    def works(self, bot: str) -> bool:
        """Whether the bot has a connection to the database: it is past its start."""
        with contextlib.suppress(psycopg2.Error), contextlib.closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE application_name = %s", (bot,))
            return cursor.fetchone() is not None
        return False

    def kill(self, bot: str) -> None:
        """kill -9, and the process is gone."""
        self.bots[bot].kill()
        self.bots[bot].wait()

    def kill_postgres(self) -> None:
        """kill -9 of the server and of all its processes, as when the machine's memory is short."""
        number = self.postgres.pid()
        if number is None:
            return
        # stopped first, so that it starts no process that would be missed: one that lives on bars the next start
        os.kill(number, signal.SIGSTOP)
        processes = [number, *children(number)]
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        wait_until(lambda: not any(map(runs, processes)), "the end of PostgreSQL", 120)
        # as a zombie it would still count as running for the next one
        reap()

    def ended(self) -> dict[str, int]:
        """Bots that have ended by themselves, with their exit codes."""
        return {bot: process.returncode for bot, process in self.bots.items() if process.poll() is not None}

    def close(self) -> None:
        """Stops everything that was started here; the folder goes."""
        for process in self.bots.values():
            process.kill()
        for process in self.bots.values():
            process.wait()
        self.bots.clear()
        self.remove()

    # ------------------------------------------------------------------ feeding and looking

    def feed(self, rows: int) -> None:
        """One report file more; every row is another observation."""
        self.files += 1
        day = datetime.now(timezone.utc)
        name = f"{day:%Y-%m-%d}-scan_dns-part{self.files}-asn64496.csv"
        waiting = self.root / "var/lib/feeds" / f".{name}"
        with waiting.open("w", encoding="utf-8") as stream:
            stream.write(HEADER)
            for number in range(self.fed, self.fed + rows):
                moment = self._started + timedelta(seconds=number)
                stream.write(
                    f'"{moment:%Y-%m-%d %H:%M:%S}","medium","192.0.2.{number * 5 % 256}","udp",53,'
                    f'"host-{number}.example.net","openresolver,dns",64496,"AT",4.6190,"dnsmasq-2.80"\n'
                )
        waiting.rename(waiting.with_name(name))
        self.fed += rows

    def connect(self) -> Any:
        """A connection of its own to the database."""
        return psycopg2.connect(self.postgres.dsn(), connect_timeout=3)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with contextlib.closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return list(cursor.fetchall())

    def number(self, query: str) -> int:
        """The one number that a query finds."""
        return int(self.rows(query)[0][0])

    def note_numbers(self) -> None:
        """Remembers what every number stands for; one that stands for something else now, or for nothing, is told in `reused`."""
        for what, query in NUMBERED.items():
            now = dict(self.rows(query))
            for number, meaning in self._seen[what].items():
                if now.get(number) != meaning:
                    self.reused.append(f"{what} {number}: was {meaning}, is {now.get(number)}")
            self._seen[what] = now

    def in_hand(self, bot: str) -> int:
        """How many messages the bot had taken and not acknowledged."""
        try:
            with contextlib.closing(self.redis.client()) as client:
                return int(client.llen(f"{bot}-queue-internal"))  # type: ignore[arg-type]
        except redis.RedisError:
            return 0

    def left(self) -> dict[str, int]:
        """What is still under way; mails in doubt are not."""
        with contextlib.closing(Database(self.postgres.dsn())) as database:
            left = self.under_way(database)
        mails = self.number("SELECT count(*) FROM deliveries WHERE state IN ('waiting', 'sending')")
        left.pop("notice mails", None)
        return {**left, "notice mails": mails} if mails else left

    def settle(self, seconds: float = 300) -> None:
        """Waits until all that was fed is stored and all that is due is sent."""
        wait_until(lambda: not self.left(), lambda: f"the end of {self.left()}", seconds, pause=0.3)

    def log(self, bot: str) -> str:
        """The bot's log."""
        path = self.root / "var/log" / f"{bot}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    # ------------------------------------------------------------------ the promises

    def broken_promises(self) -> list[str]:
        """What is wrong, in words; empty when nothing was lost, counted twice or told twice."""
        self.note_numbers()
        wrong = [f"a number was used again: {text}" for text in self.reused]
        events = self.number("SELECT count(*) FROM events")
        different = self.number("SELECT count(DISTINCT (at, ip)) FROM events")
        counted = self.number("SELECT coalesce(sum(event_count), 0) FROM tickets")
        if not events == different == counted == self.fed:
            wrong.append(f"{self.fed} events were fed; {events} stored, {different} different, tickets count {counted}")
        if self.number("SELECT count(*) FROM events WHERE ticket_id IS NULL"):
            wrong.append("events have no ticket")
        reports = self.number("SELECT count(*) FROM reports WHERE state = 'read'")
        if reports != self.files:
            wrong.append(f"{self.files} files were fed, {reports} reports are read")
        return wrong + self._wrong_notices() + self._wrong_mails()

    def _wrong_notices(self) -> list[str]:
        """Each event stands in exactly one notice: the notices of a ticket go on where the one before ended."""
        wrong = []
        told: dict[int, int] = {}
        for ticket, after, through in self.rows(
            "SELECT ticket_id, after_event, through_event FROM notice_tickets JOIN notices ON notices.id = notice_id "
            "WHERE notices.state <> 'withdrawn' ORDER BY notice_id"
        ):
            if after != told.get(ticket, 0) or through <= after:
                wrong.append(f"ticket {ticket}: a notice tells events {after} to {through} after {told.get(ticket, 0)}")
            told[ticket] = through
        for ticket, last in self.rows("SELECT id, last_event_id FROM tickets"):
            if told.get(ticket, 0) != last:
                wrong.append(f"ticket {ticket}: events after {told.get(ticket, 0)} were never told, the last is {last}")
        return wrong

    def _wrong_mails(self) -> list[str]:
        """Each mail that counts as sent came once, one in doubt at most once, and no other came."""
        arrived = Counter(message_id(path) for path in self.sink.mails.glob("*.eml"))
        wrong = []
        known: dict[str, str] = dict(self.rows("SELECT message_id, state FROM deliveries"))  # type: ignore[arg-type]
        doubles = self.rows("SELECT notice_id FROM deliveries GROUP BY notice_id, recipient HAVING count(*) > 1")
        wrong += [f"notice {number} has two mails to one contact" for (number,) in doubles]
        for identity, count in arrived.items():
            if known.get(identity) not in ("sent", "in-doubt"):
                wrong.append(f"mail {identity} came, its state is {known.get(identity)}")
            if count > 1:
                wrong.append(f"mail {identity} came {count} times, its state is {known.get(identity)}")
        wrong += [
            f"mail {identity} is {state} and did not come"
            for identity, state in known.items()
            if identity not in arrived and state != "in-doubt"
        ]
        return wrong

    def told(self) -> set[tuple[str, str, int]]:
        """(recipient, resource, events told): what customers have heard, however it was divided into mails."""
        return {
            (recipient, resource, int(count))
            for recipient, resource, count in self.rows(
                "SELECT d.recipient, t.resource, count(*) FROM deliveries d JOIN notice_tickets n USING (notice_id) "
                "JOIN tickets t ON t.id = n.ticket_id JOIN events e ON e.ticket_id = t.id AND e.id > n.after_event "
                "AND e.id <= n.through_event WHERE d.state = 'sent' GROUP BY 1, 2"
            )
        }


def message_id(path: Path) -> str:
    """The Message-ID of a mail as the sink wrote it."""
    with path.open("rb") as stream:
        return str(BytesHeaderParser().parse(stream).get("Message-ID", "")).strip()


def runs(process: int) -> bool:
    """Whether there is such a process; a zombie is none."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def children(parent: int) -> list[int]:
    """The process ids of its children."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if int(path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found


def wait_until(
    condition: Callable[[], bool], what: str | Callable[[], str], seconds: float, *, pause: float = 0.05
) -> None:
    """Looks again and again; raises RuntimeError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds:.0f} seconds for {what if isinstance(what, str) else what()}")
        time.sleep(pause)
