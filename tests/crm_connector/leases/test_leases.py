# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lease files of DHCP servers, RADIUS accounting and CGNAT: who had the address, with this port, at that moment."""

import bz2
import gzip
from datetime import datetime, timezone

import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.errors import ConfigurationError

ALWAYS = {"keep_days": 3660, "clock_skew_seconds": 0}


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


@pytest.fixture
def opened(tmp_path):
    def open_files(connector, files, **settings):
        for name, content in files.items():
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        settings = {"connector": connector, "path": list(files), **ALWAYS, **settings}
        return open_directory(settings, base=tmp_path)

    return open_files


def holder(known, address, at, port=None):
    [answer] = known.lookup_many([Query(address, at, port)])
    return answer.customer.id if answer.outcome == "one" else answer.outcome


DHCPD = r"""
# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
server-duid "\000\001\000\001";

lease 192.0.2.10 {
  starts 6 2026/01/31 10:00:00;
  ends 6 2026/01/31 11:00:00;
  cltt 6 2026/01/31 10:00:00;
  binding state active;
  next binding state free;
  hardware ethernet 00:1a:2b:3c:4d:5e;
  uid "\001\000\032+<M^";
  client-hostname "laptop";
  option agent.circuit-id "port-7";
  on expiry { set x = "y";
  }
}
lease 192.0.2.10 {
  starts 6 2026/01/31 10:30:00;
  ends 6 2026/01/31 11:30:00;
  binding state active;
  hardware ethernet 00:1a:2b:3c:4d:5e;
  option agent.circuit-id "port-7";
}
lease 192.0.2.10 {
  starts 6 2026/01/31 10:30:00;
  ends 6 2026/01/31 10:45:00;
  binding state free;
  hardware ethernet 00:1a:2b:3c:4d:5e;
  option agent.circuit-id "port-7";
}
lease 192.0.2.10 {
  starts epoch 1769857200; # 2026-01-31 11:00:00
  ends never;
  binding state active;
  hardware ethernet 00:1a:2b:3c:4d:5f;
}
lease 192.0.2.11 {
  starts 6 2026/01/31 10:00:00;
  binding state abandoned;
  hardware ethernet 00:1a:2b:3c:4d:60;
}
lease 192.0.2.12 {
  starts 6 2026/01/31 10:00:00;
  hardware ether"""


def test_isc_dhcpd(opened):
    known = opened("isc-dhcpd", {"dhcpd.leases": DHCPD})
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 9, 59)) == "none"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 10)) == "port-7"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 40)) == "port-7"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 50)) == "none"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 11, 0)) == "00:1a:2b:3c:4d:5f"
    assert holder(known, "192.0.2.10", utc(2027, 1, 31, 11, 0)) == "00:1a:2b:3c:4d:5f"
    assert holder(known, "192.0.2.11", utc(2026, 1, 31, 10, 10)) == "none"
    assert known.problems() == ["dhcpd.leases:44: the file ends within lease 192.0.2.12; left out"]


def test_isc_dhcpd6(opened):
    text = r"""
ia-na "\001\000\000\000\000\001\000\001*\273" {
  cltt 6 2026/01/31 10:00:00;
  iaaddr 2001:db8::100 {
    binding state active;
    preferred-life 375;
    max-life 600;
    ends 6 2026/01/31 10:10:00;
  }
}
ia-pd "\001\000\000\000\000\001\000\001*\273" {
  cltt 6 2026/01/31 10:00:00;
  iaprefix 2001:db8:7::/48 {
    binding state active;
    ends 6 2026/01/31 11:00:00;
  }
}
"""
    known = opened("isc-dhcpd", {"dhcpd6.leases": text})
    assert holder(known, "2001:db8::100", utc(2026, 1, 31, 10, 5)) == "000100012abb"
    assert holder(known, "2001:db8::100", utc(2026, 1, 31, 10, 10)) == "none"
    assert holder(known, "2001:db8:7:8::1", utc(2026, 1, 31, 10, 59)) == "000100012abb"


def test_saved_and_packed_older_files_are_read_too(opened):
    old = """lease 192.0.2.10 {
  starts 5 2026/01/30 10:00:00;
  ends 5 2026/01/30 11:00:00;
  hardware ethernet 00:1a:2b:3c:4d:61;
}
"""
    known = opened("isc-dhcpd", {"dhcpd.leases.1.gz": gzip.compress(old.encode()), "dhcpd.leases": DHCPD})
    assert holder(known, "192.0.2.10", utc(2026, 1, 30, 10, 10)) == "00:1a:2b:3c:4d:61"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 10)) == "port-7"


def test_kea(opened):
    # expire is the end; 1769857200 is 2026-01-31 11:00:00 UTC
    text = (
        "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n"
        "192.0.2.10,00:1a:2b:3c:4d:5e,,3600,1769857200,1,0,0,,0,,0\n"
        "192.0.2.10,00:1a:2b:3c:4d:5e,,3600,1769859000,1,0,0,,0,,0\n"
        "192.0.2.10,00:1a:2b:3c:4d:5e,,0,1769855400,1,0,0,,0,,0\n"
        "192.0.2.10,00:1a:2b:3c:4d:5f,,3600,1769861700,1,0,0,,0,,0\n"
        '192.0.2.11,00:1a:2b:3c:4d:60,,3600,1769857200,1,0,0,,0,{ "ISC": { "relay-agent-info": '
        '{ "remote-id": "0304"&#x2c "sub-options": "0x0106706F72742D3702020304" } } },0\n'
        "192.0.2.12,00:1a:2b:3c:4d:61,,3600,not a number,1,0,0,,0,,0\n"
        "192.0.2.13,00:1a:2b:3c\n"
    )
    known = opened("kea", {"kea-leases4.csv": text})
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 0)) == "00:1a:2b:3c:4d:5e"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 11, 14)) == "00:1a:2b:3c:4d:5e"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 11, 15)) == "00:1a:2b:3c:4d:5f"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 12, 15)) == "none"
    assert holder(known, "192.0.2.11", utc(2026, 1, 31, 10, 30)) == "port-7"
    assert [problem.partition(": ")[0] for problem in known.problems()] == ["kea-leases4.csv:7", "kea-leases4.csv:8"]


def kea_row(mac, lifetime, expire):
    return f"192.0.2.10,00:1a:2b:3c:4d:{mac},,{lifetime},{int(expire.timestamp())},1,0,0,,0,,0\n"


def test_kea_after_its_clean_up(opened):
    """LFC leaves the last row of each address; the history knows the others."""
    head = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n"
    ten = utc(2026, 1, 31, 10)
    files = [
        kea_row("aa", 3600, ten.replace(hour=11)),
        kea_row("aa", 3600, ten.replace(hour=11, minute=30)),  # renewed at 10:30
        kea_row("bb", 3600, ten.replace(hour=14)),  # somebody else from 13:00, and cleaned up
        kea_row("bb", 3600, ten.replace(hour=14, minute=30)),  # renewed
    ]
    for text in files:
        known = opened("kea", {"kea-leases4.csv": head + text}, history_file="history.db")
    assert holder(known, "192.0.2.10", ten) == "00:1a:2b:3c:4d:aa"
    assert holder(known, "192.0.2.10", ten.replace(hour=11, minute=29)) == "00:1a:2b:3c:4d:aa"
    assert holder(known, "192.0.2.10", ten.replace(hour=12)) == "none"
    assert holder(known, "192.0.2.10", ten.replace(hour=13)) == "00:1a:2b:3c:4d:bb"
    assert holder(known, "192.0.2.10", ten.replace(hour=14, minute=29)) == "00:1a:2b:3c:4d:bb"
    assert len(list(known.links[0].layer.assignments())) == 2
    [answer] = known.lookup_many([Query("192.0.2.10", ten.replace(hour=14))])
    assert answer.source == "kea-leases4.csv:2"


def test_isc_dhcpd_after_its_clean_up(opened):
    """dhcpd writes the file anew and leaves out what is over; what was given back early stays ended early."""

    def lease(mac, start, end):
        return (
            f"lease 192.0.2.10 {{\n  starts 6 2026/01/31 {start}:00;\n  ends 6 2026/01/31 {end}:00;\n"
            f"  hardware ethernet 00:1a:2b:3c:4d:{mac};\n}}\n"
        )

    for text in (lease("aa", "10:00", "12:00"), lease("aa", "10:00", "10:40"), lease("bb", "11:00", "12:00"), ""):
        known = opened("isc-dhcpd", {"dhcpd.leases": text}, history_file="history.db")
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 39)) == "00:1a:2b:3c:4d:aa"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 45)) == "none"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 11, 0)) == "00:1a:2b:3c:4d:bb"


def test_kea6_with_delegated_prefixes(opened):
    text = (
        "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,"
        "hwaddr,state,user_context,hwtype,hwaddr_source,pool_id\n"
        "2001:db8:7::,00:01:00:01:2a:bb,4294967295,6064820895,1,3000,2,1,48,0,0,,,0,,,,0\n"
    )
    known = opened("kea", {"kea-leases6.csv": text}, customer_by="duid")
    assert holder(known, "2001:db8:7:1::9", utc(2027, 1, 31)) == "00:01:00:01:2a:bb"


DETAIL = """Sat Jan 31 10:00:00 2026
\tUser-Name = "jo@dsl.example"
\tAcct-Status-Type = Start
\tAcct-Session-Id = "00000001"
\tFramed-IP-Address = 192.0.2.10
\tDelegated-IPv6-Prefix = 2001:db8:7::/48
\tTimestamp = 1769853600

Sat Jan 31 11:00:10 2026
\tUser-Name = "jo@dsl.example"
\tAcct-Status-Type = Stop
\tFramed-IP-Address = 192.0.2.10
\tDelegated-IPv6-Prefix = 2001:db8:7::/48
\tAcct-Session-Time = 3600
\tAcct-Delay-Time = 10
\tTimestamp = 1769857210

Sat Jan 31 11:05:00 2026
\tUser-Name = "kim@dsl.example"
\tAcct-Status-Type = Interim-Update
\tFramed-IP-Address = 192.0.2.10
\tAcct-Session-Time = 240
\tTimestamp = 1769857500

Sat Jan 31 12:00:00 2026
\tUser-Name = "lee@dsl.example"
\tAcct-Status-Type = Start
\tFramed-IP-Address = 192.0.2.10
\tTimestamp = 1769860800

Sat Jan 31 12:00:00 2026
\tUser-Name = "max@dsl.example"
\tAcct-Status-Type = Stop
\tFramed-IP-Address = 192.0.2.11
\tAcct-Session-Time = 600
\tTimestamp = 1769860800

Sat Jan 31 12:00:01 2026
\tAcct-Status-Type = Start
\tFramed-IP-Address = 192.0.2.12

Sat Jan 31 12:00:02 2026
\tUser-Name = "half@dsl.example"
"""


def test_freeradius_detail(opened):
    known = opened("freeradius", {"detail-20260131": DETAIL})
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 0)) == "jo@dsl.example"
    assert holder(known, "2001:db8:7::9", utc(2026, 1, 31, 10, 30)) == "jo@dsl.example"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 11, 0)) == "none"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 11, 1)) == "kim@dsl.example"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 11, 59)) == "kim@dsl.example"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 12, 0)) == "lee@dsl.example"
    assert holder(known, "192.0.2.11", utc(2026, 1, 31, 11, 55)) == "max@dsl.example"
    [problem] = known.problems()
    assert "User-Name" in problem


def test_a_server_that_restarts_ends_its_sessions(opened):
    text = """Sat Jan 31 10:00:00 2026
\tUser-Name = "jo@dsl.example"
\tAcct-Status-Type = Start
\tNAS-IP-Address = 198.51.100.1
\tFramed-IP-Address = 192.0.2.10
\tTimestamp = 1769853600

Sat Jan 31 10:00:00 2026
\tUser-Name = "kim@dsl.example"
\tAcct-Status-Type = Start
\tNAS-IP-Address = 198.51.100.2
\tFramed-IP-Address = 192.0.2.11
\tTimestamp = 1769853600

Sat Jan 31 11:00:00 2026
\tAcct-Status-Type = Accounting-On
\tNAS-IP-Address = 198.51.100.1
\tTimestamp = 1769857200

"""
    known = opened("freeradius", {"detail": text})
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 59)) == "jo@dsl.example"
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 11, 0)) == "none"
    assert holder(known, "192.0.2.11", utc(2026, 2, 20)) == "kim@dsl.example"
    known = opened("freeradius", {"detail": text}, silent_hours=2)
    assert holder(known, "192.0.2.11", utc(2026, 1, 31, 11, 59)) == "kim@dsl.example"
    assert holder(known, "192.0.2.11", utc(2026, 1, 31, 12, 0)) == "none"


def test_a_login_becomes_a_customer_by_the_customer_file(tmp_path):
    (tmp_path / "detail").write_text(DETAIL)
    (tmp_path / "c.csv").write_text("customer_id,login,email\n1001,Jo@DSL.example,jo@example.net\n")
    leases = {"connector": "freeradius", "path": "detail", "keep_days": 3660}
    known = open_directory({"chain": [leases, {"connector": "csv", "path": "c.csv"}]}, base=tmp_path)
    assert holder(known, "192.0.2.10", utc(2026, 1, 31, 10, 30)) == "1001"


def test_port_blocks_from_ipfix_csv(opened):
    text = (
        "timestamp,natEvent,sourceIPv4Address,postNATSourceIPv4Address,portRangeStart,portRangeEnd\n"
        "2026-01-31T10:00:00Z,16,100.64.0.1,192.0.2.1,1024,2047\n"
        "2026-01-31T10:00:00Z,16,100.64.0.2,192.0.2.1,2048,3071\n"
        "2026-01-31T11:00:00Z,17,100.64.0.1,192.0.2.1,1024,2047\n"
        "2026-01-31T11:30:00Z,16,100.64.0.3,192.0.2.1,1024,2047\n"
        "2026-01-31T11:30:00Z,99,100.64.0.3,192.0.2.1,1024,2047\n"
        "2026-01-31T11:30:00Z,16,100.64.0.3,192.0.2.1,90000,2047\n"
    )
    known = opened("port-blocks", {"nat.csv.bz2": bz2.compress(text.encode())})
    at = utc(2026, 1, 31, 10, 30)
    assert holder(known, "192.0.2.1", at, 1500) == "100.64.0.1"
    assert holder(known, "192.0.2.1", at, 2048) == "100.64.0.2"
    assert holder(known, "192.0.2.1", at, 4000) == "none"
    assert holder(known, "192.0.2.1", at) == "ambiguous"
    assert holder(known, "192.0.2.1", utc(2026, 1, 31, 11, 15), 1500) == "none"
    assert holder(known, "192.0.2.1", utc(2026, 1, 31, 11, 30), 1500) == "100.64.0.3"
    assert len(known.problems()) == 2


def test_port_blocks_as_ipfix_collectors_write_them(opened):
    """RFC 8158: milliseconds, a number of ports in place of the last one, events of other kinds between."""
    begin = int(utc(2026, 1, 31, 10).timestamp() * 1000)
    rows = [
        (begin, 16, "100.64.0.1", "192.0.2.1", 1024, 512),
        (begin + 250, 13, "100.64.0.9", "192.0.2.1", 0, 0),  # quota exceeded
        (begin + 500, "Port Block Allocation", "100.64.0.2", "192.0.2.1", 1536, 512),
        (begin + 3_600_000, 17, "100.64.0.1", "192.0.2.1", 1024, 512),
        (begin + 3_600_000, 14, "100.64.0.7", "192.0.2.7", 0, 0),  # the whole address
        # crosses midnight
        (begin + 13 * 3_600_000, 16, "100.64.0.3", "192.0.2.1", 1024, 512),
        (begin + 15 * 3_600_000, 17, "100.64.0.3", "192.0.2.1", 1024, 512),
    ]
    text = "observationTimeMilliseconds,natEvent,sourceIPv4Address,postNATSourceIPv4Address,portRangeStart,portRangeNumPorts\n"
    text += "".join(",".join(map(str, row)) + "\n" for row in rows)
    known = opened("port-blocks", {"nat.csv": text})
    at = utc(2026, 1, 31, 10, 30)
    assert holder(known, "192.0.2.1", at, 1535) == "100.64.0.1"
    assert holder(known, "192.0.2.1", at, 1536) == "100.64.0.2"
    assert holder(known, "192.0.2.1", utc(2026, 2, 1), 1100) == "100.64.0.3"
    assert holder(known, "192.0.2.1", utc(2026, 2, 1, 1), 1100) == "none"
    assert holder(known, "192.0.2.7", utc(2026, 1, 31, 12), 40000) == "100.64.0.7"
    assert known.problems() == []


def test_one_port_for_each_session(opened):
    """Some log every translation; then a block is one port."""
    text = (
        "time,natEvent,sourceIPv4Address,postNATSourceIPv4Address,postNAPTSourceTransportPort\n"
        "2026-01-31T10:00:00Z,4,100.64.0.1,192.0.2.1,5000\n2026-01-31T10:05:00Z,5,100.64.0.1,192.0.2.1,5000\n"
    )
    known = opened("port-blocks", {"nat.csv": text})
    assert holder(known, "192.0.2.1", utc(2026, 1, 31, 10, 1), 5000) == "100.64.0.1"
    assert holder(known, "192.0.2.1", utc(2026, 1, 31, 10, 1), 5001) == "none"
    assert holder(known, "192.0.2.1", utc(2026, 1, 31, 10, 5), 5000) == "none"


def test_port_blocks_from_syslog(opened):
    text = (
        "Jan 31 10:00:00 cgn1 2026-01-31 10:00:00 UTC NAT44 block ALLOC 100.64.0.1 -> 192.0.2.1:1024-2047\n"
        "Jan 31 10:00:01 cgn1 something else\n"
        "Jan 31 11:00:00 cgn1 2026-01-31 11:00:00 UTC NAT44 block FREE 100.64.0.1 -> 192.0.2.1:1024-2047\n"
    )
    pattern = (
        r"cgn1 (?P<time>\S+ \S+ UTC) NAT44 block (?P<event>\w+) (?P<who>\S+) -> "
        r"(?P<public>[0-9.]+):(?P<first>\d+)-(?P<last>\d+)"
    )
    known = opened("port-blocks", {"nat.log": text}, pattern=pattern)
    assert holder(known, "192.0.2.1", utc(2026, 1, 31, 10, 30), 1500) == "100.64.0.1"
    assert holder(known, "192.0.2.1", utc(2026, 1, 31, 11, 0), 1500) == "none"


def test_deterministic_nat_needs_no_log(tmp_path):
    pools = [{"inside": "100.64.0.0/29", "outside": "192.0.2.0/31", "ratio": 4}]
    (tmp_path / "c.csv").write_text("id,alias\nbakery,100.64.0.5\n")
    chain = [{"connector": "deterministic-nat", "pools": pools}, {"connector": "csv", "path": "c.csv"}]
    known = open_directory({"chain": chain}, base=tmp_path)
    at = utc(2026, 1, 31)
    size = (65536 - 1024) // 4
    assert holder(known, "192.0.2.0", at, 1024) == "100.64.0.0"
    assert holder(known, "192.0.2.0", at, 1024 + size) == "100.64.0.1"
    assert holder(known, "192.0.2.1", at, 1024 + size) == "bakery"
    assert holder(known, "192.0.2.1", at, 65535) == "100.64.0.7"
    assert holder(known, "192.0.2.1", at, 1023) == "none"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"connector": "deterministic-nat"}, "pools: write a list"),
        ({"connector": "deterministic-nat", "pools": [{"inside": "100.64.0.0/24", "outside": "192.0.2.0/31", "ratio": 4}]},
         "too few"),
        ({"connector": "deterministic-nat", "pools": [{"inside": "x", "outside": "192.0.2.0/31", "ratio": 4}]}, "inside"),
        ({"connector": "isc-dhcpd", "path": "l", "customer_by": "colour"}, "customer_by"),
        ({"connector": "kea", "path": "l", "keep_days": 0}, "keep_days"),
        ({"connector": "port-blocks", "path": "l", "pattern": "("}, "pattern"),
        ({"connector": "port-blocks", "path": "l", "pattern": "(?P<time>.)"}, "groups"),
        ({"connector": "freeradius", "path": "nowhere/*"}, "no such file"),
    ],
)  # fmt: skip
def test_wrong_settings(settings, told, tmp_path):
    with pytest.raises(ConfigurationError, match=told):
        open_directory(settings, base=tmp_path)


@pytest.mark.parametrize("connector", ["isc-dhcpd", "kea", "freeradius", "port-blocks"])
@pytest.mark.parametrize(
    "junk", [b"\x00\xff" * 50_000, b"{" * 100_000, b"\n{\n" * 20_000, b'"' * 60_000, b"lease 1 {\n" * 9]
)
def test_junk_is_no_lease(opened, connector, junk):
    try:
        known = opened(connector, {"leases": junk})
    except ConfigurationError:
        return
    assert holder(known, "192.0.2.1", utc(2026, 1, 31)) == "none"
