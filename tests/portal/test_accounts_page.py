# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An account's customers, zone and looks are set at the desk, and seen on its customers' pages at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests

from abusehandler.tickets.selfhelp_links import LinkTerms, make_link
from tests.tickets.test_logo import SVG, png

if TYPE_CHECKING:
    from tests.portal.running import Client, Portal


@pytest.fixture
def admin(desk: Portal) -> Client:
    return desk.client("root")


def customers_page(desk: Portal, **headers: str) -> str:
    token = make_link(desk.database, "ACME-7", terms=LinkTerms(), made_for="test")
    return requests.get(f"{desk.url}/help/{token}", headers=headers, timeout=120).text


def test_name_zone_and_customers(desk: Portal, admin: Client) -> None:
    page = admin.send(
        "/admin/accounts/acme", name="Acme Hosting", patterns="ACME-* C3", time_zone="America/New_York"
    ).text
    assert "1 customers of no account have a number that fits" in page
    page = admin.send("/admin/accounts/acme/take").text
    assert "have a number that fits" not in page
    assert desk.database.fetch("SELECT id FROM customers WHERE account_id = 'acme' ORDER BY id") == [
        ("ACME-7",),
        ("C3",),
    ]
    page = customers_page(desk)
    assert "Acme Hosting" in page
    assert "America/New York" in page
    assert (
        "name Acme Hosting; time zone America/New_York; customers ACME-*, C3"
        in admin.get("/admin/audit?kind=account").text
    )


def test_looks_with_logo_and_words(desk: Portal, admin: Client) -> None:
    customers_page(desk)
    fields = {
        "colour": "#FFEE00",
        "greeting|en": "Good day\r\nfrom Acme",
        "footer|de": "Acme <b>GmbH</b>",
        "footer|en": "",
    }
    evil = SVG % b"<script>alert(1)</script><path d='M0 0h9'/>"
    page = admin.send("/admin/accounts/acme/looks", files={"logo": ("x.exe", evil, "text/html")}, **fields).text
    assert "Contrast on white ground 1.2" in page
    assert "Contrast on dark ground 13" in page
    page = customers_page(desk)
    assert "Good day\nfrom Acme" in page
    logo = re.search(r'src="(/help/brand/acme/logo\?[0-9a-f]+)"', page)
    assert logo
    answer = requests.get(desk.url + logo[1], timeout=120)
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert b"M0 0h9" in answer.content
    assert b"alert" not in answer.content
    assert "Acme &lt;b&gt;GmbH&lt;/b&gt;" in customers_page(desk, **{"Accept-Language": "de"})
    admin.send(
        "/admin/accounts/acme/looks", files={"logo": ("", b"")}, colour="", remove_logo="yes", **{"greeting|en": ""}
    )
    page = customers_page(desk)
    assert "brand/acme/logo" not in page
    assert "Good day" not in page


@pytest.mark.parametrize(
    ("content", "why"), [(b"<html>", "neither"), (png(9000, 9000), "9000 x 9000"), (b"x" * 600_000, "at most")]
)  # fmt: skip
def test_a_logo_that_is_none_is_refused_with_the_reason(desk: Portal, admin: Client, content: bytes, why: str) -> None:
    page = admin.send("/admin/accounts/acme/looks", files={"logo": ("logo.png", content, "image/png")}, colour="")
    assert page.status_code == 400
    assert why in page.text
    assert desk.database.fetch("SELECT logo FROM accounts") == [(None,)]


def test_a_preview_shows_what_is_saved_and_may_be_framed(desk: Portal, admin: Client) -> None:
    admin.send(
        "/admin/accounts/acme/looks",
        files={"logo": ("l.png", png(90, 30))},
        colour="#0f7b6c",
        **{"greeting|de": "Grüß Gott"},
    )
    preview = admin.get("/admin/accounts/acme/preview?lang=de")
    assert "Grüß Gott" in preview.text
    assert "192.0.2.5" in preview.text
    assert "<form" not in preview.text
    assert "frame-ancestors 'self'" in preview.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in preview.headers
    assert admin.get("/admin/accounts/nobody/preview").status_code == 404


def test_what_cannot_be_stands_on_the_page(desk: Portal, admin: Client) -> None:
    for path, fields, why in (
        ("/admin/accounts", {"key": "acme", "name": "Again"}, "already"), ("/admin/accounts", {"key": "A B", "name": "x"}, "small letters"),
        ("/admin/accounts/acme", {"name": "x", "time_zone": "Mars"}, "no time zone"),
        ("/admin/accounts/acme/looks", {"colour": "red"}, "is not a colour"),
        ("/admin/accounts/acme/looks", {"colour": "", "slogan|en": "x"}, "no place for words"),
        ("/admin/accounts/acme/looks", {"colour": "", "footer|en": "x" * 2001}, "longer than"),
    ):  # fmt: skip
        answer = admin.send(path, files={"none": ("", b"")}, **fields)
        assert (answer.status_code, why in answer.text) == (400, True), (path, fields)
    for path in ("/admin/accounts/nobody", "/admin/accounts/nobody/take", "/admin/accounts/nobody/looks"):
        assert admin.send(path, name="x").status_code == 404, path
