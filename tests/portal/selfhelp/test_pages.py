# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a customer sees behind the link, and what nobody else does."""

from __future__ import annotations

import csv
import io
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from abusehandler.tickets import actions
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.selfhelp_links import LinkTerms, hash_of, make_link, revoke
from tests.portal.selfhelp.visiting import Visitor
from tests.tickets.observations import hours_ago, observation, store_of

if TYPE_CHECKING:
    from tests.portal.running import Portal

EVERYTHING = (
    "tickets", "events", "notes", "answers", "answer_tickets", "mutes", "audit_trail", "desk_actions", "desk_alerts", "rechecks",
    "proposed_contacts", "selfhelp_tokens", "notices", "customers",
)  # fmt: skip


def state_of(portal: Portal) -> dict[str, Any]:
    """All rows of all tables that a page could touch."""
    return {
        table: portal.database.fetch(f"SELECT coalesce(jsonb_agg(t ORDER BY t::text), '[]') FROM {table} t")[0][0]
        for table in EVERYTHING
    }


def test_the_link_shows_all_open_tickets(visitor: Visitor) -> None:
    text = visitor.text()
    for number in visitor.tickets():
        assert f"{visitor.base}/{number}" in text
    assert "Café am Markt" in text


def test_a_customer_with_many_tickets_sees_each_once(visitor: Visitor) -> None:
    visitor.portal.database.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem, severity, state) SELECT gen_random_uuid(), %s, 'host' || n, 'spam', "
        "n %% 5, CASE WHEN n %% 3 = 0 THEN 'resolved' ELSE 'open' END FROM generate_series(1, 130) n",
        (visitor.customer,),
    )
    seen: list[int] = []
    path = "?lang=en"
    while path:
        text = visitor.text(path)
        seen += map(int, re.findall(rf'href="{visitor.base}/(\d+)\?lang=en"', text))
        following = re.search(rf'rel="next" href="{visitor.base}(\?after=\d+&lang=en)"', text)
        path = following[1] if following else ""
    rows = visitor.portal.database.fetch(
        "SELECT id FROM tickets WHERE customer_id = %s ORDER BY state = 'resolved', severity DESC, id DESC",
        (visitor.customer,),
    )
    assert len(rows) > 130
    assert seen == [number for (number,) in rows]
    # after the last, and after a ticket of somebody else, it begins again
    for number in (seen[-1], visitor.tickets("C1")[0]):
        assert requests.get(f"{visitor.portal.url}{visitor.base}?after={number}", timeout=120).url.endswith(
            visitor.base
        )


def test_a_ticket_says_what_when_where_and_what_to_do(visitor: Visitor) -> None:
    text = visitor.text(f"/{visitor.ticket_about('open-dns-resolver')}")
    assert "192.0.2.12, port 53" in text
    assert "Europe/Vienna" in text
    assert "recursion" in text
    assert "How bad is it?" in text


def test_opening_pages_changes_nothing(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    before = state_of(visitor.portal)
    for path in (
        "", "?all=1", f"/{ticket}", f"/{ticket}?before=5&lang=de", f"/{ticket}/observations.csv", f"/{ticket}/check", f"/{ticket}/pause",
        "/say", f"/{ticket}?done=said&wrong=closed",
    ):  # fmt: skip
        visitor.get(path)
        requests.head(visitor.portal.url + visitor.base + path, timeout=120)
    assert state_of(visitor.portal) == before


def test_no_cookie_is_set(visitor: Visitor) -> None:
    assert "set-cookie" not in visitor.get(f"/{visitor.tickets()[0]}").headers


def test_tickets_of_others_are_not_there(visitor: Visitor) -> None:
    text = visitor.text()
    for other in visitor.tickets("C1"):
        assert f'{visitor.base}/{other}"' not in text
        assert visitor.get(f"/{other}").status_code == 404
        assert visitor.get(f"/{other}/observations.csv").status_code == 404


def test_a_link_to_one_ticket_opens_that_one_alone(desk: Portal) -> None:
    numbers = Visitor(desk, "", "C2").tickets()
    visitor = Visitor(desk, make_link(desk.database, "C2", numbers[0], terms=LinkTerms(), made_for="test"), "C2")
    assert visitor.get().url.endswith(f"/{numbers[0]}")
    assert visitor.get(f"/{numbers[0]}").status_code == 200
    assert visitor.get(f"/{numbers[1]}").status_code == 404


def test_a_merged_ticket_goes_on_in_the_other(desk: Portal) -> None:
    from abusehandler.tickets import merging

    numbers = Visitor(desk, "", "C2").tickets()
    visitor = Visitor(desk, make_link(desk.database, "C2", numbers[0], terms=LinkTerms(), made_for="test"), "C2")
    merging.merge(desk.database, [numbers[0]], numbers[1], author="anna", reason="the same")
    assert visitor.get(f"/{numbers[1]}").status_code == 200


def test_a_link_ends_when_it_is_revoked(visitor: Visitor) -> None:
    assert revoke(visitor.portal.database, customer="C2", author="anna") == 1
    assert visitor.get().status_code == 404


def test_a_link_ends_some_days_after_the_last_ticket_was_closed(visitor: Visitor) -> None:
    database = visitor.portal.database
    actions.close(database, visitor.tickets(), author="anna", reason="done")
    assert "Nothing is open" in visitor.text()
    assert "This ticket is closed" in visitor.text(f"/{visitor.tickets()[0]}")
    database.fetch("UPDATE tickets SET state_at = now() - interval '15 days' WHERE customer_id = 'C2'")
    assert visitor.get().status_code == 404


def test_a_link_ends_at_its_time(visitor: Visitor) -> None:
    visitor.portal.database.fetch("UPDATE selfhelp_tokens SET expires_at = now() - interval '1 second'")
    assert visitor.get().status_code == 404


def test_the_token_is_long_and_not_stored(visitor: Visitor) -> None:
    assert len(visitor.token) == 43
    (row,) = visitor.portal.database.fetch("SELECT token_hash, to_jsonb(s)::text FROM selfhelp_tokens s")
    assert bytes(row[0]) == hash_of(visitor.token)
    assert visitor.token not in row[1]


@pytest.mark.parametrize(
    "token", ["x", "A" * 43, "%00", "brand", "'; DROP TABLE tickets; --", "A" * 5000, "\u202e" * 43]
)
def test_a_wrong_link_tells_nothing(portal: Portal, token: str) -> None:
    answer = requests.get(f"{portal.url}/help/{token}", timeout=120)
    assert answer.status_code in (404, 307)
    assert "Traceback" not in answer.text


@pytest.fixture
def clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page is given anew because the pages before took long."""
    monkeypatch.setattr("abusehandler.portal.selfhelp.page_limit.time", SimpleNamespace(monotonic=lambda: 1000.0))


def test_guessing_ends_soon(clock_stands: None, portal: Portal) -> None:
    codes = [requests.get(f"{portal.url}/help/{'B' * 43}", timeout=120).status_code for _ in range(20)]
    assert codes[0] == 404
    assert codes[-1] == 429


def test_too_many_pages_are_refused(clock_stands: None, settings: dict[str, Any], open_portal: Any) -> None:
    settings["self_help"] = {"pages_per_minute": 5}
    portal = open_portal()
    portal.database.fetch("INSERT INTO customers (id) VALUES ('C9')")
    codes = [requests.get(f"{portal.url}/help/x", timeout=120).status_code for _ in range(10)]
    assert 429 in codes
    answer = requests.get(f"{portal.url}/help/x", headers={"Accept-Language": "de"}, timeout=120)
    assert answer.headers["Retry-After"] == "60"
    assert "Bitte warten" in answer.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "How bad is it?"), ("de", "Wie schlimm ist es?"), ("nl", "Hoe erg is het?"), ("fr", "Est-ce grave ?"),
        ("es", "¿Qué gravedad tiene?"),
    ],
)  # fmt: skip
def test_the_page_speaks_the_customers_language(visitor: Visitor, language: str, words: str) -> None:
    visitor.portal.database.fetch("UPDATE customers SET language = %s WHERE id = 'C2'", (language,))
    answer = visitor.get(f"/{visitor.ticket_about('open-dns-resolver')}", **{"Accept-Language": "fr"})
    assert words in answer.text
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["Content-Language"] == language


def test_a_language_can_be_chosen_or_comes_from_the_browser(visitor: Visitor) -> None:
    assert "Wie schlimm" in visitor.text(f"/{visitor.tickets()[0]}?lang=de")
    assert "Hoe erg" in visitor.text(f"/{visitor.tickets()[0]}", **{"Accept-Language": "xx, nl-BE;q=0.9, en;q=0.1"})


def hostile(visitor: Visitor) -> int:
    seen = observation(
        customer_id="C2", source_ip="192.0.2.200", classification_type="infected-system",
        classification_identifier="<img src=x onerror=alert(1)>", time_source=hours_ago(1),
        event_description_text='=cmd|"/c calc"!A1\r\nSet-Cookie: a=b\u202e<script>alert(1)</script>',
    )  # fmt: skip
    seen["malware.name"] = "@SUM(1+1)"
    seen["event_description.text"] = seen.pop("event.description_text")
    store_of(visitor.portal.database).store([seen])
    return max(visitor.tickets())


def test_hostile_events_stay_text(visitor: Visitor) -> None:
    text = visitor.get(f"/{hostile(visitor)}").text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_cells_of_the_table_calculate_nothing(visitor: Visitor) -> None:
    answer = visitor.get(f"/{hostile(visitor)}/observations.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["Content-Disposition"]
    header, row = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert header[:4] == ["time", "ticket", "source.ip", "source.port"]
    assert row[2] == "192.0.2.200"
    assert all(not re.match(r"[=+\-@\t\r]", cell) for cell in row)


def test_the_headers_are_those_of_the_portal(visitor: Visitor) -> None:
    headers = visitor.get().headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_ignored_tickets_are_not_shown(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    actions.ignore(visitor.portal.database, [ticket], author="anna", reason="harmless")
    assert f'{visitor.base}/{ticket}"' not in visitor.text()
    assert visitor.get(f"/{ticket}").status_code == 404


def test_internal_notes_and_reporters_are_not_shown(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    actions.note(visitor.portal.database, [ticket], "a rather difficult customer", author="anna")
    actions.note(visitor.portal.database, [ticket], "we rang you today", author="anna", public=True)
    text = visitor.text(f"/{ticket}")
    assert "we rang you today" in text
    assert "difficult" not in text
    assert "anna" not in text
    assert "Example Feed" not in text
    assert "Shadowserver" not in text


def test_an_account_has_its_own_brand(desk: Portal) -> None:
    desk.database.fetch(
        "UPDATE accounts SET name = 'Acme Hosting', colour = '#ffee00', logo = %s, logo_type = 'image/svg+xml', "
        'texts = \'{"footer": {"en": "Acme <b>Ltd</b>"}, "greeting": "Hello"}\' WHERE id = \'acme\'',
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",),
    )
    visitor = Visitor(desk, make_link(desk.database, "ACME-7", terms=LinkTerms(), made_for="test"), "ACME-7")
    page = visitor.get().text
    assert "Acme Hosting" in page
    assert "Acme &lt;b&gt;Ltd&lt;/b&gt;" in page
    sheet = requests.get(f"{desk.url}/help/brand/acme/colours.css", timeout=120)
    assert "--brand:#" in sheet.text
    logo = requests.get(f"{desk.url}/help/brand/acme/logo", timeout=120)
    assert logo.headers["Content-Type"] == "image/svg+xml"
    assert "sandbox" in logo.headers["Content-Security-Policy"]
    assert requests.get(f"{desk.url}/help/brand/nobody/logo", timeout=120).status_code == 404


def test_the_database_away_is_told_in_the_visitors_language(desk: Portal, visitor: Visitor) -> None:
    pool = desk.app.state.portal.pool
    lend = pool.database

    def away() -> Any:
        raise Unavailable("gone")

    try:
        object.__setattr__(pool, "database", away)
        answer = requests.get(desk.url + visitor.base, headers={"Accept-Language": "es"}, timeout=120)
    finally:
        object.__setattr__(pool, "database", lend)
    assert answer.status_code == 503
    assert "Espere un momento" in answer.text
