# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler report list|show|export|replay` and `deliver --mbox`, on a real database and evidence folder."""

from __future__ import annotations

import hashlib
import json
import mailbox
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.cli import main
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import Outcome, ReportStore
from abusehandler.tickets.rereading import mark
from tests.tickets.observations import store_of

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database

MAIL = (
    b"From: reporter@example.org\nTo: abuse@example.net\nSubject: ssh brute force from 192.0.2.1\nDate: Fri, 20 Nov 2026 10:00:00 +0000\n\n"
    b"Your host 192.0.2.1 tried ssh passwords on our server at 2026-11-20 09:58:00 UTC.\n"
)
OTHER = MAIL.replace(b"192.0.2.1", b"192.0.2.77")
FEED = b'"timestamp","ip","port","protocol","hostname","tag","asn"\n"2026-11-20 08:00:00","192.0.2.5",53,"udp","","openresolver",64496\n'


@pytest.fixture
def configured(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with this database; returns the evidence folder."""
    settings = {
        "organisation": {
            "name": "Example Networks",
            "abuse_address": "abuse@example.net",
            "time_zone": "Europe/Vienna",
        },
        "networks": {"prefixes": ["192.0.2.0/24"]},
        "database": {"dsn": dsn},
        "evidence": {"path": "evidence"},
        "customers": {"connector": "csv", "path": "customers.csv"},
    }
    path = tmp_path / "abusehandler.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(path))
    return tmp_path / "evidence"


@pytest.fixture
def mails(configured: Path, database: Database) -> ReportStore:
    """Report 1 is unread, report 2 waits, report 3 is a feed file that waits."""
    evidence, reports = EvidenceStore(configured), ReportStore(database)
    for content, kind, name in (
        (MAIL, "mail", "INBOX/1/1"),
        (OTHER, "mail", "INBOX/1/2"),
        (FEED, "feed", "2026-11-20-scan_dns-example.csv"),
    ):
        reports.accept(evidence.keep(content), kind=kind, channel=kind, name=name)  # type: ignore[arg-type]
    reports.finish(
        1, Outcome("unread", "free-text", "not sure enough", 0.3, proposal=[{"event": {"source.ip": "192.0.2.1"}}])
    )
    return reports


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        ([], [3, 2, 1]),
        (["--state", "unread"], [1]),
        (["--channel", "feed"], [3]),
        (["--reader", "free-text"], [1]),
        (["--since", "2026-01-01"], [3, 2, 1]),
        (["--until", "2026-01-01T00:00+01:00"], []),
        (["--limit", "1"], [3]),
    ],
)
def test_list(mails: ReportStore, capsys: pytest.CaptureFixture[str], choice: list[str], numbers: list[int]) -> None:
    assert main(["report", "list", "--json", *choice]) == 0
    assert [line["report"] for line in lines(capsys)] == numbers


def test_wrong_time_is_explained(configured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", "list", "--since", "yesterday"])
    assert "write for example 2026-11-20" in capsys.readouterr().err


def test_show_tells_why_a_report_waits_and_what_it_proposes(
    mails: ReportStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "show", "1"]) == 0
    shown = capsys.readouterr().out
    assert "not sure enough" in shown
    assert "192.0.2.1" in shown


def test_show_raw_prints_the_bytes(mails: ReportStore, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", "show", "2", "--raw"]) == 0
    assert capfdbinary.readouterr().out == OTHER


def test_report_that_is_not_there(mails: ReportStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "show", "9"]) == 1
    assert main(["report", "replay", "1", "9"]) == 1
    assert main(["report", "export", "--to", "x"]) == 1
    said = capsys.readouterr().err
    assert "there is no report 9" in said
    assert "say which reports" in said


def test_export_writes_the_bytes_back(mails: ReportStore, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert main(["report", "export", "--since", "2026-01-01", "--to", str(target)]) == 0
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        "1.eml": MAIL, "2.eml": OTHER, "3-2026-11-20-scan_dns-example.csv": FEED,
    }  # fmt: skip


def test_export_goes_on_where_evidence_is_missing(
    mails: ReportStore, configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    EvidenceStore(configured).path(hashlib.sha256(MAIL).hexdigest()).unlink()
    assert main(["report", "export", "1", "2", "--to", str(tmp_path / "out")]) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["2.eml"]
    assert "report 1" in capsys.readouterr().err


def test_dry_replay_shows_what_would_come(
    mails: ReportStore, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "replay", "1", "2", "3"]) == 0
    shown = capsys.readouterr().out
    assert "report 1 INBOX/1/1: unread → read" in shown
    assert "+ 192.0.2.1" in shown
    assert "+ 192.0.2.5 port 53" in shown
    assert "3 reports would change, 0 would not. Nothing was changed" in shown
    assert database.fetch("SELECT count(*), max(reading) FROM reports WHERE state = 'queued'") == [(0, None)]


def test_dry_replay_tells_changed_from_gone_and_same(
    mails: ReportStore, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["report", "replay", "2", "--json"])
    (found,) = lines(capsys)
    (event,) = found["added"]  # type: ignore[misc]
    base = {**event, "time.observation": "2026-11-20T11:00:00+00:00", "report.id": 2, "report.evidence": "ab" * 32}
    old = {**base, "time.source": "2026-11-20T07:58:00+00:00"}
    gone = {**base, "source.ip": "192.0.2.200"}
    store_of(database).store([{**one, "report.mark": mark(one)} for one in (old, gone)])
    main(["report", "replay", "2"])
    shown = capsys.readouterr().out
    assert "- 192.0.2.200" in shown
    assert "~ 192.0.2.77" in shown
    assert "time.source: 2026-11-20T07:58:00+00:00 → 2026-11-20T09:58:00+00:00" in shown
    store_of(database).store([{**base, "report.mark": mark(event)}])
    main(["report", "replay", "2", "--json"])
    (found,) = lines(capsys)
    assert found["same"] == 1


def test_replay_for_real_asks_for_another_reading(
    mails: ReportStore, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "replay", "--state", "unread", "--for-real", "--reason", "mended"]) == 0
    assert "1 reports will be read again" in capsys.readouterr().out
    assert database.fetch("SELECT state, reading FROM reports ORDER BY id") == [
        ("received", 2),
        ("received", 1),
        ("received", 1),
    ]
    assert database.fetch("SELECT object, object_id, reason FROM audit_trail") == [("report", "1", "mended")]


def test_mbox_is_imported_once(
    configured: Path, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "old.mbox"
    box = mailbox.mbox(path)
    box.add(MAIL)
    box.add(OTHER)
    box.close()
    before = path.read_bytes()
    for said in ("2 mails imported, 0 were here before", "0 mails imported, 2 were here before"):
        assert main(["deliver", "--mbox", str(path)]) == 0
        assert said in capsys.readouterr().out
    assert path.read_bytes() == before
    rows = database.fetch("SELECT evidence, channel, times_received FROM reports ORDER BY id")
    assert rows == [(hashlib.sha256(one).hexdigest(), "pipe", 1) for one in (MAIL, OTHER)]


def test_other_files_are_no_mbox(configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.eml").write_bytes(MAIL)
    assert main(["deliver", "--mbox", str(tmp_path / "one.eml")]) == 1
    assert main(["deliver", "--mbox", str(tmp_path / "absent")]) == 1
    said = capsys.readouterr().err
    assert "is no mbox file" in said
    assert "cannot be read" in said
