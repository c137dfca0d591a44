# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every shipped mapping against the recorded sample of the documented answers beside it."""

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from loopback import Loopback

from abusehandler.crm_connector import Query, open_directory
from abusehandler.crm_connector.addresses import parse_address
from abusehandler.crm_connector.web_api.mapping import SHIPPED, load_mapping, shipped_mappings

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)


def is_address(text):
    try:
        parse_address(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", shipped_mappings())
def test_the_documented_answers_become_customers(name, tmp_path):
    sample = json.loads((SHIPPED / "samples" / f"{name}.json").read_text(encoding="utf-8"))
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "secret").chmod(0o600)
    server = Loopback(sample["exchanges"])
    try:
        settings = {"connector": "http-json", "url": server.url, "mapping": name, **sample["settings"]}
        known = open_directory(settings, base=tmp_path)
    finally:
        server.close()
    expected = sample["expect"]
    for asked, customer in expected["holders"].items():
        query = Query(asked, NOW) if is_address(asked) else Query(None, NOW, host=asked)
        [answer] = known.lookup_many([query])
        assert (answer.customer.id if answer.customer else "") == customer, asked
    for customer, contacts in expected["contacts"].items():
        assert [[contact.email, contact.role] for contact in known.customer(customer).contacts] == contacts
    for customer, called in expected["names"].items():
        assert known.customer(customer).name == called


@pytest.mark.parametrize("name", shipped_mappings())
def test_every_mapping_says_what_it_is(name):
    assert load_mapping(name, Path()).about
