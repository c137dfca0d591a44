# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small company's week for the pages: customers, tickets, notes, answers, reports, written by the store's own means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abusehandler.tickets import actions
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import Outcome, ReportStore
from tests.tickets.observations import hours_ago, observation, store_of

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database

CUSTOMERS = (
    ("C1", "Meyer Maschinenbau"), ("C2", "Café am Markt"), ("C3", "University of Example"), ("ACME-7", "Acme Holding"),
    ("C4", "<script>alert(1)</script> & Sons"),
)  # fmt: skip
PROBLEMS = (
    ("brute-force", "ssh", 22), ("vulnerable-system", "open-dns-resolver", 53), ("infected-system", "mirai", 23),
    ("spam", "spam", 25), ("vulnerable-system", "open-ntp-monlist", 123),
)  # fmt: skip

REPORT = b"""From: Night Watch <noc@example.org>
To: abuse@example.net
Subject: Attacks from your network
Date: Fri, 20 Nov 2026 10:00:00 +0000
Message-ID: <one@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Dear colleagues,

something odd comes out of your network, please look at it.
The address is 192.0.2.77 and it happened on 2026-11-20 09:58:00 UTC.

Kind regards
"""

HOSTILE = b"""From: "<img src=x onerror=alert(1)>" <evil@example.org>
To: abuse@example.net
Subject: <script>document.title='owned'</script> 192.0.2.66
Date: Fri, 20 Nov 2026 11:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=utf-8

<h1>Report</h1><script>document.title='owned'</script><img src="http://tracker.example.com/pixel.gif" onerror="alert(2)">
<a href="javascript:alert(3)">link</a><a href="http://example.org/">real</a><style>body{background:url(http://tracker.example.com/a)}</style>
<form action="http://example.com/"><input name=x></form><iframe src="http://example.com/"></iframe><p>Address 192.0.2.66</p>
--b
Content-Type: text/html; name="=cmd|'/c calc'!A1.html"
Content-Disposition: attachment; filename="page<script>.html"

<script>alert(4)</script>
--b--
"""


def fill(database: Database, evidence: Path) -> None:
    """Writes the samples; numbers of tickets begin with 1."""
    database.fetch(
        "INSERT INTO accounts (id, name, customers_like) VALUES ('acme', 'Acme', '{ACME-%}') ON CONFLICT DO NOTHING"
    )
    store = store_of(database)
    kept = EvidenceStore(evidence)
    reports = ReportStore(database)
    for content, state in ((REPORT, "unread"), (HOSTILE, "unread")):
        record, _ = reports.accept(kept.keep(content), kind="mail", channel="abuse-mail", name="mail")
        head = content.partition(b"\n\n")[0].decode().splitlines()
        reports.describe(
            record.id, sender=head[0].partition("<")[2].rpartition(">")[0], subject=head[2].partition(": ")[2]
        )
        reports.finish(record.id, Outcome(state, "free-text", "not sure enough: 0.40", confidence=0.4))  # type: ignore[arg-type]
    store.store(list(_events()))
    ticket = min(row[0] for row in database.fetch("SELECT id FROM tickets"))
    actions.note(database, [ticket], "Rang the customer, he looks at it today.", author="anna")
    actions.assign(database, [ticket], "anna", author="anna")


def _events() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number, (customer, name) in enumerate(CUSTOMERS):
        for step, (kind, identifier, port) in enumerate(PROBLEMS):
            found.extend(
                observation(
                    customer_id=customer, customer_name=name, source_ip=f"192.0.2.{10 * number + step + 1}", source_port=port,
                    classification_type=kind, classification_identifier=identifier, time_source=hours_ago(hours * 7),
                    feed_name=("Shadowserver", "Example Feed")[step % 2],
                )
                for hours in range(1, 3 + step * 4, 3)
            )  # fmt: skip
    found.append(
        observation(
            source_fqdn="shop.example.net", source_url="http://shop.example.net/=1+1", classification_type="phishing",
            classification_identifier="phishing", time_source=hours_ago(2), customer_id="C2", customer_name="Café am Markt",
        )
    )  # fmt: skip
    return found
