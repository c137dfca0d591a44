# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tickets close after silence, escalate, and wait while they are muted."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from observations import hours_ago, observation, others_are_gone, store_of, tickets_in

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets import alerts
from abusehandler.tickets.database import Database
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.life_cycle import LifeCycle
from abusehandler.tickets.rules import Rules
from abusehandler.tickets.rules.model import RuleFile

if TYPE_CHECKING:
    from collections.abc import Sequence


def rules(**sections: Any) -> Rules:
    """Rules as rules.yaml would say them."""
    return Rules(RuleFile.model_validate(sections), Catalogue.load())


def told(database: Database) -> None:
    """As if the customer had heard of everything."""
    database.fetch("UPDATE tickets SET notified_at = now(), notified_event_id = last_event_id, notify_due = NULL")


def age(database: Database, days: float, where: str = "true") -> None:
    """Moves tickets into the past, as if nothing had come since."""
    database.fetch(
        f"UPDATE tickets SET opened_at = opened_at - %(by)s, state_at = state_at - %(by)s, first_seen = first_seen - %(by)s, "
        f"last_seen = last_seen - %(by)s, close_check = close_check - %(by)s WHERE {where}",
        {"by": timedelta(days=days)},
    )


def touch(database: Database) -> None:
    """What the intake notes with each batch: these tickets got events."""
    database.fetch("DELETE FROM touched_tickets")
    database.fetch("INSERT INTO touched_tickets (tickets) SELECT array_agg(id) FROM tickets")


def states(database: Database) -> list[str]:
    return [ticket["state"] for ticket in tickets_in(database)]


def changes(database: Database) -> list[tuple[str, str, str]]:
    rows: Sequence[Any] = database.fetch(
        "SELECT actor, change, reason FROM audit_trail WHERE object = 'ticket' ORDER BY id"
    )
    return list(rows)


@pytest.fixture
def timers(database: Database) -> LifeCycle:
    return LifeCycle(database)


def test_silent_ticket_closes_with_a_reason_that_people_see(database: Database, timers: LifeCycle) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    told(database)
    age(database, 8)
    report = timers.run(rules(problems={"brute-force": {"close_after_days": 7}}))
    assert report.closed == 1
    assert states(database) == ["closed"]
    ((actor, change, reason),) = changes(database)
    assert (actor, change) == ("timers", "closed")
    assert "nothing new since" in reason
    assert "(7 days)" in reason


def test_ticket_that_was_seen_lately_is_put_off_until_it_may_be_silent(database: Database, timers: LifeCycle) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    told(database)
    age(database, 3)
    assert timers.run(rules(problems={"brute-force": {"close_after_days": 7}})).put_off == 1
    ((check, last),) = database.fetch("SELECT close_check, greatest(last_seen, opened_at, state_at) FROM tickets")
    assert check == last + timedelta(days=7)
    assert timers.run(rules()).put_off == 0


def test_late_report_of_old_observations_is_not_closed_at_once(database: Database, timers: LifeCycle) -> None:
    store_of(database).store([observation(time_source=hours_ago(24 * 60))])
    told(database)
    database.fetch("UPDATE tickets SET close_check = now()")
    assert timers.run(rules()).closed == 0


def test_ticket_is_not_closed_before_the_customer_was_told(database: Database, timers: LifeCycle) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    age(database, 100)
    timers.run(rules())
    assert states(database) == ["open"]
    told(database)
    database.fetch("UPDATE tickets SET close_check = now()")
    timers.run(rules())
    assert states(database) == ["closed"]


@pytest.mark.parametrize(
    ("said", "closed"),
    [
        ({"defaults": {"close_after_days": 5}}, True),
        ({"defaults": {"close_after_days": 5}, "groups": {"traffic": {"close_after_days": 20}}}, False),
        ({"groups": {"traffic": {"close_after_days": 20}}, "problems": {"brute-force": {"close_after_days": 5}}}, True),
        (
            {"problems": {"brute-force": {"close_after_days": 5}}, "customers": {"C1": {"close_after_days": "never"}}},
            False,
        ),
        (
            {"customers": {"C1": {"close_after_days": "never", "problems": {"brute-force": {"close_after_days": 5}}}}},
            True,
        ),
        ({"customers": {"C2": {"close_after_days": 5}}}, True),
    ],
)
def test_narrowest_rule_wins(database: Database, timers: LifeCycle, said: dict[str, Any], closed: bool) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    told(database)
    age(database, 10)
    timers.run(rules(**said))
    assert states(database) == ["closed" if closed else "open"]


def test_ignored_and_resolved_tickets_have_times_of_their_own(database: Database, timers: LifeCycle) -> None:
    store_of(database).store(
        [observation(time_source=hours_ago(1), source_ip=f"192.0.2.{number}") for number in range(1, 4)]
    )
    told(database)
    database.fetch("UPDATE tickets SET state = 'ignored' WHERE id = 1")
    database.fetch("UPDATE tickets SET state = 'resolved' WHERE id = 2")
    age(database, 10)
    timers.run(rules(defaults={"close_after_days": "never", "close_resolved_after_days": 9}))
    assert states(database) == ["ignored", "closed", "open"]


def test_changed_rules_reach_tickets_that_were_put_off(database: Database, timers: LifeCycle) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    told(database)
    timers.run(rules(defaults={"close_after_days": 30}))
    age(database, 5, "close_check > now()")
    database.fetch("UPDATE tickets SET close_check = now() + interval '25 days'")
    database.fetch("UPDATE timer_marks SET at = at - interval '1 hour'")
    report = timers.run(rules(defaults={"close_after_days": 3}))
    assert (report.rearmed, report.closed) == (1, 1)


def test_two_hosts_with_other_files_do_not_go_round_in_circles(database: Database, timers: LifeCycle) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    timers.run(rules(defaults={"close_after_days": 30}))
    other = LifeCycle(database)
    assert other.run(rules(defaults={"close_after_days": 3})).rearmed == 0
    assert database.fetch("SELECT position FROM timer_marks WHERE name = 'close'") == [(None,)]


def test_idle_round_writes_nothing(database: Database, timers: LifeCycle) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    given = rules(escalation=[{"name": "many", "events": 2}])
    timers.run(given)
    next_transaction = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
    before = database.fetch(next_transaction)
    assert not timers.run(given).did_something()
    assert database.fetch(next_transaction) == before


def many(database: Database, count: int, hours: float = 1, **other: Any) -> None:
    store_of(database).store([observation(time_source=hours_ago(hours), extra_number=n, **other) for n in range(count)])
    touch(database)


def test_many_events_in_the_window_escalate(database: Database, timers: LifeCycle) -> None:
    many(database, 5)
    given = rules(
        escalation=[
            {
                "name": "flood",
                "problems": ["brute-force"],
                "events": 5,
                "within_hours": 24,
                "raise_severity_to": "critical",
            }
        ]
    )
    assert timers.run(given).escalated == 1
    (ticket,) = tickets_in(database)
    assert (ticket["state"], ticket["severity"]) == ("escalated", 4)
    assert changes(database) == [("timers", "escalated", "rule 'flood': at least 5 events within 24 hours")]
    (alert,) = alerts.unseen(database)
    assert (alert["kind"], alert["ticket"]) == ("escalation", ticket["id"])
    assert alerts.see(database, [alert["alert"]], author="anna") == [alert["alert"]]
    assert alerts.see(database, [alert["alert"]], author="bert") == []
    assert alerts.unseen(database) == []


def test_too_few_or_too_old_events_do_not(database: Database, timers: LifeCycle) -> None:
    many(database, 3, hours=1)
    many(database, 3, hours=30)
    assert timers.run(rules(escalation=[{"name": "flood", "events": 4, "within_hours": 24}])).escalated == 0


def test_old_report_that_comes_late_does_not_escalate(database: Database, timers: LifeCycle) -> None:
    many(database, 10, hours=24 * 40)
    assert timers.run(rules(escalation=[{"name": "flood", "events": 4, "within_hours": 24}])).escalated == 0


def test_yesterdays_feed_escalates_though_its_window_ends_before_now(database: Database, timers: LifeCycle) -> None:
    many(database, 10, hours=30)
    assert timers.run(rules(escalation=[{"name": "flood", "events": 4, "within_hours": 1}])).escalated == 1


def test_severe_event_escalates_and_may_tell_the_customer(database: Database, timers: LifeCycle) -> None:
    many(database, 1, severity="critical")
    told(database)
    given = rules(escalation=[{"name": "worst", "severity": "critical", "tell_customer": True, "tell_desk": False}])
    assert timers.run(given).escalated == 1
    assert tickets_in(database)[0]["notify_due"] is not None
    assert database.fetch("SELECT count(*) FROM desk_alerts") == [(0,)]


@pytest.mark.parametrize(
    ("rule", "escalated"),
    [
        ({"customers": ["C1"]}, 1),
        ({"customers": ["C2"]}, 0),
        ({"groups": ["traffic"]}, 1),
        ({"groups": ["compromised"]}, 0),
        ({"prefixes": ["192.0.2.0/24"]}, 1),
        ({"prefixes": ["198.51.100.0/24", "2001:db8::/32"]}, 0),
        ({"relapses": 1}, 0),
        ({"open_days": 1}, 0),
    ],
)
def test_rule_is_about_what_it_names(
    database: Database, timers: LifeCycle, rule: dict[str, Any], escalated: int
) -> None:
    many(database, 2)
    assert timers.run(rules(escalation=[{"name": "one", "events": 2, **rule}])).escalated == escalated


def test_what_comes_back_and_what_stays_open_escalates(database: Database, timers: LifeCycle) -> None:
    many(database, 1)
    database.fetch("UPDATE tickets SET relapses = 3, opened_at = now() - interval '40 days'")
    assert timers.run(rules(escalation=[{"name": "again", "relapses": 3}])).escalated == 1
    database.fetch("UPDATE tickets SET state = 'open'")
    touch(database)
    assert timers.run(rules(escalation=[{"name": "long", "open_days": 30}])).escalated == 1
    assert tickets_in(database)[0]["state"] == "escalated"


def test_desk_that_calms_a_ticket_is_not_asked_about_the_same_events_again(
    database: Database, timers: LifeCycle
) -> None:
    many(database, 5)
    given = rules(escalation=[{"name": "flood", "events": 5}])
    timers.run(given)
    database.fetch("UPDATE tickets SET state = 'open'")
    many(database, 2, hours=0.5, extra_other=1)
    assert timers.run(given).escalated == 0


def test_two_timers_at_once_close_each_ticket_once(dsn: str, database: Database) -> None:
    store_of(database).store(
        [
            observation(
                time_source=hours_ago(1), source_ip=f"192.0.2.{number % 250}", customer_id=f"C{number}", extra_n=number
            )
            for number in range(2500)
        ]
    )
    touch(database)
    told(database)
    age(database, 100)
    failures: list[BaseException] = []
    closed: list[int] = []
    given = rules(escalation=[{"name": "any", "events": 1}])

    def work() -> None:
        mine = Database(dsn)
        try:
            closed.append(LifeCycle(mine).run(given, seconds=600).closed)
        except BaseException as error:
            failures.append(error)
        finally:
            mine.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert sum(closed) == 2500
    assert set(states(database)) == {"closed"}
    assert database.fetch("SELECT count(*) FROM audit_trail WHERE change = 'closed'") == [(2500,)]


KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
from test_life_cycle import rules
from abusehandler.tickets import life_cycle
from abusehandler.tickets.database import Database
life_cycle.BATCH = 20
timers = life_cycle.LifeCycle(Database(sys.argv[1]))
work = timers._in_one
def told(what):
    print("step", flush=True)
    return work(what)
timers._in_one = told
timers.run(rules(), seconds=60)
"""


def test_killed_timers_leave_nothing_half_done(dsn: str, database: Database) -> None:
    store_of(database).store(
        [observation(time_source=hours_ago(1), customer_id=f"C{number}", extra_n=number) for number in range(400)]
    )
    told(database)
    age(database, 100)
    for after in (1, 3, 6):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, dsn, str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(after):
                process.stdout.readline()
            process.kill()
        # one statement: what the killed program had handed to PostgreSQL may be committed yet
        ((closed, told_of),) = database.fetch(
            "SELECT (SELECT count(*) FROM tickets WHERE state = 'closed'), (SELECT count(*) FROM audit_trail WHERE change = 'closed')"
        )
        assert closed == told_of
    others_are_gone(database)
    LifeCycle(database).run(rules())
    assert states(database) == ["closed"] * 400
    assert database.fetch("SELECT count(*) FROM audit_trail WHERE change = 'closed'") == [(400,)]


def test_ticket_that_a_new_reading_emptied_is_closed(database: Database, timers: LifeCycle) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    database.fetch("UPDATE tickets SET event_count = 0")
    database.fetch(
        "INSERT INTO emptied_tickets (ticket_id, report_id, emptied_at) VALUES (1, 1, now() - interval '1 day')"
    )
    assert timers.run(rules()).emptied == 1
    assert states(database) == ["closed"]


def test_work_is_claimed_once_in_its_time(database: Database, timers: LifeCycle) -> None:
    other = LifeCycle(database)
    assert timers.claim("retention", timedelta(hours=6))
    assert not other.claim("retention", timedelta(hours=6))
    database.fetch("UPDATE timer_marks SET at = %s WHERE name = 'retention'", (now_utc() - timedelta(hours=7),))
    assert other.claim("retention", timedelta(hours=6))
    assert not timers.claim("retention", timedelta(hours=6))
