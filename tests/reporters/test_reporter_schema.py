# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""YAML of a definition, and how its mistakes are told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from intelmq.lib.harmonization import ClassificationType

from abusehandler.errors import ConfigurationError
from abusehandler.reporters.schema import TYPES, parse_definition, parse_zone

GOOD = """\
name: example-desk
about: the desk of example.net
documented: https://example.net/abuse
spoofable: false
recognise:
  - from: [example.net, desk@example.org]
    subject: '^Report'
take:
  - labels:
      source.ip: [Attacker, Source IP]
problem:
  - {type: scanner, when: 'scan', in: subject}
  - {type: brute-force, identifier: ssh}
zone: Europe/Berlin
confidence: 0.8
"""


def problem_of(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_definition(text, "desk.yaml")
    return str(caught.value)


def test_a_definition():
    made = parse_definition(GOOD, "desk.yaml")
    assert made.name == "example-desk"
    assert made.recognise[0].senders == ("example.net", "desk@example.org")
    assert made.take[0].names == (("source.ip", ("Attacker", "Source IP")),)
    assert [rule.type for rule in made.problem] == ["scanner", "brute-force"]
    assert made.zone is not None
    assert not made.spoofable
    assert made.confidence == 0.8


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("problem:", "problems:", "line 11: unknown key 'problems'; did you mean 'problem'?"),
        ("type: scanner", "type: scaner", "line 12: unknown classification.type 'scaner'; did you mean 'scanner'?"),
        ("source.ip:", "source.adress:", "line 10: unknown field 'source.adress'"),
        ("Europe/Berlin", "Europe/Berlino", "line 14: 'Europe/Berlino' is no zone"),
        ("confidence: 0.8", "confidence: 80", "line 15: confidence is a number above 0 and up to 1"),
        ("'^Report'", "'(a+)+b'", "line 7: the pattern has a repeat without an end"),
        ("'^Report'", "'(unclosed'", "line 7: the pattern is not a regular expression"),
        ("spoofable: false", "spoofable: never", "line 4: unknown value (true or false) 'never'"),
        ("in: subject", "in: suject", "did you mean 'subject'?"),
        ("about: the desk of example.net\n", "", "`about:` is missing"),
        ("name: example-desk", "name: Example Desk", "small letters, digits and `-`"),
        ("zone:", "zone: UTC\nzone:", "is there twice"),
        ("  - labels:", "  - find: 'nothing taken'\n    labels:", "exactly one of"),
    ],
)
def test_each_mistake_names_line_and_remedy(before: str, after: str, said: str):
    assert said in problem_of(GOOD.replace(before, after, 1))


def test_what_is_no_definition_at_all():
    assert "no YAML" in problem_of("name: [unclosed")
    assert "is empty" in problem_of("")
    assert "`key: value`" in problem_of("- a list")
    assert "`*alias`" in problem_of("name: &a x\nabout: *a\n")


def test_types_are_those_of_intelmq():
    assert set(ClassificationType.allowed_values) == TYPES


def test_zones():
    assert parse_zone("+05:30").utcoffset(None) == timedelta(hours=5, minutes=30)
    assert parse_zone("UTC").utcoffset(None) == timedelta(0)
    assert parse_zone("Europe/Vilnius").utcoffset(datetime(2026, 1, 1)) == timedelta(hours=2)  # noqa: DTZ001
    for wrong in ("Mars/Olympus", "+25:00", "../../etc/passwd"):
        with pytest.raises(ValueError, match="zone"):
            parse_zone(wrong)
