# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""From due tickets to mails: one notice for a customer, each mail once, and the truth after a crash."""

from __future__ import annotations

import email
import email.policy
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from observations import observation, store_of
from scripted_smtp import DROP, ScriptedSmtp

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.database import Database, Unavailable
from abusehandler.tickets.notice_mail import Letterhead, NoticeWriter
from abusehandler.tickets.outbox import PAUSES, Outbox, Recipient, Result
from abusehandler.tickets.sender import NoticeSender
from abusehandler.tickets.smtp import MailServer, MailServerUnavailable, SmtpSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTACTS = {
    "C1": [Recipient("one@example.com")],
    "C2": [Recipient("two@example.com"), Recipient("also-two@example.com", "en")],
}


_senders: list[NoticeSender] = []


@pytest.fixture
def server() -> Iterator[ScriptedSmtp]:
    scripted = ScriptedSmtp()
    yield scripted
    while _senders:
        _senders.pop().close()
    scripted.stop()


def outbox_of(database: Database, me: str = "sender-1", **other: Any) -> Outbox:
    return Outbox(database, me, message_id_domain="example.net", **other)


def sender_of(
    database: Database, server: ScriptedSmtp, me: str = "sender-1", contacts: Any = None, **other: Any
) -> NoticeSender:
    writer = NoticeWriter(Letterhead("Example Networks", "abuse@example.net", ""), Catalogue.load())
    sender = NoticeSender(
        outbox_of(database, me), MailServer(SmtpSettings("127.0.0.1", server.port, timeout=60)), writer,
        lambda who: (contacts if contacts is not None else CONTACTS).get(who, []), lambda who: f"Customer {who}",
        sender="abuse@example.net", **other,
    )  # fmt: skip
    _senders.append(sender)
    return sender


def fill(database: Database, customers: int = 1, tickets: int = 2) -> None:
    store_of(database).store(
        [
            observation(customer_id=f"C{who}", source_ip=f"192.0.{who}.{number}")
            for who in range(1, customers + 1)
            for number in range(1, tickets + 1)
        ]
    )


def deliveries(database: Database) -> list[tuple[str, str, int]]:
    return [
        (row[0], row[1], row[2])
        for row in database.fetch("SELECT recipient, state, attempts FROM deliveries ORDER BY recipient, id")
    ]


def make_due(database: Database) -> None:
    database.fetch("UPDATE deliveries SET next_try = now() - interval '1 second' WHERE state = 'waiting'")
    database.fetch("UPDATE mail_domains SET wait_until = NULL")


def lapse(database: Database) -> None:
    database.fetch("UPDATE deliveries SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")


def addressed(database: Database, me: str = "sender-1") -> Outbox:
    """An outbox whose notices are prepared and addressed."""
    outbox = outbox_of(database, me)
    outbox.prepare()
    outbox.address(lambda who: CONTACTS[who])
    return outbox


def test_one_notice_for_each_customer_with_all_that_is_due(database: Database) -> None:
    fill(database, customers=2, tickets=3)
    outbox = outbox_of(database)
    assert outbox.prepare() == 2
    assert database.fetch(
        "SELECT customer_id, count(*) FROM notices JOIN notice_tickets ON notice_id = notices.id GROUP BY 1 ORDER BY 1"
    ) == [("C1", 3), ("C2", 3)]
    assert outbox.prepare() == 0


def test_each_contact_gets_one_mail(database: Database, server: ScriptedSmtp) -> None:
    fill(database, customers=2)
    report = sender_of(database, server).run()
    assert (report.notices, report.mails, report.sent) == (2, 3, 3)
    assert [state for _, state, _ in deliveries(database)] == ["sent"] * 3
    assert sender_of(database, server).run().mails == 0
    assert len(server.mails) == 3


def test_same_address_in_other_letters_is_one_contact(database: Database, server: ScriptedSmtp) -> None:
    fill(database)
    contacts = {"C1": [Recipient("One@example.com"), Recipient("one@EXAMPLE.com")]}
    assert sender_of(database, server, contacts=contacts).run().mails == 1


def test_what_is_due_soon_goes_along(database: Database) -> None:
    fill(database)
    database.fetch("UPDATE tickets SET notify_due = now() + interval '30 seconds' WHERE id = 2")
    outbox_of(database, settle=timedelta(seconds=60)).prepare()
    assert database.fetch("SELECT count(*) FROM notice_tickets") == [(2,)]


def test_closed_ticket_is_forgotten(database: Database) -> None:
    fill(database)
    database.fetch("UPDATE tickets SET state = 'closed'")
    outbox = outbox_of(database)
    assert outbox.prepare() == 0
    assert database.fetch("SELECT count(*) FROM tickets WHERE notify_due IS NOT NULL") == [(0,)]
    assert outbox.next_due() is None


def test_customer_without_contact_is_told_of_and_stops_nobody(database: Database, server: ScriptedSmtp) -> None:
    fill(database, customers=2)
    report = sender_of(database, server, contacts={"C2": [Recipient("two@example.com")]}).run()
    assert report.sent == 1
    assert database.fetch("SELECT state, reason FROM notices WHERE customer_id = 'C1'") == [
        ("no-contact", "customer C1 has no mail contact")
    ]


def test_held_notices_wait_for_a_person(database: Database) -> None:
    fill(database)
    outbox = outbox_of(database, hold=True)
    assert outbox.prepare() == 1
    assert outbox.address(lambda who: CONTACTS[who]) == 0
    assert outbox.lease() == []


def test_recipient_is_chosen_when_it_is_sent(database: Database, server: ScriptedSmtp) -> None:
    fill(database)
    outbox_of(database).prepare()
    sender_of(database, server, contacts={"C1": [Recipient("corrected@example.com")]}).run()
    assert [recipient for recipient, _ in server.mails] == ["RCPT TO:<corrected@example.com>"]


def test_two_senders_at_once_send_each_mail_once(dsn: str, database: Database, server: ScriptedSmtp) -> None:
    contacts = {f"C{number}": [Recipient(f"c{number}@example.com")] for number in range(1, 41)}
    fill(database, customers=40)
    failures: list[BaseException] = []
    start = threading.Barrier(3)

    def work(me: str) -> None:
        mine = Database(dsn)
        try:
            start.wait(30)
            sender_of(mine, server, me, contacts).run()
        except BaseException as error:
            failures.append(error)
        finally:
            mine.close()

    senders = [threading.Thread(target=work, args=(f"sender-{number}",)) for number in range(3)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    assert failures == []
    # what two had in hand at once may be left to the next round
    sender_of(database, server, contacts=contacts).run()
    assert len(server.mails) == 40
    assert len({recipient for recipient, _ in server.mails}) == 40
    assert database.fetch("SELECT count(*) FROM notices") == [(40,)]


def test_message_id_is_fixed_before_the_first_try_and_stays(database: Database, server: ScriptedSmtp) -> None:
    fill(database)
    addressed(database)
    ((fixed,),) = database.fetch("SELECT message_id FROM deliveries")
    server.says = {"RCPT": ["451 later"]}
    sender = sender_of(database, server)
    sender.run()
    make_due(database)
    sender.run()
    mail = email.message_from_bytes(server.mails[0][1], policy=email.policy.default)
    assert mail["Message-ID"] == fixed


def test_temporary_refusals_wait_longer_and_longer_and_fail_in_the_end(
    database: Database, server: ScriptedSmtp
) -> None:
    fill(database)
    server.says = {"RCPT": "451 4.2.0 greylisted"}
    sender = sender_of(database, server)
    pauses = []
    for _ in PAUSES:
        sender.run()
        ((state, pause),) = database.fetch("SELECT state, next_try - now() FROM deliveries")
        assert state == "waiting"
        pauses.append(round(pause.total_seconds() / 60))
        make_due(database)
    assert pauses == sorted(pauses)
    assert pauses[0] == 2
    assert pauses[-1] == 720
    sender.run()
    assert deliveries(database) == [("one@example.com", "failed", len(PAUSES) + 1)]
    assert database.fetch("SELECT change, reason FROM audit_trail") == [("failed", "451 4.2.0 greylisted")]


def test_final_refusal_fails_at_once_with_the_servers_words(database: Database, server: ScriptedSmtp) -> None:
    fill(database)
    server.says = {"RCPT": "550 5.1.1 no such user"}
    sender_of(database, server).run()
    assert database.fetch("SELECT state, answer FROM deliveries") == [("failed", "550 5.1.1 no such user")]


def test_crash_while_sending_is_in_doubt_for_the_next_process_of_that_name(database: Database) -> None:
    fill(database)
    outbox = addressed(database)
    (delivery,) = outbox.lease()
    assert outbox.step(None, delivery)
    database.close()

    assert outbox_of(database, "sender-2").start() == 0
    assert outbox_of(database, "sender-1").start() == 1
    assert deliveries(database) == [("one@example.com", "in-doubt", 1)]
    assert database.fetch("SELECT object, change FROM audit_trail") == [("delivery", "in-doubt")]
    assert outbox_of(database).lease() == []


def test_crash_while_sending_is_found_by_others_when_the_lease_is_over(database: Database) -> None:
    fill(database)
    outbox = addressed(database)
    (delivery,) = outbox.lease()
    outbox.step(None, delivery)
    other = outbox_of(database, "sender-2")
    assert other.watch() == 0
    lapse(database)
    assert other.watch() == 1
    assert deliveries(database)[0][1] == "in-doubt"


def test_rule_resend_sends_again_under_the_same_message_id(database: Database, server: ScriptedSmtp) -> None:
    fill(database)
    server.says = {"END": [DROP]}
    sender = sender_of(database, server, resend_doubtful=True)
    assert sender.run().in_doubt == 1
    ((first,),) = database.fetch("SELECT message_id FROM deliveries")
    assert sender.run().sent == 1
    assert database.fetch("SELECT message_id, state, attempts FROM deliveries") == [(first, "sent", 2)]


def test_rule_ask_leaves_doubt_to_the_operator(database: Database, server: ScriptedSmtp) -> None:
    fill(database)
    server.says = {"END": [DROP]}
    sender = sender_of(database, server)
    sender.run()
    sender.run()
    assert deliveries(database) == [("one@example.com", "in-doubt", 1)]
    assert server.mails == []


def test_crash_before_sending_leaves_the_mail_waiting(database: Database, server: ScriptedSmtp) -> None:
    fill(database)
    addressed(database).lease()
    assert outbox_of(database, "sender-2").lease() == []
    report = sender_of(database, server, "sender-1")
    assert report.start() == 0
    assert report.run().sent == 1


def test_lease_that_is_over_goes_to_another_sender_and_the_first_one_notices(database: Database) -> None:
    fill(database)
    slow, quick = addressed(database, "slow"), outbox_of(database, "quick")
    (delivery,) = slow.lease()
    lapse(database)
    (taken,) = quick.lease()
    assert taken.id == delivery.id
    assert not slow.step(None, delivery)
    assert quick.step(None, taken)
    quick.step((taken, Result("sent", "250 fine")), None)
    assert deliveries(database) == [("one@example.com", "sent", 1)]


def test_step_notes_one_mail_and_starts_the_next_in_one_commit(database: Database) -> None:
    fill(database, customers=2)
    outbox = addressed(database)
    first, second, third = outbox.lease()
    assert outbox.step(None, first)
    assert outbox.step((first, Result("sent", "250 fine")), second)
    assert outbox.step((second, Result("failed", "550 no")), third)
    assert not outbox.step((third, Result("in-doubt", "silence")), None)
    assert database.fetch("SELECT state, answer FROM deliveries ORDER BY id") == [
        ("sent", "250 fine"),
        ("failed", "550 no"),
        ("in-doubt", "silence"),
    ]


def test_mail_server_away_costs_no_attempt_and_the_mails_go_when_it_is_back(
    database: Database, server: ScriptedSmtp
) -> None:
    fill(database, customers=2)
    gone = ScriptedSmtp()
    gone.stop()
    with pytest.raises(MailServerUnavailable):
        sender_of(database, gone).run()
    assert {state for _, state, _ in deliveries(database)} == {"waiting"}
    assert sender_of(database, server).run().sent == 3
    assert {attempts for _, _, attempts in deliveries(database)} == {1}


def test_database_away_after_sending_leaves_no_doubt(
    database: Database, server: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process lives and knows what the mail server said, so it notes it when the database is back."""
    fill(database)
    sender = sender_of(database, server)
    real = Outbox.step

    def away(self: Outbox, finished: Any, following: Any, mail: Any = None) -> bool:
        if finished is not None:
            raise Unavailable("the connection to PostgreSQL broke")
        return real(self, finished, following, mail)

    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "step", away)
        with pytest.raises(Unavailable):
            sender.run()
    assert deliveries(database)[0][1] == "sending"
    lapse(database)
    sender.run()
    assert deliveries(database) == [("one@example.com", "sent", 1)]
    assert len(server.mails) == 1


def losing_the_answer(real: Any) -> Any:
    """What a statement does whose commit arrives and whose answer does not: the connection broke between the two."""

    def work(*arguments: Any) -> Any:
        real(*arguments)
        raise Unavailable("the connection to PostgreSQL broke")

    return work


def test_database_away_just_when_a_mail_was_begun_leaves_no_doubt(
    database: Database, server: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its commit arrived, the answer did not: the mail was never handed over, and goes out when the database is back."""
    fill(database)
    sender = sender_of(database, server)
    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "step", losing_the_answer(Outbox.step))
        broken.setattr(Outbox, "take_back", lambda *_: (_ for _ in ()).throw(Unavailable("still away")))
        with pytest.raises(Unavailable):
            sender.run()
    assert deliveries(database) == [("one@example.com", "sending", 1)]
    sender.run()
    assert deliveries(database) == [("one@example.com", "sent", 1)]
    assert len(server.mails) == 1


def test_what_other_lanes_had_taken_goes_out_after_an_outage(
    dsn: str, database: Database, server: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their leases last for minutes: after an outage of a second nothing waits for the end of one."""
    contacts = {f"C{who}": [Recipient(f"who-{who}@example.com")] for who in range(1, 101)}
    fill(database, customers=100, tickets=1)

    def lane() -> tuple[Outbox, MailServer]:
        return outbox_of(Database(dsn), "sender-1#1"), MailServer(SmtpSettings("127.0.0.1", server.port, timeout=60))

    sender = sender_of(database, server, contacts=contacts, more=[lane])
    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "read_all", lambda *_: (_ for _ in ()).throw(Unavailable("the connection broke")))
        with pytest.raises(Unavailable):
            sender.run()
    held = {row[0] for row in database.fetch("SELECT DISTINCT leased_by FROM deliveries")}
    assert held == {"sender-1", "sender-1#1"}
    # few mails are left for this round, so the other lane is not at work
    database.fetch("UPDATE deliveries SET state = 'sent' WHERE leased_by = 'sender-1'")
    database.fetch(
        "UPDATE deliveries SET state = 'sent' WHERE id IN (SELECT id FROM deliveries WHERE state = 'waiting' LIMIT 40)"
    )
    sender.run()
    assert {state for _, state, _ in deliveries(database)} == {"sent"}
    assert len(server.mails) == 10


def test_mail_that_cannot_be_written_waits_and_stops_nobody(database: Database, server: ScriptedSmtp) -> None:
    fill(database, customers=2)
    contacts = {"C1": [Recipient("bad\n@example.com")], "C2": [Recipient("two@example.com")]}
    report = sender_of(database, server, contacts=contacts).run()
    assert (report.sent, report.waiting) == (1, 1)
    assert "notice" in report.problems[0]
    assert deliveries(database)[0][1] == "waiting"


def test_update_tells_only_what_is_new_and_refers_to_the_first_mail(database: Database, server: ScriptedSmtp) -> None:
    fill(database, tickets=1)
    sender = sender_of(database, server)
    sender.run()
    store_of(database).store([observation(source_ip="192.0.1.1", time_source="2026-11-20T15:00:00+00:00")])
    sender.run()
    first, update = (email.message_from_bytes(content, policy=email.policy.default) for _, content in server.mails)
    assert update["Subject"].startswith("Update:")
    assert update["In-Reply-To"] == update["References"] == first["Message-ID"]
    assert update["Message-ID"] != first["Message-ID"]
    table = next(update.iter_attachments()).get_content()
    assert "2026-11-20T15:00:00" in str(table)
    assert "2026-11-20T10:00:00" not in str(table)


def test_nothing_due_writes_nothing(database: Database, server: ScriptedSmtp) -> None:
    fill(database)
    sender = sender_of(database, server)
    sender.run()
    before = database.fetch("SELECT xmin, id FROM tickets UNION ALL SELECT xmin, id FROM deliveries")
    assert sender.run().mails == 0
    assert sender.next_due() is None
    assert database.fetch("SELECT xmin, id FROM tickets UNION ALL SELECT xmin, id FROM deliveries") == before
