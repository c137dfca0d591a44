# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler deliver` as a mail server calls it: exit code 0 or 75 and nothing else, and LMTP (RFC 2033)."""

from __future__ import annotations

import os
import smtplib
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.tickets.evidence import EvidenceStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abusehandler.tickets.database import Database

MAIL = b"From: soc@example.org\r\nSubject: test\r\n\r\n.a line with a dot\r\n" + b"x" * 5000 + b"\r\nend\r\n"


@pytest.fixture
def folder(tmp_path: Path, dsn: str) -> Path:
    configure(tmp_path, dsn)
    return tmp_path


def configure(folder: Path, dsn: str) -> None:
    (folder / "abusehandler.yaml").write_text(
        yaml.safe_dump(
            {
                "organisation": {"name": "Example", "abuse_address": "abuse@example.net"},
                "database": {"dsn": dsn},
                "evidence": {"path": "evidence"},
                "customers": {"connector": "csv", "path": "customers.csv"},
            }
        ),
        encoding="utf-8",
    )


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "abusehandler.cli", "deliver", *words]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "ABUSEHANDLER_CONFIG": str(folder / "abusehandler.yaml")}


def deliver(folder: Path, mail: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(*words), input=mail, env=environment(folder), capture_output=True, check=False)


def test_mail_is_on_disk_and_recorded_when_the_command_says_so(folder: Path, database: Database) -> None:
    assert deliver(folder, MAIL).returncode == 0
    ((evidence, kind, channel, state),) = database.fetch("SELECT evidence, kind, channel, state FROM reports")
    assert (kind, channel, state) == ("mail", "pipe", "received")
    assert EvidenceStore(folder / "evidence").read(evidence) == MAIL


def test_waiting_collector_is_told(folder: Path, database: Database) -> None:
    assert database.wait_for("abusehandler_report", 0)
    deliver(folder, MAIL, "--channel", "other")
    assert database.wait_for("abusehandler_report", 60)


@pytest.mark.parametrize(
    "fault", ["no database", "not migrated", "no evidence", "no configuration", "wrong configuration", "empty mail"]
)
def test_whatever_is_wrong_the_mail_server_keeps_the_mail(
    folder: Path, dsn: str, database: Database, fault: str
) -> None:
    mail = MAIL
    if fault == "no database":
        configure(folder, f"dbname=x host={folder}")
    elif fault == "not migrated":
        database.fetch("ALTER TABLE reports RENAME COLUMN channel TO something")
    elif fault == "no evidence":
        (folder / "evidence").write_text("in the way", encoding="ascii")
    elif fault == "no configuration":
        (folder / "abusehandler.yaml").unlink()
    elif fault == "wrong configuration":
        (folder / "abusehandler.yaml").write_text("organisation: [", encoding="ascii")
    else:
        mail = b""
    done = deliver(folder, mail)
    assert done.returncode == 75
    assert done.stderr.startswith(b"abusehandler deliver: ")
    assert done.stderr.count(b"\n") <= 3


class Lmtp(smtplib.LMTP):
    """Reads one answer for each recipient after the data, as RFC 2033 wants."""

    def send_to(self, recipients: list[str], mail: bytes) -> list[int]:
        self.mail("soc@example.org")
        accepted = sum(self.rcpt(recipient)[0] == 250 for recipient in recipients)
        code, _ = self.docmd("DATA")
        assert code == 354
        self.send(mail.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return [self.getreply()[0] for _ in range(accepted)]


@pytest.fixture
def lmtp(folder: Path) -> Iterator[Lmtp]:
    with subprocess.Popen(
        command("--lmtp", "127.0.0.1:0"), env=environment(folder), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        port = int(process.stderr.readline().rpartition(":")[2])
        client = Lmtp("127.0.0.1", port, timeout=120)
        client.ehlo()
        yield client
        client.close()
        process.terminate()
        assert process.wait(120) == 0


def test_lmtp_answers_for_each_recipient(lmtp: Lmtp, folder: Path, database: Database) -> None:
    assert lmtp.send_to(["abuse@example.net", "cert@example.net", "noc@example.net"], MAIL) == [250, 250, 250]
    assert lmtp.noop()[0] == 250
    ((evidence,),) = database.fetch("SELECT evidence FROM reports")
    assert EvidenceStore(folder / "evidence").read(evidence) == MAIL


def test_lmtp_takes_many_mails_on_one_connection(lmtp: Lmtp, database: Database) -> None:
    for number in range(5):
        assert lmtp.send_to(["abuse@example.net"], MAIL + str(number).encode() + b"\r\n") == [250]
    assert database.fetch("SELECT count(*) FROM reports") == [(5,)]


def test_lmtp_says_try_again_while_something_is_away_and_goes_on_afterwards(
    lmtp: Lmtp, folder: Path, database: Database
) -> None:
    (folder / "evidence").write_text("in the way", encoding="ascii")
    assert lmtp.send_to(["abuse@example.net", "cert@example.net"], MAIL) == [451, 451]
    (folder / "evidence").unlink()
    database.fetch("ALTER TABLE reports RENAME COLUMN channel TO something")
    assert lmtp.send_to(["abuse@example.net"], MAIL) == [451]
    database.fetch("ALTER TABLE reports RENAME COLUMN something TO channel")
    assert lmtp.send_to(["abuse@example.net"], MAIL) == [250]


@pytest.mark.parametrize("where", ["nonsense", "localhost:", "localhost:http"])
def test_place_to_listen_that_is_none_is_explained(folder: Path, where: str) -> None:
    done = deliver(folder, b"", "--lmtp", where)
    assert done.returncode != 0
    assert b"HOST:PORT" in done.stderr


def test_port_in_use_is_explained(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = deliver(folder, b"", "--lmtp", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 75
    assert b"in use" in done.stderr
