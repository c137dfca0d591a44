# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A notice holds a link to the customer's page, good for his tickets alone; and goes to contacts that the desk approved."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from abusehandler.bots.outputs.notices import BOT as NOTICES
from abusehandler.bots.outputs.tickets import BOT as TICKETS
from abusehandler.tickets.selfhelp_links import LinkTerms, open_link
from tests.bots.desk_of_test import configure
from tests.bots.test_outputs import of_customer, put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from abusehandler.installer.services import SmtpSink
    from abusehandler.tickets.database import Database

LINK = re.compile(r"https://abuse\.example\.net/help/([\w-]{43})(/\d+)?")


def texts(smtp_sink: SmtpSink) -> dict[str, str]:
    """Text of each mail by its recipient."""
    found = {}
    for path in smtp_sink.mails.glob("*.eml"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = mail.get_body(("plain",))
        assert body is not None
        found[str(mail["To"])] = body.get_content()
    return found


def send(etc: Path, dsn: str, smtp_sink: SmtpSink, make_bot: Callable[..., Any], **sections: Any) -> dict[str, str]:
    configure(etc, database={"dsn": dsn}, mail={"smtp": {"host": "127.0.0.1", "port": smtp_sink.port}}, **sections)
    make_bot(TICKETS, destination_queues={}).process()
    make_bot(NOTICES, "mailer", destination_queues={}).idle()
    return texts(smtp_sink)


def test_each_mail_has_a_link_of_its_customer(
    etc: Path, dsn: str, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, smtp_sink: SmtpSink
) -> None:
    put(queues, of_customer(1), of_customer(2), of_customer(200, "C2"))
    mails = send(etc, dsn, smtp_sink, make_bot, portal={"public_url": "https://abuse.example.net"})
    first, second = (LINK.search(mails[f"{name}@example.com"]) for name in ("one", "two"))
    assert first and second
    links = [open_link(database, each[1], LinkTerms()) for each in (first, second)]
    assert [link and link.customer for link in links] == ["C1", "C2"]
    # a notice about one ticket leads to it
    assert first[2] is None
    assert second[2] is not None


def test_without_a_portal_there_is_no_link(
    etc: Path, dsn: str, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, smtp_sink: SmtpSink
) -> None:
    put(queues, of_customer(1))
    mails = send(etc, dsn, smtp_sink, make_bot)
    assert "/help/" not in mails["one@example.com"]
    assert database.fetch("SELECT count(*) FROM selfhelp_tokens") == [(0,)]


def test_an_approved_contact_gets_the_notice_too(
    etc: Path, dsn: str, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, smtp_sink: SmtpSink
) -> None:
    database.fetch("INSERT INTO customers (id) VALUES ('C1')")
    for address, state in (
        ("night@example.com", "approved"),
        ("evil@example.org", "waiting"),
        ("no@example.org", "refused"),
    ):
        database.fetch(
            "INSERT INTO proposed_contacts (customer_id, address, state) VALUES ('C1', %s, %s)", (address, state)
        )
    put(queues, of_customer(1))
    assert set(send(etc, dsn, smtp_sink, make_bot)) == {"one@example.com", "night@example.com"}


def test_links_that_ended_long_ago_are_dropped(database: Database) -> None:
    from abusehandler.tickets.selfhelp_links import drop_old, make_link

    database.fetch("INSERT INTO customers (id) VALUES ('C1')")
    make_link(database, "C1", terms=LinkTerms(lasts=timedelta(days=-31)), made_for="old")
    make_link(database, "C1", terms=LinkTerms(), made_for="new")
    drop_old(database)
    assert database.fetch("SELECT made_for FROM selfhelp_tokens") == [("new",)]
