# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reporters are told once, politely, and only if they are who they say and want to hear it."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from abusehandler.reports.answers.courtesy import answerable
from abusehandler.reports.mail.decode import decode
from abusehandler.reports.mail.message import Authentication
from abusehandler.tickets.answers.mail_addresses import set_state
from abusehandler.tickets.answers.reporter_mails import ReporterMailPlanner, ReporterOutbox
from abusehandler.tickets.answers.reporter_sender import ReporterSender
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.mail_templates import MailTemplates
from abusehandler.tickets.notice_mail import Letterhead
from abusehandler.tickets.reports import ReportStore
from abusehandler.tickets.smtp import MailServer, SmtpSettings
from tests.tickets.scripted_smtp import DROP, ScriptedSmtp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abusehandler.tickets.database import Database

OWN = frozenset({"abuse@example.net"})
PROVEN = Authentication(dkim=("example.org",))


def report_mail(
    *headers: str,
    sender: str = "Security Team <soc@example.org>",
    subject: str = "attack from 192.0.2.1",
    number: int = 1,
) -> bytes:
    lines = [
        f"From: {sender}",
        "To: abuse@example.net",
        f"Subject: {subject}",
        f"Message-ID: <{number}@example.org>",
        *headers,
        "",
        "192.0.2.1 attacks.",
    ]
    return "\r\n".join(lines).encode()


def to_whom(*headers: str, proven: Authentication | None = PROVEN, not_to: tuple[str, ...] = (), **other: str) -> str:
    return answerable(decode(report_mail(*headers, **other), proven=proven), own_addresses=OWN, not_to=not_to).address  # type: ignore[arg-type]


def test_a_proven_person_is_answered() -> None:
    assert to_whom() == "soc@example.org"
    assert to_whom("Return-Path: <soc+x@example.org>") == "soc+x@example.org"
    assert to_whom("Auto-Submitted: no") == "soc@example.org"


@pytest.mark.parametrize(
    "header",
    [
        "Return-Path: <>", "Return-Path: <bounce-77@lists.example.com>", "Return-Path: <bounces+7@example.org>", "Auto-Submitted: auto-generated",
        "Auto-Submitted: auto-replied", "Precedence: bulk", "Precedence: list", "List-Id: <x.example.org>", "List-Unsubscribe: <mailto:x@example.org>",
        "X-Auto-Response-Suppress: All", "X-Loop: yes", "From: another@example.org", "Feedback-ID: 1:2:3",
    ],
)  # fmt: skip
def test_programs_and_lists_are_not_answered(header: str) -> None:
    assert to_whom(header) == ""


@pytest.mark.parametrize(
    "sender",
    [
        "noreply@example.org", "no-reply@example.org", "do_not_reply@example.org", "donotreply+7@example.org", "abuse-noreply@example.org", "postmaster@example.org",
        "MAILER-DAEMON@example.org", "bounces@example.org", "list-request@example.org", "owner-list@example.org", "notifications@example.org", "fbl@example.org",
        "nobody", "", "a@example.org, b@example.org", "abuse@example.net",
    ],
)  # fmt: skip
def test_addresses_that_nobody_reads_are_not_answered(sender: str) -> None:
    assert to_whom(sender=sender) == ""


def test_a_sender_who_is_not_proven_or_excluded_is_not_answered() -> None:
    assert to_whom(proven=None) == ""
    assert to_whom(proven=Authentication(dkim=("example.com",))) == ""
    assert to_whom(proven=Authentication(arc="example.org")) == ""
    believed = replace(decode(report_mail()), authentication=Authentication(believed=(("dmarc", "pass"),)))
    assert answerable(believed, own_addresses=OWN, not_to=()).address == "soc@example.org"
    assert to_whom(not_to=("example.org",)) == ""
    assert to_whom(not_to=("soc@example.org",)) == ""
    assert to_whom(not_to=("ple.org", "other@example.org")) == "soc@example.org"


@pytest.fixture
def server() -> Iterator[ScriptedSmtp]:
    scripted = ScriptedSmtp()
    yield scripted
    scripted.stop()


class Desk:
    """Reports come in and their reporters are told."""

    def __init__(self, database: Database, folder: Path, server: ScriptedSmtp) -> None:
        self.database = database
        self.folder = folder
        self.server = server
        self.senders: list[ReporterSender] = []

    def report(self, *headers: str, kinds: tuple[Any, ...] = ("acknowledgement", "outcome"), **other: Any) -> int:
        raw = report_mail(*headers, **other)
        record, _ = ReportStore(self.database).accept(EvidenceStore(self.folder).keep(raw), kind="mail", channel="test")
        planner = ReporterMailPlanner(self.database, kinds, domain="example.net", own_addresses=OWN)
        planner.plan(decode(raw, proven=PROVEN), record)
        return record.id

    def sender(self, me: str = "sender-1", **other: Any) -> ReporterSender:
        sender = ReporterSender(
            ReporterOutbox(self.database, me, mails_per_day=3), MailServer(SmtpSettings("127.0.0.1", self.server.port, timeout=60)),
            MailTemplates(), Letterhead("Example Networks", "abuse@example.net", ""), **other,
        )  # fmt: skip
        self.senders.append(sender)
        return sender

    def states(self, kind: str = "acknowledgement") -> list[str]:
        return [
            row[0]
            for row in self.database.fetch("SELECT state FROM reporter_mails WHERE kind = %s ORDER BY id", (kind,))
        ]

    def ticket_of(self, report: int, state: str = "open") -> int:
        """A ticket with one event of the report."""
        self.database.fetch("INSERT INTO customers (id) VALUES ('C1') ON CONFLICT DO NOTHING")
        ((ticket,),) = self.database.fetch(
            "INSERT INTO tickets (key, customer_id, resource, problem, state) VALUES (gen_random_uuid(), 'C1', '192.0.2.1', 'spam', %s) RETURNING id",
            (state,),
        )
        self.database.fetch(
            "INSERT INTO events (at, fingerprint, report_id, ticket_id, customer_match, problem, severity, data) "
            "VALUES (now(), gen_random_uuid(), %s, %s, 'one', 'spam', 1, '{}')",
            (report, ticket),
        )
        return int(ticket)

    def let_time_pass(self) -> None:
        self.database.fetch(
            "UPDATE reporter_mails SET next_try = now() - interval '1 second' WHERE state IN ('planned', 'waiting')"
        )
        self.database.fetch("UPDATE tickets SET state_at = now() - interval '2 hours'")


@pytest.fixture
def desk(database: Database, tmp_path: Path, server: ScriptedSmtp) -> Iterator[Desk]:
    desk = Desk(database, tmp_path, server)
    yield desk
    for sender in desk.senders:
        sender.close()


def test_acknowledgement_has_the_manners_of_rfc_3834(desk: Desk) -> None:
    number = desk.report("References: <0@example.org>")
    assert desk.sender().run() == 1
    ((_, content),) = desk.server.mails
    assert [command for command in desk.server.commands if command.startswith("MAIL")] == ["MAIL FROM:<>"]
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert mail["To"] == "soc@example.org"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["In-Reply-To"] == "<1@example.org>"
    assert mail["References"] == "<0@example.org> <1@example.org>"
    assert mail["Message-ID"].startswith(f"<acknowledgement.{number}.")
    assert str(number) in mail["Subject"]
    assert desk.states() == ["sent"]


def test_nothing_is_sent_unless_it_is_switched_on(desk: Desk) -> None:
    desk.report(kinds=())
    assert desk.sender().run() == 0
    assert desk.states() == []


def test_one_acknowledgement_a_day_for_each_sender(desk: Desk) -> None:
    for number in range(1, 6):
        desk.report(number=number)
    desk.report(number=6, sender="other@example.org")
    assert desk.sender().run() == 2
    desk.database.fetch("UPDATE reporter_mails SET day = day - 1, sent_at = sent_at - interval '1 day'")
    desk.report(number=7)
    assert desk.sender().run() == 1


def test_old_mails_and_those_read_again_are_not_acknowledged(desk: Desk) -> None:
    desk.report("Date: Fri, 20 Nov 2020 10:00:00 +0000")
    assert desk.states() == []


def test_outcome_when_all_tickets_are_done(desk: Desk) -> None:
    report = desk.report()
    first, _ = desk.ticket_of(report), desk.ticket_of(report, "ignored")
    sender = desk.sender()
    desk.let_time_pass()
    sender.run()
    assert desk.states("outcome") == ["planned"]
    desk.database.fetch("UPDATE tickets SET state = 'resolved' WHERE id = %s", (first,))
    desk.let_time_pass()
    sender.run()
    assert desk.states("outcome") == ["sent"]
    assert "mended" in desk.server.mails[-1][1].decode()
    assert b"C1" not in desk.server.mails[-1][1]


def test_no_outcome_for_what_became_no_ticket(desk: Desk) -> None:
    desk.report()
    desk.let_time_pass()
    desk.sender().run()
    assert desk.states("outcome") == ["dropped"]


def test_an_address_gets_so_many_mails_a_day_and_not_more(desk: Desk) -> None:
    for number in range(1, 6):
        desk.ticket_of(desk.report(number=number), "closed")
    desk.let_time_pass()
    desk.sender().run()
    assert len(desk.server.mails) == 3
    assert sorted(desk.states("outcome")) == ["dropped", "dropped", "dropped", "sent", "sent"]


def test_addresses_that_bounce_or_are_blocked_get_nothing(desk: Desk) -> None:
    desk.report(number=1)
    set_state(desk.database, "soc@example.org", "blocked", author="ada", reason="asked for it")
    desk.report(number=2)
    assert desk.sender().run() == 0
    assert desk.states() == ["dropped"]


def test_a_mail_whose_fate_is_open_is_in_doubt_and_not_sent_again_by_itself(desk: Desk) -> None:
    desk.server.says["END"] = [DROP]
    desk.report()
    desk.sender().run()
    assert desk.states() == ["in-doubt"]
    desk.sender("sender-2").run()
    assert desk.states() == ["in-doubt"]
    ((before,),) = desk.database.fetch("SELECT message_id FROM reporter_mails WHERE kind = 'acknowledgement'")
    assert desk.sender("sender-3", resend_doubtful=True).run() == 1
    assert before.encode() in desk.server.mails[-1][1]


def test_a_mail_that_was_in_hand_when_the_sender_died_is_in_doubt(desk: Desk) -> None:
    desk.report()
    outbox = ReporterOutbox(desk.database, "sender-1")
    (mail,) = outbox.lease()
    assert outbox.begin(mail)
    assert ReporterOutbox(desk.database, "sender-1").start() == 1
    assert desk.states() == ["in-doubt"]


@pytest.mark.parametrize(("step", "state"), [("begin", "sending"), ("finish", "sent")])
def test_database_away_while_a_mail_is_in_hand_leaves_no_doubt(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str, state: str
) -> None:
    """The commit arrives, its answer does not: the sender knows what it did, and says so when the database is back."""
    real = getattr(ReporterOutbox, step)

    def losing_the_answer(*arguments: Any) -> None:
        real(*arguments)
        raise Unavailable("the connection to PostgreSQL broke")

    desk.report()
    sender = desk.sender()
    with monkeypatch.context() as broken:
        broken.setattr(ReporterOutbox, step, losing_the_answer)
        with pytest.raises(Unavailable):
            sender.run()
    assert desk.states() == [state]
    sender.run()
    assert desk.states() == ["sent"]
    assert len(desk.server.mails) == 1


def test_two_senders_share_the_mails(desk: Desk) -> None:
    for number in range(1, 5):
        desk.report(number=number, sender=f"soc{number}@example.org")
    first, second = ReporterOutbox(desk.database, "a"), ReporterOutbox(desk.database, "b")
    mine, yours = first.lease(2), second.lease(5)
    assert len(mine) == 2
    assert len(yours) == 2
    assert not {mail.id for mail in mine} & {mail.id for mail in yours}
    assert not second.begin(mine[0])


def test_hostile_subjects_and_ids_stay_in_their_place(desk: Desk) -> None:
    desk.report(
        subject="=?utf-8?Q?hello=0D=0ABcc:_victim@example.com?= {{ organisation }}",
        number=1,
    )
    desk.database.fetch("UPDATE reporter_mails SET in_reply_to = in_reply_to")
    assert desk.sender().run() == 1
    mail = email.message_from_bytes(desk.server.mails[-1][1], policy=email.policy.default)
    assert mail["Bcc"] is None
    assert "{{ organisation }}" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_template_that_is_wrong_stops_no_other_mail_and_not_for_ever(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "templates/en"
    folder.mkdir(parents=True)
    (folder / "acknowledgement.txt.j2").write_text("{{ missing }}", encoding="utf-8")
    desk.report()
    sender = desk.sender()
    sender._templates = MailTemplates([folder.parent])
    for _ in range(6):
        sender.run()
        desk.database.fetch("UPDATE reporter_mails SET next_try = now() WHERE state = 'waiting'")
    assert desk.states() == ["failed"]
    assert desk.server.mails == []


def test_times() -> None:
    from abusehandler.tickets.answers.reporter_mails import PAUSES

    assert all(pause > timedelta() for pause in PAUSES)
