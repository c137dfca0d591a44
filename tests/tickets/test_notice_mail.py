# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a customer reads, and that nothing a stranger wrote into a report can bend it."""

from __future__ import annotations

import csv
import email
import email.policy
import io
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets import attachments
from abusehandler.tickets.attachments import events_as_csv
from abusehandler.tickets.notice import Delivery, Kind, Notice, NoticeEvent, NoticeTicket
from abusehandler.tickets.notice_mail import Letterhead, NoticeWriter

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

AT = datetime(2026, 11, 20, 10, 30, tzinfo=timezone.utc)
DELIVERY = Delivery(1, 7, "customer@example.com", "", "<notice.7.ab@example.net>", 0)
LETTERHEAD = Letterhead("Example Networks", "abuse@example.net", "Abuse Desk", phone="+43 1 0000000")


def ticket(number: int = 1, events: int = 1, kind: Kind = "new", **data: Any) -> NoticeTicket:
    seen = {"source.ip": "192.0.2.1", "source.port": 22, **data}
    return NoticeTicket(
        number, "192.0.2.1", "brute-force", 3, AT, AT, events, kind, tuple(NoticeEvent(AT, seen) for _ in range(events))
    )  # fmt: skip


def notice(*tickets: NoticeTicket, references: tuple[str, ...] = (), kind: Kind = "new", **other: Any) -> Notice:
    return Notice(7, "C1", tickets or (ticket(kind=kind),), references, kind, **other)


def written(
    what: Notice, name: str = "Customer One", letterhead: Letterhead = LETTERHEAD, language: str = "", **other: Any
) -> EmailMessage:
    """The mail as the customer's program takes it apart."""
    writer = NoticeWriter(letterhead, Catalogue.load(), **other)
    content = writer.write(what, replace(DELIVERY, language=language), name)
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


def text(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_headers() -> None:
    mail = written(notice())
    assert mail["From"] == "Abuse Desk <abuse@example.net>"
    assert mail["To"] == "customer@example.com"
    assert mail["Subject"] == "Password guessing at 192.0.2.1 [#1]"
    assert mail["Message-ID"] == "<notice.7.ab@example.net>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime.tzinfo is not None
    assert "References" not in mail


def test_text_says_what_where_and_when() -> None:
    body = text(written(notice(ticket(events=2))))
    assert "Dear Customer One," in body
    assert "Ticket #1: Password guessing" in body
    assert "2 times, first Nov 20, 2026 10:30:00 UTC" in body
    assert "192.0.2.1 port 22" in body
    assert "Example Networks\n+43 1 0000000" in body


def test_times_are_those_of_the_organisation_with_their_offset() -> None:
    body = text(written(notice(), letterhead=replace(LETTERHEAD, zone=ZoneInfo("Europe/Vienna"))))
    assert "Nov 20, 2026 11:30:00 UTC+01:00" in body


def test_update_says_so() -> None:
    mail = written(notice(kind="update"))
    assert mail["Subject"].startswith("Update: ")
    assert "that we told you of before" in text(mail)


def test_several_tickets_share_a_mail() -> None:
    mail = written(notice(ticket(1), ticket(2)))
    assert mail["Subject"] == "2 security problems in your network [#1 and others]"
    assert "Ticket #2" in text(mail)


def test_more_events_than_fit_are_counted_and_stand_in_the_table() -> None:
    mail = written(notice(ticket(events=25)))
    assert "and 15 more in the attached table" in text(mail)
    table = next(mail.iter_attachments())
    assert table.get_filename() == "notice-7.csv"
    assert len(list(csv.reader(io.StringIO(table.get_content())))) == 26


def test_references_make_a_thread() -> None:
    mail = written(notice(references=("<a@example.net>", "<b@example.net>")))
    assert mail["References"] == "<a@example.net> <b@example.net>"
    assert mail["In-Reply-To"] == "<b@example.net>"


def test_html_shows_hostile_values_as_text() -> None:
    evil = '<script>alert(1)</script><img src="x" onerror=y>'
    what = notice(ticket(**{"malware.name": evil, "source.ip": "<b>1"}))
    body = text(written(what, name=evil), "html")
    assert "<script" not in body
    assert "<img" not in body
    assert "<b>1" not in body
    assert "&lt;script&gt;" in body


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_values_of_a_report_cannot_begin_a_line_of_their_own(end: str) -> None:
    """Else a stranger could write "Ticket #9: pay here" into our mail."""
    evil = f"x{end}Ticket #9: forged"
    what = replace(ticket(**{"malware.name": evil, "source.ip": evil}), resource=evil)
    mail = written(notice(what), name=evil)
    assert not any(line.startswith("Ticket #9") for line in text(mail).splitlines())


def test_values_of_a_report_cannot_turn_the_text_around() -> None:
    body = text(written(notice(ticket(**{"malware.name": "\u202eevil\x1b[31m\x07"}))))
    assert not any(character in body for character in "\u202e\x1b\x07")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_names_cannot_add_headers(end: str) -> None:
    evil = f"x{end}Bcc: everybody@example.com{end}{end}body"
    mail = written(notice(replace(ticket(), problem=evil, resource=evil)), name=evil)
    assert "Bcc" not in mail
    assert "everybody" in mail["Subject"]


def test_letterhead_that_would_add_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="newline|linefeed|CR"):
        written(notice(), letterhead=replace(LETTERHEAD, sender_name="x\nBcc: everybody@example.com"))


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"])
def test_table_holds_no_formulas(formula: str) -> None:
    rows = list(
        csv.reader(
            io.StringIO(events_as_csv(notice(ticket(**{"malware.name": formula}))).decode("utf-8-sig"), newline="")
        )
    )
    cell = rows[1][rows[0].index("malware.name")]
    assert cell.startswith("'")
    assert cell.replace("'", "") == formula.replace("'", "")


def test_table_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_CSV_BYTES", 1000)
    table = events_as_csv(notice(ticket(events=200))).decode("utf-8-sig").splitlines()
    assert table[-1] == "... more events are not shown"
    assert len(table) < 40


def test_reporter_and_third_parties_are_not_told() -> None:
    what = notice(ticket(**{"report.id": 99, "report.evidence": "secret-hash", "feed.url": "https://secret.example",
                            "extra.reporter_mail": "victim@example.org", "destination.fqdn": "victim.example.org"}))  # fmt: skip
    content = written(what).as_string()
    for secret in ("secret", "victim"):
        assert secret not in content


def own_templates(folder: Path, language: str = "en", **parts: str) -> list[Path]:
    target = folder / language
    target.mkdir(parents=True, exist_ok=True)
    usual = {"subject": "Subject", "txt": "Text", "html": "<p>HTML</p>"}
    for kind, content in {**usual, **parts}.items():
        (target / f"new.{kind}.j2").write_text(content, encoding="utf-8")
    return [folder]


def test_operators_own_template_wins(tmp_path: Path) -> None:
    folders = own_templates(tmp_path, txt="Own words for {{ customer.name }}")
    assert text(written(notice(), folders=folders)).strip() == "Own words for Customer One"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ tickets.__init__.__globals__ }}",
        "{{ tickets.append(1) }}",
        "{% for x in range(10000000) %}x{% endfor %}",
        "{{ not_there }}",
        "{{ tickets[0].not_there }}",
        "{{ 1 / 0 }}",
        "{{ tickets + 1 }}",
        "{% include 'en/not_there.j2' %}",
        "{% include '../../../../etc/passwd' %}",
        "{% if %}",
        "{{ ",
    ],
)
def test_template_that_is_wrong_or_wants_too_much_is_named_with_its_line(tmp_path: Path, template: str) -> None:
    folders = own_templates(tmp_path, txt=f"First line\n{template}")
    with pytest.raises(ConfigurationError, match=r"new\.txt\.j2, line 2: "):
        written(notice(), folders=folders)


def test_language_of_the_contact_then_the_organisation_then_english(tmp_path: Path) -> None:
    folders = own_templates(tmp_path, "de", txt="Deutsch")
    own_templates(tmp_path, "fr", txt="Français")
    german = replace(LETTERHEAD, language="de")
    assert text(written(notice(), language="fr-CH", letterhead=german, folders=folders)).strip() == "Français"
    assert text(written(notice(), language="xx", letterhead=german, folders=folders)).strip() == "Deutsch"
    assert "Dear" in text(written(notice(), language="xx", folders=folders))
    assert "Dear" in text(written(notice(), language="../", folders=folders))


def test_language_with_half_a_set_of_templates_is_named(tmp_path: Path) -> None:
    folders = own_templates(tmp_path, "xy")
    (tmp_path / "xy" / "new.html.j2").unlink()
    with pytest.raises(ConfigurationError, match="xy/new.html.j2"):
        written(notice(), language="xy", folders=folders)
