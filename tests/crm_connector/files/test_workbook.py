# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers in an Excel workbook."""

from datetime import datetime, timezone

import openpyxl
import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.errors import ConfigurationError

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=timezone.utc)


def test_a_sheet(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Customers of Example Net"], [], ["Customer No", "Network", "Mail", "Valid from"],
        [1001, "192.0.2.0/28", "a@example.net", datetime(2026, 1, 1)], [1002, "rubbish", None, None],  # noqa: DTZ001
    ):  # fmt: skip
        sheet.append(row)
    book.save(tmp_path / "c.xlsx")
    known = open_directory({"connector": "xlsx", "path": "c.xlsx"}, base=tmp_path)
    [answer] = known.lookup_many([Query("192.0.2.1", NOW)])
    assert (answer.customer.id, answer.source) == ("1001", "c.xlsx:4")
    assert known.problems() == ["c.xlsx:5: 'rubbish' is not an IP address; row left out"]


def test_no_workbook(tmp_path):
    (tmp_path / "c.xlsx").write_text("prefix,id")
    with pytest.raises(ConfigurationError, match="not a workbook"):
        open_directory({"connector": "xlsx", "path": "c.xlsx"}, base=tmp_path)


def test_a_messy_sheet(tmp_path):
    """Numbers that are decimals, netmasks in a column of their own, comments, ranges upside down."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Customer networks 2026"], [], ["Customer No.", "Name", "Network", "Mask", "End date", "Contact e-mail", "VLAN"],
        [1001.0, "Bakery", "192.0.2.0", "255.255.255.240", None, "a@example.net", 7],
        [1002, "Hosting", "198.51.100.0/24", None, "n/a", "b@example.net; c@example.net", None], ["# a comment"],
        [1003, "Old", "203.0.113.0 - 203.0.113.15", None, "31.12.2025", "d@example.net", None],
        [1003, "Old", "203.0.113.200-203.0.113.100", None, None, "d@example.net", None],
    ):  # fmt: skip
        sheet.append(row)
    book.save(tmp_path / "c.xlsx")
    known = open_directory({"connector": "xlsx", "path": "c.xlsx"}, base=tmp_path)

    def holder(address):
        [answer] = known.lookup_many([Query(address, NOW)])
        return answer.customer.id if answer.customer else answer.outcome

    assert holder("192.0.2.15") == "1001"
    assert holder("192.0.2.16") == "none"
    assert holder("198.51.100.200") == "1002"
    assert holder("203.0.113.1") == "none"
    assert known.customer("1001").attributes["VLAN"] == "7"
    assert [one.email for one in known.customer("1002").contacts] == ["b@example.net", "c@example.net"]
    assert set(known.snapshot.customers()) == {"1001", "1002", "1003"}
    [problem] = known.problems()
    assert problem.startswith("c.xlsx:8: range is upside down")
