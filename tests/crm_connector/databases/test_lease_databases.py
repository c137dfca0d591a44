# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sessions and leases in databases: FreeRADIUS' radacct, Kea's lease4 and lease6, in MariaDB, PostgreSQL and SQLite."""

import sqlite3
from datetime import datetime, timedelta, timezone

import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.crm_connector.leases.history import FOREVER, Held, LeaseHistory
from abusehandler.errors import ConfigurationError

pytest.importorskip("sqlalchemy")

NOW = datetime.now(timezone.utc).replace(microsecond=0)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EXACT = {"clock_skew_seconds": 0}


def holder(known, address, at=NOW):
    [answer] = known.lookup_many([Query(address, at)])
    return answer.customer.id if answer.outcome == "one" else answer.outcome


def opened(tmp_path, **settings):
    return open_directory({**EXACT, **settings}, base=tmp_path)


# --- FreeRADIUS ---

#: raddb/mods-config/sql/main/mysql/schema.sql, the columns that matter
RADACCT_MYSQL = """CREATE TABLE radacct (
  radacctid bigint(21) NOT NULL auto_increment, acctsessionid varchar(64) NOT NULL default '',
  acctuniqueid varchar(32) NOT NULL default '', username varchar(64) NOT NULL default '',
  nasipaddress varchar(15) NOT NULL default '', acctstarttime datetime NULL default NULL,
  acctupdatetime datetime NULL default NULL, acctstoptime datetime NULL default NULL,
  acctsessiontime int(12) unsigned default NULL, callingstationid varchar(50) NOT NULL default '',
  framedipaddress varchar(15) NOT NULL default '', framedipv6address varchar(45) NOT NULL default '',
  framedipv6prefix varchar(45) NOT NULL default '', delegatedipv6prefix varchar(45) NOT NULL default '',
  PRIMARY KEY (radacctid), UNIQUE KEY acctuniqueid (acctuniqueid))"""
#: .../postgresql/schema.sql
RADACCT_POSTGRESQL = """CREATE TABLE radacct (
  RadAcctId bigserial PRIMARY KEY, AcctSessionId text NOT NULL, AcctUniqueId text NOT NULL UNIQUE, UserName text,
  NASIPAddress inet NOT NULL, AcctStartTime timestamp with time zone, AcctUpdateTime timestamp with time zone,
  AcctStopTime timestamp with time zone, AcctSessionTime bigint, CallingStationId text, FramedIPAddress inet,
  FramedIPv6Address inet, FramedIPv6Prefix inet, DelegatedIPv6Prefix inet)"""
#: Before 3.0.20 there was no IPv6.
RADACCT_OLD = """CREATE TABLE radacct (radacctid INTEGER PRIMARY KEY, acctuniqueid TEXT, username TEXT, acctstarttime TEXT,
  acctupdatetime TEXT, acctstoptime TEXT, acctsessiontime INTEGER, callingstationid TEXT, framedipaddress TEXT)"""

MIDNIGHT = NOW.replace(hour=0, minute=0, second=0)
#: who, address, IPv6 prefix, start, update, stop
SESSIONS = [
    # crossed midnight
    ("jo@dsl", "192.0.2.1", "2001:db8:1::/56", MIDNIGHT - 2 * DAY - HOUR, None, MIDNIGHT - 2 * DAY + HOUR),
    # began long before keep_days and is open
    ("server@dsl", "192.0.2.2", "", NOW - 90 * DAY, NOW - HOUR, None),
    # never stopped; the next holder ends it
    ("lost@dsl", "192.0.2.3", "", NOW - 5 * DAY, NOW - 5 * DAY, None),
    ("next@dsl", "192.0.2.3", "", NOW - 2 * DAY, None, NOW - DAY),
    # was over before keep_days
    ("old@dsl", "192.0.2.4", "", NOW - 60 * DAY, None, NOW - 50 * DAY),
    # began long before keep_days and ended within them
    ("long@dsl", "192.0.2.5", "", NOW - 90 * DAY, None, NOW - 3 * DAY),
    # the same customer again, at once
    ("kim@dsl", "192.0.2.6", "", NOW - 4 * HOUR, None, NOW - 2 * HOUR),
    ("kim@dsl", "192.0.2.6", "", NOW - 2 * HOUR, None, None),
    # no address yet
    ("early@dsl", "0.0.0.0", "", NOW - HOUR, None, None),
]


def text(moment, zone):
    return "NULL" if moment is None else f"'{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}'"


def rows_of_sessions(zone=timezone.utc, empty="''"):
    for number, (who, address, prefix, start, update, stop) in enumerate(SESSIONS):
        yield (
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            " acctstoptime, framedipaddress, delegatedipv6prefix) VALUES"
            f" ('s', 'u{number}', '{who}', '198.51.100.1', {text(start, zone)}, {text(update, zone)}, {text(stop, zone)},"
            f" '{address}', {repr(prefix) if prefix else empty})"
        )


def check_sessions(known, at=NOW):
    assert holder(known, "192.0.2.1", MIDNIGHT - 2 * DAY - HOUR) == "jo@dsl"
    assert holder(known, "192.0.2.1", MIDNIGHT - 2 * DAY) == "jo@dsl"
    assert holder(known, "192.0.2.1", MIDNIGHT - 2 * DAY + HOUR) == "none"
    assert holder(known, "192.0.2.2", NOW) == "server@dsl"
    assert holder(known, "192.0.2.3", NOW - 3 * DAY) == "lost@dsl"
    assert holder(known, "192.0.2.3", NOW - 1.5 * DAY) == "next@dsl"
    assert holder(known, "192.0.2.3", NOW) == "none"
    assert holder(known, "192.0.2.4", NOW - 55 * DAY) == "none"
    assert holder(known, "192.0.2.5", NOW - 5 * DAY) == "long@dsl"
    assert holder(known, "192.0.2.5", NOW - DAY) == "none"
    assert holder(known, "192.0.2.6", NOW - 2 * HOUR) == "kim@dsl"
    assert holder(known, "192.0.2.6", NOW) == "kim@dsl"
    assert known.problems() == []


def test_freeradius_in_mariadb(mariadb, tmp_path):
    """MariaDB holds local time without a zone: the setting says which."""
    run, url = mariadb
    zone = timezone(2 * HOUR)
    run(RADACCT_MYSQL, *rows_of_sessions(zone))
    known = opened(tmp_path, connector="freeradius-sql", url=url, time_zone="Etc/GMT-2")
    check_sessions(known)
    assert holder(known, "2001:db8:1:7::1", MIDNIGHT - 2 * DAY) == "jo@dsl"


def test_freeradius_in_postgresql(empty_dsn, tmp_path):
    run, url = postgresql(empty_dsn)
    run(RADACCT_POSTGRESQL, "SET TIME ZONE 'UTC'", *rows_of_sessions(empty="NULL"))
    known = opened(tmp_path, connector="freeradius-sql", url=url)
    check_sessions(known)
    assert holder(known, "2001:db8:1:7::1", MIDNIGHT - 2 * DAY) == "jo@dsl"


@pytest.fixture
def old_radius(tmp_path):
    with sqlite3.connect(tmp_path / "radius.db") as connection:
        connection.execute(RADACCT_OLD)
    connection.close()

    def run(*statements):
        with sqlite3.connect(tmp_path / "radius.db") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return run, {"connector": "freeradius-sql", "url": "sqlite:///radius.db"}


def session(who, address, start="NULL", update="NULL", stop="NULL", seconds="NULL"):
    return (
        "INSERT INTO radacct (username, callingstationid, framedipaddress, acctstarttime, acctupdatetime, acctstoptime,"
        f" acctsessiontime) VALUES ({who}, '{address}', {start}, {update}, {stop}, {seconds})"
    )


def test_sessions_that_nobody_heard_of_for_long_are_over(old_radius, tmp_path):
    run, settings = old_radius
    start, update = text(NOW - 9 * HOUR, timezone.utc), text(NOW - 6 * HOUR, timezone.utc)
    run(session("'jo', 'aa'", "192.0.2.1", start, update))
    assert holder(opened(tmp_path, **settings), "192.0.2.1") == "jo"
    known = opened(tmp_path, **settings, silent_hours=2)
    assert holder(known, "192.0.2.1", NOW - 4.5 * HOUR) == "jo"
    assert holder(known, "192.0.2.1", NOW - 3.5 * HOUR) == "none"


def test_what_is_missing_in_a_session(old_radius, tmp_path):
    run, settings = old_radius
    at, later = text(NOW - HOUR, timezone.utc), text(NOW, timezone.utc)
    run(
        session("'', 'aa-bb'", "192.0.2.1", at),  # no login: the calling station
        session("'', ''", "192.0.2.2", at),
        session("'jo', ''", "192.0.2.3"),  # no start
        session("'jo', ''", "192.0.2.4", stop=later, seconds="7200"),  # the start was lost
        session("'jo', ''", "rubbish", at),
        session("'jo', ''", "192.0.2.5", "'yesterday'"),
    )
    known = opened(tmp_path, **settings)
    assert holder(known, "192.0.2.1") == "aa-bb"
    assert holder(known, "192.0.2.4", NOW - 1.5 * HOUR) == "jo"
    told = "\n".join(known.problems())
    for problem in ("none of username, callingstationid", "no start", "'rubbish'", "'yesterday' is not a time"):
        assert problem in told
    assert len(known.problems()) == 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"table": "x; DROP TABLE radacct"}, "table: write a name"),
        ({"customer_by": ["username, 1"]}, "customer_by: write a name"),
        ({"table": "nowhere"}, "there is no table nowhere"),
        ({"customer_by": "colour"}, "no such column: colour"),
        ({"silent_hours": -1}, "silent_hours"),
        ({"url": "sqlite:///missing.db"}, "unable to open"),
    ],
)
def test_wrong_settings_of_radius(old_radius, tmp_path, change, told):
    with pytest.raises(ConfigurationError, match=told):
        opened(tmp_path, **{**old_radius[1], **change})


# --- Kea ---

#: share/database/scripts/mysql/dhcpdb_create.mysql after all upgrades, the columns that matter
KEA_MYSQL = (
    """CREATE TABLE lease4 (address INT UNSIGNED PRIMARY KEY NOT NULL, hwaddr VARBINARY(20), client_id VARBINARY(255),
    valid_lifetime INT UNSIGNED, expire TIMESTAMP NULL, subnet_id INT UNSIGNED, fqdn_fwd BOOL, fqdn_rev BOOL,
    hostname VARCHAR(255), state INT UNSIGNED DEFAULT 0, user_context TEXT NULL)""",
    """CREATE TABLE lease6 (address BINARY(16) PRIMARY KEY NOT NULL, duid VARBINARY(130), valid_lifetime INT UNSIGNED,
    expire TIMESTAMP NULL, subnet_id INT UNSIGNED, pref_lifetime INT UNSIGNED, lease_type TINYINT, iaid INT UNSIGNED,
    prefix_len TINYINT UNSIGNED, hostname VARCHAR(255), hwaddr VARBINARY(20), state INT UNSIGNED DEFAULT 0,
    user_context TEXT NULL)""",
)
KEA_POSTGRESQL = (
    """CREATE TABLE lease4 (address BIGINT PRIMARY KEY NOT NULL, hwaddr BYTEA, client_id BYTEA, valid_lifetime BIGINT,
    expire TIMESTAMP WITH TIME ZONE, subnet_id BIGINT, hostname VARCHAR(255), state INT8 DEFAULT 0,
    user_context TEXT NULL)""",
    """CREATE TABLE lease6 (address INET PRIMARY KEY NOT NULL, duid BYTEA, valid_lifetime BIGINT,
    expire TIMESTAMP WITH TIME ZONE, subnet_id BIGINT, pref_lifetime BIGINT, lease_type SMALLINT, iaid INT,
    prefix_len SMALLINT, hostname VARCHAR(255), hwaddr BYTEA, state INT8 DEFAULT 0, user_context TEXT NULL)""",
)
SUB_OPTIONS = '{"ISC": {"relay-agent-info": {"sub-options": "0x0106706F72742D37"}}}'


def postgresql(dsn):
    import psycopg2

    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    parameters = connection.get_dsn_parameters()

    def run(*statements):
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    query = "&".join(f"{key}={parameters[key]}" for key in ("host", "port") if key in parameters)
    return run, f"postgresql+psycopg2://{parameters['user']}@/{parameters['dbname']}?{query}"


def check_leases(run, url, tmp_path, octets, address6, zone):
    """The same leases, whatever the database."""
    # not the time at which this file was read: what is gone is gone since it was seen so
    now = datetime.now(timezone.utc).replace(microsecond=0)
    expire = text(now + HOUR, zone)
    four = "INSERT INTO lease4 (address, hwaddr, valid_lifetime, expire, hostname, state, user_context) VALUES "
    run(
        f"{four} (3221225985, {octets('001a2b3c4d5e')}, 7200, {expire}, '', 0, NULL)",
        f"{four} (3221225986, {octets('001a2b3c4d5f')}, 7200, {expire}, '', 0, '{SUB_OPTIONS}')",
        f"{four} (3221225987, {octets('')}, 7200, {expire}, '', 1, NULL)",
        f"{four} (3221225988, {octets('')}, 7200, {expire}, '', 0, NULL)",
        f"{four} (3221225989, {octets('001a2b3c4d60')}, 4294967295, {expire}, '', 0, NULL)",
        "INSERT INTO lease6 (address, duid, valid_lifetime, expire, lease_type, prefix_len, state) VALUES "
        f"({address6('2001:db8:7::')}, {octets('0001000a')}, 7200, {expire}, 2, 48, 0), "
        f"({address6('2001:db8:8::100')}, {octets('0001000b')}, 7200, {expire}, 0, 128, 0)",
    )
    settings = {"connector": "kea-sql", "url": url, "history_file": "history.db"}
    known = opened(tmp_path, **settings)
    assert holder(known, "192.0.2.1", now) == "00:1a:2b:3c:4d:5e"
    assert holder(known, "192.0.2.1", now - 1.5 * HOUR) == "none"
    assert holder(known, "192.0.2.1", now + HOUR) == "none"
    assert holder(known, "192.0.2.2", now) == "port-7"
    assert holder(known, "192.0.2.3", now) == "none"
    assert holder(known, "192.0.2.5", now - 900 * DAY) == "00:1a:2b:3c:4d:60"
    assert holder(known, "2001:db8:7:9::1", now) == "00:01:00:0a"
    assert holder(known, "2001:db8:8::100", now) == "00:01:00:0b"
    assert holder(known, "2001:db8:8::101", now) == "none"
    assert [problem.partition(":")[0] for problem in known.problems()] == ["lease4"]
    # The address goes to somebody else; who had it before stays known.
    run(
        f"UPDATE lease4 SET hwaddr = {octets('001a2b3c4d99')}, valid_lifetime = 1800, expire = "
        f"{text(now + HOUR / 2, zone)} WHERE address = 3221225985",
        "DELETE FROM lease4 WHERE address = 3221225986",
    )
    assert known.refresh(wait=True)
    assert holder(known, "192.0.2.1", now - HOUR / 2) == "00:1a:2b:3c:4d:5e"
    assert holder(known, "192.0.2.1", now) == "00:1a:2b:3c:4d:99"
    assert holder(known, "192.0.2.2", now - HOUR / 2) == "port-7"
    assert holder(known, "192.0.2.2", now + HOUR / 2) == "none"
    assert (tmp_path / "history.db").stat().st_mode & 0o077 == 0


def test_kea_in_mariadb(mariadb, tmp_path):
    run, url = mariadb
    run(*KEA_MYSQL)
    # The server's zone is not UTC; TIMESTAMP columns are written in it and read in UTC.
    check_leases(
        run, url, tmp_path, lambda octets: f"X'{octets}'", lambda ip: f"INET6_ATON('{ip}')", timezone(2 * HOUR)
    )


def test_kea_in_postgresql(empty_dsn, tmp_path):
    run, url = postgresql(empty_dsn)
    run("SET TIME ZONE 'UTC'", *KEA_POSTGRESQL)
    check_leases(run, url, tmp_path, lambda octets: f"'\\x{octets}'", lambda ip: f"'{ip}'", timezone.utc)


def test_a_database_without_leases(old_radius, tmp_path):
    with pytest.raises(ConfigurationError, match="is this the database of Kea"):
        opened(tmp_path, connector="kea-sql", url="sqlite:///radius.db")
    with pytest.raises(ConfigurationError, match="customer_by"):
        opened(tmp_path, connector="kea-sql", url="sqlite:///radius.db", customer_by="colour")


# --- what was ---


def told(history, present, at):
    """All that is known, in hours after NOW."""
    return [
        (
            one.prefix,
            one.customer_id,
            (one.valid_from - NOW) // HOUR,
            one.valid_until and (one.valid_until - NOW) // HOUR,
        )
        for one in history.merge(present, "Kea", NOW + at * HOUR, NOW - 31 * DAY)
    ]


def held(who, begin, until):
    end = FOREVER if until is None else int((NOW + until * HOUR).timestamp())
    return Held(who, int((NOW + begin * HOUR).timestamp()), end)


def test_history(tmp_path):
    history = LeaseHistory(tmp_path / "deep" / "history.db")
    assert told(history, {"192.0.2.1": held("a", 0, 2)}, 0) == [("192.0.2.1", "a", 0, 2)]
    # Renewed: one lease. A reading that tells the same again changes nothing.
    for _ in range(3):
        assert told(history, {"192.0.2.1": held("a", 1, 3)}, 1) == [("192.0.2.1", "a", 0, 3)]
    # Expired and still in the table.
    for at in (4, 5):
        assert told(history, {"192.0.2.1": held("a", 1, 3)}, at) == [("192.0.2.1", "a", 0, 3)]
    # The same customer after a pause, then another who takes over early.
    assert told(history, {"192.0.2.1": held("a", 6, 8)}, 6)[1:] == [("192.0.2.1", "a", 6, 8)]
    assert told(history, {"192.0.2.1": held("b", 7, 9)}, 7)[1:] == [("192.0.2.1", "a", 6, 7), ("192.0.2.1", "b", 7, 9)]
    # Given back: at the latest now.
    assert told(history, {}, 8)[2:] == [("192.0.2.1", "b", 7, 8)]
    assert told(history, {}, 12)[2:] == [("192.0.2.1", "b", 7, 8)]
    assert told(history, {"192.0.2.2": held("c", 12, None)}, 12)[3:] == [("192.0.2.2", "c", 12, None)]
    # After a month it is forgotten; what has no end is not.
    assert told(history, {"192.0.2.2": held("c", 12, None)}, 12) != []
    long_after = list(history.merge({"192.0.2.2": held("c", 12, None)}, "Kea", NOW + 40 * DAY, NOW + 9 * DAY))
    assert [one.customer_id for one in long_after] == ["c"]


def test_a_damaged_history_is_said(tmp_path):
    (tmp_path / "history.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigurationError, match="history_file"):
        list(LeaseHistory(tmp_path / "history.db").merge({}, "Kea", NOW, NOW))
