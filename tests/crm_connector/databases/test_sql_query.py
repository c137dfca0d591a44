# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers in SQLite and in PostgreSQL, by query."""

import sqlite3
from datetime import datetime, timezone

import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.errors import ConfigurationError

pytest.importorskip("sqlalchemy")

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def holder(known, address, at=NOON):
    [answer] = known.lookup_many([Query(address, at)])
    return answer.customer.id if answer.outcome == "one" else answer.outcome


@pytest.fixture
def sqlite(tmp_path):
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("CREATE TABLE network (cidr TEXT, customer INTEGER, since TEXT, changed INTEGER)")
        connection.execute("CREATE TABLE customer (id INTEGER, name TEXT, email TEXT)")
        connection.execute(
            "INSERT INTO network VALUES ('192.0.2.0/28', 7, '2026-01-01 00:00:00', 1), ('rubbish', 7, NULL, 1)"
        )
        connection.execute("INSERT INTO customer VALUES (7, 'Example', 'a@example.net')")
    connection.close()
    return {
        "connector": "sql",
        "url": "sqlite:///crm.db",
        "query": "SELECT cidr AS prefix, c.id AS customer_id, name, email, since AS valid_from "
        "FROM network JOIN customer c ON c.id = customer",
        "mark_query": "SELECT max(changed) FROM network",
    }


def test_sqlite(sqlite, tmp_path):
    known = open_directory(sqlite, base=tmp_path)
    assert holder(known, "192.0.2.1") == "7"
    assert holder(known, "192.0.2.1", NOON.replace(year=2025)) == "none"
    assert known.customer("7").contacts[0].email == "a@example.net"
    assert known.problems() == ["query 1:2: 'rubbish' is not an IP address; row left out"]


def test_freeradius_in_sql(tmp_path):
    """radacct names the customer by login; the customer file says whose that is."""
    with sqlite3.connect(tmp_path / "radius.db") as connection:
        connection.execute("CREATE TABLE radacct (framedipaddress, username, acctstarttime, acctstoptime)")
        connection.execute(
            "INSERT INTO radacct VALUES ('192.0.2.1', 'jo@dsl', '2026-01-31 11:00:00', '2026-01-31 13:00:00'),"
            "('192.0.2.1', 'kim@dsl', '2026-01-31 13:00:00', NULL), ('192.0.2.2', NULL, '2026-01-31 13:00:00', NULL)"
        )
    connection.close()
    (tmp_path / "c.csv").write_text("id,login,email\n1001,Jo@DSL,jo@example.net\n")
    query = (
        "SELECT framedipaddress AS prefix, username AS login, acctstarttime AS valid_from, acctstoptime AS valid_until "
        "FROM radacct"
    )
    radius = {"connector": "sql", "url": "sqlite:///radius.db", "query": query}
    known = open_directory({"chain": [radius, {"connector": "csv", "path": "c.csv"}]}, base=tmp_path)
    assert holder(known, "192.0.2.1") == "1001"
    assert holder(known, "192.0.2.1", NOON.replace(hour=14)) == "kim@dsl"
    assert len(known.problems()) == 1


def test_a_change_is_seen_by_the_mark(sqlite, tmp_path):
    known = open_directory(sqlite, base=tmp_path)
    assert known.refresh(wait=True) is False
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("UPDATE network SET changed = 2, cidr = '192.0.2.64/28'")
    connection.close()
    assert known.refresh(wait=True) is True
    assert holder(known, "192.0.2.65") == "7"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"query": "SELECT prefix FROM nowhere"}, "no such table: nowhere"),
        ({"query": "DELETE FROM network"}, "readonly"),
        ({"query": ""}, "query: write a SELECT"),
        ({"url": "sqlite:///missing.db"}, "unable to open"),
        ({"url": "crm.db"}, "url: write sqlite"),
        ({"url": "nosuch://host/db"}, "url: "),
        ({"url_file": "missing"}, "url_file"),
    ],
)
def test_what_is_wrong_is_said(sqlite, tmp_path, change, told):
    with pytest.raises(ConfigurationError, match=told):
        open_directory({**sqlite, **change}, base=tmp_path)


def test_postgresql(empty_dsn, tmp_path):
    import psycopg2

    connection = psycopg2.connect(empty_dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE assigned (net cidr, customer text, during tstzrange, emails text[])")
        cursor.execute(
            "INSERT INTO assigned VALUES ('192.0.2.0/28', 'a', '[2026-01-01 00:00+01, 2026-02-01)', '{a@example.net,b@example.net}'),"
            "('2001:db8::/32', 'b', '[2026-01-01,)', NULL)"
        )
    parameters = connection.get_dsn_parameters()
    connection.close()
    path = tmp_path / "url"
    query = "&".join(f"{key}={parameters[key]}" for key in ("host", "port") if key in parameters)
    path.write_text(f"postgresql+psycopg2://{parameters['user']}@/{parameters['dbname']}?{query}")
    path.chmod(0o600)
    settings = {
        "connector": "sql",
        "url_file": "url",
        "query": "SELECT net AS prefix, customer AS customer_id, lower(during) AS valid_from, upper(during) AS valid_until,"
        " emails AS email FROM assigned WHERE net <<= '0.0.0.0/0'::inet OR net <<= '::/0'::inet",
    }
    known = open_directory(settings, base=tmp_path)
    assert holder(known, "192.0.2.1") == "a"
    assert holder(known, "192.0.2.1", NOON.replace(year=2027)) == "none"
    assert holder(known, "2001:db8::1", NOON.replace(year=2027)) == "b"
    assert [contact.email for contact in known.customer("a").contacts] == ["a@example.net", "b@example.net"]
    with pytest.raises(ConfigurationError, match="query: syntax error"):
        open_directory(
            {**settings, "query": "DELETE FROM assigned RETURNING net AS prefix, customer AS id"}, base=tmp_path
        )
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod"):
        open_directory(settings, base=tmp_path)
