# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""People, accounts, API tokens, rules and health, as an administrator meets them when nothing goes wrong."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from tests.portal.running import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abusehandler.installer.services import RedisServer
    from tests.portal.running import Portal


def test_a_new_person_comes_in_gets_another_role_and_is_shut_out(desk: Portal) -> None:
    admin = desk.client("root")
    admin.send("/admin/users", login="Ben@example.net", role="desk", name="Ben", password=PASSWORD)
    person = desk.client()
    assert person.send("/login", login="ben@example.net", password=PASSWORD).url.endswith("/tickets")
    assert person.get("/rules").status_code == 200
    ((number,),) = desk.database.fetch("SELECT id FROM users WHERE login = 'ben@example.net'")
    admin.send(f"/admin/users/{number}", verb="role", role="tenant", account="acme")
    assert person.get("/rules").status_code == 403
    assert "Maschinenbau" not in person.get("/tickets?state=all").text
    admin.send(f"/admin/users/{number}", verb="disable")
    assert "/login" in person.get("/tickets").url
    assert "disabled; sessions and tokens ended" in admin.get("/admin/audit?kind=user").text


def test_an_account_takes_the_customers_of_its_patterns(desk: Portal) -> None:
    admin = desk.client("root")
    admin.send("/admin/accounts", key="uni", name="University", patterns="C3 U-*", colour="#1d5fd1")
    assert desk.database.fetch("SELECT account_id FROM customers WHERE id = 'C3'") == [("uni",)]
    assert desk.database.fetch("SELECT DISTINCT account_id FROM tickets WHERE customer_id = 'C3'") == [("uni",)]
    tenant = desk.client("tina", "tenant", "uni")
    assert "University of Example" in tenant.get("/tickets").text


def test_a_token_is_shown_once_opens_the_api_and_is_revoked(desk: Portal) -> None:
    admin = desk.client("root")
    page = admin.send("/admin/tokens", login="root", name="billing", scope="read", days="30").text
    found = re.search(r"<code>([^<\s]{20,})</code>", page)
    assert found
    headers = {"Authorization": f"Bearer {found[1]}"}
    assert requests.get(f"{desk.url}/api/v1/tickets", headers=headers, timeout=60).status_code == 200
    assert found[1] not in admin.get("/admin/users").text
    ((number,),) = desk.database.fetch("SELECT id FROM api_tokens")
    admin.send(f"/admin/tokens/{number}/revoke")
    assert requests.get(f"{desk.url}/api/v1/tickets", headers=headers, timeout=60).status_code == 401


@pytest.fixture
def rules_file(settings: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text("defaults:\n  reopen_within_days: 30\n", encoding="utf-8")
    settings["rules"] = {"path": str(path)}
    return path


def test_rules_are_checked_saved_and_kept_in_a_history(rules_file: Path, open_portal: Callable[[], Portal]) -> None:
    portal = open_portal()
    admin = portal.client("root")
    before = rules_file.read_text(encoding="utf-8")
    assert "reopen_within_days: 30" in admin.get("/rules").text
    wrong = admin.send("/rules/save", text="defaults:\n  reopen_withn_days: 3\n", reason="a typing error")
    assert "reopen_withn_days" in wrong.text
    assert rules_file.read_text(encoding="utf-8") == before
    better = "defaults:\n  reopen_within_days: 60\n"
    assert admin.send("/rules/check", text=better, days="7").status_code == 200
    assert rules_file.read_text(encoding="utf-8") == before
    admin.send("/rules/save", text=better, reason="customers take longer")
    assert rules_file.read_text(encoding="utf-8") == better
    assert portal.database.fetch("SELECT author, reason, text FROM rule_versions") == [
        ("root", "customers take longer", better)
    ]
    assert "customers take longer" in admin.get("/rules").text


class TestHealth:
    """Bots and queues of the machine on which the portal runs."""

    @pytest.fixture
    def root(self, tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Path:
        root = tmp_path / "intelmq"
        (root / "etc").mkdir(parents=True)
        (root / "var/run").mkdir(parents=True)
        runtime = {
            "global": {"source_pipeline_broker": "redis", "source_pipeline_host": redis_server.socket, "source_pipeline_db": 2},
            "mail-parser": {"name": "Mail parser", "group": "Parser", "module": "abusehandler.bots.parsers.mail"},
        }  # fmt: skip
        (root / "etc/runtime.yaml").write_text(yaml.safe_dump(runtime), encoding="utf-8")
        monkeypatch.setenv("INTELMQ_ROOT_DIR", str(root))
        return root

    def test_bots_and_their_queues_are_shown(self, root: Path, desk: Portal) -> None:
        page = desk.client("root").get("/admin").text
        assert "Mail parser" in page
        assert "does not run" in page

    def test_a_process_of_another_program_is_no_bot(self, root: Path, desk: Portal) -> None:
        (root / "var/run/mail-parser.pid").write_text(str(os.getpid()), encoding="ascii")
        assert "does not run" in desk.client("root").get("/admin").text

    def test_a_machine_without_bots_says_so(
        self, desk: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INTELMQ_ROOT_DIR", str(tmp_path / "nowhere"))
        assert "cannot be looked at" in desk.client("root").get("/admin").text
