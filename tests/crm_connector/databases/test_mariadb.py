# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers in a real MariaDB, by query."""

from datetime import datetime, timezone

import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.errors import ConfigurationError

pytest.importorskip("sqlalchemy")

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
QUERY = (
    "SELECT net AS prefix, low AS first, high AS last, customer AS customer_id, name, email, since AS valid_from, "
    "IF(1, 'b', 'a:b') AS state_of_things FROM network JOIN customer ON customer.id = customer"
)


def holder(known, address, at=NOON):
    [answer] = known.lookup_many([Query(address, at)])
    return answer.customer.id if answer.outcome == "one" else answer.outcome


@pytest.fixture
def settings(mariadb):
    run, url = mariadb
    run(
        "CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR(80), email VARCHAR(80))",
        "CREATE TABLE network (net VARCHAR(50), low VARBINARY(16), high VARBINARY(16), customer INT, since DATETIME)",
        "INSERT INTO customer VALUES (7, 'Bäckerei', 'a@example.net'), (8, 'Hosting', NULL)",
        "INSERT INTO network VALUES ('192.0.2.0/28', NULL, NULL, 7, '2026-01-31 13:00:00'),"
        " (NULL, INET6_ATON('198.51.100.0'), INET6_ATON('198.51.100.99'), 8, NULL),"
        " (NULL, INET6_ATON('10.1.2.3'), INET6_ATON('10.1.2.4'), 8, NULL),"
        " (NULL, INET6_ATON('2001:db8::'), INET6_ATON('2001:db8::ffff'), 8, NULL), ('rubbish', NULL, NULL, 7, NULL)",
    )
    return {"connector": "sql", "url": url, "query": QUERY, "time_zone": "Europe/Vienna"}


def test_mariadb(settings, tmp_path):
    known = open_directory(settings, base=tmp_path)
    assert holder(known, "192.0.2.1") == "7"
    assert holder(known, "192.0.2.1", NOON.replace(hour=11)) == "none"
    assert holder(known, "198.51.100.98") == "8"
    assert holder(known, "198.51.100.100") == "none"
    assert holder(known, "10.1.2.4") == "8"
    assert holder(known, "2001:db8::17") == "8"
    assert known.customer("7").name == "Bäckerei"
    assert known.problems() == ["query 1:5: 'rubbish' is not an IP address; row left out"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"query": "SELECT net AS prefix, colour AS customer_id FROM network"}, "Unknown column 'colour'"),
        ({"query": "DELETE FROM network"}, "(?i)read only|read-only"),
        ({"query": "SELECT 1 AS prefix, SLEEP(20) AS customer_id", "timeout_seconds": 1}, "(?i)timed out|lost connection"),
        ({"query": "SELECT name, email FROM customer WHERE id = ':x'"}, "prefix"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(settings, tmp_path, change, told):
    if told == "prefix":
        # A table of customers alone is read, and useful beside another source.
        assert open_directory({**settings, **change}, base=tmp_path).problems() == []
        return
    with pytest.raises(ConfigurationError, match=told):
        open_directory({**settings, **change}, base=tmp_path)


def test_a_wrong_password_is_not_printed(settings, tmp_path):
    url = settings["url"].replace("root@", "nobody:s3cret@")
    with pytest.raises(ConfigurationError, match="Access denied for user 'nobody'") as caught:
        open_directory({**settings, "url": url}, base=tmp_path)
    assert "s3cret" not in str(caught.value)
    assert "mysql+pymysql://nobody:***@localhost/crm" in str(caught.value)
