# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mail never holds another customer's data, whatever events, contacts, states and rounds there were."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from observations import observation, store_of

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets import notice_actions
from abusehandler.tickets.notice_mail import Letterhead, NoticeWriter
from abusehandler.tickets.outbox import Outbox, Recipient, Result
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.rules.notice_rules import NoticeRules
from abusehandler.tickets.sender import NoticeSender

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.smtp import MailServer

SCHEDULE = NoticeSchedule(
    settle=timedelta(),
    again=timedelta(),
    policy="at-once",
    rules=NoticeRules.model_validate({"default": {"reminder_days": [1, 1, 1]}}),
)
CUSTOMERS = ("C1", "C2", "C3")
#: In all that is a customer's stands a word that names him.
WORD = re.compile(rb"secret-of-(C\d)")


class Recorder:
    """Stands for the mail server: what is sent is looked at by the test."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, bytes]] = []

    def open(self) -> None:
        return

    def send(self, _sender: str, recipient: str, content: bytes, _envelope: str = "") -> Result:
        self.mails.append((recipient, content))
        return Result("sent", "250 taken")

    def close(self) -> None:
        return


def secret(customer: str, address: int, hour: int, field: str) -> dict[str, Any]:
    return observation(
        customer_id=customer,
        customer_name=f"secret-of-{customer}",
        # the same address belongs to one customer in one event and to another in the next
        source_ip=f"192.0.2.{address}",
        time_source=f"2026-11-20T{hour:02}:00:00+00:00",
        **{field: f"secret-of-{customer}.example"},
    )


observations = st.builds(
    secret,
    st.sampled_from(CUSTOMERS),
    st.integers(1, 3),
    st.integers(0, 23),
    st.sampled_from(("malware_name", "source_fqdn", "extra_tag", "event_description.text", "source_url")),
)
rounds = st.lists(
    st.tuples(
        st.lists(observations, max_size=8),
        # which address each customer's notices go to now: two may share one
        st.fixed_dictionaries({customer: st.sampled_from(("a", "b", "c", "shared")) for customer in CUSTOMERS}),
        st.sampled_from((None, "closed", "resolved", "ignored", "escalated")),
        # what a person does, or what time brings
        st.sampled_from((None, "reminders", "send all", "answer", "contact bounces", "hold and release")),
    ),
    min_size=1,
    max_size=4,
)


def happen(database: Database, what: str | None) -> None:
    tickets = [row[0] for row in database.fetch("SELECT id FROM tickets WHERE state <> 'closed' ORDER BY id")]
    if what == "reminders":
        database.fetch("UPDATE tickets SET remind_due = now() - interval '1 day' WHERE notified_at IS NOT NULL")
    elif what == "send all" and tickets:
        notice_actions.send_now(database, SCHEDULE, Catalogue.load(), tickets, author="desk")
    elif what == "answer" and tickets:
        customers = database.fetch("SELECT DISTINCT customer_id FROM tickets WHERE state <> 'closed'")
        for (customer,) in customers:
            own = database.fetch("SELECT id FROM tickets WHERE customer_id = %s AND state <> 'closed'", (customer,))
            notice_actions.answer(
                database, customer, [row[0] for row in own], f"secret-of-{customer}.example", author="desk"
            )  # fmt: skip
    elif what == "contact bounces":
        database.fetch(
            "INSERT INTO mail_addresses (address, state) VALUES ('shared@example.com', 'bouncing') ON CONFLICT DO NOTHING"
        )
    elif what == "hold and release":
        numbers = [row[0] for row in database.fetch("SELECT id FROM notices")]
        notice_actions.hold(database, numbers, author="desk", reason="look")
        notice_actions.release(database, numbers, author="desk")


def all_bytes(content: bytes) -> bytes:
    """The mail with its parts decoded."""
    plain = content.replace(b"=\r\n", b"")
    tables = [
        base64.b64decode(found) for found in re.findall(rb"(?s)base64\r\n.*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)", content)
    ]
    return plain + b"".join(tables)


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=rounds)
def test_every_mail_names_one_customer(database: Database, plan: list[Any]) -> None:
    database.fetch(
        "TRUNCATE customers, tickets, events, notices, deliveries, mail_addresses, audit_trail RESTART IDENTITY CASCADE"
    )
    recorder = Recorder()
    contacts: dict[str, str] = {}
    writer = NoticeWriter(Letterhead("Example Networks", "abuse@example.net", ""), Catalogue.load())
    server: MailServer = recorder  # type: ignore[assignment]
    sender = NoticeSender(
        Outbox(database, "sender", message_id_domain="example.net", settle=timedelta(), schedule=SCHEDULE), server, writer,
        lambda who: [Recipient(f"{contacts[who]}@example.com"), Recipient(f"{who}@example.org")],
        lambda who: f"secret-of-{who}", sender="abuse@example.net",
    )  # fmt: skip
    store = store_of(database)
    for batch, addresses, state, happens in plan:
        contacts.update(addresses)
        store.store(batch)
        if state:
            database.fetch("UPDATE tickets SET state = %s WHERE id %% 2 = 0 AND state <> 'closed'", (state,))
        happen(database, happens)
        sender.run()
    for recipient, content in recorder.mails:
        named = set(WORD.findall(all_bytes(content)))
        assert len(named) == 1
        if recipient.endswith("@example.org"):
            assert named == {recipient.partition("@")[0].encode()}
    told = sum(len(set(WORD.findall(all_bytes(content)))) for _, content in recorder.mails)
    assert told == len(recorder.mails)
