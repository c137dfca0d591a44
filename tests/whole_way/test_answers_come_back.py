# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Notices go out, bounces and replies come back through the Maildir, and the tickets show them; with running bots."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from abusehandler.tickets.evidence import EvidenceStore
from tests.tickets.answers.sent_notices import bounce, reply
from tests.whole_way.test_samples import feed, sent_mails

if TYPE_CHECKING:
    from email.message import EmailMessage

    from tests.whole_way.conftest import Desk

REPORT = b"""\
Authentication-Results: mx.example.net; dmarc=pass header.from=example.org
From: Security Team <soc@example.org>
To: abuse@example.net
Subject: SSH brute force from 192.0.2.44
Message-ID: <report-44@example.org>
Date: %b

Hello, the address 192.0.2.44 tried to guess SSH passwords of our server, at the time of this mail.
"""


def configure(desk: Desk) -> None:
    path = desk.root / "etc/abusehandler.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["mail"].update(answer_secret_file="answer-secret", trusted_hosts=["mx.example.net"])
    settings["answers"] = {"acknowledge": True, "reply_means": "working"}
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")


def command(desk: Desk, *words: str) -> str:
    program = str(Path(sys.executable).parent / "abusehandler")
    environment = {**desk.environment(), "ABUSEHANDLER_CONFIG": str(desk.root / "etc/abusehandler.yaml")}
    done = subprocess.run([program, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def deliver(desk: Desk, *mails: bytes) -> None:
    for number, content in enumerate(mails):
        (desk.root / f"var/lib/maildir/new/{len(content)}.{number}.answer").write_bytes(content)
    desk.wait_for_result()


def notice_to(desk: Desk, recipient: str) -> EmailMessage:
    (found,) = [mail for mail in sent_mails(desk) if mail["To"] == recipient]
    return found


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_bounce_reply_and_out_of_office_come_back_to_their_tickets(desk: Desk) -> None:
    configure(desk)
    desk.hold_notices()
    command(desk, "answer", "new-secret")
    desk.intelmqctl("start")
    desk.require_running()
    feed(desk)
    desk.wait_for_result()
    desk.make_due()
    desk.wait_for_result()

    alder, birch, cedar = (notice_to(desk, f"{who}.example.org") for who in ("it@alder", "admin@birch", "abuse@cedar"))
    assert alder["Reply-To"].startswith("abuse+n")
    assert birch["X-Envelope-From"].startswith("abuse+d")
    attached = 'Content-Type: multipart/mixed; boundary="b"'
    body = (
        "--b\r\n\r\nWe have closed the resolver.\r\n\r\nOn Friday, Example Networks <abuse@example.net> wrote:\r\n> 192.0.2.10 is open.\r\n"
        "--b\r\nContent-Type: text/plain; name=named.conf\r\nContent-Disposition: attachment\r\n\r\nrecursion no;\r\n--b--"
    )
    before = desk.count("events")
    deliver(
        desk,
        bounce(birch["X-Envelope-From"], recipient="admin@birch.example.org"),
        bounce("abuse+d1.aaaaaaaaaaaaaaaa@example.net", recipient="abuse@cedar.example.org"),
        reply(attached, body=body, sender="IT <it@alder.example.org>", to=alder["Reply-To"]),
        reply(
            f"In-Reply-To: {cedar['Message-ID']}",
            "Auto-Submitted: auto-replied",
            body="I am away.",
            sender="abuse@cedar.example.org",
        ),
    )

    answers = {row["kind"]: row for row in rows(command(desk, "answer", "list", "--json"))}
    assert set(answers) == {"bounce", "reply", "auto-reply"}
    assert {kind for kind, row in answers.items() if row["unread"]} == {"bounce", "reply"}
    said = command(desk, "answer", "show", str(answers["reply"]["answer"]))
    assert "We have closed the resolver." in said
    assert "is open" not in said
    assert "named.conf" in said
    ((sha256,),) = desk.database.fetch("SELECT evidence FROM answer_files")
    assert EvidenceStore(desk.root / "var/lib/evidence").read(sha256) == b"recursion no;"
    shown = command(desk, "ticket", "show", str(answers["reply"]["ticket"]))
    assert "We have closed the resolver." in shown
    assert "unread answers" in shown
    assert [row["address"] for row in rows(command(desk, "address", "list", "--state", "bouncing", "--json"))] == [
        "admin@birch.example.org"
    ]
    # what was quoted became no event, and a forged bounce nothing at all
    assert desk.count("events") == before
    assert desk.count("notices", "state = 'no-contact'") == 1
    states = desk.database.fetch(
        "SELECT DISTINCT t.customer_id, t.customer_state FROM tickets t WHERE t.customer_state <> 'open'"
    )
    assert states == [("C-1001", "working")]
    if os.environ.get("ABUSEHANDLER_SHOW"):
        print(said, command(desk, "ticket", "show", str(answers["bounce"]["ticket"])))

    # what comes next for the customer with the bad address reaches the desk and no mailbox; a proven reporter is thanked
    sent = len(sent_mails(desk))
    deliver(desk, REPORT.replace(b"192.0.2.44", b"192.0.2.24") % formatdate().encode())
    desk.make_due()
    desk.wait_for_result()
    assert desk.count("notices", "state = 'no-contact'") == 2
    thanks = [mail for mail in sent_mails(desk) if mail["To"] == "soc@example.org"]
    assert [(mail["Auto-Submitted"], mail["In-Reply-To"], mail["X-Envelope-From"]) for mail in thanks] == [
        ("auto-replied", "<report-44@example.org>", "<>")
    ]
    assert len(sent_mails(desk)) == sent + 1
    assert not list((desk.root / "var/log").glob("*.dump"))
