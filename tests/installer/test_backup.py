# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler backup` and `restore`: what was saved comes back on an empty machine, and nothing is overwritten unasked."""

from __future__ import annotations

import json
import signal
import stat
import threading
from typing import TYPE_CHECKING

import pytest
from installation import Installation

from abusehandler.cli import main
from abusehandler.configuration import load
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.installer.backup import postgres
from abusehandler.installer.backup.making import make
from abusehandler.installer.backup.manifest import EVIDENCE, BackupError, backups
from abusehandler.installer.services import PostgresServer
from abusehandler.tickets.aggregate import TicketStore
from abusehandler.tickets.database import Database
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.incoming import Incoming
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.reports import ReportStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abusehandler.installer.services import RedisServer

RAW = [b"the first report", b"the second report"]
COUNTS = "SELECT (SELECT count(*) FROM tickets), (SELECT count(*) FROM events), (SELECT count(*) FROM reports)"


@pytest.fixture
def here(tmp_path: Path, dsn: str, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation with two reports, a ticket, a secret, and a mail that waits."""
    installation = Installation(tmp_path / "root", dsn, redis_server)
    installation.enter(monkeypatch)
    secret = installation.root / "etc/smtp-password"
    secret.write_text("s3cret-of-the-desk\n", encoding="ascii")
    secret.chmod(0o600)
    installation.configure(
        mail={"smtp": {"host": "localhost", "user": "desk", "password_file": "smtp-password", "security": "none"}}
    )
    database = Database(dsn)
    evidence = EvidenceStore(installation.root / "var/lib/evidence")
    for raw in RAW:
        ReportStore(database).accept(evidence.keep(raw), kind="mail", channel="pipe")
    store = TicketStore(database, Incoming(Catalogue.load(), NoticeSchedule(policy="at-once")))
    store.store(
        [
            {
                "time.source": "2026-11-20T10:00:00+00:00", "source.ip": "192.0.2.5", "classification.type": "brute-force",
                "feed.name": "Feed", "customer.match": "one", "customer.id": "1001",
            }
        ]
    )  # fmt: skip
    database.fetch("INSERT INTO customers (id) VALUES ('1001') ON CONFLICT DO NOTHING")
    database.fetch("INSERT INTO notices (customer_id, state) VALUES ('1001', 'addressed')")
    database.fetch(
        "INSERT INTO deliveries (notice_id, recipient, message_id) SELECT id, 'a@example.net', '<1@x>' FROM notices"
    )
    database.close()
    return installation


def counts(dsn: str) -> tuple[int, ...]:
    database = Database(dsn)
    try:
        return tuple(database.fetch(COUNTS)[0])
    finally:
        database.close()


@pytest.fixture
def other_postgres(server_folder: Path) -> Iterator[PostgresServer]:
    """The database server of another machine."""
    server = PostgresServer(server_folder / "pg2")
    server.start("fsync=off", "shared_buffers=16MB")
    server.make_database()
    yield server
    server.stop(signal.SIGQUIT)


def test_everything_comes_back_on_an_empty_machine(
    here: Installation,
    other_postgres: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = counts(here.dsn)
    assert before == (1, 1, 2)
    assert main(["backup"]) == 0
    backup = here.root / "backups"
    monkeypatch.setenv("INTELMQ_ROOT_DIR", str(tmp_path / "nowhere"))
    new, dsn = tmp_path / "new", other_postgres.dsn()
    code = main(["restore", str(backup), "--into", str(new), "--database", dsn])
    said = capsys.readouterr().out
    assert code == 0, said
    assert "1 tickets" in said and "1 mails waited" in said
    assert counts(dsn) == before
    database = Database(dsn)
    assert database.fetch("SELECT state FROM deliveries") == [("in-doubt",)]
    restored = EvidenceStore(new / "var/lib/evidence")
    assert sorted(restored.read(sha256) for (sha256,) in database.fetch("SELECT evidence FROM reports")) == RAW
    # it goes on from there: the same report again is the same report, the next number is free
    _, is_new = ReportStore(database).accept(restored.keep(RAW[0]), kind="mail", channel="pipe")
    assert not is_new
    _, is_new = ReportStore(database).accept(restored.keep(b"a third"), kind="mail", channel="pipe")
    assert is_new
    database.close()
    secret = new / "etc/smtp-password"
    assert secret.read_text(encoding="ascii") == "s3cret-of-the-desk\n" and stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert load(new / "etc/abusehandler.yaml").organisation.name == "Example Networks"
    assert (new / "etc/runtime.yaml").read_bytes() == (here.root / "etc/runtime.yaml").read_bytes()


def test_backup_is_its_owners_alone_and_tells_no_secret(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup"]) == 0
    assert "s3cret" not in "".join(capsys.readouterr())
    (folder,) = backups(here.root / "backups")
    for path in (here.root / "backups", folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert "s3cret" not in (folder / "manifest.json").read_text(encoding="utf-8")


def test_evidence_is_copied_once_and_goes_with_its_last_backup(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration, place = load(here.root / "etc/abusehandler.yaml"), here.root / "backups"
    first = make(configuration, here.root, place, 2)
    assert (first.new_evidence, first.manifest.evidence_count, first.manifest.faults) == (2, 2, ())
    store = EvidenceStore(here.root / "var/lib/evidence")
    gone, kept = store.keep(RAW[0]), store.keep(b"a third report")
    first.folder.rename(place / "abusehandler-20261101T000000Z")
    store.path(gone.sha256).unlink()
    second = make(configuration, here.root, place, 2)
    assert (second.new_evidence, second.dropped) == (1, 0)
    assert second.manifest.faults == () or "not there" in second.manifest.faults[0]
    assert EvidenceStore(place / EVIDENCE).read(gone.sha256) == RAW[0]
    second.folder.rename(place / "abusehandler-20261102T000000Z")
    third = make(configuration, here.root, place, 2)
    assert third.dropped == 1
    assert not EvidenceStore(place / EVIDENCE).path(gone.sha256).exists()
    assert EvidenceStore(place / EVIDENCE).read(kept.sha256) == b"a third report"


def test_what_retention_has_moved_aside_is_saved_too(here: Installation) -> None:
    from abusehandler.tickets.retention import move_aside

    store = EvidenceStore(here.root / "var/lib/evidence")
    move_aside(store, store.keep(RAW[0]).sha256)
    made = make(load(here.root / "etc/abusehandler.yaml"), here.root, here.root / "backups", 2)
    assert made.manifest.evidence_count == 2


@pytest.mark.parametrize(
    "name", ["database.dump", "evidence.txt", "configuration/etc/runtime.yaml", "manifest.json", EVIDENCE]
)
def test_damaged_backup_is_refused_before_anything_is_changed(
    here: Installation, empty_dsn: str, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup"]) == 0
    (folder,) = backups(here.root / "backups")
    victim = next((here.root / "backups" / EVIDENCE).rglob("*.gz")) if name == EVIDENCE else folder / name
    content = bytearray(victim.read_bytes())
    content[content.index(b'"sha256": "') + 15 if name == "manifest.json" else len(content) // 2] ^= 0x55
    victim.write_bytes(content)
    assert main(["restore", str(folder), "--into", str(tmp_path / "new"), "--database", empty_dsn]) == 1
    said = capsys.readouterr().err
    assert "not whole" in said or "cannot be read" in said
    assert not (tmp_path / "new").exists()
    database = Database(empty_dsn)
    assert database.fetch("SELECT to_regclass('tickets')") == [(None,)]
    database.close()


def test_full_target_is_refused_and_replaced_when_told(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup"]) == 0
    before = counts(here.dsn)
    database = Database(here.dsn)
    database.fetch("CREATE TABLE of_a_newer_program (id bigint)")
    database.fetch("UPDATE tickets SET resource = 'changed since'")
    database.close()
    (here.root / "etc/customers.csv").write_text("changed since\n", encoding="ascii")
    assert main(["restore", str(here.root / "backups")]) == 1
    assert "the database is not empty" in capsys.readouterr().err
    assert main(["restore", str(here.root / "backups"), "--only", "configuration"]) == 1
    assert "customers.csv" in capsys.readouterr().err
    assert main(["restore", str(here.root / "backups"), "--replace"]) == 0
    assert counts(here.dsn) == before
    database = Database(here.dsn)
    assert database.fetch("SELECT resource, to_regclass('of_a_newer_program')::text FROM tickets") == [
        ("192.0.2.5", None)
    ]
    database.close()
    assert "changed since" not in (here.root / "etc/customers.csv").read_text(encoding="utf-8")


def test_database_in_use_is_left_alone(
    here: Installation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abusehandler.installer.backup.restoring.JUST_ENDED_SECONDS", 0.3)
    assert main(["backup"]) == 0
    bot = Database(here.dsn)
    bot.fetch("SELECT 1")
    assert main(["restore", str(here.root / "backups"), "--only", "database", "--replace"]) == 1
    assert "stop bots and portal first" in capsys.readouterr().err
    bot.close()


def test_a_program_that_has_just_ended_is_none_that_uses_the_database(here: Installation) -> None:
    assert main(["backup"]) == 0
    bot = Database(here.dsn)
    bot.fetch("SELECT 1")
    ending = threading.Timer(0.5, bot.close)
    ending.start()
    assert main(["restore", str(here.root / "backups"), "--only", "database", "--replace"]) == 0
    ending.join()


def test_failed_restore_leaves_the_database_as_it_was(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    from abusehandler.installer.backup import restoring

    assert main(["backup"]) == 0
    (folder,) = backups(here.root / "backups")
    before = counts(here.dsn)
    dump = folder / "database.dump"
    dump.write_bytes(dump.read_bytes()[:-5000])
    with pytest.raises(BackupError, match="left as it was"):
        restoring._restore_database(folder, here.dsn)
    assert counts(here.dsn) == before


def test_manifest_that_leads_elsewhere_is_refused(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup"]) == 0
    (folder,) = backups(here.root / "backups")
    words = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    words["files"][-1]["target"] = "../../etc/cron.d/evil"
    (folder / "manifest.json").write_text(json.dumps(words), encoding="utf-8")
    assert main(["restore", str(folder), "--verify"]) == 1
    assert "tampered" in capsys.readouterr().err


def test_unfinished_backup_is_none(
    here: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here.configure(database={"dsn": "dbname=x host=/nowhere"})
    assert main(["backup"]) == 1
    assert "cannot be reached" in capsys.readouterr().err
    assert backups(here.root / "backups") == [] and not list((here.root / "backups").glob(".abusehandler-*"))
    assert main(["restore", str(here.root / "backups")]) == 1


def test_passwords_go_by_environment() -> None:
    words = postgres.environment(
        "dbname=abusehandler host=db.example.net user=desk password=s3cret sslmode=verify-full"
    )
    assert (words["PGDATABASE"], words["PGPASSWORD"], words["PGSSLMODE"]) == ("abusehandler", "s3cret", "verify-full")
    with pytest.raises(BackupError, match="service file"):
        postgres.environment("dbname=x krbsrvname=y")


def test_password_on_the_command_line_is_refused(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup"]) == 0
    assert main(["restore", str(here.root / "backups"), "--database", "dbname=x password=s3cret"]) == 1
    assert "PGPASSFILE" in capsys.readouterr().err


def test_missing_program_names_its_package() -> None:
    with pytest.raises(BackupError, match="apt-get install postgresql-client-99"):
        postgres.program("pg_dump", 99, newer=True)
