# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rules are tried on what came in lately, and nothing changes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from observations import hours_ago, observation, store_of
from test_life_cycle import age, many, rules, told

from abusehandler.tickets import actions
from abusehandler.tickets.life_cycle import LifeCycle
from abusehandler.tickets.life_cycle_trial import Sums, Trial, Tried

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database


def tried(database: Database, days: float = 30, **sections: Any) -> list[Tried]:
    return list(Trial(database, rules(**sections), days).run())


def kinds(steps: Any) -> list[str]:
    return [step.kind for step in steps]


def came(database: Database, *days_ago: float, **other: Any) -> None:
    """Events that came so many days ago, one each, about one problem."""
    for number, ago in enumerate(days_ago):
        store_of(database).store([observation(time_source=hours_ago(24 * ago), extra_n=number, **other)])
    database.fetch("UPDATE events SET stored_at = at + interval '1 minute'")
    database.fetch(
        "UPDATE tickets SET opened_at = first_seen + interval '1 minute', state_at = first_seen + interval '1 minute'"
    )


def test_silence_between_events_would_have_closed_and_reopened(database: Database) -> None:
    came(database, 25, 10, 1)
    (one,) = tried(database, defaults={"close_after_days": 5, "reopen_within_days": 11})
    assert kinds(one.would) == ["open", "close", "reopen", "close", "reopen"]
    assert kinds(one.happened) == ["open"]
    assert one.differs
    assert one.would[1].at - one.would[0].at <= timedelta(days=5, minutes=2)


def test_later_than_the_reopening_time_a_new_ticket_follows(database: Database) -> None:
    came(database, 25, 1)
    (one,) = tried(database, defaults={"close_after_days": 5, "reopen_within_days": 3})
    assert kinds(one.would) == ["open", "close", "open a following one"]


def test_long_times_would_have_changed_nothing(database: Database) -> None:
    came(database, 25, 10, 1)
    (one,) = tried(database, defaults={"close_after_days": 30})
    assert not one.differs


def test_ticket_from_before_the_time_is_there_from_the_start(database: Database) -> None:
    came(database, 20, 1)
    assert tried(database, 10, defaults={"close_after_days": 60}) == []
    (one,) = tried(database, 10, defaults={"close_after_days": 15})
    assert kinds(one.would) == ["close", "reopen"]
    assert one.would[0].at - one.would[1].at < timedelta()


def test_late_report_of_long_ago_opens_as_it_did(database: Database) -> None:
    store_of(database).store([observation(time_source=hours_ago(24 * 200))])
    (one,) = tried(database, 7)
    assert kinds(one.would) == kinds(one.happened) == ["open"]


def test_escalation_would_have_come_once(database: Database) -> None:
    many(database, 12)
    (one,) = tried(database, 1, escalation=[{"name": "flood", "events": 10}])
    assert kinds(one.would) == ["open", "escalate"]
    assert "flood" in str(one.would[1])
    assert kinds(tried(database, 1, escalation=[{"name": "flood", "events": 13}])[0].would) == ["open"]


def test_what_happened_is_set_against_it(database: Database) -> None:
    many(database, 5)
    given = {"escalation": [{"name": "flood", "events": 5}], "defaults": {"close_after_days": 7}}
    LifeCycle(database).run(rules(**given))
    (one,) = tried(database, 1, **given)
    assert kinds(one.happened) == ["open", "escalate"] == kinds(one.would)
    actions.close(database, [one.ticket], author="anna", reason="over")
    (one,) = tried(database, 1, **given)
    assert kinds(one.happened)[-1] == "close"
    assert one.differs


def test_mute_rule_would_have_held_the_notice_back(database: Database) -> None:
    many(database, 1)
    database.fetch("INSERT INTO notices (customer_id, state) VALUES ('C1', 'addressed')")
    database.fetch(
        "INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of) "
        "SELECT 1, id, 0, last_event_id, 1, false FROM tickets"
    )
    for network, kind in (("192.0.2.0/24", "hold a notice back"), ("198.51.100.0/24", "tell the customer")):
        entry = {"name": "lab", "network": network, "until": "2999-01-01", "reason": "ours"}
        (one,) = tried(database, 1, mutes=[entry])
        assert kinds(one.would) == ["open", kind]
        assert kinds(one.happened) == ["open", "tell the customer"]


def test_many_tickets_are_summed_and_nothing_is_written(database: Database) -> None:
    store_of(database).store(
        [
            observation(time_source=hours_ago(1 + n), source_ip=f"192.0.2.{n}", customer_id=f"C{n % 3}")
            for n in range(60)
        ]
    )
    told(database)
    age(database, 3, "id > 30")
    transaction = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
    before = database.fetch(transaction)
    sums = Sums()
    for one in tried(database, 1, defaults={"close_after_days": 2}):
        sums.add(one)
    assert database.fetch(transaction) == before
    assert sums.would["close"] > 0
    assert sums.happened["close"] == 0
    assert sums.different == sums.tickets or sums.happened["open"] > 0
