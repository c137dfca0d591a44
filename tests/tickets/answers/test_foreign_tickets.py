# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever a customer puts into his mails, his answers reach his own tickets only, and his bounces his own address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abusehandler.tickets.answers.addresses import bounce_address, reply_address
from tests.tickets.answers.sent_notices import Desk, Sent, bounce, reply, send

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.tickets.database import Database


@pytest.fixture
def world(database: Database, tmp_path: Path) -> tuple[Desk, Sent, Sent]:
    """A desk, the notice of a customer who attacks, and one of his victim's."""
    desk = Desk(database, tmp_path)
    return desk, send(database, "C1", ("mallory@example.com",), 2), send(database, "C2", ("two@example.com",), 2)


def guesses(mine: Sent, foreign: Sent, desk: Desk) -> list[str]:
    """All that a customer knows, and what he may make of it to reach another's ticket."""
    own, own_bounce = reply_address(mine.id, desk.settings), bounce_address(mine.deliveries[0], desk.settings)
    tag = own.partition(".")[2].partition("@")[0]
    random_part = mine.message_ids[0].split(".")[2].partition("@")[0]
    return [
        own, own_bounce, mine.message_ids[0],
        own.replace(f"+n{mine.id}.", f"+n{foreign.id}."), own_bounce.replace(f"+d{mine.deliveries[0]}.", f"+d{foreign.deliveries[0]}."),
        f"abuse+n{foreign.id}.{tag}@example.net", f"abuse+d{foreign.deliveries[0]}.{tag}@example.net", f"abuse+n{foreign.id}.@example.net",
        f"abuse+n{foreign.id}@example.net", f"abuse+n{foreign.id}.{'a' * 16}@example.net", f"abuse+n{mine.id}.{tag},n{foreign.id}.{tag}@example.net",
        f"<notice.{foreign.id}.{random_part}@example.net>", f"<notice.{foreign.id}.%@example.net>", f"<notice.{foreign.id}.{'0' * 16}@example.net>",
        f"<notice.{foreign.id}@example.net>", "<' OR true --@example.net>", f"[#{foreign.tickets[0]}]", f"ticket {foreign.tickets[0]}",
    ]  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_no_way_into_a_foreign_ticket(world: tuple[Desk, Sent, Sent], data: st.DataObject) -> None:
    desk, mine, foreign = world
    known = st.lists(st.sampled_from(guesses(mine, foreign, desk)), max_size=3).map(" ".join)
    to, thread, references, body, delivered, copied = (data.draw(known) for _ in range(6))
    if data.draw(st.booleans()):
        raw = reply(
            f"In-Reply-To: {thread}", f"References: {references}", f"Delivered-To: {delivered}", f"Subject: {copied}",
            body=f"{body}\r\nMessage-ID: {copied}\r\n", sender=data.draw(st.sampled_from(["mallory@example.com", "two@example.com"])), to=to,
        )  # fmt: skip
    else:
        raw = bounce(to, message_id=copied, recipient="two@example.com", more=f"Original-Envelope-Id: {thread}")
    taken = desk.take(raw)
    if taken is not None:
        assert set(taken.tickets) <= set(mine.tickets)
    assert desk.address("two@example.com") == "ok"
    assert desk.column("SELECT count(*) FROM answer_tickets WHERE ticket_id = ANY(%s)", foreign.tickets) == [0]
    assert desk.column(
        "SELECT count(*) FROM audit_trail WHERE object = 'notice' AND object_id = %s", str(foreign.id)
    ) == [0]
