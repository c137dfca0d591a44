# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which definition a mail belongs to."""

from __future__ import annotations

from dataclasses import replace

from abusehandler.reporters.match import Matcher, look_at, plain_subject
from abusehandler.reporters.schema import parse_definition
from abusehandler.reports.mail.message import Authentication, Mail, Part

SENSOR = parse_definition(
    """
name: sensor
about: a sensor
recognise:
  - from: sensor.example.net
  - subject: '^sensor alert for '
    body: [our sensor network]
""",
    "sensor.yaml",
)
ONE_PERSON = parse_definition(
    """
name: one-person
about: one person at the sensor's company
recognise:
  - from: anna@sensor.example.net
""",
    "one-person.yaml",
)


def mail(sender: str = "", subject: str = "", text: str = "", **headers: str) -> Mail:
    return Mail(
        headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()),
        subject=subject,
        sender=sender,
        parts=(Part("1", "text", "text/plain", text),),
    )


def name_of(found: Mail, *definitions: object) -> str:
    match = Matcher(definitions or (SENSOR, ONE_PERSON)).match(found)  # type: ignore[arg-type]
    return match.definition.name if match else ""


def test_domain_and_names_below_it():
    assert name_of(mail("bot@sensor.example.net")) == "sensor"
    assert name_of(mail("bot@mx3.sensor.example.net")) == "sensor"
    assert name_of(mail("bot@notsensor.example.net")) == ""


def test_an_address_goes_before_its_domain():
    assert name_of(mail("anna@sensor.example.net")) == "one-person"


def test_words_need_no_sender_but_all_of_them():
    assert name_of(mail("x@example.org", "Sensor alert for 192.0.2.1", "Our  sensor\nnetwork saw this")) == "sensor"
    assert name_of(mail("x@example.org", "Sensor alert for 192.0.2.1", "we saw this")) == ""


def test_a_list_that_rewrites_from_is_seen_through():
    assert name_of(mail("abuse@isp.example.com", reply_to="Bot <bot@sensor.example.net>")) == "sensor"
    assert name_of(mail("abuse@isp.example.com", x_original_from="bot@sensor.example.net")) == "sensor"


def test_a_forwarded_mail_is_known_by_the_writer_in_its_text():
    text = "fyi\n\n-------- Forwarded Message --------\nSubject: x\nFrom: Bot <bot@sensor.example.net>\n\nhello"
    assert name_of(mail("user@example.org", "Fwd: x", text)) == "sensor"
    assert name_of(mail("user@example.org", "x", "From: Bot <bot@sensor.example.net>")) == ""


def test_a_signature_proves_the_sender():
    signed = replace(mail("bot@sensor.example.net"), authentication=Authentication(dkim=("sensor.example.net",)))
    match = Matcher([SENSOR]).match(signed)
    assert match is not None and match.proven
    unsigned = Matcher([SENSOR]).match(mail("bot@sensor.example.net"))
    assert unsigned is not None and not unsigned.proven


def test_dkim_may_be_demanded():
    strict = parse_definition("name: strict\nabout: x\nrecognise:\n  - dkim: example.net\n", "strict.yaml")
    assert name_of(mail("bot@example.net"), strict) == ""
    signed = replace(mail("bot@example.net"), authentication=Authentication(dkim=("example.net",)))
    assert name_of(signed, strict) == "strict"


def test_plain_subject():
    assert plain_subject("Re: [External Sender] FW:  ***SPAM*** Port scan") == "Port scan"
    assert plain_subject("Report: a scan") == "Report: a scan"


def test_hostile_mail_is_looked_at_quickly():
    evil = mail("x@" + "a." * 50_000 + "com", "Fwd: " * 20_000, "-" * 200_000 + "\nFrom: " + "a@" * 100_000)
    assert len(look_at(evil).senders) < 20


def test_from_goes_before_reply_to():
    form = parse_definition("name: form\nabout: a web form\nrecognise:\n  - from: form.net\n", "form.yaml")
    assert name_of(mail("noreply@form.net", reply_to="Bot <bot@sensor.example.net>"), SENSOR, form) == "form"
