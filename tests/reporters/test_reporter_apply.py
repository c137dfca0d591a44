# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a mail of a known sender to a reading."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from reporter_mails import CONTEXT, NOON, knowing, mail

from abusehandler.errors import ConfigurationError
from abusehandler.reporters import load_definitions, read, refine
from abusehandler.reports.context import ReadContext
from abusehandler.reports.mail.message import Authentication
from abusehandler.reports.reading import ReadEvent, Reading

if TYPE_CHECKING:
    from pathlib import Path

STEPS = """
take:
  - labels: {source.ip: Attacker, time.source: Time, problem: Kind}
problem:
  - {type: brute-force, identifier: ssh, when: 'ssh'}
  - {type: scanner, when: 'scan'}
  - {type: exploit}
zone: Europe/Berlin
confidence: 0.8
"""


def test_nobody_knows_this_sender():
    assert read(mail("Attacker: 192.0.2.1", sender="x@unknown.example.org"), CONTEXT) is None


def test_steps_problem_and_zone(tmp_path: Path):
    reading = read(mail("Attacker: 192.0.2.1\nTime: 2026-11-18 10:00:00", "a port scan"), knowing(tmp_path, STEPS))
    assert reading is not None
    assert (reading.verdict, reading.reader, reading.confidence) == ("report", "reporter:desk", 0.8)
    assert reading.events[0].event == {
        "source.ip": "192.0.2.1",
        "time.source": "2026-11-18T09:00:00+00:00",
        "classification.type": "scanner",
    }
    span = reading.events[0].spans["source.ip"]
    assert (span.part, span.start, span.end) == ("1", 10, 19)


def test_each_event_has_its_own_word_for_the_problem(tmp_path: Path):
    text = "Attacker: 192.0.2.1\nKind: SSH login\n\nAttacker: 192.0.2.2\nKind: portscan\n\nAttacker: 192.0.2.3\nKind: other"
    reading = read(mail(text), knowing(tmp_path, STEPS))
    assert reading is not None
    types = [(one.event["classification.type"], one.event.get("classification.identifier")) for one in reading.events]
    assert types[:2] == [("brute-force", "ssh"), ("scanner", None)]


def test_a_changed_form_goes_on_to_free_text_with_the_problem_kept(tmp_path: Path):
    text = "Your host 192.0.2.1 tried passwords at our server.\n\nTime: 2026-11-18 10:00:00"
    reading = read(mail(text, "a port scan"), knowing(tmp_path, STEPS))
    assert reading is not None
    assert reading.reader == "reporter:desk"
    assert reading.events[0].event["source.ip"] == "192.0.2.1"
    assert reading.events[0].event["classification.type"] == "scanner"
    assert reading.events[0].event["time.source"] == "2026-11-18T09:00:00+00:00"


def test_nothing_at_all_in_it(tmp_path: Path):
    assert read(mail("Thank you for your help."), knowing(tmp_path, STEPS)) is None


def test_not_a_report(tmp_path: Path):
    reading = read(mail("We got your mail."), knowing(tmp_path, "verdict: not-a-report\nkind: receipt\n"))
    assert reading is not None
    assert (reading.verdict, reading.kind, reading.events) == ("not-a-report", "receipt", ())


def test_a_relay_is_unwrapped_and_places_stay_true(tmp_path: Path):
    rest = "inside: {start: '^Complaint: (?P<inner_subject>[^\\n]{1,80})$', end: '^-- '}\n"
    text = "Dear customer, we are 203.0.113.99.\nComplaint: port scan from 192.0.2.1\nSource IP: 192.0.2.1\n-- \n203.0.113.98"
    reading = read(mail(text, "Ticket 5"), knowing(tmp_path, rest))
    assert reading is not None
    assert [one.event["source.ip"] for one in reading.events] == ["192.0.2.1"]
    span = reading.events[0].spans["source.ip"]
    if span.part == "1":
        assert text[span.start : span.end] == "192.0.2.1"


def test_a_forged_sender_waits_for_a_person(tmp_path: Path):
    forged = replace(
        mail("Attacker: 192.0.2.1"), authentication=Authentication(believed=(("dmarc", "fail"), ("dkim", "none")))
    )
    reading = read(forged, knowing(tmp_path, STEPS))
    assert reading is not None
    assert reading.verdict == "unread"
    assert "dmarc failed" in reading.warnings[0]
    signed = replace(forged, authentication=replace(forged.authentication, dkim=("example.net",)))
    reading = read(signed, knowing(tmp_path, STEPS))
    assert reading is not None
    assert reading.verdict == "report"


def test_refine_fills_an_open_problem_and_corrects_only_where_it_may(tmp_path: Path):
    open_one = Reading("report", "xarf", events=(ReadEvent({"source.ip": "192.0.2.1"}),))
    said = Reading("report", "xarf", events=(ReadEvent({"source.ip": "192.0.2.1", "classification.type": "spam"}),))
    keep = knowing(tmp_path, "problem:\n  - {type: phishing}\n")
    found = mail("see the file")
    assert refine(found, open_one, keep).events[0].event["classification.type"] == "phishing"
    assert refine(found, said, keep).events[0].event["classification.type"] == "spam"
    other = tmp_path / "b"
    other.mkdir()
    correct = knowing(other, "machine: correct\nproblem:\n  - {type: phishing}\n")
    assert refine(found, said, correct).events[0].event["classification.type"] == "phishing"


def test_a_guessed_table_gives_way_to_steps(tmp_path: Path):
    guessed = Reading(
        "report", "table", events=(ReadEvent({"source.ip": "203.0.113.1", "classification.type": "ddos"}),)
    )
    reading = refine(mail("Attacker: 192.0.2.1", "scan"), guessed, knowing(tmp_path, STEPS))
    assert [one.event["source.ip"] for one in reading.events] == ["192.0.2.1"]


def test_the_host_of_a_url_is_told(tmp_path: Path):
    steps = "take:\n  - {find: 'page: <source.url>'}\nproblem:\n  - {type: phishing}\n"
    reading = read(mail("page: http://192.0.2.1/x\npage: http://shop.example.com/y\n"), knowing(tmp_path, steps))
    assert reading is not None
    assert [one.event.get("source.ip") or one.event.get("source.fqdn") for one in reading.events] == [
        "192.0.2.1",
        "shop.example.com",
    ]


def test_a_broken_definition_is_left_out_and_told_and_the_others_read(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    context = knowing(tmp_path, STEPS)
    (tmp_path / "broken.yaml").write_text("name: [", encoding="utf-8")
    assert read(mail("Attacker: 192.0.2.1"), context) is not None
    assert "broken.yaml, line" in caplog.text
    assert read(mail("Attacker: 192.0.2.1"), ReadContext(received_at=NOON, reporter_folders=("/nowhere",))) is None
    with pytest.raises(ConfigurationError, match="broken.yaml"):
        load_definitions([tmp_path])
