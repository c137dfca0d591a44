# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A corrected mail becomes a definition of its sender, tried on what came before, saved by an administrator."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abusehandler.portal.desk import drafting
from abusehandler.reporters.lint import CHECKS, Finding
from abusehandler.reporters.match import Matcher
from abusehandler.reporters.schema import parse_definition
from abusehandler.reports.mail.decode import decode
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import Outcome, ReportStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.portal.running import Portal

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
MAIL = b"""From: Robot Watch <robot@sensor.example.org>
To: abuse@example.net
Subject: [watch] case 4711
Date: Fri, 20 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hello from 203.0.113.5,

Offending host: 192.0.2.%d
When = 2026-11-20 09:58:%02d UTC
It knocked at port 2%d of our door.
"""
EVENT = {
    "source.ip": "192.0.2.77", "time.source": "2026-11-20T09:58:12+00:00", "source.port": 22,
    "classification.type": "brute-force", "classification.identifier": "ssh",
}  # fmt: skip


def taught(raw: bytes = MAIL % (77, 12, 2), event: dict[str, Any] = EVENT) -> tuple[str, str]:
    return drafting.draft(decode(raw), [event], report=1, received_at=NOW)


def test_the_draft_says_who_where_and_what() -> None:
    name, text = taught()
    assert name == "sensor-example-org"
    said = yaml.safe_load(text)
    assert said["recognise"] == [{"from": ["sensor.example.org"]}]
    assert said["take"] == [
        {"labels": {"source.ip": "Offending host", "time.source": "When"}},
        {"find": r"at\s{0,4}port\s{0,4}<source.port>"},
    ]
    assert said["problem"] == [{"type": "brute-force", "identifier": "ssh"}]


def test_the_draft_reads_the_next_mail_of_the_sender() -> None:
    definition, findings = drafting.checked(taught()[1])
    assert definition is not None
    assert findings == []
    found = drafting.hit(definition, decode(MAIL % (9, 40, 3)), Matcher([]), NOW)
    assert found is not None
    assert found.events == ({"source.ip": "192.0.2.9", "time.source": "2026-11-20T09:58:40+00:00", "source.port": 23},)
    assert (
        drafting.differences([EVENT], drafting.hit(definition, decode(MAIL % (77, 12, 2)), Matcher([]), NOW).events)
        == []
    )  # type: ignore[union-attr]
    assert drafting.hit(definition, decode(MAIL.replace(b"sensor.", b"other.") % (9, 40, 3)), Matcher([]), NOW) is None


def test_a_mailbox_at_a_large_provider_is_one_address_with_a_subject() -> None:
    _, text = taught((MAIL % (77, 12, 2)).replace(b"robot@sensor.example.org", b"a.person@gmail.com"))
    (alternative,) = yaml.safe_load(text)["recognise"]
    assert alternative["from"] == ["a.person@gmail.com"]
    definition = parse_definition(text, "draft")
    assert definition.recognise[0].subject is not None
    assert definition.recognise[0].subject.search("[watch] case 9")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\xff\xfe" * 50_000, b"Subject: x\n\n" + b"(((((" * 20_000 + b"192.0.2.77", b"From: <>\n\n" + b": 192.0.2.77\n" * 5_000,
        b"From: a@b.example\n\n" + b"a" * 60_000 + b": 192.0.2.77",
        b"From: '); DROP@x.example\nSubject: 9 [9] (9\n\n!!python/object: 192.0.2.77",
    ],
)  # fmt: skip
def test_any_mail_gives_a_draft_that_can_be_looked_at(raw: bytes) -> None:
    _, text = taught(raw)
    assert isinstance(yaml.safe_load(text), dict)
    drafting.checked(text)


@pytest.fixture
def folder(settings: dict[str, Any], tmp_path: Path) -> Path:
    own = tmp_path / "reporters"
    own.mkdir()
    settings["reading"] = {"reporters": str(own)}
    return own


@pytest.fixture
def desk(folder: Path, open_portal: Callable[[], Portal], tmp_path: Path) -> Portal:
    """Two mails of the same robot wait in the inbox."""
    portal = open_portal()
    evidence, reports = EvidenceStore(tmp_path / "evidence"), ReportStore(portal.database)
    for number in (77, 78):
        record, _ = reports.accept(
            evidence.keep(MAIL % (number, 12, 2)), kind="mail", channel="abuse-mail", name="mail"
        )
        reports.describe(record.id, sender="robot@sensor.example.org", subject="[watch] case 4711")
        reports.finish(record.id, Outcome("unread", "free-text", "not sure enough", confidence=0.4))
    return portal


FORM = {f"0|{field}": str(value) for field, value in EVENT.items()}


def test_from_the_inbox_to_the_folder(desk: Portal, folder: Path) -> None:
    ben = desk.client("ben", "desk")
    page = ben.send("/inbox/1/teach", page="/inbox/1", take="0", **FORM)
    assert "Hits in the newest 2 mails: 2" in page.text
    assert "It finds in its own mail what was corrected" in page.text
    assert "An administrator saves it" in page.text
    ((number, text),) = desk.database.fetch("SELECT id, definition FROM reporter_drafts")
    assert ben.send(f"/drafts/{number}", text=text, verb="save").status_code == 403
    anna = desk.client("anna")
    saved = anna.send(f"/drafts/{number}", text=text, verb="save")
    assert "Saved by anna" in saved.text
    path = folder / "sensor-example-org.yaml"
    assert parse_definition(path.read_text(encoding="utf-8"), "x").name == "sensor-example-org"
    assert [one.name for one in folder.iterdir()] == [path.name]
    assert desk.database.fetch("SELECT change FROM audit_trail WHERE object = 'reporter'") == [
        (f"definition saved from draft {number}",)
    ]


def test_what_is_there_is_never_overwritten(desk: Portal, folder: Path) -> None:
    anna = desk.client("anna")
    anna.send("/inbox/1/teach", page="/inbox/1", take="0", **FORM)
    ((number, text),) = desk.database.fetch("SELECT id, definition FROM reporter_drafts")
    (folder / "sensor-example-org.yaml").write_text("mine", encoding="utf-8")
    answer = anna.send(f"/drafts/{number}", text=text, verb="save")
    assert "is there already" in answer.text
    assert (folder / "sensor-example-org.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["../evil", "/etc/cron.d/x", "a b", ".hidden"])
def test_a_name_cannot_lead_out_of_the_folder(desk: Portal, folder: Path, name: str) -> None:
    anna = desk.client("anna")
    anna.send("/inbox/1/teach", page="/inbox/1", take="0", **FORM)
    ((number, text),) = desk.database.fetch("SELECT id, definition FROM reporter_drafts")
    answer = anna.send(
        f"/drafts/{number}", text=text.replace("name: sensor-example-org", f"name: '{name}'"), verb="save"
    )
    assert answer.status_code == 400
    assert list(folder.iterdir()) == []


def test_a_mistake_is_shown_with_its_line_and_a_draft_can_be_dropped(desk: Portal) -> None:
    ben = desk.client("ben", "desk")
    ben.send("/inbox/1/teach", page="/inbox/1", take="0", **FORM)
    ((number,),) = desk.database.fetch("SELECT id FROM reporter_drafts")
    page = ben.send(f"/drafts/{number}", text="name: x\nabout: y\nrecognise:\n  - form: z\n")
    assert "line 4" in page.text
    assert "did you mean" in page.text
    assert "/drafts/" not in ben.send(f"/drafts/{number}/drop").text.partition("<section")[2]


def test_a_draft_with_a_slow_pattern_is_not_tried() -> None:
    """Patterns are matched in the portal's own process: one that takes for ever would hold up everybody."""
    (slow,) = [check for check in CHECKS if check.name == "fast-patterns"]
    assert not drafting.is_quick([Finding("draft", 6, slow.level, slow.name, "it is slow", slow.recommendation)])
    assert drafting.is_quick([Finding("draft", 6, "warning", "narrow-enough", "it is wide", "narrow it")])
