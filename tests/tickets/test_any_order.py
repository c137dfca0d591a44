# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever the order, the batches, and however often events come: counts, times and severity are those of the set."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from observations import observation, store_of

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

SEVERITIES = ("info", "low", "medium", "high", "critical")

single = st.builds(
    lambda host, customer, problem, day, severity, number: observation(
        source_ip=f"192.0.2.{host}", customer_id=customer, classification_type=problem,
        time_source=f"2026-11-{day:02}T10:00:00+00:00", severity=severity, extra_number=number,
    ),
    st.integers(1, 3), st.sampled_from(["C1", "C2"]), st.sampled_from(["brute-force", "scanner"]), st.integers(1, 20),
    st.sampled_from(SEVERITIES), st.integers(0, 3),
)  # fmt: skip


@st.composite
def deliveries(draw: Any) -> list[list[dict[str, Any]]]:
    """Batches in which each event comes at least once."""
    events = draw(st.lists(single, min_size=1, max_size=25))
    again = draw(st.lists(st.sampled_from(events), max_size=15))
    order = draw(st.permutations([*events, *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=5)))
    edges = [0, *cuts, len(order)]
    return [list(order[start:end]) for start, end in itertools.pairwise(edges) if start < end]


def observed(event: dict[str, Any]) -> tuple[Any, ...]:
    """What makes an event another one; the severity and the customer are ours and do not."""
    return event["source.ip"], event["classification.type"], event["time.source"], event["extra.number"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(batches=deliveries())
def test_any_delivery_comes_to_the_same(database: Database, batches: list[list[dict[str, Any]]]) -> None:
    database.fetch("TRUNCATE customers, tickets, events, touched_tickets RESTART IDENTITY CASCADE")
    store = store_of(database)
    for batch in batches:
        store.store(batch)
    stored = database.fetch("SELECT count(*) FROM events")
    assert stored == [(len({observed(event) for batch in batches for event in batch}),)]
    wrong = database.fetch(
        "SELECT t.id FROM tickets t LEFT JOIN LATERAL (SELECT count(*), min(at), max(at), max(severity), max(id) FROM events e "
        "WHERE e.ticket_id = t.id) AS e (count, first, last, severity, id) ON true "
        "WHERE (t.event_count, t.first_seen, t.last_seen, t.severity, t.last_event_id) "
        "IS DISTINCT FROM (e.count, e.first, e.last, e.severity, e.id)"
    )
    assert wrong == []
    assert database.fetch("SELECT count(*) FROM events WHERE ticket_id IS NULL") == [(0,)]
    before = database.fetch("SELECT t.*, xmin FROM tickets t ORDER BY id")
    for batch in batches:
        assert store.store(batch).events == 0
    assert database.fetch("SELECT t.*, xmin FROM tickets t ORDER BY id") == before
