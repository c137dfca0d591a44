# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""People of one account see and touch their own customers only, whatever address or number they write."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import actions
from abusehandler.tickets.desk.scope import OutOfScopeError, Scope, read
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from tests.portal.running import Portal

FILES = sorted(
    entry.name.removesuffix(".sql")
    for entry in resources.files("abusehandler.tickets").joinpath("sql").joinpath("desk").iterdir()
    if entry.name.endswith(".sql")
)


def numbers(desk: Portal, *, theirs: bool) -> list[int]:
    rows = desk.database.fetch("SELECT id FROM tickets WHERE (customer_id = 'ACME-7') = %s ORDER BY id", (theirs,))
    return [row[0] for row in rows]


@pytest.mark.parametrize("file", FILES)
def test_every_statement_says_whom_it_is_for(file: str) -> None:
    """Conditions that are put into others begin with no verb; all else has a mark."""
    for name, sql in statements(f"desk/{file}").items():
        if re.match(r"(SELECT|WITH|INSERT|UPDATE|DELETE)\b", sql):
            assert "{visible " in sql or "{operators only}" in sql, f"{file}.{name}"


def test_a_statement_for_operators_is_refused(desk: Portal) -> None:
    with pytest.raises(OutOfScopeError):
        read(desk.database, Scope("acme"), "analytics.open_now")


def test_the_list_holds_own_tickets_only(desk: Portal) -> None:
    client = desk.client("tina", "tenant", "acme")
    for query in (
        "",
        "?state=all",
        "?q=Meyer",
        "?customer=C1",
        "?prefix=192.0.2.0/24",
        "?order=newest",
        "?feed=Shadowserver",
    ):
        page = client.get("/tickets" + query).text
        shown = {int(number) for number in re.findall(r'name="ticket" value="(\d+)"', page)}
        assert shown <= set(numbers(desk, theirs=True)), query
        assert "Maschinenbau" not in page, query
    assert {int(number) for number in re.findall(r'name="ticket" value="(\d+)"', client.get("/tickets").text)}


def test_pages_of_others_are_not_there(desk: Portal) -> None:
    client = desk.client("tina", "tenant", "acme")
    other = numbers(desk, theirs=False)[0]
    for path in (
        f"/tickets/{other}", f"/tickets/{other}/events", f"/tickets/{other}/events.csv", f"/tickets/{other}/notice",
        f"/tickets/{other}/answers/1/files/1", "/customers/C1",
    ):  # fmt: skip
        assert client.get(path).status_code == 404, path
    assert client.get(f"/tickets/{numbers(desk, theirs=True)[0]}").status_code == 200
    assert client.get("/customers/ACME-7").status_code == 200


def test_pages_for_operators_are_refused(desk: Portal) -> None:
    client = desk.client("tina", "tenant", "acme")
    for path in ("/inbox", "/inbox/1", "/reports/1", "/reports/1/raw", "/analytics", "/analytics/open.svg", "/analytics/work.csv",
                 "/rules", "/admin", "/admin/users", "/admin/audit", "/admin/privacy?customer=ACME-7"):  # fmt: skip
        assert client.get(path).status_code == 403, path


def test_tickets_of_others_are_not_touched(desk: Portal) -> None:
    client = desk.client("tina", "tenant", "acme")
    own, other = numbers(desk, theirs=True), numbers(desk, theirs=False)
    before = desk.database.fetch("SELECT id, state, severity, assignee, merged_into FROM tickets ORDER BY id")
    for verb in ("close", "resolve", "ignore", "assign-me", "mute", "severity", "merge", "split"):
        many = client.send("/tickets/act", verb=verb, ticket=[own[0], other[0]], reason="x")
        one = client.send(f"/tickets/{other[0]}/act", verb=verb, reason="x", argument="port 22")
        assert (many.status_code, one.status_code) == (404, 404), verb
    assert desk.database.fetch("SELECT id, state, severity, assignee, merged_into FROM tickets ORDER BY id") == before
    assert desk.database.fetch("SELECT count(*) FROM mutes") == [(0,)]


def test_nothing_is_merged_across_accounts(desk: Portal) -> None:
    client = desk.client("tina", "tenant", "acme")
    own, other = numbers(desk, theirs=True)[0], numbers(desk, theirs=False)[0]
    assert client.send(f"/tickets/{own}/act", verb="merge-into", argument=str(other), reason="x").status_code == 404


def test_actions_of_others_are_not_undone(desk: Portal) -> None:
    client = desk.client("tina", "tenant", "acme")
    action = actions.close(desk.database, numbers(desk, theirs=False)[:1], author="anna", reason="x").action
    assert client.send(f"/undo/{action}").status_code == 404
    both = actions.close(
        desk.database, [numbers(desk, theirs=False)[1], numbers(desk, theirs=True)[0]], author="anna", reason="x"
    ).action
    assert client.send(f"/undo/{both}").status_code == 404


def test_notes_notices_and_answers_need_the_ticket(desk: Portal) -> None:
    client = desk.client("tina", "tenant", "acme")
    other = numbers(desk, theirs=False)[0]
    for path, fields in (
        (f"/tickets/{other}/note", {"text": "x"}),
        (f"/tickets/{other}/notice", {}),
        (f"/tickets/{other}/answer", {"text": "x"}),
    ):
        assert client.send(path, **fields).status_code == 404, path


def test_read_only_people_change_nothing(desk: Portal) -> None:
    client = desk.client("rita", "read-only")
    assert client.get("/tickets/1").status_code == 200
    for path, fields in (
        ("/tickets/act", {"verb": "close", "ticket": 1, "reason": "x"}), ("/tickets/1/note", {"text": "x"}),
        ("/inbox/1/file", {"kind": "rejected"}), ("/mutes", {"reason": "x", "customer": "C1"}), ("/tickets/1/answer", {"text": "x"}),
        ("/admin/users", {"login": "x", "role": "admin"}), ("/rules/save", {"text": ""}),
    ):  # fmt: skip
        assert client.send(path, **fields).status_code == 403, path


def test_desk_people_do_not_administer(desk: Portal) -> None:
    client = desk.client("dora", "desk")
    for path, fields in (("/admin/users", {"login": "x", "role": "admin"}), ("/rules/save", {"text": ""}),
                         ("/admin/tokens", {"login": "dora", "name": "x"}), ("/customers/C1/account", {"account": "acme"})):  # fmt: skip
        assert client.send(path, **fields).status_code == 403, path


def test_new_customers_fall_to_their_account_by_number(desk: Portal) -> None:
    desk.database.fetch("INSERT INTO customers (id) VALUES ('ACME-99'), ('OTHER-99')")
    found = desk.database.fetch("SELECT id, account_id FROM customers WHERE id LIKE '%-99' ORDER BY id")
    assert found == [("ACME-99", "acme"), ("OTHER-99", None)]


def test_a_tenant_needs_an_account(desk: Portal) -> None:
    with pytest.raises(AbusehandlerError, match="needs an account"):
        desk.user("tom", "tenant")


def test_a_ticket_goes_with_its_customer_to_another_account(desk: Portal) -> None:
    desk.database.fetch("INSERT INTO accounts (id, name) VALUES ('other', 'Other')")
    assert desk.database.fetch("SELECT DISTINCT customer_id FROM tickets WHERE account_id = 'acme'") == [("ACME-7",)]
    client = desk.client("tina", "tenant", "acme")
    (number, *_) = numbers(desk, theirs=True)
    assert client.get(f"/tickets/{number}").status_code == 200
    desk.client("root").send("/customers/ACME-7/account", account="other")
    assert client.get(f"/tickets/{number}").status_code == 404
    assert desk.database.fetch("SELECT DISTINCT account_id FROM tickets WHERE customer_id = 'ACME-7'") == [("other",)]


def test_the_account_of_a_ticket_is_its_customers_whoever_writes_it(desk: Portal) -> None:
    """Bots of before schema 11 open tickets without an account."""
    desk.database.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem) VALUES (gen_random_uuid(), 'ACME-7', 'x.example', 'spam')"
    )
    desk.database.fetch(
        "UPDATE tickets SET customer_id = 'ACME-7' WHERE id = (SELECT min(id) FROM tickets WHERE customer_id = 'C1')"
    )
    assert desk.database.fetch(
        "SELECT count(*) FROM tickets t JOIN customers c ON c.id = t.customer_id WHERE t.account_id IS DISTINCT FROM c.account_id"
    ) == [(0,)]
