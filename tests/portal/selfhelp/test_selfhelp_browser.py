# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A customer's way through the pages in a real browser, without scripts; axe-core over each, light, dark and on a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from abusehandler.installer.services import until
from abusehandler.portal.selfhelp.service import SelfHelp
from abusehandler.tickets import actions
from abusehandler.tickets.selfhelp_links import LinkTerms, make_link
from tests.portal.test_browser import AXE, Tab
from tests.tickets.observations import hours_ago, observation, store_of
from tests.tickets.recheck.on_loopback import LOOPBACK, answering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.portal.running import Portal
    from tests.portal.selfhelp.visiting import Visitor

RUN_AXE = "axe.run().then(r => r.violations.map(v => [v.id, v.impact, v.nodes[0].html]))"


@pytest.fixture
def checking(settings: dict[str, Any]) -> None:
    settings["recheck"] = {"enabled": True, "timeout_seconds": 15, "pause_seconds": 1}
    settings["self_help"] = {
        "colour": "#0f7b6c",
        "texts": {"greeting": {"en": "Your provider has something to tell you."}},
    }


@pytest.fixture
def page(browser: Any, checking: None, visitor: Visitor) -> Iterator[Any]:
    """A browser that runs no script; nothing may be blocked, and no other site be asked."""
    tab = Tab(browser, visitor.portal, java_script_enabled=False)
    yield tab.page
    tab.context.close()
    assert tab.strange == []
    assert tab.complaints == []


def test_read_and_say_that_it_is_fixed(page: Any, visitor: Visitor) -> None:
    page.goto(visitor.base)
    page.get_by_role("link", name="Open DNS resolver").click()
    expect(page.get_by_role("heading", name="Open DNS resolver")).to_be_visible()
    page.get_by_label("It is fixed").check()
    page.get_by_label("Your words").fill("The router has new firmware.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status").first).to_have_text("Thank you. Your answer has arrived.")
    expect(page.get_by_text("You said that it is fixed")).to_be_visible()
    expect(page.get_by_text("The router has new firmware.")).to_be_visible()


def test_answer_several_at_once(page: Any, visitor: Visitor) -> None:
    page.goto(visitor.base)
    boxes = page.get_by_role("checkbox")
    for place in range(boxes.count()):
        boxes.nth(place).check()
    page.get_by_label("I am working on it").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("You said that you are working on it")).to_have_count(len(visitor.tickets()))


def test_pause_and_name_somebody_else(page: Any, visitor: Visitor) -> None:
    page.goto(f"{visitor.base}/{visitor.tickets()[0]}")
    page.get_by_role("heading", name="Somebody else looks after this").click()
    page.get_by_label("Mail address").fill("noc@example.com")
    page.get_by_role("button", name="Propose this contact").click()
    expect(page.get_by_text("We look at the contact")).to_be_visible()
    page.get_by_role("heading", name="Pause notices").click()
    page.get_by_label("For how many days").fill("4")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Send notices again").click()
    expect(page.get_by_text("You will get notices about this ticket again.")).to_be_visible()


def test_check_again(page: Any, visitor: Visitor) -> None:
    portal = visitor.portal
    portal.app.state.selfhelp = SelfHelp.of(portal.app.state.portal, ours=LOOPBACK)
    with answering("tcp", b"-NOAUTH Authentication required.\r\n") as port:
        store_of(portal.database).store([redis_at(port)])
        page.goto(f"{visitor.base}/{visitor.ticket_about('open-redis')}")
        page.get_by_role("button", name=f"Check 127.0.0.1, port {port}").click()
        mended = page.get_by_text("It looks mended")
        page.get_by_text("The check was started.").or_(mended).first.wait_for()

        def seen() -> bool:
            # the page waits a moment for the result, and shows it later when that was too short
            page.goto(f"{visitor.base}/{visitor.ticket_about('open-redis')}")
            return bool(mended.count())

        until(seen, "the result")


def redis_at(port: int) -> dict[str, Any]:
    return observation(
        customer_id="C2", source_ip="127.0.0.1", source_port=port, classification_type="vulnerable-system",
        classification_identifier="open-redis", time_source=hours_ago(1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("light", {"color_scheme": "light", "viewport": {"width": 1200, "height": 900}}),
        ("dark", {"color_scheme": "dark", "viewport": {"width": 1200, "height": 900}}),
        ("phone", {"color_scheme": "light", "viewport": {"width": 390, "height": 844}}),
    ],
)
def test_axe_finds_nothing_serious(
    browser: Any, checking: None, desk: Portal, visitor: Visitor, name: str, context: dict[str, Any]
) -> None:
    """ABUSEHANDLER_SCREENSHOTS names a folder for pictures of each page."""
    ticket, closed = visitor.ticket_about("open-dns-resolver"), visitor.ticket_about("spam")
    actions.close(desk.database, [closed], author="anna", reason="done")
    actions.note(desk.database, [ticket], "We tried to ring you this morning.", author="anna", public=True)
    visitor.send("/say", kind="question", text="Which of our routers is it?", name="Eva", ticket=ticket, page=ticket)
    desk.database.fetch(
        "INSERT INTO rechecks (ticket_id, customer_id, address, port, transport, probe, asked_by, state, done_at, verdict) "
        "VALUES (%s, 'C2', '192.0.2.12', 53, 'udp', 'dns-recursion', 'x', 'done', now(), 'there')", (ticket,)
    )  # fmt: skip
    single = make_link(desk.database, "C1", terms=LinkTerms(), made_for="test")
    pages = {
        "list": visitor.base, "ticket": f"{visitor.base}/{ticket}", "ticket-de": f"{visitor.base}/{ticket}?lang=de",
        "said": f"{visitor.base}/{ticket}?done=said", "wrong": f"{visitor.base}/{ticket}?wrong=too-often", "closed": f"{visitor.base}/{closed}",
        "no-link": "/help/nothing?lang=fr", "other": f"/help/{single}?lang=nl",
    }  # fmt: skip
    # axe is put into the page, which the page's own policy would forbid
    tab = Tab(browser, desk, bypass_csp=True, **context)
    folder = os.environ.get("ABUSEHANDLER_SCREENSHOTS", "")
    script = AXE.read_text(encoding="utf-8")
    found = []
    for file, path in pages.items():
        tab.page.goto(path)
        if folder:
            tab.page.screenshot(path=str(Path(folder) / f"self-help-{file}-{name}.png"), full_page=True)
        tab.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        if tab.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append((path, "is wider than the screen"))
        tab.page.evaluate(script)
        found += [(path, one) for one in tab.page.evaluate(RUN_AXE)]
    desk.user("anna")
    tab.log_in()
    for path in (f"/tickets/{ticket}/self-help", "/contacts"):
        tab.page.goto(path)
        if folder:
            tab.page.screenshot(
                path=str(Path(folder) / f"self-help-desk-{path.strip('/').replace('/', '-')}-{name}.png"),
                full_page=True,
            )
        tab.page.evaluate(script)
        found += [(path, one) for one in tab.page.evaluate(RUN_AXE) if one[1] in ("serious", "critical")]
    tab.context.close()
    assert found == []
