# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whose address was it? Longest prefix, time, ports, names: the answers of a directory."""

import random
from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abusehandler.crm_connector import Assignment, Contact, Customer, Directory, HostName, PortRange, Query
from abusehandler.crm_connector.layer import Problems
from abusehandler.crm_connector.link import Link, opened

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Given:
    """A connector that tells what it was given."""

    def __init__(self, *items):
        self.items = items

    def mark(self):
        return ""

    def read(self, report):
        yield from self.items


def directory(*items, skew=0, then=()):
    links = [opened(Link("given", Given(*items)))]
    if then:
        links.append(opened(Link("then", Given(*then))))
    return Directory(links, clock_skew_seconds=skew)


def holder(known, address, at=NOON, port=None, host=None):
    """The customer's id, or the outcome if it is not one."""
    [answer] = known.lookup_many([Query(address, at, port, host)])
    return answer.customer.id if answer.outcome == "one" else answer.outcome


def test_the_longest_prefix_answers():
    known = directory(
        Assignment("192.0.2.0/24", "house"),
        Assignment("192.0.2.16/28", "shop"),
        Assignment("192.0.2.17", "printer"),
        Assignment("2001:db8::/32", "house"),
        Assignment("2001:db8:7::/48", "shop"),
        Assignment("2001:db8:7::53/128", "resolver"),
    )
    assert holder(known, "192.0.2.1") == "house"
    assert holder(known, "192.0.2.16") == "shop"
    assert holder(known, "192.0.2.17") == "printer"
    assert holder(known, "192.0.2.18") == "shop"
    assert holder(known, "192.0.2.32") == "house"
    assert holder(known, "192.0.3.0") == "none"
    assert holder(known, "2001:db8:7:1::1") == "shop"
    assert holder(known, "2001:db8:7::53") == "resolver"
    assert holder(known, "2001:db8:8::1") == "house"
    assert holder(known, "2001:db9::") == "none"
    assert holder(known, "::ffff:192.0.2.17") == "printer"


def test_the_ends_of_the_address_space():
    known = directory(
        Assignment("255.255.255.255", "last"), Assignment("0.0.0.0/8", "first"), Assignment("ff00::/8", "m")
    )
    assert holder(known, "255.255.255.255") == "last"
    assert holder(known, "0.0.0.0") == "first"
    assert holder(known, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == "m"
    assert holder(known, "255.255.255.254") == "none"


def test_the_answer_says_from_where_and_why():
    known = directory(Assignment("192.0.2.0/24", "7", source="customers.csv", line=3))
    [answer] = known.lookup_many([Query("192.0.2.1", NOON)])
    assert answer.source == "customers.csv:3"
    assert answer.reason == "longest prefix is a /24"
    assert answer.valid_until is None


def test_no_address_is_an_answer_too():
    known = directory(Assignment("192.0.2.0/24", "7"))
    for address in ("", None, "not an address", "192.0.2.0/24", "1" * 100_000, "::" * 5000, "192.0.2.1\0"):
        assert holder(known, address) == "none"


def test_half_open_intervals():
    known = directory(
        Assignment("192.0.2.1", "morning", NOON - HOUR, NOON),
        Assignment("192.0.2.1", "afternoon", NOON, NOON + HOUR),
        Assignment("192.0.2.0/24", "pool"),
    )
    assert holder(known, "192.0.2.1", NOON - HOUR) == "morning"
    assert holder(known, "192.0.2.1", NOON - timedelta(seconds=1)) == "morning"
    assert holder(known, "192.0.2.1", NOON) == "afternoon"
    assert holder(known, "192.0.2.1", NOON + HOUR) == "pool"
    assert holder(known, "192.0.2.1", NOON - HOUR - MINUTE) == "pool"
    [answer] = known.lookup_many([Query("192.0.2.1", NOON)])
    assert answer.valid_until == NOON + HOUR


def test_near_a_change_the_clocks_decide_nothing():
    known = directory(
        Assignment("192.0.2.1", "morning", NOON - HOUR, NOON), Assignment("192.0.2.1", "afternoon", NOON), skew=60
    )
    assert holder(known, "192.0.2.1", NOON - 2 * MINUTE) == "morning"
    assert holder(known, "192.0.2.1", NOON + 2 * MINUTE) == "afternoon"
    [answer] = known.lookup_many([Query("192.0.2.1", NOON + timedelta(seconds=30))])
    assert answer.outcome == "ambiguous"
    assert {candidate.customer_id for candidate in answer.candidates} == {"morning", "afternoon"}
    assert answer.reason == "the holder changed within 60 s of that time"


def test_a_customer_who_renews_is_not_ambiguous():
    known = directory(
        Assignment("192.0.2.1", "same", NOON - HOUR, NOON), Assignment("192.0.2.1", "same", NOON), skew=60
    )
    assert holder(known, "192.0.2.1", NOON) == "same"


def test_just_after_the_last_lease():
    known = directory(Assignment("192.0.2.1", "gone", NOON - HOUR, NOON), skew=60)
    [answer] = known.lookup_many([Query("192.0.2.1", NOON + timedelta(seconds=20))])
    assert (answer.outcome, answer.reason) == ("one", "only holder within 60 s of that time")
    assert holder(known, "192.0.2.1", NOON + 2 * MINUTE) == "none"


def test_an_event_newer_than_the_leases_says_so():
    now = datetime.now(timezone.utc)
    known = directory(Assignment("192.0.2.1", "a", now - HOUR, now + HOUR), Assignment("192.0.2.2", "b"))
    before, after, static = known.lookup_many(
        [Query("192.0.2.1", now - MINUTE), Query("192.0.2.1", now + MINUTE), Query("192.0.2.2", now + MINUTE)]
    )
    assert before.reason == "holder at that time"
    assert after.reason.startswith("holder at that time; the source was read before it")
    assert static.reason == "longest prefix is a /32"


def test_two_customers_for_one_prefix_are_never_a_guess():
    known = directory(
        Assignment("192.0.2.0/24", "a", source="x.csv", line=2), Assignment("192.0.2.0/24", "b", source="x.csv", line=9)
    )
    [answer] = known.lookup_many([Query("192.0.2.1", NOON)])
    assert answer.outcome == "ambiguous"
    assert sorted(candidate.place for candidate in answer.candidates) == ["x.csv:2", "x.csv:9"]
    [problem] = known.problems()
    assert problem.startswith("192.0.2.0/24 has two customers at once: a (x.csv:2) and b (x.csv:9)")


def test_shared_addresses_need_the_port():
    known = directory(
        Assignment("192.0.2.1", "a", ports=PortRange(1024, 2047)),
        Assignment("192.0.2.1", "b", ports=PortRange(2048, 4095)),
    )
    assert holder(known, "192.0.2.1", port=1024) == "a"
    assert holder(known, "192.0.2.1", port=2047) == "a"
    assert holder(known, "192.0.2.1", port=2048) == "b"
    assert holder(known, "192.0.2.1", port=80) == "none"
    [answer] = known.lookup_many([Query("192.0.2.1", NOON)])
    assert answer.outcome == "ambiguous"
    assert "names no port" in answer.reason
    assert known.problems() == []


def test_one_endless_lease_among_many():
    leases = [
        Assignment("192.0.2.1", f"c{hour}", NOON + hour * HOUR, NOON + (hour + 1) * HOUR, PortRange(0, 1023))
        for hour in range(500)
    ]
    known = directory(Assignment("192.0.2.1", "endless", NOON, None, PortRange(1024, 65535)), *leases)
    assert holder(known, "192.0.2.1", NOON + 400.5 * HOUR, port=5) == "c400"
    assert holder(known, "192.0.2.1", NOON + 400.5 * HOUR, port=5000) == "endless"
    assert holder(known, "192.0.2.1", NOON + 501 * HOUR, port=5) == "none"


def test_leases_out_of_order_and_overlapping():
    known = directory(
        Assignment("192.0.2.1", "late", NOON + 5 * HOUR, NOON + 6 * HOUR),
        Assignment("192.0.2.1", "early", NOON, NOON + 2 * HOUR),
        Assignment("192.0.2.1", "other", NOON + HOUR, NOON + 3 * HOUR),
    )
    assert holder(known, "192.0.2.1", NOON) == "early"
    assert holder(known, "192.0.2.1", NOON + 1.5 * HOUR) == "ambiguous"
    assert holder(known, "192.0.2.1", NOON + 2.5 * HOUR) == "other"
    assert holder(known, "192.0.2.1", NOON + 5 * HOUR) == "late"
    assert "two customers at once" in known.problems()[0]


def test_the_first_source_that_knows_a_holder_answers():
    known = directory(
        Assignment("192.0.2.1", "lease", NOON, NOON + HOUR),
        then=[Assignment("192.0.2.0/24", "static"), Assignment("192.0.2.1", "printer")],
    )
    assert holder(known, "192.0.2.1", NOON) == "lease"
    assert holder(known, "192.0.2.1", NOON - HOUR) == "printer"
    assert holder(known, "192.0.2.2", NOON) == "static"


def test_sources_add_to_each_other():
    known = directory(
        Customer("7", "Example", contacts=(Contact("abuse@example.net"),)),
        then=[Customer("7", "Old name", "de", (Contact("old@example.net"), Contact("noc@example.net", "technical")))],
    )
    customer = known.customer("7")
    assert (customer.name, customer.language) == ("Example", "de")
    assert [contact.email for contact in customer.contacts] == ["abuse@example.net", "noc@example.net"]


def test_leases_name_customers_by_login_or_mac():
    known = directory(
        Assignment("192.0.2.1", "00-1A-2B-3C-4D-5E", NOON, NOON + HOUR),
        Assignment("192.0.2.2", "jo@dsl.example", NOON, NOON + HOUR),
        Customer("7", "Jo", aliases=("001a.2b3c.4d5e", "Jo@DSL.example")),
    )
    assert holder(known, "192.0.2.1") == "7"
    assert holder(known, "192.0.2.2") == "7"


def test_a_customer_that_no_source_describes_has_its_id():
    assert holder(directory(Assignment("192.0.2.1", "unknown-9")), "192.0.2.1") == "unknown-9"
    assert directory(Assignment("192.0.2.1", "unknown-9")).customer("unknown-9") is None


def test_host_names():
    known = directory(
        HostName("example.com", "a"),
        HostName("shop.example.com", "b"),
        HostName("*.example.net", "c"),
        HostName("https://Bücher.example/path", "d"),
        Assignment("192.0.2.1", "server"),
    )
    assert holder(known, None, host="example.com") == "a"
    assert holder(known, None, host="WWW.Example.com.") == "a"
    assert holder(known, None, host="a.shop.example.com") == "b"
    assert holder(known, None, host="notexample.com") == "none"
    assert holder(known, None, host="example.net") == "none"
    assert holder(known, None, host="x.y.example.net") == "c"
    assert holder(known, None, host="xn--bcher-kva.example") == "d"
    assert holder(known, "192.0.2.1", host="unknown.example.org") == "server"
    assert holder(known, "192.0.2.1", host="shop.example.com") == "b"


def test_nobody_owns_a_public_suffix():
    known = directory(HostName("co.uk", "greedy", "names.csv", 4), HostName("com", "greedy"))
    assert holder(known, None, host="www.example.co.uk") == "none"
    assert known.problems()[0].startswith("names.csv:4: co.uk is a public suffix")


@pytest.mark.parametrize("host", ["." * 100_000, "a." * 50_000, "-", "a..b", "ä" * 70_000, "*.", "http://"])
def test_evil_host_names(host):
    assert holder(directory(HostName("example.com", "a")), None, host=host) == "none"


def test_times_must_be_aware():
    with pytest.raises(ValueError, match="time zone"):
        Query("192.0.2.1", datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        Assignment("192.0.2.1", "a", datetime(2026, 1, 1))  # noqa: DTZ001


networks = st.builds(
    lambda number, length: ip_network((number >> (32 - length) << (32 - length), length)),
    st.integers(0xC0000200, 0xC00003FF),
    st.integers(22, 32),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(networks, st.integers(0, 3), st.integers(0, 20), st.integers(0, 20)), max_size=25),
    st.integers(0xC00001F0, 0xC0000410),
    st.integers(0, 24),
    st.integers(0, 2),
)
def test_the_index_agrees_with_looking_at_every_row(rows, number, hour, skew):
    """The index against a linear search, for any set of nested, repeated and overlapping assignments."""
    items = [
        Assignment(str(network), str(customer), NOON + start * HOUR, NOON + (start + length) * HOUR)
        for network, customer, start, length in rows
    ]
    address, at = ip_address(number), NOON + hour * HOUR
    fitting = [
        (ip_network(item.prefix).prefixlen, item.customer_id)
        for item in items
        if address in ip_network(item.prefix)
        and item.valid_from <= at + skew * HOUR
        and item.valid_until > at - skew * HOUR
    ]
    longest = max((length for length, _ in fitting), default=0)
    customers = {customer for length, customer in fitting if length == longest}
    expected = "none" if not customers else customers.pop() if len(customers) == 1 else "ambiguous"
    assert holder(directory(*items, skew=skew * 3600), str(address), at) == expected


@pytest.mark.parametrize(
    ("bits", "lengths"), [(32, (8, 17, 24, 29, 32)), (128, (20, 48, 56)), (128, (40, 64, 96, 127, 128))]
)
def test_a_large_index_agrees_with_a_table_for_each_length(bits, lengths):
    """Large enough for the short cuts that a small index does not take; nested, adjacent and at both ends."""
    dice = random.Random(bits + lengths[0])
    make = IPv6Address if bits == 128 else IPv4Address
    tables = {length: {} for length in lengths}
    items = []
    for number in range(6000):
        length = dice.choice(lengths)
        near = (
            dice.choice(items)[0]
            if items and dice.random() < 0.6
            else dice.choice((0, (1 << bits) - 1, dice.getrandbits(bits)))
        )
        network = (near ^ dice.getrandbits(12) << max(0, bits - length - 6)) >> (bits - length) << (bits - length)
        if network >> (bits - length) not in tables[length]:
            tables[length][network >> (bits - length)] = str(number)
            items.append((network, length, str(number)))
    known = directory(*(Assignment(f"{make(network)}/{length}", who) for network, length, who in items))
    for network, length, _ in dice.choices(items, k=4000):
        address = network + dice.choice(
            (0, -1, 1, dice.getrandbits(bits - length), (1 << (bits - length)) - 1, 1 << (bits - length))
        )
        address = min(max(address, 0), (1 << bits) - 1)
        expected = next(
            (tables[length][address >> (bits - length)] for length in sorted(lengths, reverse=True)
             if address >> (bits - length) in tables[length]),
            "none",
        )  # fmt: skip
        text = str(make(address))
        if bits == 32 or IPv6Address(address).ipv4_mapped is None:
            assert holder(known, text) == expected, text


def test_problems_are_bounded():
    problems = Problems(3)
    for number in range(10):
        problems(f"row {number}")
    assert problems.texts() == ["row 0", "row 1", "row 2", "... and 7 more"]


def test_the_stub_works_as_it_is():
    from abusehandler.crm_connector import open_directory

    known = open_directory({"connector": "abusehandler.crm_connector.stub:StubConnector"}, base=Path.cwd())
    assert holder(known, "192.0.2.7") == "1001"
    assert holder(known, "203.0.113.8", port=1500) == "1003"
