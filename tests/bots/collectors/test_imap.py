# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The IMAP collector beside a real Dovecot: takes every mail once, whatever happens in between."""

from __future__ import annotations

import hashlib
import os
import signal
import socketserver
import threading
from typing import TYPE_CHECKING

import pytest

from abusehandler.bots.collectors.imap import AbuseImapCollectorBot
from abusehandler.reports.mailbox.imap import DEFAULT_KEYWORD
from abusehandler.tickets.evidence import EvidenceStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bots.collectors.conftest import ImapDesk


def mail(number: int, size: int = 0) -> bytes:
    text = (
        b"From: reporter@example.org\r\nTo: abuse@example.net\r\nSubject: scan %d\r\n\r\n192.0.2.1 scans us\r\n"
        % number
    )
    return text + b"x" * size + b"\r\n" * bool(size)


def sha(*mails: bytes) -> set[str]:
    return {hashlib.sha256(one).hexdigest() for one in mails}


MAILS = tuple(mail(number) for number in range(1, 6))
UNTAKEN = f"UNKEYWORD {DEFAULT_KEYWORD}"


def assert_taken_once(desk: ImapDesk, *mails: bytes) -> None:
    """Every mail is one report, received once, handed on."""
    assert sorted(desk.reports()) == sorted((one, "queued", 1) for one in sha(*mails))
    store = EvidenceStore(desk.root / "var/lib/evidence")
    assert {hashlib.sha256(store.read(one)).hexdigest() for one in sha(*mails)} == sha(*mails)


def settled(desk: ImapDesk, number: int) -> bool:
    return (
        len([one for one in desk.reports() if one[1] == "queued"]) == number and desk.in_folder(criteria=UNTAKEN) == 0
    )


def test_takes_seen_and_unseen_mails_and_flags_them(desk: ImapDesk) -> None:
    desk.put(*MAILS[:3])
    desk.put(MAILS[3], flags="\\Seen")
    desk.put(MAILS[4], flags="\\Deleted")
    desk.start_bot()
    desk.wait_for("five reports", lambda: settled(desk, 5))
    assert_taken_once(desk, *MAILS)
    assert desk.in_folder() == 5
    assert desk.in_folder(criteria="SEEN") == 1
    assert desk.queued() == 5


def test_mail_that_comes_while_the_server_is_listened_to_is_taken(desk: ImapDesk) -> None:
    # an interval far beyond the test's patience: only the server's word (IDLE) can wake it
    desk.begin(desk.imap, longest_wait=600)
    desk.put(MAILS[0])
    desk.start_bot()
    desk.wait_for("the first report", lambda: settled(desk, 1))
    desk.put(MAILS[1])
    desk.wait_for("the second report", lambda: settled(desk, 2))
    assert_taken_once(desk, *MAILS[:2])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_listening_ends_when_the_bot_is_wanted_elsewhere(desk: ImapDesk, how: signal.Signals) -> None:
    desk.begin(desk.imap, longest_wait=600)
    desk.put(MAILS[0])
    desk.start_bot()
    desk.wait_for("the first report", lambda: settled(desk, 1))
    assert desk.process is not None
    if how == signal.SIGTERM:
        desk.stop_bot()
    else:
        os.kill(desk.process.pid, how)
        desk.wait_for("the reload", lambda: desk.log_text().count("Bot initialization completed") == 2)
        desk.put(MAILS[1])
        desk.wait_for("the second report", lambda: settled(desk, 2))


def test_moves_mails_to_the_folder_for_taken_ones_and_makes_it(desk: ImapDesk) -> None:
    desk.begin(desk.imap, processed_folder="Taken")
    desk.put(*MAILS)
    desk.start_bot()
    desk.wait_for("five moved mails", lambda: desk.in_folder("Taken") == 5 and len(desk.reports()) == 5)
    # sent first and then noted as queued
    desk.wait_for("five queued reports", lambda: [state for _, state, _ in desk.reports()] == ["queued"] * 5)
    assert desk.queued() == 5
    assert_taken_once(desk, *MAILS)
    assert desk.in_folder() == 0


def test_large_mail_is_stored_in_pieces(desk: ImapDesk) -> None:
    large = mail(1, 3_500_000)
    desk.put(large, mail(2, (1 << 20) - len(mail(2)) - 2))
    desk.start_bot()
    desk.wait_for("two reports", lambda: settled(desk, 2))
    assert_taken_once(desk, large, mail(2, (1 << 20) - len(mail(2)) - 2))


STEPS = [
    ("abusehandler.tickets.evidence:EvidenceStore", "keep"),
    ("abusehandler.tickets.reports:ReportStore", "accept"),
    ("abusehandler.reports.mailbox.imap:ImapFolder", "mark"),
    ("abusehandler.bots.collectors.imap:AbuseImapCollectorBot", "_take_waiting"),
    ("abusehandler.bots._intake:IntakeCollector", "_send_reports"),
    ("abusehandler.bots._intake:IntakeCollector", "hand_on"),
]


@pytest.mark.parametrize("folder", ["", "Taken"])
@pytest.mark.parametrize(("where", "step"), STEPS, ids=[step for _, step in STEPS])
def test_killed_after_any_step_it_neither_loses_nor_doubles_a_mail(
    desk: ImapDesk, where: str, step: str, folder: str
) -> None:
    desk.begin(desk.imap, processed_folder=folder)
    desk.put(*MAILS)
    for calls in (1, 2 if step in ("keep", "accept") else 1):
        if step in ("keep", "accept") or not desk.reports():
            desk.die_after(where, step, calls)
    desk.start_bot()
    desk.wait_for(
        "five reports",
        lambda: settled(desk, 5) if not folder else desk.in_folder(folder) == 5 and desk.in_folder() == 0,
    )
    desk.wait_for("queued reports", lambda: all(state == "queued" for _, state, _ in desk.reports()))
    assert_taken_once(desk, *MAILS)
    desk.wait_for("the end of the notes", lambda: desk.database.fetch("SELECT count(*) FROM mailbox_mails") == [(0,)])


def test_goes_on_by_itself_after_the_server_was_away(desk: ImapDesk) -> None:
    desk.put(MAILS[0])
    desk.start_bot()
    desk.wait_for("the first report", lambda: settled(desk, 1))
    desk.imap.stop()
    desk.wait_for("a word about it", lambda: "cannot be used now" in desk.log_text())
    desk.imap.start()
    desk.put(MAILS[1])
    desk.wait_for("the second report", lambda: settled(desk, 2))
    assert_taken_once(desk, *MAILS[:2])


def test_other_uidvalidity_makes_known_mails_no_new_reports(desk: ImapDesk) -> None:
    desk.put(*MAILS[:3])
    desk.start_bot()
    desk.wait_for("three reports", lambda: settled(desk, 3))
    desk.stop_bot()
    # as if the server had made the folder anew, as after a restored backup: other UIDs, no flags
    client = desk.client()
    client.select()
    client.store("1:*", "+FLAGS", "\\Deleted")
    client.close()
    client.logout()
    for path in desk.imap.maildir.glob("dovecot*"):
        path.unlink()
    desk.put(MAILS[0], MAILS[3])
    desk.database.fetch(
        "INSERT INTO mailbox_mails (mailbox, uidvalidity, uid, report_id) SELECT %s, 1, 1, min(id) FROM reports",
        ("abuse@example.net@localhost/INBOX",),
    )
    desk.start_bot()
    desk.wait_for("four reports", lambda: settled(desk, 4))
    assert {one[0] for one in desk.reports()} == sha(*MAILS[:4])
    desk.wait_for("the end of the notes", lambda: desk.database.fetch("SELECT count(*) FROM mailbox_mails") == [(0,)])


def test_certificate_of_an_unknown_authority_is_refused(desk: ImapDesk) -> None:
    desk.begin(desk.imap, ca_file="")
    desk.put(MAILS[0])
    desk.start_bot()
    desk.wait_for("a word about it", lambda: "is not trusted" in desk.log_text())
    assert desk.reports() == []


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"security": "starttls"}, ""),
        ({"token_file": "etc/imap-token", "password_file": ""}, ""),
        ({"security": "none", "host": "127.0.0.1"}, ""),
        ({"password_file": "etc/wrong"}, "refuses the login"),
        ({"password_file": "etc/open"}, "chmod 600"),
    ],
    ids=["starttls", "token", "this-machine", "wrong-password", "readable-password"],
)
def test_ways_to_log_in(desk: ImapDesk, parameters: dict[str, object], word: str) -> None:
    desk.secret("wrong", "not it")
    desk.secret("open", "not it")
    (desk.root / "etc/open").chmod(0o644)
    plain = {"port": desk.imap.port} if "security" in parameters else {}
    desk.begin(desk.imap, **{**parameters, **plain})
    desk.put(MAILS[0])
    desk.start_bot()
    if word:
        desk.wait_for("a word about it", lambda: word in desk.log_text())
        assert desk.reports() == []
    else:
        desk.wait_for("the report", lambda: settled(desk, 1))


GOOD = {"host": "imap.example.test", "user": "abuse@example.net", "password_file": __file__}


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({}, ""),
        ({"host": ""}, "'host' is missing"),
        ({"password_file": ""}, "either 'password_file' or 'token_file'"),
        ({"token_file": __file__}, "either 'password_file' or 'token_file'"),
        ({"password_file": "/absent"}, "/absent is no file"),
        ({"security": "none"}, "would send the password in clear"),
        ({"security": "ssl"}, "write tls, starttls or none"),
        ({"processed_folder": "INBOX"}, "is the same as 'folder'"),
        ({"processed_flag": "two words"}, "is no keyword"),
        ({"port": "imaps"}, "is no number"),
        ({"pasword_file": "x"}, "write 'password_file'"),
        ({"host": "imap.example.net", "password_file": "/absent"}, "is the example"),
    ],
)
def test_check_of_parameters(
    parameters: dict[str, object], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(tmp_path / "etc/abusehandler.yaml"))
    said = [
        text
        for _, text in AbuseImapCollectorBot.check({**GOOD, **parameters}) or []
        if "there is no such file" not in text
    ]
    assert bool(said) == bool(word)
    assert not word or any(word in text for text in said), said


class SilentServer(socketserver.StreamRequestHandler):
    """An IMAP server that lets in and never says what is in the folder."""

    heard = threading.Event()

    def handle(self) -> None:
        self.wfile.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        for line in self.rfile:
            tag, command, *_ = line.split()
            if command == b"SELECT":
                self.heard.set()
                continue
            self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n" * (command == b"CAPABILITY") + tag + b" OK done\r\n")


def test_a_server_that_does_not_answer_does_not_keep_the_bot_from_stopping(desk: ImapDesk) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), SilentServer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        desk.begin(
            desk.imap, host="127.0.0.1", port=server.server_address[1], security="none", ca_file="", timeout=3600
        )
        desk.start_bot()
        assert SilentServer.heard.wait(120), desk.log_text()
        desk.stop_bot()
        server.shutdown()
    assert "Bot stopped." in desk.log_text()
    assert "Error during shutdown" not in desk.log_text()


def test_folder_that_may_only_be_read_is_remembered_by_the_database_alone(desk: ImapDesk) -> None:
    desk.put(*MAILS)
    desk.imap.rights("lr")
    for start in (1, 2):
        desk.start_bot()
        desk.wait_for("a word about it", lambda start=start: desk.log_text().count("takes no flags") == start)
        desk.wait_for("five reports", lambda: [one[1] for one in desk.reports()] == ["queued"] * 5)
        desk.stop_bot()
    assert_taken_once(desk, *MAILS)
    assert desk.in_folder(criteria=UNTAKEN) == 5
    # whoever gets the right to flag later finds them flagged
    desk.imap.rights("lrwstipekxa")
    desk.start_bot()
    desk.wait_for("the flags", lambda: desk.in_folder(criteria=UNTAKEN) == 0)
    assert_taken_once(desk, *MAILS)
