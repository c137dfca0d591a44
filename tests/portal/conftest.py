# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The portal as people meet it: uvicorn on a loopback port, PostgreSQL behind it, a real browser before it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from abusehandler.configuration.model import Configuration
from abusehandler.installer.services import free_port
from tests.portal.desk_samples import fill
from tests.portal.running import Portal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from abusehandler.tickets.database import Database

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> dict[str, Any]:
    """abusehandler.yaml of the portal, to be changed before it starts."""
    port = free_port()
    customers = tmp_path / "customers.csv"
    customers.write_text(
        "prefix,customer,name,email\n192.0.2.0/29,C1,Meyer Maschinenbau,it@example.com\n", encoding="utf-8"
    )
    return {
        "organisation": {
            "name": "Example Networks",
            "abuse_address": "abuse@example.net",
            "time_zone": "Europe/Vienna",
        },
        "networks": {"prefixes": ["192.0.2.0/24"]},
        "database": {"dsn": dsn},
        "evidence": {"path": tmp_path / "evidence"},
        "customers": {"connector": "csv", "path": str(customers)},
        "portal": {"public_url": f"http://127.0.0.1:{port}", "port": port, "proxies": 0},
    }


@pytest.fixture
def open_portal(settings: dict[str, Any], database: Database) -> Iterator[Callable[[], Portal]]:
    """Starts a portal with the settings as they are then."""
    running: list[Portal] = []

    def opened() -> Portal:
        configuration = Configuration.model_validate(settings)
        portal = Portal(configuration, database, configuration.portal.port)
        portal.start()
        running.append(portal)
        return portal

    yield opened
    for portal in running:
        portal.stop()


@pytest.fixture
def portal(open_portal: Callable[[], Portal]) -> Portal:
    """A portal on an empty database."""
    return open_portal()


@pytest.fixture
def desk(portal: Portal, tmp_path: Path) -> Portal:
    """A portal with the samples of desk_samples.py."""
    fill(portal.database, tmp_path / "evidence")
    return portal


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, headless; the tests with it are skipped where there is none, except where CI says that there must be one."""
    if not CHROMIUM:
        if os.environ.get("ABUSEHANDLER_NEED_BROWSER"):
            pytest.fail("there is no chromium, and ABUSEHANDLER_NEED_BROWSER is set: apt-get install chromium")
        pytest.skip("there is no chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # without its own sandbox, which wants privileges that test machines seldom give; it meets our pages only
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()
