# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The index against looking at every row: random prefixes, times, ports, skew, one source or two, batches of any size."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abusehandler.crm_connector import Answer, Assignment, HostName, PortRange, Query
from abusehandler.crm_connector.addresses import parse_address, parse_addresses
from abusehandler.crm_connector.layer import Problems, build_layer
from abusehandler.crm_connector.snapshot import Snapshot

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
#: All layers were read long after all times of the tests.
READ_AT = BEGIN + timedelta(days=300)


def second(number: int) -> datetime:
    return BEGIN + timedelta(seconds=number)


def snapshot(*sources: list[Assignment], skew: int = 0) -> Snapshot:
    layers = [build_layer(items, Problems()) for items in sources]
    for layer in layers:
        layer.read_at = READ_AT
    return Snapshot(layers, skew=skew)


def fits(item: Assignment, query: Query, skew: int) -> bool:
    around = timedelta(seconds=skew)
    return (
        ip_address(query.address or "") in ip_network(item.prefix)
        and (item.valid_from is None or item.valid_from <= query.at + around)
        and (item.valid_until is None or item.valid_until > query.at - around)
        and (query.port is None or item.ports is None or query.port in item.ports)
    )


def by_hand(sources: list[list[Assignment]], query: Query, skew: int) -> tuple[str, set[tuple[str, str]]]:
    """Outcome and who speaks for it: (customer, place) of the one, or of all candidates."""
    for items in sources:
        fitting = [item for item in items if fits(item, query, skew)]
        if not fitting:
            continue
        longest = max(ip_network(item.prefix).prefixlen for item in fitting)
        fitting = [item for item in fitting if ip_network(item.prefix).prefixlen == longest]
        whose = {(item.customer_id, item.place) for item in fitting}
        unnamed_port = query.port is None and any(item.ports for item in fitting)
        return ("one" if len({who for who, _ in whose}) == 1 and not unnamed_port else "ambiguous"), whose
    return "none", set()


def agrees(answer: Answer, outcome: str, whose: set[tuple[str, str]]) -> bool:
    if answer.outcome != outcome:
        return False
    if outcome == "one":
        assert answer.customer is not None
        return (answer.customer.id, answer.source) in whose
    return {(item.customer_id, item.place) for item in answer.candidates} == whose


def prefixes(version: int) -> st.SearchStrategy[str]:
    bits, begin = (32, 0xC0000200) if version == 4 else (128, 0x20010DB8 << 96)
    lengths = (22, 24, 28, 30, 31, 32) if version == 4 else (48, 64, 65, 127, 128)
    return st.builds(
        lambda low, length: str(ip_network(((begin + low) >> (bits - length) << (bits - length), length))),
        st.integers(0, 700),
        st.sampled_from(lengths),
    )


def assignments(source: str) -> st.SearchStrategy[list[Assignment]]:
    times = st.none() | st.integers(0, 40)
    blocks = st.sampled_from(
        [None, None, PortRange(0, 1023), PortRange(1024, 2047), PortRange(2048, 3071), PortRange(1500, 2500)]
    )
    row = st.tuples(prefixes(4) | prefixes(6), st.integers(0, 3), times, times, blocks)

    def made(rows: list[tuple[str, int, int | None, int | None, PortRange | None]]) -> list[Assignment]:
        return [
            Assignment(
                prefix, f"C{customer}",
                None if start is None else second(start),
                None if lasts is None else second((start or 0) + lasts),
                ports, source, line,
            )
            for line, (prefix, customer, start, lasts, ports) in enumerate(rows, 1)
        ]  # fmt: skip

    return st.lists(row, max_size=30).map(made)


queries = st.builds(
    lambda version, low, at, port: Query(
        str(ip_address((0xC0000200 if version == 4 else 0x20010DB8 << 96) + low)), second(at), port
    ),
    st.sampled_from((4, 6)),
    st.integers(0, 720),
    st.integers(-5, 90),
    st.sampled_from((None, None, 5, 1024, 1600, 2047, 2048, 9999)),
)


@settings(max_examples=200, deadline=None)
@given(
    assignments("a.csv"), assignments("b.csv"), st.lists(queries, min_size=1, max_size=30), st.sampled_from((0, 1, 7))
)
def test_answers_are_those_of_looking_at_every_row(
    first: list[Assignment], then: list[Assignment], asked: list[Query], skew: int
) -> None:
    for sources in ([first], [first, then]):
        known = snapshot(*sources, skew=skew)
        answers = known.lookup_many(asked)
        for query, answer in zip(asked, answers, strict=True):
            assert agrees(answer, *by_hand(sources, query, skew)), (query, answer)
        assert answers == [known.lookup_many([query])[0] for query in asked]


def test_many_leases_of_few_addresses_in_any_order() -> None:
    """Large enough for the orders and short cuts that a small index does not need: endless leases, late ones, overlaps."""
    dice = random.Random(3)
    items = []
    for line in range(1, 6001):
        start = dice.randrange(100_000)
        lasts = dice.choice((10, 500, 500, 500, 90_000, None))
        items.append(
            Assignment(
                f"192.0.2.{dice.randrange(8)}", f"C{dice.randrange(50)}", second(start),
                None if lasts is None and dice.random() < 0.9 else second(start + (lasts or 5)), None, "leases", line,
            )
        )  # fmt: skip
    known = snapshot(items, skew=3)
    asked = [Query(f"192.0.2.{dice.randrange(9)}", second(dice.randrange(-10, 200_000))) for _ in range(150)]
    for query, answer in zip(asked, known.lookup_many(asked), strict=True):
        outcome, whose = by_hand([items], query, 3)
        assert answer.outcome == outcome
        assert len(answer.candidates) == (min(len(whose), 100) if outcome == "ambiguous" else 0)


def test_until_when_an_answer_holds() -> None:
    known = snapshot([Assignment("192.0.2.1", "a", second(10), second(20), None, "leases", 3)])
    assert known.lookup_many([Query("192.0.2.1", second(10))]) == [
        Answer("one", known.lookup_many([Query("192.0.2.1", second(10))])[0].customer, (), "leases:3", "holder at that time", second(20))
    ]  # fmt: skip
    assert known.lookup_many([Query("192.0.2.1", second(20))])[0].outcome == "none"


def test_times_beyond_the_calendar_of_the_index() -> None:
    known = snapshot([Assignment("192.0.2.0/24", "a"), Assignment("192.0.2.1", "b", None, second(5))])
    for year in (1950, 2150):
        at = datetime(year, 1, 1, tzinfo=timezone.utc)
        [house, host] = known.lookup_many([Query("192.0.2.9", at), Query("192.0.2.1", at)])
        assert house.customer is not None
        assert house.customer.id == "a"
        assert host.customer is not None
        assert host.customer.id == ("b" if year == 1950 else "a")


@pytest.mark.parametrize(
    "strange", [None, "", "no address", "192.0.2", "::ffff:192.0.2.7", "fe80::1%eth0", "é", "1" * 99]
)
def test_one_strange_address_does_not_change_the_answers_to_the_others(strange: str | None) -> None:
    known = snapshot([Assignment("192.0.2.0/24", "a"), Assignment("2001:db8::/48", "b")])
    plain = [Query("192.0.2.1", BEGIN), Query("2001:db8::1", BEGIN), Query("198.51.100.1", BEGIN)]
    answers = known.lookup_many([*plain, Query(strange, BEGIN), *plain])
    assert answers[:3] == answers[4:] == known.lookup_many(plain)
    assert answers[3].outcome == ("one" if strange == "::ffff:192.0.2.7" else "none")


@given(st.lists(st.none() | st.text(max_size=20) | st.ip_addresses().map(str), max_size=20))
def test_many_addresses_are_read_like_each_alone(texts: list[str | None]) -> None:
    families, bad = parse_addresses(texts)
    found = {
        position: (bits, number)
        for bits, positions, numbers in families
        for position, number in zip(positions, numbers, strict=True)
    }
    assert sorted([*found, *bad]) == list(range(len(texts)))
    for position, text in enumerate(texts):
        if position in found:
            assert parse_address(text or "") == found[position]
        else:
            with pytest.raises(ValueError):
                parse_address(text or "")


def test_names_come_before_addresses() -> None:
    layer = build_layer([HostName("example.com", "name"), Assignment("192.0.2.1", "address")], Problems())
    known = Snapshot([layer])
    answers = known.lookup_many(
        [Query("192.0.2.1", BEGIN, host="www.example.com"), Query("192.0.2.1", BEGIN), Query(None, BEGIN, host="example.com")]
    )  # fmt: skip
    assert [answer.customer.id if answer.customer else "" for answer in answers] == ["name", "address", "name"]


def test_values_stay_frozen_although_they_are_made_quickly() -> None:
    with pytest.raises(AttributeError):
        Answer("none").outcome = "one"  # type: ignore[misc]
    for value in (Query("192.0.2.1", BEGIN), Assignment("192.0.2.0/24", "a", source="s", line=2)):
        with pytest.raises(AttributeError):
            setattr(value, fields(value)[0].name, "other")
        assert replace(value) == value
        assert hash(replace(value)) == hash(value)
