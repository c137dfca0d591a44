# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What people do to tickets: once, with author and reason, and back again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from observations import hours_ago, observation, store_of

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import actions, listing, mutes
from abusehandler.tickets.incoming import now_utc

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

WHO = {"author": "anna", "reason": "seen to"}


@pytest.fixture
def three(database: Database) -> list[int]:
    """Three open tickets, about which a notice is due."""
    store_of(database).store(
        [observation(time_source=hours_ago(2), source_ip=f"192.0.2.{number}") for number in (1, 2, 3)]
    )
    return [row[0] for row in database.fetch("SELECT id FROM tickets ORDER BY resource")]


def ticket(database: Database, number: int) -> dict[str, Any]:
    names = (
        "state", "severity", "severity_fixed", "assignee", "notify_due", "customer_state", "merged_into", "event_count",
        "first_seen", "last_seen", "last_event_id", "notified_event_id", "relapses", "escalated_by",
    )  # fmt: skip
    ((*row,),) = database.fetch(f"SELECT {', '.join(names)} FROM tickets WHERE id = %s", (number,))
    return dict(zip(names, row, strict=True))


def trail(database: Database, number: int) -> list[tuple[str, str, str]]:
    rows: Any = database.fetch(
        "SELECT actor, change, reason FROM audit_trail WHERE object = 'ticket' AND object_id = %s ORDER BY id",
        (str(number),),
    )
    return list(rows)


def test_close_says_who_and_why_and_tells_the_customer_nothing(database: Database, three: list[int]) -> None:
    done = actions.close(database, three[:2], **WHO)
    assert (done.changed, done.unchanged, done.refused) == (tuple(sorted(three[:2])), (), {})
    assert [ticket(database, number)["state"] for number in three] == ["closed", "closed", "open"]
    assert ticket(database, three[0])["notify_due"] is None
    assert trail(database, three[0]) == [("anna", "open → closed", "seen to")]


def test_doing_it_again_changes_nothing(database: Database, three: list[int]) -> None:
    for act in (
        lambda: actions.close(database, three, **WHO),
        lambda: actions.reopen(database, three, **WHO),
        lambda: actions.ignore(database, three, **WHO),
        lambda: actions.resolve(database, three, **WHO),
        lambda: actions.reopen(database, three, **WHO),
        lambda: actions.escalate(database, three, **WHO),
        lambda: actions.assign(database, three, "bert", **WHO),
        lambda: actions.set_severity(database, three, "low", **WHO),
        lambda: actions.customer_says(database, three, "working", **WHO),
        lambda: actions.note(database, three, "looked at it", author="anna"),
        lambda: actions.mute(database, three, now_utc() + timedelta(days=365 * 900), **WHO),
    ):
        assert len(act().changed) == 3
        before = len(trail(database, three[0]))
        if act.__code__.co_names[1] != "mute":
            again = act()
            assert (again.action, again.changed, len(again.unchanged)) == (None, (), 3), act.__code__.co_names
            assert len(trail(database, three[0])) == before


def test_ticket_that_is_not_there_is_told_and_the_others_are_done(database: Database, three: list[int]) -> None:
    done = actions.close(database, [three[0], 999], **WHO)
    assert done.changed == (three[0],)
    assert done.refused == {999: "there is no such ticket"}


@pytest.mark.parametrize("act", [actions.resolve, actions.ignore, actions.escalate])
def test_closed_ticket_must_be_reopened_first(database: Database, three: list[int], act: Any) -> None:
    actions.close(database, three, **WHO)
    assert act(database, three[:1], **WHO).refused == {three[0]: "it is closed; reopen it first"}


def test_reopened_ticket_tells_what_was_not_told(database: Database, three: list[int]) -> None:
    actions.close(database, three, **WHO)
    actions.reopen(database, three[:1], **WHO)
    assert ticket(database, three[0])["state"] == "open"
    assert ticket(database, three[0])["notify_due"] <= now_utc()


def test_reopening_beside_an_open_ticket_of_the_same_problem_is_refused(database: Database, three: list[int]) -> None:
    actions.close(database, three[:1], **WHO)
    database.fetch("UPDATE tickets SET state_at = state_at - interval '400 days' WHERE id = %s", (three[0],))
    store_of(database).store([observation(time_source=hours_ago(1))])
    ((new,),) = database.fetch("SELECT id FROM tickets WHERE resource = '192.0.2.1' AND state = 'open'")
    if new != three[0]:
        done = actions.reopen(database, three[:1], **WHO)
        assert f"ticket {new} is open for the same problem" in done.refused[three[0]]


def test_severity_that_a_person_set_stays_when_events_come(database: Database, three: list[int]) -> None:
    actions.set_severity(database, three[:1], "low", **WHO)
    store_of(database).store([observation(time_source=hours_ago(1), severity="critical")])
    assert ticket(database, three[0])["severity"] == 1
    assert trail(database, three[0])[0][1] == "severity high → low"
    actions.set_severity(database, three[:1], None, **WHO)
    assert ticket(database, three[0])["severity"] == 4


def test_unknown_words_are_refused_with_the_known_ones(database: Database, three: list[int]) -> None:
    with pytest.raises(AbusehandlerError, match="info, low, medium, high, critical"):
        actions.set_severity(database, three, "worst", **WHO)
    with pytest.raises(AbusehandlerError, match="working"):
        actions.customer_says(database, three, "maybe", **WHO)
    with pytest.raises(AbusehandlerError, match="1 to"):
        actions.note(database, three, "  ", author="anna")
    with pytest.raises(AbusehandlerError, match="20001 tickets"):
        actions.close(database, range(20_001), **WHO)


def test_notes_stand_in_the_timeline(database: Database, three: list[int]) -> None:
    done = actions.note(database, three[:1], "called the customer\0", author="anna", public=True)
    shown = listing.ticket(database, three[0])
    assert shown is not None
    (note,) = shown["notes"]
    assert (note["note"], note["author"], note["kind"], note["text"]) == (
        done.made[0], "anna", "public", "called the customer",
    )  # fmt: skip
    assert ("anna", "public note") in [(row["who"], row["what"]) for row in shown["timeline"]]


@pytest.mark.parametrize(
    "act",
    [
        lambda database, numbers: actions.close(database, numbers, **WHO),
        lambda database, numbers: actions.resolve(database, numbers, **WHO),
        lambda database, numbers: actions.ignore(database, numbers, **WHO),
        lambda database, numbers: actions.escalate(database, numbers, **WHO, tell_customer=True),
        lambda database, numbers: actions.assign(database, numbers, "bert", **WHO),
        lambda database, numbers: actions.set_severity(database, numbers, "critical", **WHO),
        lambda database, numbers: actions.customer_says(database, numbers, "disputed", **WHO),
    ],
)
def test_undo_brings_back_what_was(database: Database, three: list[int], act: Any) -> None:
    before = [ticket(database, number) for number in three]
    done = act(database, three)
    assert [ticket(database, number) for number in three] != before
    undone = actions.undo(database, author="anna")
    assert (undone.action, undone.changed, undone.refused) == (done.action, done.changed, {})
    assert [ticket(database, number) for number in three] == before
    assert trail(database, three[0])[-1][2] == f"action {done.action} ({done_verb(database, done)} by anna) undone"
    with pytest.raises(AbusehandlerError, match="was undone at"):
        actions.undo(database, done.action, author="anna")


def done_verb(database: Database, done: actions.Done) -> str:
    ((verb,),) = database.fetch("SELECT verb FROM desk_actions WHERE id = %s", (done.action,))
    return str(verb)


def test_undo_leaves_alone_what_somebody_changed_since(database: Database, three: list[int]) -> None:
    done = actions.ignore(database, three, **WHO)
    actions.close(database, three[:1], author="bert", reason="over")
    undone = actions.undo(database, done.action, author="anna")
    assert undone.refused == {three[0]: "it has changed since"}
    assert [ticket(database, number)["state"] for number in three] == ["closed", "open", "open"]


def test_undo_of_notes_and_mutes(database: Database, three: list[int]) -> None:
    actions.note(database, three, "wrong ticket", author="anna", public=True)
    actions.undo(database, author="anna")
    assert database.fetch("SELECT count(*) FROM notes WHERE withdrawn_at IS NULL") == [(0,)]
    actions.mute(database, three, now_utc() + timedelta(days=1), **WHO)
    assert len(mutes.listed(database)) == 3
    actions.undo(database, author="anna")
    assert mutes.listed(database) == []


def test_undo_takes_the_authors_own_last_action(database: Database, three: list[int]) -> None:
    actions.close(database, three[:1], **WHO)
    actions.close(database, three[1:2], author="bert", reason="over")
    actions.undo(database, author="anna")
    assert [ticket(database, number)["state"] for number in three] == ["open", "closed", "open"]
    with pytest.raises(AbusehandlerError, match="nothing to undo"):
        actions.undo(database, author="carla")


def test_list_filters_and_pages(database: Database, three: list[int]) -> None:
    actions.set_severity(database, three[2:], "critical", **WHO)
    actions.assign(database, three[:1], "bert", **WHO)
    wanted = listing.TicketFilter

    def numbers(**asked: Any) -> list[int]:
        return [row["ticket"] for row in listing.tickets(database, wanted(**asked))]

    assert set(numbers()) == set(three)
    assert numbers(severity="critical") == [three[2]]
    assert numbers(prefix="192.0.2.2/31", customer="C1") in ([three[2], three[1]], [three[1], three[2]])
    assert numbers(assignee="bert") == [three[0]]
    assert numbers(feed="Example Feed", problem="brute-force", state="open") == numbers()
    assert numbers(feed="Other Feed") == numbers(problem="spam") == numbers(state="closed") == []
    assert numbers(opened_before=now_utc() - timedelta(days=1)) == []
    assert numbers(seen_after=now_utc() - timedelta(days=1)) == numbers()
    pages = []
    last = None
    while page := listing.tickets(database, limit=1, after=last):
        pages.append(page[0]["ticket"])
        last = (page[0]["severity"], page[0]["ticket"])
    assert pages == numbers()
    with pytest.raises(AbusehandlerError, match="write one of open"):
        wanted(state="opne")
