# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The most used ways through the desk, in a real browser; and axe-core over every page, light, dark and on a phone.

tests/portal/vendor/axe.min.js is axe-core 4 of Deque (MPL-2.0, licence beside it); it is not part of the package.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from abusehandler.tickets.selfhelp_brand import set_brand
from abusehandler.tickets.webhooks.store import WebhookStore
from abusehandler.tickets.webhooks.target import Reach
from tests.portal.running import PASSWORD, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.running import Portal

AXE = Path(__file__).resolve().parent / "vendor" / "axe.min.js"
LOGO = (
    b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 120 40' width='120' height='40'><rect width='120' height='40' rx='8' fill='#0f7b6c'/>"
    b"<text x='14' y='27' font-size='20' font-family='sans-serif' fill='#fff'>ACME</text></svg>"
)
PAGES = (
    "/tickets", "/tickets/1", "/tickets/1/notice", "/inbox/1", "/reports/2", "/customers", "/customers/C1",
    "/networks?prefix=192.0.2.0/24", "/analytics", "/rules", "/admin", "/admin/users", "/admin/audit", "/admin/privacy?who=C1",
    "/drafts", "/me", "/nothing", "/admin/accounts", "/admin/accounts/acme", "/admin/webhooks", "/admin/webhooks/1", "/contacts",
    "/tickets/1/self-help",
)  # fmt: skip


class Tab:
    """A page of the browser; everything it complains of is kept."""

    def __init__(self, browser: Any, portal: Portal, **context: Any) -> None:
        self.context = browser.new_context(base_url=portal.url, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        expect.set_options(timeout=PATIENCE * 1000)
        self.complaints: list[str] = []
        self.strange: list[str] = []
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request",
            lambda request: None if request.url.startswith((portal.url, "data:")) else self.strange.append(request.url),
        )

    def log_in(self, login: str = "anna") -> None:
        self.page.goto("/")
        self.page.get_by_label("Login").fill(login)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url("**/tickets")


@pytest.fixture
def tab(browser: Any, desk: Portal) -> Iterator[Tab]:
    """A browser whose user has logged in; at the end nothing must have been blocked, and no other site been asked."""
    desk.user("anna")
    opened = Tab(browser, desk)
    opened.log_in()
    yield opened
    opened.context.close()
    assert opened.strange == []
    assert opened.complaints == []


def test_log_in_look_and_log_out(tab: Tab) -> None:
    page = tab.page
    expect(page.get_by_role("heading", name="Tickets")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")


def test_filter_and_save_the_view(tab: Tab) -> None:
    page = tab.page
    page.get_by_text("Filter", exact=True).first.click()
    page.get_by_label("At least").select_option("high")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**severity=high**")
    page.get_by_label("Name of the view").fill("Urgent")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Urgent").wait_for()


def test_search_for_an_address(tab: Tab) -> None:
    page = tab.page
    page.get_by_label("Search tickets").fill("192.0.2.11")
    page.keyboard.press("Enter")
    page.wait_for_url("**192.0.2.11**")
    page.get_by_role("link", name="Café am Markt").first.wait_for()
    expect(page.locator("[data-row]")).to_have_count(1)


def test_choose_all_close_and_undo(tab: Tab) -> None:
    page = tab.page
    page.get_by_label("Choose all on this page").check()
    page.get_by_placeholder("Reason, for the audit trail").fill("all mended")
    page.get_by_role("button", name="Do it").click()
    page.get_by_text("Nothing needs a hand").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator("[data-row]").first.wait_for()


def test_keyboard_goes_down_the_list_and_opens(tab: Tab) -> None:
    page = tab.page
    for key in ("j", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("[data-row]").nth(1).locator("input")).to_be_checked()
    page.keyboard.press("Enter")
    page.get_by_text("What happened").first.wait_for()


def test_note_on_a_ticket(tab: Tab) -> None:
    page = tab.page
    page.goto("/tickets/1")
    page.keyboard.press("n")
    page.keyboard.type("Called them: <b>tomorrow</b>")
    page.get_by_role("button", name="Save note").click()
    page.get_by_text("Called them: <b>tomorrow</b>").wait_for()


def test_take_resolve_and_undo(tab: Tab) -> None:
    page = tab.page
    page.goto("/tickets/2")
    page.get_by_role("button", name="Take in hand").click()
    page.get_by_role("button", name="Give back").wait_for()
    page.keyboard.press("r")
    page.locator(".title .state.resolved").wait_for()
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    page.locator(".title .state.open").wait_for()


def test_mute_a_ticket(tab: Tab) -> None:
    page = tab.page
    page.goto("/tickets/3")
    page.keyboard.press("m")
    page.get_by_label("For days").fill("3")
    page.locator("details[open]").get_by_label("Reason").fill("their technician is on holiday")
    page.get_by_role("button", name="Mute", exact=True).click()
    page.get_by_text("their technician is on holiday").first.wait_for()


def test_correct_a_report_by_clicking_and_accept_it(tab: Tab, desk: Portal) -> None:
    page = tab.page
    page.goto("/inbox/1")
    page.get_by_label("Description").focus()
    page.locator(".letter", has_text="something odd").evaluate(
        "letter => { const range = document.createRange(); const text = letter.firstChild; const at = text.data.indexOf('something odd');"
        "range.setStart(text, at); range.setEnd(text, at + 13); const s = getSelection(); s.removeAllRanges(); s.addRange(range);"
        "letter.dispatchEvent(new MouseEvent('mouseup', {bubbles: true})); }"
    )
    expect(page.get_by_label("Description")).to_have_value("something odd")
    page.get_by_label("Class").select_option("brute-force")
    page.get_by_role("button", name="Accept as ticket").click()
    page.get_by_text("on its way to the readers").wait_for()
    assert desk.database.fetch("SELECT events -> 0 ->> 'event_description.text' FROM report_decisions") == [
        ("something odd",)
    ]


def test_a_hostile_mail_does_nothing(tab: Tab) -> None:
    page = tab.page
    page.goto("/inbox/2")
    page.get_by_text("As HTML").click()
    frame = page.frame_locator("iframe.mail")
    frame.get_by_role("heading", name="Report").wait_for()
    assert page.title().startswith("Inbox")
    assert frame.locator("script, img, form, iframe, a").count() == 0
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("Here is the next report").wait_for()


def test_analytics_have_pictures(tab: Tab) -> None:
    page = tab.page
    page.goto("/analytics")
    for picture in page.locator("img.chart").all():
        picture.scroll_into_view_if_needed()
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())


def test_it_works_without_javascript(browser: Any, desk: Portal) -> None:
    desk.user("anna")
    tab = Tab(browser, desk, java_script_enabled=False)
    tab.log_in()
    page = tab.page
    page.locator("input[name=ticket]").first.check()
    page.get_by_placeholder("Reason, for the audit trail").fill("mended")
    page.get_by_role("button", name="Do it").click()
    page.get_by_role("button", name="Undo").wait_for()
    tab.context.close()
    assert desk.database.fetch("SELECT count(*) FROM tickets WHERE state = 'closed'") == [(1,)]


def test_an_account_is_dressed_and_looked_at_without_javascript(browser: Any, desk: Portal, tmp_path: Path) -> None:
    desk.user("anna")
    tab = Tab(browser, desk, java_script_enabled=False)
    tab.log_in()
    page = tab.page
    page.goto("/admin/accounts")
    page.get_by_role("link", name="Acme").click()
    page.get_by_label("Colour, empty for the operator's").fill("#FFEE00")
    page.get_by_label("Above each page").first.fill("Good day from Acme")
    logo = tmp_path / "logo.svg"
    logo.write_bytes(LOGO)
    page.get_by_label("Logo: PNG").set_input_files(logo)
    page.get_by_role("button", name="Save looks").click()
    page.get_by_text("is the least that is good to read").first.wait_for()
    frame = page.frame_locator("iframe[title='Preview of a customer\\'s page']")
    frame.get_by_text("Good day from Acme").wait_for()
    picture = page.get_by_alt_text("The logo as it is now")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.bounding_box()["width"] > 60
    tab.context.close()
    assert tab.complaints == []


def test_a_webhook_is_added_and_what_failed_sent_again(tab: Tab, desk: Portal) -> None:
    page = tab.page
    page.goto("/admin/webhooks")
    page.get_by_label("Address").fill("https://hooks.example.net/abuse")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("whsec_").wait_for()
    desk.database.fetch(
        "INSERT INTO webhook_deliveries (webhook_id, kind, state, status) SELECT id, 'webhook.test', 'dead', 502 FROM webhooks"
    )
    page.goto("/admin/webhooks")
    page.get_by_role("row", name="hooks.example.net").get_by_role("link", name="1", exact=True).click()
    page.get_by_role("button", name="Send again").click()
    page.get_by_text("Done.").wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("paused by anna").wait_for()


def _set_up(desk: Portal) -> None:
    """A webhook with messages in each state, an account with looks of its own, a contact that waits."""
    made = WebhookStore(desk.database).add("https://hooks.example.net/abuse", ["ticket.opened"], Reach(), author="anna")
    for state, status in (("waiting", None), ("sent", 204), ("dead", 502), ("dropped", None)):
        desk.database.fetch(
            "INSERT INTO webhook_deliveries (webhook_id, kind, ticket_id, state, status, attempts, answer) "
            "VALUES (%s, 'ticket.opened', 1, %s, %s, 3, 'bad gateway')", (made.id, state, status),
        )  # fmt: skip
    set_brand(
        desk.database,
        "acme",
        author="anna",
        colour="#ffee00",
        logo=LOGO,
        texts={("greeting", "en"): "Good day from Acme"},
    )
    desk.database.fetch(
        "INSERT INTO proposed_contacts (customer_id, address, said) VALUES ('C1', 'noc@example.com', 'she knows it')"
    )


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("light", {"color_scheme": "light", "viewport": {"width": 1360, "height": 900}}),
        ("dark", {"color_scheme": "dark", "viewport": {"width": 1360, "height": 900}}),
        ("phone", {"color_scheme": "light", "viewport": {"width": 390, "height": 844}}),
    ],
)
def test_axe_finds_nothing_serious_and_nothing_runs_off_the_side(
    browser: Any, desk: Portal, name: str, context: dict[str, Any]
) -> None:
    """ABUSEHANDLER_SCREENSHOTS names a folder for pictures of each page."""
    desk.user("anna")
    _set_up(desk)
    # axe is put into the page, which the page's own policy would forbid
    tab = Tab(browser, desk, bypass_csp=True, **context)
    tab.log_in()
    folder = os.environ.get("ABUSEHANDLER_SCREENSHOTS", "")
    script = AXE.read_text(encoding="utf-8")
    found = []
    for path in PAGES:
        tab.page.goto(path)
        if folder:
            file = path.strip("/").replace("/", "-").partition("?")[0] + f"-{name}.png"
            tab.page.screenshot(path=str(Path(folder) / file), full_page=True)
        if tab.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append((path, "is wider than the screen"))
        tab.page.evaluate(script)
        seen = tab.page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.impact, v.nodes[0].html]))")
        found.extend((path, one) for one in seen if one[1] in ("serious", "critical"))
    tab.context.close()
    assert found == []
