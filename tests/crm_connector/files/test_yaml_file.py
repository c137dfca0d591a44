# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers kept by hand in YAML."""

from datetime import datetime, timezone

import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.errors import ConfigurationError

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=timezone.utc)
TEXT = """
customers:
  - id: 0010
    name: Example Bakery
    language: no
    contacts: [{email: office@bakery.example, role: abuse}, {email: it@bakery.example, role: technical, state: bouncing}]
    prefixes:
      - 192.0.2.0/28
      - {prefix: 203.0.113.8, ports: 1024-2047, valid_from: 2026-01-31 12:00}
      - 192.0.2.300
    hosts: [shop.example]
  - name: nobody
  - id: b
    email: b@example.net
    prefixes: 198.51.100.0-198.51.100.255
    colour: blue
"""


def test_a_file_by_hand(tmp_path):
    (tmp_path / "c.yaml").write_text(TEXT)
    known = open_directory({"connector": "yaml", "path": "c.yaml"}, base=tmp_path)
    answers = known.lookup_many(
        [Query("192.0.2.1", NOW), Query("203.0.113.8", NOW, 1500), Query("198.51.100.9", NOW), Query(None, NOW, None, "shop.example")]
    )  # fmt: skip
    assert [answer.customer and answer.customer.id for answer in answers] == ["0010", "0010", "b", "0010"]
    assert known.customer("0010").language == "no"
    assert [contact.usable for contact in known.customer("0010").contacts] == [True, False]
    assert known.customer("0010").contacts_for("technical") == ()
    assert [problem.partition(": ")[0] for problem in known.problems()] == ["c.yaml:3", "c.yaml:12", "c.yaml:13"]


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "customers: 7",
        "a: &a [1]\ncustomers: [*a, *a]",
        "customers: !!python/object/apply:os.system [id]",
        "- " * 5000,
    ],
)
def test_what_is_not_such_a_file(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"c\.yaml"):
        open_directory({"connector": "yaml", "path": "c.yaml"}, base=tmp_path)


def test_exceptions_come_first(tmp_path):
    (tmp_path / "e.yaml").write_text("customers: [{id: house, prefixes: [192.0.2.7]}]")
    (tmp_path / "c.csv").write_text("prefix,id\n192.0.2.0/24,1\n")
    known = open_directory({"connector": "csv", "path": "c.csv", "exceptions": "e.yaml"}, base=tmp_path)
    answers = known.lookup_many([Query("192.0.2.7", NOW), Query("192.0.2.8", NOW)])
    assert [answer.customer.id for answer in answers] == ["house", "1"]
