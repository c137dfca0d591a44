# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a customer does on the page, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from abusehandler.installer.services import until
from abusehandler.tickets import actions
from abusehandler.tickets.recheck.ours import Ours
from abusehandler.tickets.selfhelp_links import LinkTerms, make_link
from tests.portal.selfhelp.visiting import Visitor
from tests.tickets.observations import hours_ago, observation, store_of
from tests.tickets.recheck.on_loopback import LOOPBACK, answering

if TYPE_CHECKING:
    from tests.portal.running import Portal

AUTHOR = "customer C2 (self-help)"


def ticket_row(visitor: Visitor, ticket: int) -> dict[str, Any]:
    return dict(visitor.portal.database.fetch("SELECT to_jsonb(t) FROM tickets t WHERE id = %s", (ticket,))[0][0])


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("fixed", "resolved"),
        ("working", "working"),
        ("not-mine", "disputed"),
        ("question", "open"),
        ("message", "open"),
    ],
)
def test_an_answer_reaches_the_desk(visitor: Visitor, kind: str, state: str) -> None:
    ticket = visitor.tickets()[0]
    page = visitor.send("/say", kind=kind, text="We looked <b>at it</b>.", name="Eva", ticket=ticket, page=ticket)
    assert "Your answer has arrived" in page.text
    assert "We looked &lt;b&gt;at it&lt;/b&gt;." in page.text
    row = ticket_row(visitor, ticket)
    assert (row["customer_state"], row["state"]) == (state, "open")
    ((said, who, unread),) = visitor.portal.database.fetch(
        "SELECT a.said, a.sender_name, t.unread FROM answers a JOIN answer_tickets t ON t.answer_id = a.id"
    )
    assert (said, who, unread) == ("We looked <b>at it</b>.", "Eva (Café am Markt)", True)
    trail = visitor.portal.database.fetch(
        "SELECT change FROM audit_trail WHERE object = 'ticket' AND actor = %s", (AUTHOR,)
    )
    assert (f"answered on the self-help page: {kind}",) in trail


def test_the_desk_sees_the_answer_unread(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    visitor.send("/say", kind="question", text="What is a resolver?", ticket=ticket, page=ticket)
    client = visitor.portal.client("anna")
    assert "What is a resolver?" in client.get(f"/tickets/{ticket}").text
    assert visitor.portal.database.fetch("SELECT kind, ticket_id FROM desk_alerts") == [("question", ticket)]


def test_the_same_form_twice_is_one_answer(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    for _ in range(2):
        visitor.send("/say", kind="fixed", text="done", ticket=ticket, page=ticket)
    assert visitor.portal.database.fetch("SELECT count(*) FROM answers") == [(1,)]


def test_one_answer_to_several_tickets(visitor: Visitor) -> None:
    numbers = visitor.tickets()[:3]
    page = visitor.send("/say", on="?all=1", kind="fixed", ticket=numbers)
    assert "Your answer has arrived" in page.text
    assert visitor.portal.database.fetch("SELECT count(*) FROM tickets WHERE customer_state = 'resolved'") == [(3,)]


def test_a_question_needs_words(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    for fields in (
        {"kind": "question"},
        {"kind": "message", "text": "  "},
        {"kind": "nonsense", "text": "x"},
        {"text": "x"},
    ):
        page = visitor.send("/say", ticket=ticket, page=ticket, **fields)
        assert "Please choose what you want to say" in page.text
        assert 'role="alert"' in page.text
    assert visitor.portal.database.fetch("SELECT count(*) FROM answers") == [(0,)]


def test_nobody_answers_for_others(visitor: Visitor) -> None:
    own, other = visitor.tickets()[0], visitor.tickets("C1")[0]
    visitor.send("/say", kind="fixed", ticket=[own, other], on="?all=1")
    assert visitor.portal.database.fetch("SELECT count(*) FROM tickets WHERE customer_state <> 'open'") == [(0,)]
    for path, fields in (
        ("pause", {"days": 1}),
        ("resume", {}),
        ("contact", {"address": "a@example.com"}),
        ("check", {}),
    ):
        visitor.send(f"/{other}/{path}", on=f"/{own}", **fields)
    database = visitor.portal.database
    assert database.fetch(
        "SELECT (SELECT count(*) FROM mutes), (SELECT count(*) FROM proposed_contacts), (SELECT count(*) FROM rechecks)"
    ) == [(0, 0, 0)]


def test_a_form_that_no_page_of_the_link_made_is_refused(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    url = f"{visitor.portal.url}{visitor.base}/say"
    fields = {"kind": "fixed", "ticket": ticket}
    assert requests.post(url, data=fields, timeout=120).status_code == 403
    assert requests.post(url, data={**fields, "csrf": "0" * 64}, timeout=120).status_code == 403
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert visitor.send("/say", headers=headers, **fields).status_code == 403
    assert visitor.portal.database.fetch("SELECT count(*) FROM answers") == [(0,)]


def test_too_many_answers_are_refused(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    visitor.portal.app.state.selfhelp.limit._most = 1e9
    visitor.portal.app.state.selfhelp.limit._rate = 1e9
    for number in range(32):
        last = visitor.send("/say", kind="message", text=f"hello {number}", ticket=ticket, page=ticket)
    assert "wrong=too-often" in last.url
    assert visitor.portal.database.fetch("SELECT count(*) FROM answers") == [(30,)]


def test_a_closed_ticket_takes_no_answer(visitor: Visitor) -> None:
    ticket, other = visitor.tickets()[:2]
    actions.close(visitor.portal.database, [ticket], author="anna", reason="done")
    assert "wrong=closed" in visitor.send("/say", on=f"/{other}", kind="fixed", ticket=ticket).url


def test_pause_and_go_on(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    page = visitor.send(f"/{ticket}/pause", days=5)
    assert "are paused until" in page.text
    ((author, days),) = visitor.portal.database.fetch(
        "SELECT author, round(extract(epoch FROM ends_at - now()) / 86400) FROM mutes"
    )
    assert (author, days) == (AUTHOR, 5)
    assert "wrong=known" in visitor.send(f"/{ticket}/pause", days=5).url
    visitor.send(f"/{ticket}/resume")
    assert visitor.portal.database.fetch("SELECT ended_by FROM mutes") == [(AUTHOR,)]


def test_no_longer_than_the_operator_allows(settings: dict[str, Any], open_portal: Any, tmp_path: Any) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("defaults: {customer_may_pause_days: 3}\ngroups:\n  compromised: {customer_may_pause_days: 0}\n")
    settings["rules"] = {"path": str(rules)}
    portal = open_portal()
    store_of(portal.database).store(
        [
            observation(customer_id="C2", source_ip="192.0.2.1", time_source=hours_ago(1)),
            observation(
                customer_id="C2", source_ip="192.0.2.2", classification_type="infected-system", time_source=hours_ago(1)
            ),
        ]
    )
    visitor = Visitor(portal, make_link(portal.database, "C2", terms=LinkTerms(), made_for="test"), "C2")
    guessing, infected = visitor.ticket_about("brute-force"), visitor.ticket_about("infected-system")
    assert "Pause notices" not in visitor.text(f"/{infected}")
    assert "1 to 3" in visitor.text(f"/{guessing}")
    for ticket, days in ((infected, 1), (guessing, 4), (guessing, 0), (guessing, "9999999"), (guessing, "x")):
        assert "wrong=not-allowed" in visitor.send(f"/{ticket}/pause", days=days).url, (ticket, days)
    assert "done=paused" in visitor.send(f"/{guessing}/pause", days=3).url


def test_a_ticket_is_not_paused_for_ever(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    for _ in range(3):
        visitor.send(f"/{ticket}/pause", days=1)
        visitor.send(f"/{ticket}/resume")
    assert "wrong=pauses-used-up" in visitor.send(f"/{ticket}/pause", days=1).url


def test_a_mute_of_the_desk_is_not_ended_by_the_customer(visitor: Visitor) -> None:
    from datetime import timedelta

    from abusehandler.tickets.incoming import now_utc

    ticket = visitor.tickets()[0]
    actions.mute(visitor.portal.database, [ticket], now_utc() + timedelta(days=3), author="anna", reason="secret plan")
    text = visitor.text(f"/{ticket}")
    assert "secret plan" not in text
    assert "Send notices again" not in text
    assert "wrong=not-allowed" in visitor.send(f"/{ticket}/resume").url


def test_another_contact_waits_for_the_desk(visitor: Visitor) -> None:
    ticket = visitor.tickets()[0]
    page = visitor.send(
        f"/{ticket}/contact", address="noc@example.com", name="Night <b>shift</b>", phone="+43 1", text="call first"
    )
    assert "We look at the contact" in page.text
    assert "wrong=known" in visitor.send(f"/{ticket}/contact", address="NOC@example.com").url
    from abusehandler.tickets.selfhelp_contacts import ApprovedContacts

    dsn = visitor.portal.configuration.database.dsn
    assert ApprovedContacts(dsn).of("C2") == []
    client = visitor.portal.client("anna")
    assert "Night &lt;b&gt;shift&lt;/b&gt;" in client.get("/contacts").text
    client.send("/contacts/1", state="approved")
    assert [one.address for one in ApprovedContacts(dsn).of("C2")] == ["noc@example.com"]
    client.send("/contacts/1", state="refused")
    assert ApprovedContacts(dsn).of("C2") == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "a@b",
        "a b@example.com",
        "a@example.com\r\nBcc: x@example.com",
        "a@example.com,b@example.com" * 20,
        "<a@example.com>",
    ],
)
def test_what_is_no_mail_address_is_refused(visitor: Visitor, address: str) -> None:
    assert "wrong=no-address" in visitor.send(f"/{visitor.tickets()[0]}/contact", address=address).url


@pytest.fixture
def checking(settings: dict[str, Any]) -> None:
    settings["recheck"] = {"enabled": True, "timeout_seconds": 15, "pause_seconds": 1}


def test_checks_are_off_at_first(visitor: Visitor) -> None:
    ticket = visitor.ticket_about("open-dns-resolver")
    assert "Check again" not in visitor.text(f"/{ticket}")
    assert "wrong=not-allowed" in visitor.send(f"/{ticket}/check").url


def test_check_again_shows_the_result(checking: None, desk: Portal) -> None:
    from abusehandler.portal.selfhelp.service import SelfHelp

    desk.app.state.selfhelp = SelfHelp.of(desk.app.state.portal, ours=LOOPBACK)
    with answering("tcp", b"+PONG\r\n") as port:
        seen = observation(
            customer_id="C2", source_ip="127.0.0.1", source_port=port, classification_type="vulnerable-system",
            classification_identifier="open-redis", time_source=hours_ago(1),
        )  # fmt: skip
        store_of(desk.database).store([seen])
        visitor = Visitor(desk, make_link(desk.database, "C2", terms=LinkTerms(), made_for="test"), "C2")
        ticket = visitor.ticket_about("open-redis")
        assert f"Check 127.0.0.1, port {port}" in visitor.text(f"/{ticket}")
        assert visitor.send(f"/{ticket}/check", on=f"/{ticket}", target=f"127.0.0.1|{port}|tcp").status_code == 200
        # the page waits a moment for the result, and shows it later when that was too short
        until(lambda: "Still there" in visitor.text(f"/{ticket}"), "the result")
    assert "checked from outside: still there" in desk.client("anna").get(f"/tickets/{ticket}").text


def test_a_check_reaches_nothing_that_the_ticket_does_not_name(checking: None, visitor: Visitor) -> None:
    ticket = visitor.ticket_about("open-dns-resolver")
    for target in (
        "127.0.0.1|22|tcp",
        "169.254.169.254|80|tcp",
        "192.0.2.12|22|udp",
        "http://127.0.0.1/",
        "198.51.100.1|53|udp",
    ):
        assert "wrong=not-allowed" in visitor.send(f"/{ticket}/check", target=target).url
    assert visitor.portal.database.fetch("SELECT count(*) FROM rechecks") == [(0,)]


def test_own_networks_of_the_configuration_do_not_hold_loopback(checking: None, desk: Portal) -> None:
    assert desk.app.state.selfhelp.recheck.ours == Ours.of(["192.0.2.0/24"])
    assert not desk.app.state.selfhelp.recheck.ours.allow("127.0.0.1")


def test_the_desk_checks_makes_and_ends_links(checking: None, visitor: Visitor) -> None:
    client = visitor.portal.client("anna")
    ticket = visitor.ticket_about("open-dns-resolver")
    page = f"/tickets/{ticket}/self-help"
    assert "192.0.2.12:53/udp" in client.get(page).text
    made = client.send(f"/tickets/{ticket}/self-help-link", opens="ticket")
    address = made.text.partition(f"{visitor.portal.url}/help/")[2].partition("<")[0]
    assert requests.get(f"{visitor.portal.url}/help/{address}", timeout=120).status_code == 200
    client.send(f"/tickets/{ticket}/self-help-revoke")
    assert requests.get(f"{visitor.portal.url}/help/{address}", timeout=120).status_code == 404
    assert visitor.get().status_code == 404


def test_people_of_an_account_see_no_contacts_and_links_of_others(visitor: Visitor) -> None:
    visitor.send(f"/{visitor.tickets()[0]}/contact", address="noc@example.com")
    client = visitor.portal.client("tina", "tenant", "acme")
    assert "noc@example.com" not in client.get("/contacts").text
    assert client.send("/contacts/1", state="approved").status_code == 404
    ticket = visitor.tickets()[0]
    assert client.get(f"/tickets/{ticket}/self-help").status_code == 404
    for path in ("check", "self-help-link", "self-help-revoke"):
        assert client.send(f"/tickets/{ticket}/{path}").status_code == 404
