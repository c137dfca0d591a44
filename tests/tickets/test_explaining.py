# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`ticket why`: each part of the way is told, and the facts are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from observations import AT_ONCE, observation, store_of

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.evidence import Kept
from abusehandler.tickets.explaining import Explanation, explain
from abusehandler.tickets.incoming import Incoming
from abusehandler.tickets.reports import ReportStore
from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database


def why(database: Database, event: int, rules: Rules | None = None) -> Explanation:
    found = explain(database, event, Incoming(Catalogue.load(), AT_ONCE, rules=rules))
    assert found is not None
    return found


def said(explanation: Explanation, part: str) -> str:
    return " ".join(sentence for about, sentence in explanation.words if about == part)


def seen(at: str, **other: Any) -> dict[str, Any]:
    return observation(
        time_source=f"2026-11-{at}T10:00:00+00:00", report_reader="arf", report_line=7, customer_source="csv", **other
    )


def test_whole_way_of_an_event(database: Database) -> None:
    ReportStore(database).accept(
        Kept("ab" * 32, 10), kind="mail", channel="maildir", sender="cert@example.org", subject="Abuse"
    )
    store = store_of(database)
    store.store([seen("10")])
    store.store([seen("11")])
    database.fetch("UPDATE tickets SET notify_due = NULL, notified_at = now()")
    database.fetch("INSERT INTO notices (customer_id, state) VALUES ('C1', 'addressed')")
    database.fetch(
        "INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of) VALUES (1, 1, 0, 1, 1, false)"
    )
    database.fetch(
        "INSERT INTO deliveries (notice_id, recipient, message_id, state, sent_at) VALUES (1, 'a@example.net', 'x', 'sent', now())"
    )
    first = why(database, 1)
    assert "problem brute-force" in said(first, "event")
    assert "report 1 (mail from cert@example.org, 'Abuse')" in said(first, "report")
    assert "reader arf made it, at line or row 7" in said(first, "report")
    assert "belonged to customer C1 (Customer One) at that time, says csv" in said(first, "customer")
    assert "source.ip" in first.facts["fingerprint"]["fields"]
    assert "report.id" not in first.facts["fingerprint"]["fields"]
    assert first.facts["key"]["parts"] == {"customer": "C1", "resource": "192.0.2.1", "problem": "brute-force"}
    assert first.facts["key"]["by_present_rules"] == first.facts["key"]["value"]
    assert first.facts["ticket"]["how"] == "opened"
    assert "Notice 1 told it: the mail to a@example.net is sent" in said(first, "notices")
    second = why(database, 2)
    assert second.facts["ticket"]["how"] == "joined"
    assert second.facts["notices"] == []
    assert "none is due" in said(second, "notices")


def test_relapse_and_successor(database: Database) -> None:
    store = store_of(database)
    store.store([seen("01")])
    database.fetch("UPDATE tickets SET state = 'closed', state_at = '2026-11-05Z'")
    store.store([seen("10")])
    assert why(database, 2).facts["ticket"]["how"] == "reopened"
    assert "after it was closed at 2026-11-05" in said(why(database, 2), "ticket")
    database.fetch("UPDATE tickets SET state = 'closed', state_at = '2026-09-05Z'")
    store.store([seen("11")])
    assert "follows ticket 1" in said(why(database, 3), "ticket")


@pytest.mark.parametrize(
    ("match", "words"), [("none", "No customer of yours"), ("ambiguous", "More than one customer fits")]
)
def test_event_without_ticket(database: Database, match: str, words: str) -> None:
    store_of(database).store([seen("10", customer_match=match, customer_id=None, customer_reason="two leases: A, B")])
    told = why(database, 1)
    assert words in said(told, "customer")
    assert "two leases: A, B" in said(told, "customer")
    assert "ticket" not in told.facts


def test_rules_that_decided_are_named(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        "problems:\n  brute-force:\n    key: {port: true}\ndefaults:\n  key: {ipv6_prefix: 56}\n", encoding="utf-8"
    )
    rules = Rules.load(path, Catalogue.load())
    store_of(database, rules=rules).store([seen("10", source_ip="2001:db8::1", source_port=22)])
    told = why(database, 1, rules)
    assert told.facts["key"]["rules"] == {
        "port": "rules.yaml, problems.brute-force.key.port", "ipv6_prefix": "rules.yaml, defaults.key.ipv6_prefix",
    }  # fmt: skip
    assert "first 56 bits (rules.yaml, defaults.key.ipv6_prefix)" in said(told, "key")
    assert "rules or catalogue have changed" in said(why(database, 1), "key")


def test_withdrawn_and_unknown_events(database: Database) -> None:
    store_of(database).store([seen("10")])
    database.fetch(
        "INSERT INTO withdrawn_events (event_id, report_id, reading, ticket_id, at, fingerprint, problem, severity, data) "
        "SELECT id, report_id, 2, ticket_id, at, fingerprint, problem, severity, data FROM events"
    )
    database.fetch("DELETE FROM events")
    assert "was withdrawn" in said(why(database, 1), "event")
    assert explain(database, 99, Incoming(Catalogue.load(), AT_ONCE)) is None
