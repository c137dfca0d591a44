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
