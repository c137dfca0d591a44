# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Administrators see what is stored, hand it out, and take it away; nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.portal.running import Portal


def test_what_is_stored_is_shown_and_handed_out(desk: Portal) -> None:
    admin = desk.client("root")
    page = admin.get("/admin/privacy?customer=C1").text
    assert "What is stored about Meyer Maschinenbau" in page
    assert "Nobody before you" in page
    assert "root: looked at what is stored" in admin.get("/admin/privacy?who=C1").text
    lines = admin.send("/admin/privacy/take-out", kind="customer", text="C1").text.splitlines()
    assert {json.loads(line)["kind"] for line in lines} == {"customer", "ticket", "event"}


def test_a_customer_goes_when_the_number_is_typed_and_a_reason_given(desk: Portal) -> None:
    admin = desk.client("root")
    form = {"kind": "customer", "text": "C1", "how": "erase", "reason": "request of Mrs. Meyer"}
    assert "Type C1 into the field" in admin.send("/admin/privacy/remove", **form, typed="C2").text
    assert desk.database.fetch("SELECT count(*) FROM customers WHERE id = 'C1'") == [(1,)]
    assert "erased-" in admin.send("/admin/privacy/remove", **form, typed="C1").text
    assert desk.database.fetch("SELECT count(*) FROM tickets WHERE customer_id = 'C1'") == [(0,)]
    assert admin.get("/customers/C1").status_code == 404


def test_only_administrators_may(desk: Portal) -> None:
    person = desk.client("ben", "desk")
    assert person.get("/admin/privacy?who=C1").status_code == 403
    answer = person.send("/admin/privacy/remove", kind="customer", text="C1", how="erase", typed="C1", reason="x")
    assert answer.status_code == 403
    assert desk.database.fetch("SELECT count(*) FROM customers WHERE id = 'C1'") == [(1,)]


def test_somebody_unknown(desk: Portal) -> None:
    admin = desk.client("root")
    assert "there is no customer" in admin.get("/admin/privacy?who=nobody").text
    assert "There is nothing to take away" in admin.get("/admin/privacy?who=somebody@example.org").text
