# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The list of tickets and the page of one: filters, pages, actions with undo, notes, CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from abusehandler.tickets.desk import ticket_list
from abusehandler.tickets.desk.scope import EVERYTHING
from abusehandler.tickets.desk.ticket_list import TicketFilter, network_of, page, words_of
from abusehandler.tickets.spreadsheet_cells import safe_cell

if TYPE_CHECKING:
    import pytest

    from tests.portal.running import Client, Portal


def shown(client: Client, query: str = "") -> list[int]:
    """Numbers of the tickets on a page, in order."""
    answer = client.get("/tickets" + query)
    assert answer.status_code == 200, answer.text
    return [int(number) for number in re.findall(r'name="ticket" value="(\d+)"', answer.text)]


def test_worst_come_first_and_newest_first_on_request(desk: Portal) -> None:
    client = desk.client("anna")
    severities = dict(desk.database.fetch("SELECT id, severity FROM tickets"))
    worst = shown(client)
    assert worst == sorted(severities, key=lambda number: (-severities[number], -number))
    assert shown(client, "?order=newest") == sorted(severities, reverse=True)


FILTERS = {
    "?problem=phishing": "problem = 'phishing'",
    "?severity=high": "severity >= 3",
    "?customer=C1": "customer_id = 'C1'",
    "?prefix=192.0.2.0/29": "network <<= '192.0.2.0/29'",
    "?q=192.0.2.11": "resource = '192.0.2.11'",
    "?q=192.0.2.8/29": "network <<= '192.0.2.8/29'",
    "?q=caf%C3%A9": "customer_id = 'C2'",
    "?q=univ+exam": "customer_id = 'C3'",
    "?q=%233": "id = 3",
    "?feed=Shadowserver": "feed = 'Shadowserver'",
    "?assigned=anna": "assignee = 'anna'",
    "?assigned=nobody": "assignee IS NULL",
    "?age=%3C1": "opened_at > now() - interval '1 day'",
    "?age=%3E1": "opened_at < now() - interval '1 day'",
    "?says=disputed": "customer_state = 'disputed'",
    "?unread=yes": "false",
    "?state=closed": "state = 'closed'",
    "?state=open&state=escalated": "state IN ('open', 'escalated')",
}


def test_words_are_found_wherever_separators_stand(desk: Portal) -> None:
    ((number, customer),) = desk.database.fetch("SELECT id, customer_id FROM tickets ORDER BY id DESC LIMIT 1")
    desk.database.fetch("UPDATE customers SET name = 'Meyer-Lund, contract K-1042' WHERE id = %s", (customer,))
    desk.database.fetch(
        "INSERT INTO notes (ticket_id, author, text) VALUES (%s, 'anna', 'rang about shop-7.example.net')", (number,)
    )
    client = desk.client("anna")
    for asked in ("K-1042", "k-10", "lund", "meyer-lund", "shop-7.example.net", "example", "shop-7.exam", "7.example"):
        assert number in shown(client, f"?q={asked}"), asked
    assert number not in shown(client, "?q=sho-7")


def test_many_that_fit_are_found_as_few_are(desk: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.database.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem, severity, state) SELECT gen_random_uuid(), 'C1', "
        "'www' || n || '.shop.example.net', 'phishing', n %% 5, CASE WHEN n %% 4 = 0 THEN 'closed' ELSE 'open' END FROM generate_series(1, 40) n",
        (),
    )
    desk.database.fetch("UPDATE customers SET name = 'Shop Example ' || id WHERE id = 'C2'")
    desk.database.fetch(
        "INSERT INTO notes (ticket_id, author, text) SELECT id, 'anna', 'the shop, an example' FROM tickets ORDER BY id LIMIT 4"
    )
    for asked in (
        {"q": ["shop.exam"]},
        {"q": ["shop exam"], "state": ["closed"]},
        {"q": ["example"], "severity": ["high"]},
        {"q": ["www7"]},
    ):
        pages = []
        for few in (500, 3, 0):
            monkeypatch.setattr(ticket_list, "FEW", few)
            first = page(desk.database, EVERYTHING, TicketFilter.of(asked), limit=10)
            second = page(desk.database, EVERYTHING, TicketFilter.of(asked), limit=10, after=first.later)
            pages.append([[row["id"] for row in one.tickets] for one in (first, second)])
        assert pages[0][0], asked
        assert pages == [pages[0]] * 3, asked


def test_filters_stand_in_the_address(desk: Portal) -> None:
    client = desk.client("anna")
    for query, condition in FILTERS.items():
        expected = {row[0] for row in desk.database.fetch(f"SELECT id FROM tickets WHERE {condition}")}
        assert set(shown(client, query)) == expected, query


def test_a_number_finds_a_closed_ticket_too(desk: Portal) -> None:
    desk.database.fetch("UPDATE tickets SET state = 'closed' WHERE id = 3")
    assert shown(desk.client("anna"), "?q=3") == [3]


def test_nonsense_is_no_error(desk: Portal) -> None:
    client = desk.client("anna")
    for query in ("prefix=nonsense", "age=old", "q=%27%3B--", "q=%00", "state=nonsense", "after=x", "q=" + "%28" * 300):
        shown(client, "?" + query)


def test_pages_hold_every_ticket_once_forwards_and_backwards(desk: Portal) -> None:
    for order in ("worst", "newest"):
        asked = TicketFilter(order=order)
        seen: list[int] = []
        pages = [page(desk.database, EVERYTHING, asked, limit=4)]
        while pages[-1].later:
            pages.append(page(desk.database, EVERYTHING, asked, after=pages[-1].later, limit=4))
        for one in pages:
            seen += [ticket["id"] for ticket in one.tickets]
        assert sorted(seen) == sorted(row[0] for row in desk.database.fetch("SELECT id FROM tickets"))
        assert pages[0].earlier == ""
        back = page(desk.database, EVERYTHING, asked, before=pages[2].earlier, limit=4)
        assert [ticket["id"] for ticket in back.tickets] == [ticket["id"] for ticket in pages[1].tickets]
        first = page(desk.database, EVERYTHING, asked, before=pages[1].earlier, limit=4)
        assert first.earlier == "" and first.later


def test_many_are_closed_in_one_go_and_undone(desk: Portal) -> None:
    client = desk.client("anna")
    answer = client.send(
        "/tickets/act", verb="close", ticket=[1, 2, 3], reason="all mended", back="/tickets?severity=low"
    )
    assert "/tickets?severity=low" in answer.url
    assert desk.database.fetch("SELECT count(*) FROM tickets WHERE state = 'closed'") == [(3,)]
    assert desk.database.fetch("SELECT count(*) FROM audit_trail WHERE actor = 'anna' AND reason = 'all mended'") == [
        (3,)
    ]
    action = re.search(r'action="/undo/(\d+)"', answer.text)
    assert action
    client.send(f"/undo/{action[1]}")
    assert desk.database.fetch("SELECT count(*) FROM tickets WHERE state = 'closed'") == [(0,)]


def test_the_way_back_stays_here(desk: Portal) -> None:
    client = desk.client("anna")
    for back in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        answer = client.send("/tickets/act", verb="close", ticket=1, reason="x", back=back)
        assert answer.url.startswith(desk.url), back


def test_actions_on_one_ticket(desk: Portal) -> None:
    client = desk.client("ben")
    for verb, argument, column, value in (
        ("resolve", "", "state", "resolved"), ("ignore", "", "state", "ignored"), ("close", "", "state", "closed"),
        ("reopen", "", "state", "open"), ("assign-me", "", "assignee", "ben"), ("assign-nobody", "", "assignee", None),
        ("assign", "ben", "assignee", "ben"), ("severity", "critical", "severity", 4),
    ):  # fmt: skip
        answer = client.send("/tickets/1/act", verb=verb, argument=argument, reason="because")
        assert answer.status_code == 200, answer.text
        assert desk.database.fetch(f"SELECT {column} FROM tickets WHERE id = 1") == [(value,)], verb


def test_nobody_gets_a_ticket_who_may_not_work_on_it(desk: Portal) -> None:
    desk.user("rita", "read-only")
    assert desk.client("ben").send("/tickets/1/act", verb="assign", argument="rita", reason="x").status_code == 400


def test_mute_shows_on_list_and_ticket(desk: Portal) -> None:
    client = desk.client("anna")
    client.send("/tickets/1/act", verb="mute", argument="3", reason="holiday of the customer")
    assert "holiday of the customer" in client.get("/tickets/1").text
    assert "holiday of the customer" in client.get("/tickets?q=1&state=all").text
    assert "holiday of the customer" in client.get("/rules").text


def test_merge_and_split(desk: Portal) -> None:
    client = desk.client("anna")
    first, second = [
        row[0] for row in desk.database.fetch("SELECT id FROM tickets WHERE customer_id = 'C1' ORDER BY id LIMIT 2")
    ]
    client.send(f"/tickets/{second}/act", verb="merge-into", argument=f"#{first}", reason="same machine")
    assert desk.database.fetch("SELECT merged_into FROM tickets WHERE id = %s", (second,)) == [(first,)]
    page = client.get(f"/tickets/{first}").text
    assert "Took in" in page
    part = re.search(r'<option value="(port \d+)">', page)
    assert part, "what was merged can be split"
    assert (
        client.send(f"/tickets/{first}/act", verb="split", argument=part[1], reason="not the same").status_code == 200
    )
    assert desk.database.fetch("SELECT count(*) FROM ticket_links WHERE kind = 'split'") == [(1,)]


def test_note_is_escaped_and_kept(desk: Portal) -> None:
    client = desk.client("anna")
    page = client.send("/tickets/1/note", text="<b onmouseover=alert(1)>hello</b>\nsecond line", public="yes").text
    assert "&lt;b onmouseover=alert(1)&gt;hello&lt;/b&gt;" in page
    assert "<b onmouseover" not in page
    assert desk.database.fetch("SELECT author, public FROM notes ORDER BY id DESC LIMIT 1") == [("anna", True)]


def test_names_of_customers_are_escaped(desk: Portal) -> None:
    client = desk.client("anna")
    for path in ("/tickets", "/customers", "/customers/C4", "/customers?q=sons"):
        text = client.get(path).text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Sons" in text, path
        assert "<script>alert(1)" not in text


def test_more_events_come_as_rows(desk: Portal) -> None:
    desk.database.fetch(
        "INSERT INTO events (at, fingerprint, ticket_id, customer_match, ip, problem, severity, data) "
        "SELECT now() - n * interval '1 minute', gen_random_uuid(), 1, 'one', '192.0.2.33', 'spam', 2, '{}' FROM generate_series(1, 240) n"
    )
    client = desk.client("anna")
    found = re.search(r'hx-get="(/tickets/1/events\?before=\d+)"', client.get("/tickets/1").text)
    assert found
    rows = client.get(found[1], headers={"HX-Request": "true"}).text
    assert rows.count("<tr") == 101 and "<html" not in rows
    assert "<html" in client.get(found[1]).text


def test_csv_of_events_is_no_formula(desk: Portal) -> None:
    desk.database.fetch(
        """UPDATE events SET data = data || '{"event_description.text": "=HYPERLINK(1)", "malware.name": "@SUM(1)"}' WHERE ticket_id = 1"""
    )
    answer = desk.client("anna").get("/tickets/1/events.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="ticket-1-events.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 4
    assert rows[0]["event_description.text"] == "'=HYPERLINK(1)"
    assert rows[0]["malware.name"] == "'@SUM(1)"


def test_cells_of_spreadsheets() -> None:
    assert [safe_cell(value) for value in ("=1", "+1", "-1", "@x", "\t=1", " =1", "a=1", -5, None, "192.0.2.1")] == [
        "'=1", "'+1", "'-1", "'@x", "'\t'=1", "' =1", "a=1", -5, "", "192.0.2.1",
    ]  # fmt: skip


def test_views_are_kept_shared_and_removed(desk: Portal) -> None:
    anna, ben = desk.client("anna"), desk.client("ben")
    anna.send("/views", name="Mine", query="severity=high")
    anna.send("/views", name="Ours", query="problem=spam", shared="yes")
    assert "Mine" in anna.get("/tickets").text and "Ours" in anna.get("/tickets").text
    page = ben.get("/tickets").text
    assert "Mine" not in page and "Ours" in page
    ((number,),) = desk.database.fetch("SELECT id FROM saved_views WHERE name = 'Ours'")
    ben.send(f"/views/{number}/remove")
    assert "Ours" in anna.get("/tickets").text
    anna.send(f"/views/{number}/remove")
    assert "Ours" not in anna.get("/tickets").text


def test_unread_answers_are_marked_and_read(desk: Portal) -> None:
    desk.database.fetch(
        "WITH a AS (INSERT INTO answers (report_id, kind, at, sender, sender_is, tied_by, said) "
        "VALUES (1, 'reply', now(), 'it@example.com', 'contact', 'address', 'It is <i>mended</i>.') RETURNING id) "
        "INSERT INTO answer_tickets (answer_id, ticket_id, unread) SELECT id, 1, true FROM a"
    )
    client = desk.client("anna")
    assert shown(client, "?unread=yes") == [1]
    assert "It is &lt;i&gt;mended&lt;/i&gt;." in client.get("/tickets/1").text
    assert shown(client, "?unread=yes") == [1], "looking changes nothing"
    client.send("/tickets/1/seen")
    assert shown(client, "?unread=yes") == []


def test_notice_is_previewed_without_a_trace_and_sent(desk: Portal) -> None:
    ((number,),) = desk.database.fetch("SELECT id FROM tickets WHERE customer_id = 'C1' ORDER BY id LIMIT 1")
    client = desk.client("anna")
    page = client.get(f"/tickets/{number}/notice").text
    assert "it@example.com" in page
    assert desk.database.fetch("SELECT count(*) FROM notices") == [(0,)]
    assert client.send(f"/tickets/{number}/notice", reason="asked by phone").status_code == 200
    assert desk.database.fetch("SELECT count(*) FROM notices") == [(1,)]
    client.send(f"/tickets/{number}/answer", text="Please call us.")
    assert desk.database.fetch("SELECT body, author FROM notices WHERE kind = 'answer'") == [
        ("Please call us.", "anna")
    ]


def test_words_and_networks_of_what_people_type() -> None:
    assert words_of("Café, am  Markt!") == "'café':* & 'am':* & 'markt':*"
    assert words_of("'; DROP -- :*") == "'drop':*"
    assert words_of("?!") == ""
    assert words_of("www.shop.exam K-10") == "'www' & 'shop' & 'exam':* & 'k' & '10':*"
    assert network_of("192.0.2.77/24") == "192.0.2.0/24"
    assert network_of("2001:DB8::1") == "2001:db8::1/128"
    assert network_of("example") is None
