# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whoever is erased stands nowhere any more, in no table and no file; all others stay as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import actions, mutes
from abusehandler.tickets.desk import privacy, privacy_removal
from abusehandler.tickets.desk.privacy import Subject
from abusehandler.tickets.desk.scope import EVERYTHING
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import Outcome, ReportStore
from tests.tickets.observations import hours_ago, observation, store_of

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database

#: What must be found nowhere.
TRACES = ("K-4711", "Erika Muster", "erika@example.com", "192.0.2.77", "erika-laptop")


@pytest.fixture
def evidence(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "evidence")


@pytest.fixture
def filled(database: Database, evidence: EvidenceStore) -> Database:
    """Erika with all that can be stored about her, and Bob, whose data stands in one report with hers."""
    reports = ReportStore(database)
    numbers = {}
    for name in ("own", "shared", "answer", "bob"):
        record, _ = reports.accept(evidence.keep(f"{name} 192.0.2.77".encode()), kind="mail", channel="abuse-mail")
        reports.finish(record.id, Outcome("read", "free-text"))
        numbers[name] = record.id
    reports.describe(numbers["answer"], sender="erika@example.com", subject="Re: your network")

    def of_erika(report: str, hours: int) -> dict[str, object]:
        return observation(
            customer_id="K-4711", customer_name="Erika Muster", source_ip="192.0.2.77", report_id=numbers[report],
            time_source=hours_ago(hours), **{"extra_host": "erika-laptop"},
        )  # fmt: skip

    def of_bob(report: str, hours: int) -> dict[str, object]:
        return observation(
            customer_id="B1", customer_name="Bob", report_id=numbers[report], time_source=hours_ago(hours)
        )

    store_of(database).store([of_erika("own", 1), of_erika("shared", 2), of_bob("shared", 2), of_bob("bob", 1)])
    ((ticket,),) = database.fetch("SELECT id FROM tickets WHERE customer_id = 'K-4711'")
    ((bobs,),) = database.fetch("SELECT id FROM tickets WHERE customer_id = 'B1'")
    actions.note(database, [ticket], "Erika Muster rang", author="anna")
    actions.assign(database, [ticket], "anna", author="anna", reason="Erika Muster is hers")
    actions.note(database, [bobs], "erika@example.com wrote to Bob", author="anna")
    mutes.add(
        database, mutes.Scope(customer="K-4711"), mutes_end(database), author="anna", reason="Erika Muster is away"
    )
    for customer, mail in (("K-4711", "Erika@example.com"), ("B1", "bob@example.com")):
        database.fetch(
            "WITH n AS (INSERT INTO notices (customer_id, state, body) VALUES (%(who)s, 'addressed', 'Dear ' || %(who)s) RETURNING id), "
            "t AS (INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of) "
            "      SELECT n.id, t.id, 0, 1, 1, false FROM n, tickets t WHERE t.customer_id = %(who)s) "
            "INSERT INTO deliveries (notice_id, recipient, message_id, state, sent_at, mail) "
            "SELECT id, %(mail)s, md5(%(who)s) || '@example.net', 'sent', now(), convert_to('Dear ' || %(who)s, 'UTF8') FROM n",
            {"who": customer, "mail": mail},
        )
    database.fetch(
        "WITH a AS (INSERT INTO answers (report_id, kind, at, sender, sender_name, sender_is, tied_by, notice_id, said, whole_text) "
        "SELECT %s, 'reply', now(), 'erika@example.com', 'Erika Muster', 'contact', 'address', id, 'erika-laptop', 'Erika Muster' "
        "FROM notices WHERE customer_id = 'K-4711' RETURNING id), "
        "f AS (INSERT INTO answer_files SELECT id, 1, 'erika-laptop.png', 'image/png', 1, repeat('cd', 32) FROM a) "
        "INSERT INTO answer_tickets (answer_id, ticket_id, unread) SELECT id, %s, true FROM a",
        (numbers["answer"], ticket),
    )
    for statement in (
        "INSERT INTO mail_addresses (address, state, reason) VALUES ('erika@example.com', 'bouncing', 'full')",
        "INSERT INTO delivery_news (address, action, weight, at, diagnostic) VALUES ('erika@example.com', 'failed', 'soft', now(), '<erika@example.com>')",
        "INSERT INTO proposed_contacts (customer_id, address, name) VALUES ('K-4711', 'erika@example.com', 'Erika Muster')",
        "INSERT INTO selfhelp_tokens (token_hash, customer_id, made_for) VALUES ('x', 'K-4711', 'Erika Muster')",
        "INSERT INTO daily_customers VALUES (current_date, 'K-4711', 2)",
        "INSERT INTO login_failures (login, address) VALUES ('erika@example.com', '192.0.2.1')",
        "INSERT INTO audit_trail (actor, object, object_id, change) VALUES ('x', 'address', 'erika@example.com', 'ok → bouncing')",
        ("INSERT INTO webhook_deliveries (webhook_id, kind, ticket_id, payload) "
        f"SELECT id, 'ticket.opened', {ticket}, 'Erika Muster' FROM w"),
        f"INSERT INTO desk_alerts (kind, ticket_id, text) VALUES ('escalation', {ticket}, 'Erika Muster again')",
        f"INSERT INTO rechecks (ticket_id, customer_id, address, port, transport, probe, asked_by) VALUES ({ticket}, 'K-4711', '192.0.2.77', 22, 'tcp', 'ssh', 'anna')",
    ):  # fmt: skip
        webhook = "WITH w AS (INSERT INTO webhooks (url, secret, kinds, author, disabled_at) VALUES ('https://example.net/', 'x', '{answer.came}', 'a', now()) RETURNING id) "
        database.fetch((webhook if " FROM w" in statement else "") + statement)
    return database


def mutes_end(database: Database) -> object:
    return database.fetch("SELECT now() + interval '7 days'")[0][0]


def traces(database: Database) -> list[str]:
    """Tables and words where somebody of TRACES still stands."""
    tables = database.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    found = []
    for (table,) in tables:
        text = "\n".join(row[0] for row in database.fetch(f'SELECT t::text FROM "{table}" t')).lower()
        found += [f"{table}: {trace}" for trace in TRACES if trace.lower() in text]
        found += [f"{table}: {trace} in bytes" for trace in TRACES if trace.encode().hex() in text]
    return found


def test_a_customer_is_erased_everywhere(filled: Database, evidence: EvidenceStore) -> None:
    before = filled.fetch("SELECT * FROM tickets WHERE customer_id = 'B1'")
    assert len({line.partition(":")[0] for line in traces(filled)}) > 12
    removed = privacy_removal.remove(
        filled, evidence, Subject.of("K-4711"), "erase", author="anna", reason="request of 2026-11-20"
    )
    left = traces(filled)
    assert left == [], left
    assert (removed.tickets, removed.reports) == (1, 2)
    assert filled.fetch("SELECT * FROM tickets") == before
    assert filled.fetch("SELECT count(*) FROM events") == [(2,)]
    assert filled.fetch("SELECT recipient, mail IS NOT NULL FROM deliveries") == [("bob@example.com", True)]
    assert filled.fetch("SELECT text FROM notes") == [("(erased) wrote to Bob",)]
    assert filled.fetch("SELECT change, reason FROM audit_trail WHERE object = 'privacy' ORDER BY id") == [
        ("erase begun: a customer", "request of 2026-11-20"),
        ("erased: a customer, 1 tickets, 2 raw reports", "request of 2026-11-20"),
    ]


def test_a_customer_becomes_a_number_and_the_figures_stay(filled: Database, evidence: EvidenceStore) -> None:
    removed = privacy_removal.remove(
        filled, evidence, Subject.of("K-4711"), "pseudonymise", author="anna", reason="asked"
    )
    left = traces(filled)
    assert left == [], left
    assert filled.fetch("SELECT customer_id, resource, state, event_count FROM tickets ORDER BY id LIMIT 1") == [
        (removed.number, "192.0.2.0/24", "closed", 2)
    ]
    assert filled.fetch("SELECT host(ip), data->>'feed.name', data ? 'source.ip' FROM events WHERE ticket_id = 1") == [
        ("192.0.2.0", "Example Feed", False),
        ("192.0.2.0", "Example Feed", False),
    ]
    assert filled.fetch("SELECT state FROM deliveries ORDER BY id") == [("sent",), ("sent",)]


def test_the_preview_tells_what_stays(filled: Database) -> None:
    found = privacy.stored(filled, EVERYTHING, Subject.of("K-4711"), author="anna")
    assert (found.counts["tickets"], found.counts["open_tickets"], found.counts["events"]) == (1, 1, 2)
    assert (found.counts["notes"], found.counts["mails"], found.counts["answers"]) == (1, 1, 1)
    assert found.belongings.mails == ("erika@example.com",)
    assert len(found.own_reports) == 2
    assert "1 raw reports hold other people's data" in privacy_removal.kept(found)[0]
    preview = privacy.stored(filled, EVERYTHING, Subject.of("K-4711"), author="anna", preview=True)
    assert privacy_removal.kept(preview)[0].startswith("up to 1 raw reports")
    again = privacy.stored(filled, EVERYTHING, Subject.of("K-4711"), author="bert")
    assert again.looked[0]["actor"] == "anna"


def test_an_address_takes_its_tickets_and_leaves_the_customer(filled: Database, evidence: EvidenceStore) -> None:
    privacy_removal.remove(filled, evidence, Subject.of("192.0.2.77"), "erase", author="anna", reason="asked")
    assert not [line for line in traces(filled) if "192.0.2.77" in line]
    assert filled.fetch("SELECT count(*) FROM tickets") == [(1,)]
    assert filled.fetch("SELECT count(*) FROM customers") == [(2,)]


def test_a_mail_address_goes_from_wherever_it_was_written(filled: Database, evidence: EvidenceStore) -> None:
    privacy_removal.remove(filled, evidence, Subject.of("ERIKA@example.com"), "erase", author="anna", reason="asked")
    assert not [line for line in traces(filled) if "erika@example.com" in line]
    assert filled.fetch("SELECT count(*) FROM tickets") == [(2,)]


def test_evidence_is_moved_aside_and_goes_at_the_next_run(filled: Database, evidence: EvidenceStore) -> None:
    own = evidence.path(evidence.keep(b"own 192.0.2.77").sha256)
    shared = evidence.path(evidence.keep(b"shared 192.0.2.77").sha256)
    privacy_removal.remove(filled, evidence, Subject.of("K-4711"), "erase", author="anna", reason="asked")
    assert not own.exists()
    assert shared.exists()


def test_nothing_goes_without_a_reason_or_a_customer(filled: Database, evidence: EvidenceStore) -> None:
    with pytest.raises(AbusehandlerError, match="say why"):
        privacy_removal.remove(filled, evidence, Subject.of("K-4711"), "erase", author="anna", reason=" ")
    with pytest.raises(AbusehandlerError, match="no customer 'K-9'"):
        privacy_removal.remove(filled, evidence, Subject.of("K-9"), "erase", author="anna", reason="asked")


def test_nothing_goes_while_a_mail_is_being_sent(filled: Database, evidence: EvidenceStore) -> None:
    filled.fetch("UPDATE deliveries SET state = 'sending'")
    with pytest.raises(AbusehandlerError, match="being sent"):
        privacy_removal.remove(filled, evidence, Subject.of("K-4711"), "erase", author="anna", reason="asked")


@pytest.mark.parametrize(
    ("typed", "kind", "text"),
    [
        ("K-4711", "customer", "K-4711"),
        ("Erika@Example.com", "mail", "erika@example.com"),
        ("192.0.2.7", "network", "192.0.2.7/32"),
        ("2001:db8::1/64", "network", "2001:db8::/64"),
        ("1.2", "customer", "1.2"),
    ],
)
def test_what_a_person_types_is_understood(typed: str, kind: str, text: str) -> None:
    assert Subject.of(typed) == Subject(kind, text)  # type: ignore[arg-type]
