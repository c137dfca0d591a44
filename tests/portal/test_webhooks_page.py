# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Webhooks at the desk: added with a secret that is shown once, paused, and what failed sent again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.portal.running import Client, Portal

URL = "https://hooks.example.net/abuse"


@pytest.fixture
def admin(desk: Portal) -> Client:
    return desk.client("root")


def added(desk: Portal, admin: Client) -> int:
    admin.send("/admin/webhooks", url=URL, kind=["ticket.closed"])
    ((number,),) = desk.database.fetch("SELECT max(id) FROM webhooks")
    return int(number)


def test_the_secret_is_shown_once(desk: Portal, admin: Client) -> None:
    page = admin.send("/admin/webhooks", url=URL, kind=["ticket.opened", "ticket.closed"], account="acme").text
    assert re.search(r"<code>whsec_[A-Za-z0-9+/=]{44}</code>", page)
    page = admin.get("/admin/webhooks").text
    assert URL in page
    assert "whsec_" not in page
    assert desk.database.fetch("SELECT kinds, account_id, author FROM webhooks") == [
        (["ticket.closed", "ticket.opened"], "acme", "root")
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://[::1]/", "https://192.0.2.7/x", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/",
        "http://hooks.example.net/", "https://[::ffff:127.0.0.1]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b:1::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::1%25eth0]/", "https://[fd00::1]/", "https://0.0.0.0/",
        "https://user:pw@hooks.example.net/", "ftp://hooks.example.net/", "javascript:alert(1)", "https://", "https://hooks.example.net:0/",
        "https://hooks.example.net\\@127.0.0.1/", "//hooks.example.net/", "https://ho oks.example.net/", "https://224.0.0.1/",
    ],
)  # fmt: skip
def test_addresses_where_nothing_may_go_are_refused(desk: Portal, admin: Client, url: str) -> None:
    answer = admin.send("/admin/webhooks", url=url, kind=["ticket.closed"])
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert desk.database.fetch("SELECT count(*) FROM webhooks") == [(0,)]


def test_it_is_paused_and_goes_on(desk: Portal, admin: Client) -> None:
    number = added(desk, admin)
    assert "paused by root" in admin.send(f"/admin/webhooks/{number}", verb="pause").text
    admin.send("/tickets/1/act", verb="close", reason="x")
    admin.send(f"/admin/webhooks/{number}", verb="enable")
    admin.send("/tickets/2/act", verb="close", reason="x")
    assert desk.database.fetch("SELECT ticket_id FROM webhook_deliveries") == [(2,)]
    page = admin.get(f"/admin/webhooks/{number}").text
    assert "ticket.closed" in page
    assert '<a href="/tickets/2">#2</a>' in page


def test_failed_messages_are_seen_and_sent_again(desk: Portal, admin: Client) -> None:
    number = added(desk, admin)
    for ticket in (1, 2, 3):
        admin.send(f"/tickets/{ticket}/act", verb="close", reason="x")
    desk.database.fetch(
        "UPDATE webhook_deliveries SET state = 'dead', attempts = 12, status = 502, answer = '<b>bad gateway</b>'"
    )
    page = admin.get(f"/admin/webhooks/{number}?state=dead").text
    assert page.count("Send again") == 3
    assert "502" in page
    assert "&lt;b&gt;bad gateway" in page
    ((one,),) = desk.database.fetch("SELECT max(id) FROM webhook_deliveries")
    admin.send(f"/admin/webhooks/{number}", verb="retry", delivery=str(one))
    assert desk.database.fetch("SELECT id, attempts FROM webhook_deliveries WHERE state = 'waiting'") == [(one, 0)]
    admin.send(f"/admin/webhooks/{number}", verb="retry")
    assert desk.database.fetch("SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting'") == [(3,)]


def test_a_message_of_another_webhook_is_left_alone(desk: Portal, admin: Client) -> None:
    first, second = added(desk, admin), added(desk, admin)
    admin.send("/tickets/1/act", verb="close", reason="x")
    desk.database.fetch("UPDATE webhook_deliveries SET state = 'dead'")
    ((theirs,),) = desk.database.fetch("SELECT id FROM webhook_deliveries WHERE webhook_id = %s", (second,))
    admin.send(f"/admin/webhooks/{first}", verb="retry", delivery=str(theirs))
    assert desk.database.fetch("SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting'") == [(0,)]


def test_a_test_is_sent_and_it_is_removed(desk: Portal, admin: Client) -> None:
    number = added(desk, admin)
    assert "webhook.test" in admin.send(f"/admin/webhooks/{number}", verb="test").text
    admin.send(f"/admin/webhooks/{number}", verb="remove")
    assert desk.database.fetch("SELECT count(*) FROM webhook_deliveries") == [(0,)]
    assert admin.get(f"/admin/webhooks/{number}").status_code == 404
    assert admin.send(f"/admin/webhooks/{number}", verb="pause").status_code == 404


def test_pages_of_many_messages(desk: Portal, admin: Client) -> None:
    number = added(desk, admin)
    desk.database.fetch(
        "INSERT INTO webhook_deliveries (webhook_id, kind) SELECT %s, 'webhook.test' FROM generate_series(1, 120)",
        (number,),
    )
    seen: set[str] = set()
    path = f"/admin/webhooks/{number}"
    while path:
        page = admin.get(path).text
        seen |= set(re.findall(r"msg_[0-9a-f]{32}", page))
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == 120
