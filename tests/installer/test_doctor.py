# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler doctor`: each thing that can be wrong is told with its mend, and nothing that hangs keeps it from ending."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from installation import Installation
from scripted_dns import ScriptedDns

from abusehandler.cli import main
from abusehandler.installer.doctor import flow, keeping, machine, names, outside, store
from abusehandler.installer.doctor.checks import CHECKS, chosen
from abusehandler.installer.doctor.finding import Finding, State, critical, ok, unknown, warning, worst
from abusehandler.installer.doctor.running import Check, run_checks
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import ReportStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from abusehandler.installer.doctor.examined import Examined
    from abusehandler.installer.services import RedisServer, SmtpSink
    from abusehandler.tickets.database import Database


@pytest.fixture
def here(
    tmp_path: Path, dsn: str, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    installation = Installation(tmp_path / "root", dsn, redis_server)
    installation.enter(monkeypatch)
    yield installation
    redis_server.client().flushdb()


def states(found: Iterable[Finding]) -> set[State]:
    return {finding.state for finding in found}


def text(found: Iterable[Finding]) -> str:
    return "\n".join(f"{finding.state.word}: {finding.message} → {finding.mend}" for finding in found)


def test_every_check_of_a_new_installation_says_something(here: Installation) -> None:
    with ScriptedDns() as dns:
        outcomes = run_checks([replace(check, seconds=300) for check in CHECKS], here.examined(dns))
    assert [outcome.check for outcome in outcomes] == [check.name for check in CHECKS]
    for outcome in outcomes:
        assert outcome.findings, outcome.check
        for finding in outcome.findings:
            assert "could not be looked at" not in finding.message, f"{outcome.check}: {finding.message}"
            assert finding.mend or finding.state in (State.OK, State.UNKNOWN), f"{outcome.check}: {finding.message}"
    by_name = {outcome.check: outcome.state for outcome in outcomes}
    good = (
        "versions",
        "database",
        "partitions",
        "redis",
        "queues",
        "dumps",
        "mailbox",
        "shadowserver",
        "customers",
        "evidence",
    )
    assert {name: by_name[name] for name in good} == dict.fromkeys(good, State.OK)
    # what is wrong with the disk of the machine that runs the tests is not the installation's fault
    usage = shutil.disk_usage(here.root)
    assert by_name["disk"] is State.OK or usage.free / usage.total < 0.2


def test_worst_state_decides_the_exit_code() -> None:
    assert worst([State.OK, State.WARNING, State.CRITICAL, State.UNKNOWN]) is State.CRITICAL
    assert worst([State.OK, State.UNKNOWN, State.WARNING]) is State.WARNING
    assert worst([State.OK, State.UNKNOWN]) is State.UNKNOWN
    assert worst([]) is State.OK


def test_a_check_that_hangs_and_one_that_breaks_leave_the_others_alone(here: Installation) -> None:
    never = threading.Event()

    def hangs(_: Examined) -> Iterable[Finding]:
        yield ok("this much is known")
        never.wait()

    def breaks(_: Examined) -> Iterable[Finding]:
        raise RuntimeError("a wheel came off")

    checks = [Check("hangs", "", hangs, 3), Check("breaks", "", breaks), Check("works", "", lambda _: [ok("fine")])]
    hung, broken, works = run_checks(checks, here.examined())
    never.set()
    assert states(hung.findings) == {State.OK, State.UNKNOWN} and "no answer within" in hung.findings[1].message
    assert broken.state is State.UNKNOWN and "a wheel came off" in broken.findings[0].message
    assert works.state is State.OK


def test_more_hanging_checks_than_run_at_once(here: Installation) -> None:
    never = threading.Event()

    def hangs(_: Examined) -> Iterable[Finding]:
        never.wait()
        return ()

    outcomes = run_checks(
        [*(Check(f"hangs{n}", "", hangs, 0.1) for n in range(20)), Check("works", "", lambda _: [ok("")])],
        here.examined(),
    )
    never.set()
    assert [outcome.state for outcome in outcomes] == [State.UNKNOWN] * 20 + [State.OK]


def test_command_speaks_as_monitoring_wants_it(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--only", "database", "--only", "shadowserver"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["state"], said["counts"]["ok"]) == ("ok", 2)
    assert [check["name"] for check in said["checks"]] == ["database", "shadowserver"]
    assert main(["doctor", "--only", "bots"]) == 2
    assert "is enabled and does not run" in capsys.readouterr().out
    assert main(["doctor", "--only", "databse"]) == 3
    assert "write database" in capsys.readouterr().err


def test_wrong_configuration_is_critical(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    here.configure(organisation={"name": "X", "abuse_adress": "abuse@example.net"})
    assert main(["doctor"]) == 2
    assert "abusehandler.yaml, line" in capsys.readouterr().out


def test_skipped_checks() -> None:
    assert "dmarc" not in [check.name for check in chosen((), ("dmarc",))]
    assert [check.name for check in chosen(("dmarc",), ())] == ["dmarc"]


# ---- machine


def test_secret_that_others_may_read(here: Installation) -> None:
    here.configure(mail={"smtp": {"host": "localhost", "user": "desk", "password_file": "smtp-password"}})
    secret = here.root / "etc/smtp-password"
    assert "there is no such file" in text(machine.permissions(here.examined()))
    secret.write_text("x\n", encoding="ascii")
    secret.chmod(0o640)
    assert f"chmod 600 {secret}" in text(machine.permissions(here.examined()))
    secret.chmod(0o600)
    assert states(machine.permissions(here.examined())) == {State.OK}


def test_runtime_file_with_a_key_must_not_be_readable(here: Installation) -> None:
    here.bots(shadowserver_api_collector={"enabled": True, "parameters": {"api_key": "k", "secret": "s"}})
    (here.root / "etc/runtime.yaml").chmod(0o644)
    assert "runtime.yaml: others may read" in text(machine.permissions(here.examined()))


def test_evidence_folder_away(here: Installation) -> None:
    (here.root / "var/lib/evidence").rmdir()
    assert "evidence" in text(f for f in machine.permissions(here.examined()) if f.state is State.CRITICAL)


# ---- database and what is in it


def test_database_without_schema(here: Installation, empty_dsn: str) -> None:
    here.configure(database={"dsn": empty_dsn})
    assert "run 'abusehandler db upgrade'" in text(store.database(here.examined()))


def test_database_away(here: Installation) -> None:
    here.configure(database={"dsn": "dbname=x host=/nowhere"})
    (outcome,) = run_checks(chosen(("database",), ()), here.examined())
    assert outcome.state is State.CRITICAL and "cannot be reached" in outcome.findings[0].message


def test_what_waits_for_people(here: Installation, database: Database) -> None:
    database.fetch("INSERT INTO customers (id) VALUES ('1001')")
    database.fetch("INSERT INTO notices (customer_id, state) VALUES ('1001', 'no-contact'), ('1001', 'addressed')")
    database.fetch(
        "INSERT INTO deliveries (notice_id, recipient, message_id, state)"
        " SELECT max(id), s || '@example.net', '<' || s || '@x>', s FROM notices, unnest(ARRAY['in-doubt', 'failed']) s GROUP BY s"
    )
    said = text(store.notices(here.examined()))
    assert "1 mails are in doubt" in said and "1 mails failed" in said and "nobody to go to" in said


def test_silent_source_and_old_inbox(here: Installation, database: Database) -> None:
    reports = ReportStore(database)
    evidence = EvidenceStore(here.root / "var/lib/evidence")
    for number in range(3):
        kept = evidence.keep(b"report %d" % number)
        reports.accept(kept, kind="feed", channel="feed-file-collector", name=str(number), feed="Shadowserver")
    assert states(store.feeds(here.examined())) == {State.OK}
    database.fetch("UPDATE reports SET received_at = now() - interval '9 days', state = 'unread'")
    assert "Shadowserver (feed-file-collector): silent for 9 days, after 3 reports" in text(
        store.feeds(here.examined())
    )
    assert "3 reports wait for a person, the oldest for 9 days" in text(store.reports(here.examined()))
    assert states(keeping.evidence(here.examined())) == {State.OK}
    kept_file = evidence.path(kept.sha256)
    kept_file.write_bytes(b"something else")
    assert "damaged" in text(keeping.evidence(here.examined()))


def test_timers_that_stand_still(here: Installation, database: Database) -> None:
    assert states(store.timers(here.examined())) == {State.WARNING}
    database.fetch("INSERT INTO timer_marks (name) VALUES ('statistics')")
    assert states(store.timers(here.examined())) == {State.OK}
    assert states(store.timers(here.examined(now=datetime.now(timezone.utc) + timedelta(hours=3)))) == {State.CRITICAL}


# ---- queues and bots


def test_queue_that_does_not_move(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    client = here.redis.client()
    client.lpush("ticket-output-queue", "one", "two")
    assert states(flow.queues(here.examined())) == {State.OK}
    later = flow.time.time() + 600
    monkeypatch.setattr(flow.time, "time", lambda: later)
    assert "ticket-output-queue: 2 messages wait and the next one has not moved for 10 minutes" in text(
        flow.queues(here.examined())
    )
    client.rpop("ticket-output-queue")
    assert states(flow.queues(here.examined())) == {State.OK}


def test_queue_that_grows(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    client = here.redis.client()
    client.lpush("mail-parser-queue", *(str(n) for n in range(1000)))
    assert states(flow.queues(here.examined())) == {State.OK}
    client.lpush("mail-parser-queue", *(str(n) for n in range(1000)))
    client.rpop("mail-parser-queue")
    later = flow.time.time() + 120
    monkeypatch.setattr(flow.time, "time", lambda: later)
    assert "mail-parser-queue grows: 1000 messages 2 minutes ago, 1999 now" in text(flow.queues(here.examined()))


def test_redis_that_would_lose_messages(here: Installation) -> None:
    client = here.redis.client()
    assert states(flow.redis_settings(here.examined())) == {State.OK}
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("appendonly", "no")
    try:
        said = text(flow.redis_settings(here.examined()))
    finally:
        client.config_set("appendonly", "yes")
        client.config_set("maxmemory-policy", "noeviction")
    assert "a crash loses them" in said and "allkeys-lru" in said


def test_dump_files(here: Installation) -> None:
    (here.root / "var/log/mail-parser.dump").write_text('{"2026-11-20T10:00:00": {"message": "{}"}}', encoding="ascii")
    assert "intelmqdump mail-parser" in text(flow.dumps(here.examined()))


# ---- mailbox, mail server


def test_key_of_shadowserver(here: Installation) -> None:
    here.bots(shadowserver_api_collector={"enabled": True})
    assert "api_key and secret not filled in" in text(outside.shadowserver(here.examined()))


def test_mailbox_that_cannot_be_reached(here: Installation) -> None:
    (here.root / "etc/imap-password").write_text("x\n", encoding="ascii")
    (here.root / "etc/imap-password").chmod(0o600)
    here.bots(
        abuse_imap_collector={"enabled": True, "parameters": {"host": "127.0.0.1", "port": 9, "security": "none"}}
    )
    assert "abuse-imap-collector" in text(f for f in outside.mailbox(here.examined()) if f.state is State.CRITICAL)


def test_test_mail(here: Installation, smtp_sink: SmtpSink) -> None:
    here.configure(mail={"smtp": {"host": "127.0.0.1", "port": smtp_sink.port}})
    assert states(outside.smtp(here.examined(test_mail_to="noc@example.net"))) == {State.OK}
    (mail,) = smtp_sink.mails.glob("*.eml")
    assert "Subject: abusehandler doctor: test mail" in mail.read_text(encoding="utf-8")
    smtp_sink.stop()
    assert states(outside.smtp(here.examined())) == {State.CRITICAL}


def test_mail_server_that_says_nothing(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "PATIENCE", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        here.configure(mail={"smtp": {"host": "127.0.0.1", "port": silent.getsockname()[1]}})
        assert states(outside.smtp(here.examined())) == {State.CRITICAL}


def test_certificate_of_the_portal(here: Installation, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "10", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)

    def serve(listening: socket.socket) -> None:
        for _ in range(3):
            connection, _ = listening.accept()
            try:
                server.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    with socket.create_server(("localhost", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        now = datetime.now(timezone.utc)
        assert "browsers refuse" in outside._certificate("localhost", port, now).message
        trusting = ssl.create_default_context(cafile=str(cert))
        assert outside._certificate("localhost", port, now, trusting).state is State.WARNING
        assert outside._certificate("localhost", port, now - timedelta(days=30), trusting).state is State.OK
        thread.join(60)
    assert outside._certificate("localhost", port, now).state is State.UNKNOWN
    assert states(outside.certificates(here.examined())) == {State.OK}


# ---- names

GOOD: dict[tuple[str, str], list[str]] = {
    ("example.net", "MX"): ["10 mx.example.net."],
    ("example.net", "TXT"): ['"some=other"', '"v=spf1 mx -all"'],
    ("mx.example.net", "A"): ["192.0.2.25"],
    ("_dmarc.example.net", "TXT"): ['"v=DMARC1; p=quarantine"'],
    ("s1._domainkey.example.net", "TXT"): ['"v=DKIM1; k=rsa; p=MIGf"'],
    ("25.2.0.192.in-addr.arpa", "PTR"): ["mx.example.net."],
}
WITH_NAMES = {
    "mail": {"smtp": {"host": "localhost", "hello_name": "mx.example.net"}},
    "monitoring": {"dkim_selectors": ["s1"]},
}
ALL_NAMES: tuple[Callable[[Any], Iterable[Finding]], ...] = (
    names.mx,
    names.spf,
    names.dkim,
    names.dmarc,
    names.reverse,
)


def test_names_that_are_right(here: Installation) -> None:
    here.configure(**WITH_NAMES)
    with ScriptedDns() as dns:
        dns.typed = dict(GOOD)
        for look in ALL_NAMES:
            found = list(look(here.examined(dns)))
            assert states(found) == {State.OK}, text(found)


@pytest.mark.parametrize(
    ("look", "name", "records", "said"),
    [
        (names.mx, ("example.net", "MX"), ["0 ."], "takes no mail"),
        (names.mx, ("example.net", "MX"), None, "neither MX nor address"),
        (names.mx, ("mx.example.net", "A"), None, "none of its mail servers"),
        (names.spf, ("example.net", "TXT"), ['"v=spf1 mx"', '"v=spf1 -all"'], "2 SPF records"),
        (names.spf, ("example.net", "TXT"), ['"v=spf1 +all"'], "lets everybody"),
        (names.spf, ("example.net", "TXT"), ['"v=spf1 ' + "include:a.example.org " * 11 + '-all"'], "11 look-ups"),
        (names.spf, ("example.net", "TXT"), ['"other"'], "no SPF"),
        (names.dkim, ("s1._domainkey.example.net", "TXT"), None, "no DKIM key"),
        (names.dkim, ("s1._domainkey.example.net", "TXT"), ['"v=DKIM1; p="'], "revoked"),
        (names.dkim, ("s1._domainkey.example.net", "TXT"), ['"v=DKIM1; t=y; p=MIGf"'], "test"),
        (names.dmarc, ("_dmarc.example.net", "TXT"), None, "no DMARC"),
        (names.reverse, ("25.2.0.192.in-addr.arpa", "PTR"), None, "no reverse name"),
        (names.reverse, ("25.2.0.192.in-addr.arpa", "PTR"), ["host.example.org."], "does not point back"),
    ],
)
def test_names_that_are_wrong(
    here: Installation,
    look: Callable[[Examined], Iterable[Finding]],
    name: tuple[str, str],
    records: list[str] | None,
    said: str,
) -> None:
    here.configure(**WITH_NAMES)
    with ScriptedDns() as dns:
        dns.typed = {key: value for key, value in GOOD.items() if key != name}
        if records is not None:
            dns.typed[name] = records
        found = list(look(here.examined(dns)))
    assert said in text(found)
    assert states(found) & {State.WARNING, State.CRITICAL}


def test_silent_name_servers_are_no_verdict(here: Installation) -> None:
    here.configure(**WITH_NAMES)
    with ScriptedDns() as dns:
        dns.answer_with = None
        for look in ALL_NAMES:
            assert states(look(here.examined(dns, dns_seconds=0.2))) == {State.UNKNOWN}


# ---- backup


def test_age_of_the_backup(here: Installation, tmp_path: Path) -> None:
    assert "there was no backup yet" in text(keeping.backup(here.examined()))
    note = {"folder": str(tmp_path), "made_at": "2026-11-20T02:30:00+00:00", "faults": []}
    (here.root / "var/lib" / keeping.BACKUP_NOTE).write_text(json.dumps(note), encoding="ascii")
    made = datetime(2026, 11, 20, 2, 30, tzinfo=timezone.utc)
    assert states(keeping.backup(here.examined(now=made + timedelta(hours=25)))) == {State.OK}
    assert states(keeping.backup(here.examined(now=made + timedelta(hours=50)))) == {State.CRITICAL}


def test_findings_know_their_words() -> None:
    assert [make("m", "x").state.word for make in (warning, critical, unknown)] == ["warning", "critical", "unknown"]
    assert State.OK.value == os.EX_OK
