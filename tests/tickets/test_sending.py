# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who gets a mail, and what becomes of those that cannot go: back-off by domain, dead letters, doubt, SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scripted_smtp import DROP, ScriptedSmtp
from sending import SendingDesk

from abusehandler.tickets.notice import Recipient
from abusehandler.tickets.outbox import DOMAIN_PATIENCE, WRITE_TRIES, made_mail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def server() -> Iterator[ScriptedSmtp]:
    scripted = ScriptedSmtp()
    yield scripted
    scripted.stop()


@pytest.fixture
def desk(dsn: str, server: ScriptedSmtp) -> Iterator[Callable[..., SendingDesk]]:
    opened: list[SendingDesk] = []

    def make(rules: dict[str, Any] | None = None, **other: Any) -> SendingDesk:
        opened.append(SendingDesk(dsn, server, rules, **other))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def states(desk: SendingDesk) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in desk.rows("SELECT recipient, state FROM deliveries ORDER BY id")]


def bounces(desk: SendingDesk, address: str, state: str = "bouncing") -> None:
    desk.rows("INSERT INTO mail_addresses (address, state) VALUES (%s, %s)", address, state)


def test_abuse_contacts_before_others(desk: Callable[..., SendingDesk]) -> None:
    mine = desk()
    mine.contacts["C1"] = [Recipient("tech@example.com", rank=1), Recipient("abuse@example.com")]
    mine.report()
    mine.sender.run()
    assert states(mine) == [("abuse@example.com", "sent")]


@pytest.mark.parametrize("state", ["bouncing", "blocked"])
def test_address_that_bounces_is_left_out_and_the_next_contact_is_told(
    desk: Callable[..., SendingDesk], state: str
) -> None:
    mine = desk()
    mine.contacts["C1"] = [Recipient("Abuse@example.com"), Recipient("tech@example.com", rank=1)]
    bounces(mine, "abuse@example.com", state)
    mine.report()
    mine.sender.run()
    assert states(mine) == [("tech@example.com", "sent")]


def test_nobody_left_shows_at_the_desk(desk: Callable[..., SendingDesk]) -> None:
    mine = desk()
    bounces(mine, "c1@example.com")
    mine.report()
    mine.sender.run()
    assert mine.rows("SELECT state, reason FROM notices") == [
        ("no-contact", "every mail contact of customer C1 bounces or is blocked: c1@example.com")
    ]


def test_corrected_contact_reaches_what_was_put_off(desk: Callable[..., SendingDesk], server: ScriptedSmtp) -> None:
    mine = desk()
    mine.report()
    server.says = {"RCPT": ["451 4.2.0 later"]}
    mine.sender.run()
    mine.contacts["C1"] = [Recipient("corrected@example.com")]
    mine.pass_time("1 hour")
    assert mine.sender.run().sent == 1
    assert states(mine) == [("c1@example.com", "replaced"), ("corrected@example.com", "sent")]


def test_address_that_began_to_bounce_meanwhile_gets_no_more_mail(
    desk: Callable[..., SendingDesk], server: ScriptedSmtp
) -> None:
    mine = desk()
    mine.report()
    server.says = {"RCPT": ["451 4.2.0 later"]}
    mine.sender.run()
    bounces(mine, "c1@example.com")
    mine.pass_time("1 hour")
    assert mine.sender.run().sent == 0
    assert states(mine) == [("c1@example.com", "replaced")]
    assert mine.rows("SELECT state FROM notices") == [("no-contact",)]


class PickyServer(ScriptedSmtp):
    """Puts off everything for slow.example."""

    slow = True

    def answer(self, command: str, usual: str) -> str:
        if command == "RCPT" and self.slow and "slow.example" in self.commands[-1]:
            return "451 4.4.1 no answer from the host"
        return super().answer(command, usual)


def test_domain_that_puts_off_waits_alone(dsn: str) -> None:
    server = PickyServer()
    mine = SendingDesk(dsn, server)
    try:
        mine.contacts = {
            f"C{n}": [Recipient(f"c{n}@{'slow' if n % 2 else 'quick'}.example")] for n in range(1, 21)
        }  # fmt: skip
        mine.report(customers=20)
        mine.sender.run()
        mine.sender.run()
        tried = [command for command in server.commands if command.startswith("RCPT") and "slow" in command]
        assert len(tried) == DOMAIN_PATIENCE
        assert mine.rows("SELECT count(*) FROM deliveries WHERE state = 'sent'") == [(10,)]
        waiting = mine.rows(
            "SELECT max(attempts), count(*) FROM deliveries WHERE state = 'waiting' AND next_try > now()"
        )
        assert waiting == [(1, 10)]

        server.slow = False
        mine.pass_time("3 minutes")
        mine.sender.run()
        assert mine.rows("SELECT DISTINCT state FROM deliveries") == [("sent",)]
        assert mine.rows("SELECT count(*) FROM mail_domains") == [(0,)]
    finally:
        mine.close()
        server.stop()


def test_full_mailboxes_do_not_stop_their_domain(desk: Callable[..., SendingDesk], server: ScriptedSmtp) -> None:
    mine = desk()
    mine.report(customers=6)
    server.says = {"RCPT": ["452 4.2.2 mailbox full"] * 4}
    assert mine.sender.run().sent == 2


def test_mail_that_cannot_be_written_ends_as_failed(desk: Callable[..., SendingDesk], tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "new.txt.j2").write_text("{{ 1 / 0 }}", encoding="utf-8")
    mine = desk(templates=tmp_path)
    mine.report()
    for _ in range(WRITE_TRIES):
        mine.sender.run()
        mine.pass_time("1 hour")
    assert states(mine) == [("c1@example.com", "failed")]
    ((answer,),) = mine.rows("SELECT answer FROM deliveries")
    assert "new.txt.j2, line 1" in answer
    assert mine.rows("SELECT change FROM audit_trail WHERE object = 'delivery'") == [("failed",)]


def test_mail_is_kept_as_it_was_sent(desk: Callable[..., SendingDesk], server: ScriptedSmtp) -> None:
    mine = desk()
    mine.report()
    mine.sender.run()
    assert made_mail(mine.database, 1) == server.mails[0][1]


def test_doubtful_mail_is_sent_again_byte_for_byte_but_not_for_ever(
    desk: Callable[..., SendingDesk], server: ScriptedSmtp
) -> None:
    mine = desk(resend_doubtful=True)
    mine.report()
    server.says = {"END": DROP}
    mine.sender.run()
    first = made_mail(mine.database, 1)
    mine.rows("UPDATE tickets SET resource = '192.0.2.99'")
    for _ in range(10):
        mine.sender.run()
    assert states(mine) == [("c1@example.com", "in-doubt")]
    ((attempts,),) = mine.rows("SELECT attempts FROM deliveries")
    assert attempts == 4
    assert made_mail(mine.database, 1) == first


def test_server_that_shuts_down_in_the_middle_costs_nobody_a_mail(
    desk: Callable[..., SendingDesk], server: ScriptedSmtp
) -> None:
    mine = desk()
    mine.report(customers=4)
    server.says = {"RCPT": ["250 fine", "421 4.3.2 shutting down"]}
    mine.sender.run()
    mine.pass_time("5 minutes")
    mine.sender.run()
    assert [state for _, state in states(mine)] == ["sent"] * 4
    assert len(server.mails) == 4
    assert mine.rows("SELECT count(*) FROM mail_domains") == [(0,)]


def test_server_that_wants_tls_first_is_no_fault_of_the_recipient(
    desk: Callable[..., SendingDesk], server: ScriptedSmtp
) -> None:
    mine = desk()
    mine.report()
    server.says = {"MAIL": ["530 5.7.0 Must issue a STARTTLS command first"]}
    mine.sender.run()
    assert states(mine) == [("c1@example.com", "waiting")]
    mine.pass_time("5 minutes")
    assert mine.sender.run().sent == 1


def test_envelope_tells_where_a_bounce_belongs(desk: Callable[..., SendingDesk], server: ScriptedSmtp) -> None:
    server.extensions = ("DSN", "PIPELINING")
    mine = desk(bounce_address=lambda delivery: f"abuse+d{delivery}@example.net")
    mine.report()
    mine.sender.run()
    assert any(
        command.startswith("MAIL FROM:<abuse+d1@example.net> RET=HDRS ENVID=abusehandler-1")
        for command in server.commands
    )
    assert any(command.endswith("NOTIFY=FAILURE,DELAY ORCPT=rfc822;c1@example.com") for command in server.commands)


PROGRAM = """
import sys
sys.path[:0] = {paths!r}
from scripted_smtp import ScriptedSmtp
from sending import SendingDesk
from abusehandler.bots._sending import finishing_mails

class Known:
    port = {port}

desk = SendingDesk({dsn!r}, Known())

class Told(type(desk.sender)):
    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "stopping":
            print("told to stop", flush=True)

desk.sender.__class__ = Told
desk.sender.start()
with finishing_mails(desk.sender):
    desk.sender.run()
print("not stopped", flush=True)
"""


def test_sigterm_finishes_the_mail_in_hand_and_begins_no_other(
    dsn: str, desk: Callable[..., SendingDesk], server: ScriptedSmtp
) -> None:
    mine = desk()
    mine.report(customers=3)
    in_hand, heard = threading.Event(), threading.Event()
    usual = server.answer

    def slow(command: str, said: str) -> str:
        if command == "END":
            in_hand.set()
            heard.wait(60)
            return said
        return usual(command, said)

    server.answer = slow  # type: ignore[method-assign]
    program = PROGRAM.format(paths=[str(Path(__file__).parent)], port=server.port, dsn=dsn)
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], stdout=subprocess.PIPE, env=os.environ)
    try:
        assert in_hand.wait(60)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == b"told to stop\n"
        heard.set()
        out, _ = process.communicate(timeout=60)
    finally:
        heard.set()
        process.kill()
        process.wait()
    assert b"not stopped" not in out
    assert sorted(state for _, state in states(mine)) == ["sent", "waiting", "waiting"]
    assert len(server.mails) == 1
    assert mine.outbox("desk").start() == 0
