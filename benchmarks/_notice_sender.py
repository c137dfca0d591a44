# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One process that sends notices as the bot does, without IntelMQ: for benchmarks/notices.py. Prints one JSON object."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.templates.help_texts import HelpTexts
from abusehandler.tickets.database import Database
from abusehandler.tickets.notice import Recipient
from abusehandler.tickets.notice_mail import Letterhead, NoticeWriter
from abusehandler.tickets.outbox import Outbox
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.sender import NoticeSender
from abusehandler.tickets.signing import SigningSettings, open_signer
from abusehandler.tickets.smtp import MailServer, SmtpSettings
from benchmarks._stage import peak_memory


def main(task: dict[str, Any]) -> dict[str, Any]:
    """Sends everything that is due; with `only_prepare` it stops before the first mail."""
    me = f"benchmark-{os.getpid()}"
    catalogue = Catalogue.load()

    def outbox(number: int = 0) -> Outbox:
        return Outbox(
            Database(task["dsn"]), f"{me}#{number}" if number else me, message_id_domain="example.net",
            schedule=NoticeSchedule(policy="at-once"), catalogue=catalogue,
        )  # fmt: skip

    def server() -> MailServer:
        return MailServer(SmtpSettings("127.0.0.1", task["port"]))

    keys = {name: Path(path) for name, path in task.get("keys", {}).items()}
    writer = NoticeWriter(
        Letterhead("Example Networks", "abuse@example.net", "Abuse Desk"), catalogue,
        signer=open_signer(SigningSettings(**keys)), help_texts=HelpTexts.load() if task.get("help", True) else None,
    )  # fmt: skip
    first = outbox()
    mail_server = server()
    sender = NoticeSender(
        first, mail_server, writer, lambda who: [Recipient(f"abuse@{who.lower()}.example.com", "en")], lambda who: f"Customer {who}",
        sender="abuse@example.net",
        more=[lambda number=number: (outbox(number), server()) for number in range(1, task["senders"])],
    )  # fmt: skip
    sender.start()
    base = peak_memory(os.getpid())
    start, cpu = time.perf_counter(), time.process_time()
    notices = sent = 0
    if task.get("only_prepare"):
        while prepared := first.prepare(recipients=sender.recipients):
            notices += prepared
        while first.address(sender.recipients):
            pass
    else:
        for _ in range(task.get("rounds", 1)):
            report = sender.run()
            notices += report.notices
            sent += report.sent
            first.next_due()
    seconds, used = time.perf_counter() - start, time.process_time() - cpu
    sender.close()
    return {
        "seconds": seconds,
        "cpu": used,
        "notices": notices,
        "sent": sent,
        "memory": peak_memory(os.getpid()),
        "base": base,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
