# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The try-out: a whole abuse desk in one folder, with servers of its own, fed with samples.

`installer/try.sh` makes the virtual environment and calls this module: `up`, `show`, `stop` or `remove`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import yaml

from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.harmonization.fields import merge_file
from abusehandler.installer import samples
from abusehandler.installer.services import PostgresServer, RedisServer, SmtpSink, end_process
from abusehandler.installer.tryout_view import show
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

#: How long the samples may take from the folders to the mails.
RESULT_SECONDS = 300
#: So often it is counted anew when something was written meanwhile.
LOOKS = 50
#: Grows with whatever is written to the database.
_WRITTEN = "SELECT pg_current_wal_insert_lsn()"
_MESSAGES = """
local number = 0
for _, queue in ipairs(redis.call('KEYS', '*-queue*')) do number = number + redis.call('LLEN', queue) end
return number
"""


class TryOut:
    """The folder of a try-out: `root` is IntelMQ's root directory, the servers stand beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.root = self.folder / "intelmq"
        self.postgres = PostgresServer(self.folder / "postgresql")
        self.redis = RedisServer(self.folder / "redis")
        self.sink = SmtpSink(self.folder / "smtp")

    def environment(self) -> dict[str, str]:
        """What `intelmqctl` and `abusehandler` need to find this try-out."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '/usr/bin:/bin')}"
        return {**os.environ, "INTELMQ_ROOT_DIR": str(self.root), "PATH": path, "PYTHONWARNINGS": "ignore"}

    def up(self) -> None:
        """Makes what is missing, starts what is down, feeds the samples once and shows the result."""
        self.lay_out()
        self.start_servers()
        upgrade(Database(load(self.root / "etc" / "abusehandler.yaml").database.dsn))
        say("starting the bots with intelmqctl")
        self.intelmqctl("start")
        self.require_running()
        fed = self.folder / "samples-fed"
        if not fed.exists():
            say("feeding the samples")
            samples.write("feeds", self.root / "var/lib/feeds")
            samples.write("mails", self.root / "var/lib/maildir/new")
            fed.touch()
        say("waiting until everything is read, stored and sent")
        self.wait_for_result()
        self.show()

    def lay_out(self) -> None:
        """Writes the folders and configuration files that are not there yet."""
        etc = self.root / "etc"
        for name in (
            "etc/manager",
            "var/log",
            "var/run",
            "var/lib/bots",
            "var/lib/feeds",
            "var/lib/maildir/new",
            "var/lib/maildir/cur",
            "var/lib/maildir/tmp",
        ):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        package = Path(str(resources.files("abusehandler.runtime")))
        if not (etc / "harmonization.conf").exists():
            shutil.copyfile(
                Path(str(resources.files("intelmq"))) / "etc" / "harmonization.conf", etc / "harmonization.conf"
            )
        merge_file(etc / "harmonization.conf")
        _write_new(etc / "runtime.yaml", self._runtime(package / "everything.yaml"))
        _write_new(etc / "manager" / "positions.conf", (package / "positions.conf").read_text(encoding="utf-8"))
        _write_new(etc / "customers.csv", (samples.folder() / "customers.csv").read_text(encoding="utf-8"))
        _write_new(etc / "abusehandler.yaml", yaml.safe_dump(self._configuration(), sort_keys=False))
        if not (self.root / "var/lib/state.json").exists():
            self.intelmqctl("upgrade-config")

    def _runtime(self, pipeline: Path) -> str:
        runtime = yaml.safe_load(pipeline.read_text(encoding="utf-8"))
        for key in ("source_pipeline_host", "destination_pipeline_host", "statistics_host"):
            runtime["global"][key] = self.redis.socket
        runtime["global"].update(logging_path=str(self.root / "var" / "log"), error_retry_delay=2)
        for name in ("feed-file-collector", "abuse-maildir-collector"):
            runtime[name]["parameters"]["rate_limit"] = 1
        runtime["notice-output"]["parameters"]["longest_wait"] = 1
        return str(yaml.safe_dump(runtime, sort_keys=False))

    def _configuration(self) -> dict[str, object]:
        return {
            "organisation": {
                "name": "Example Networks",
                "abuse_address": "abuse@example.net",
                "phone": "+43 1 0000000",
            },
            "networks": {"prefixes": ["192.0.2.0/24", "2001:db8::/32"], "asns": [64496], "domains": ["example.net"]},
            "database": {"dsn": self.postgres.dsn()},
            "evidence": {"path": "../var/lib/evidence"},
            "customers": {"connector": "csv", "path": "customers.csv", "state_path": "../var/lib/customers"},
            "mail": {"smtp": {"host": "127.0.0.1", "port": self.sink.port}},
            "notices": {"settle_seconds": 8, "policy": "at-once", "in_doubt": "resend"},
        }

    def start_servers(self) -> None:
        """Starts PostgreSQL, Redis and the SMTP sink where they are down."""
        say("starting PostgreSQL, Redis and a mail server that keeps every mail as a file")
        self.postgres.start()
        self.postgres.make_database()
        self.redis.start()
        self.sink.start()

    def intelmqctl(self, *words: str, check: bool = True) -> str:
        """Runs intelmqctl for this try-out and returns what it printed. Raises AbusehandlerError if it fails."""
        command = [str(Path(sys.executable).parent / "intelmqctl"), *words]
        done = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        if check and done.returncode:
            raise AbusehandlerError(
                f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}\nThe logs are in {self.root}/var/log."
            )
        return done.stdout + done.stderr

    def require_running(self) -> None:
        """Raises AbusehandlerError with the end of its log if a bot did not stay up."""
        states = json.loads(self.intelmqctl("--type", "json", "status", check=False))
        for bot, state in states.items():
            if state == "stopped":
                log = self.root / "var/log" / f"{bot}.log"
                tail = (
                    log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
                    if log.exists()
                    else ["it has no log"]
                )
                raise AbusehandlerError(f"the bot {bot} does not run; the end of {log}:\n" + "\n".join(tail))

    def bot_pids(self) -> dict[str, int]:
        """The process ids of the bots that IntelMQ knows as started, by bot."""
        found = {}
        for path in (self.root / "var/run").glob("*.pid"):
            try:
                found[path.stem] = int(path.read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue
        return found

    def wait_for_result(self, seconds: float = RESULT_SECONDS) -> None:
        """Returns when nothing is under way any more. Raises AbusehandlerError with the state if it takes too long."""
        database = Database(self.postgres.dsn())
        deadline = time.monotonic() + seconds
        while (left := self.under_way(database)) != {}:
            if time.monotonic() > deadline:
                raise AbusehandlerError(
                    f"after {seconds:.0f} seconds there is still work under way: {json.dumps(left)}; the logs are in {self.root}/var/log"
                )
            time.sleep(0.2)
        database.close()

    def under_way(self, database: Database) -> dict[str, int]:
        """What is not finished yet: files, messages, reports, notices, by kind.

        One look after the other would miss what goes from Redis to the database, or from queue to queue, just then. So the
        queues are counted in one go, and all again while somebody writes to the database meanwhile.
        """
        for _ in range(LOOKS):
            before = database.fetch(_WRITTEN)
            counts = self._counted(database)
            if before == database.fetch(_WRITTEN):
                break
        else:
            counts["changes just being written"] = 1
        return {what: number for what, number in counts.items() if number}

    def _counted(self, database: Database) -> dict[str, int]:
        feeds, new = self.root / "var/lib/feeds", self.root / "var/lib/maildir/new"
        counts = {"files": sum(path.is_file() for path in feeds.iterdir()), "mails": sum(1 for _ in new.iterdir())}
        with contextlib.closing(self.redis.client()) as client:
            counts["messages"] = int(client.eval(_MESSAGES, 0))
        kinds = ("reports", "tickets due", "notices", "notice mails", "mails to reporters")
        found = database.fetch(
            """
            SELECT (SELECT count(*) FROM reports WHERE state IN ('received', 'queued')),
                   (SELECT count(*) FROM tickets WHERE notify_due < now() + interval '1 hour'),
                   (SELECT count(*) FROM notices WHERE state = 'pending'),
                   (SELECT count(*) FROM deliveries WHERE state IN ('waiting', 'sending', 'in-doubt')),
                   (SELECT count(*) FROM reporter_mails WHERE state IN ('waiting', 'sending', 'in-doubt'))
            """
        )[0]
        return counts | dict(zip(kinds, found, strict=True))

    def show(self) -> None:
        """Prints what came in and what came of it."""
        show(Database(self.postgres.dsn()), mails=self.sink.mails, root=self.root, environment=self.environment())

    def stop(self) -> None:
        """Stops the bots and the servers; everything stays and can be started again."""
        if (self.root / "etc" / "runtime.yaml").exists():
            bots = self.bot_pids()
            self.intelmqctl("stop", check=False)
            # intelmqctl does not wait for a bot that idles; without Redis it would take minutes to end
            for bot, number in bots.items():
                end_process(number, bot, patience=20)
        for server in (self.sink, self.redis, self.postgres):
            server.stop()
        say("stopped")

    def remove(self) -> None:
        """Stops everything and deletes the folder with all that is in it, except the virtual environment it runs from."""
        self.stop()
        for name in ("intelmq", "postgresql", "redis", "smtp", "samples-fed"):
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _write_new(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")


def say(text: str) -> None:
    """A line of progress."""
    print(f"-- {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("up", "show", "stop", "remove"))
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        getattr(TryOut(arguments.folder), arguments.verb)()
    except AbusehandlerError as error:
        print(f"try-out: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
