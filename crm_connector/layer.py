# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""All that one source told, made ready to answer: a prefix index, a name index, and its customers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, cast

from abusehandler.crm_connector.addresses import parse_prefix, prefix_text
from abusehandler.crm_connector.assignment import Assignment, HostName, PortRange
from abusehandler.crm_connector.customer import Customer, merge_customers
from abusehandler.crm_connector.name_index import NameIndex
from abusehandler.crm_connector.plain_rows import PlainRows
from abusehandler.crm_connector.prefix_index import FOREVER, PrefixIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abusehandler.crm_connector.addresses import Prefix
    from abusehandler.crm_connector.plain_rows import Block

#: Sources have numbers of 16 bits.
_MOST_SOURCES = 60_000
#: So many texts of leased addresses are kept while reading.
_MOST_LEASED = 1_000_000

#: So many messages about one source are kept; a file that is wrong on every line needs no million of them.
MOST_PROBLEMS = 500

_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]?){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.ASCII)


class Problems:
    """Collects messages, up to a bound. Call it with one message."""

    def __init__(self, most: int = MOST_PROBLEMS) -> None:
        self._most = most
        self._texts: list[str] = []
        self.count = 0

    def __call__(self, text: str) -> None:
        self.count += 1
        if len(self._texts) < self._most:
            # What stands in a file must not reach a terminal or a log as control sequences.
            self._texts.append("".join(sign if sign.isprintable() else " " for sign in text[:500]))

    def texts(self) -> list[str]:
        """The messages, with a last line about those that were not kept."""
        more = self.count - len(self._texts)
        return [*self._texts, f"... and {more} more"] if more else list(self._texts)


def alias_key(text: str) -> str:
    """A login, circuit id or MAC address in the form it is compared in; the many spellings of a MAC are one."""
    key = text.strip().lower()
    return re.sub(r"[:.-]", "", key) if len(key) <= 17 and _MAC.fullmatch(key) else key


def unix_seconds(moment: datetime | None, default: int) -> int:
    """Whole seconds since 1970, cut to what the index holds."""
    if moment is None:
        return default
    seconds = int(moment.timestamp())
    return seconds if 0 <= seconds <= FOREVER else 0 if seconds < 0 else FOREVER


def moment_of(seconds: int | None) -> datetime | None:
    """The aware time of Unix seconds."""
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


@dataclass(slots=True)
class Layer:
    """One source, read. Rows name customers by their number in `customer_ids` and places by `sources`."""

    index: PrefixIndex = field(default_factory=PrefixIndex)
    names: NameIndex = field(default_factory=NameIndex)
    customers: dict[str, Customer] = field(default_factory=dict)
    customer_ids: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    read_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    def assignment(self, row: int, prefix: tuple[int, int, int]) -> Assignment:
        """A row as the value that it was."""
        index = self.index
        ports = index.ports(row)
        source, line = index.place(row)
        return Assignment(
            prefix_text(prefix),
            self.customer_ids[index.customer[row]],
            moment_of(index.start(row)),
            moment_of(index.end(row)),
            PortRange(*ports) if ports else None,
            self.sources[source],
            line,
        )

    def place(self, row: int) -> str:
        """Where the row stands, for people: `customers.csv:17`."""
        source, line = self.index.place(row)
        return f"{self.sources[source]}:{line}" if line else self.sources[source]

    def places(self, rows: Sequence[int]) -> Iterable[str]:
        """`place` of many rows."""
        if len(self.sources) != 1:
            return map(self.place, rows)
        source = self.sources[0]
        return [f"{source}:{line}" if line else source for line in self.index.lines(rows)]

    def assignments(self) -> Iterator[Assignment]:
        """All rows, in order of address."""
        for prefix, rows in self.index.prefixes():
            for row in rows:
                yield self.assignment(row, prefix)

    def host_names(self) -> Iterator[HostName]:
        """All names."""
        for name, rows in self.names.names():
            for customer, source, line in rows:
                yield HostName(name, self.customer_ids[customer], self.sources[source], line)


def build_layer(items: Iterable[Block], problems: Problems, source: str = "") -> Layer:
    """Read all items into a layer. `source` is the name for items that bring none.

    What is wrong with an item goes to `problems` and the item is left out; errors of the source itself are raised.
    """
    layer = Layer()
    index, names, customers = layer.index, layer.names, layer.customers
    add = index.add
    numbers: dict[str, int] = {}
    places: dict[str, int] = {}
    # Leases name the same addresses again and again.
    leased: dict[str, int] = {}
    for item in items:
        if not isinstance(item, (Assignment, HostName)):
            if isinstance(item, PlainRows):
                _add_plain(index, item, numbers, _source_number(item.source, places, source))
            elif isinstance(item, Customer):
                known = customers.get(item.id)
                customers[item.id] = item if known is None else merge_customers(known, item)
            else:
                kind = type(item).__name__
                problems(f"{source}: a connector may give Customer, Assignment and HostName, this is {kind}")
            continue
        customer_id = item.customer_id
        if not isinstance(customer_id, str) or not customer_id:
            problems(f"{item.place or source}: customer {customer_id!r} is not a text; left out")
            continue
        number = numbers.get(customer_id)
        if number is None:
            number = numbers[customer_id] = len(numbers)
        place = places.get(item.source)
        if place is None:
            place = _source_number(item.source, places, source)
        if isinstance(item, HostName):
            try:
                names.add(item.name, number, place, item.line)
            except (ValueError, TypeError, AttributeError) as error:
                problems(f"{item.place or source}: {error}; left out")
            continue
        start, end, ports, line = item.valid_from, item.valid_until, item.ports, item.line
        if not 0 <= line <= FOREVER:
            line = 0
        if start is None and end is None and ports is None:
            parsed = _prefix_of(item, problems, source)
            if parsed is not None:
                index.add_unlimited(parsed, number, place, line)
            continue
        prefix = leased.get(item.prefix)
        if prefix is None:
            parsed = _prefix_of(item, problems, source)
            if parsed is None:
                continue
            prefix = index.prefix_number(parsed)
            if len(leased) < _MOST_LEASED:
                leased[item.prefix] = prefix
        add(
            prefix,
            number,
            place,
            line,
            0 if start is None else unix_seconds(start, 0),
            FOREVER if end is None else unix_seconds(end, FOREVER),
            None if ports is None else (ports.first, ports.last),
        )
    leased.clear()
    layer.customer_ids = list(numbers)
    layer.sources = [place or source for place in places]
    index.freeze()
    _tell_contested(layer, problems)
    return layer


def _source_number(name: str, places: dict[str, int], source: str) -> int:
    place = places.get(name)
    if place is None:
        if len(places) >= _MOST_SOURCES:
            raise ValueError(
                f"{source}: more than {_MOST_SOURCES} different sources; put what differs from row to row into line"
            )
        place = places[name] = len(places)
    return place


def _add_plain(index: PrefixIndex, rows: PlainRows, numbers: dict[str, int], place: int) -> None:
    customers = list(map(numbers.get, rows.customer_ids))
    if None in customers:
        for customer_id in rows.customer_ids:
            if customer_id not in numbers:
                numbers[customer_id] = len(numbers)
        customers = list(map(numbers.get, rows.customer_ids))
    index.add_plain(rows.heads, cast("list[int]", customers), place, rows.lines)


def _prefix_of(item: Assignment, problems: Problems, source: str) -> Prefix | None:
    """The prefix of an item; None, and a problem, if it is none that a customer can have."""
    try:
        bits, network, length, corrected = parse_prefix(item.prefix)
    except (ValueError, TypeError, AttributeError) as error:  # a connector of the ISP's own may give any type
        problems(f"{item.place or source}: {error}; left out")
        return None
    if corrected:
        problems(f"{item.place or source}: host bits were set in {item.prefix}; taken as "
                 f"{prefix_text((bits, network, length))}")  # fmt: skip
    if not length:
        problems(f"{item.place or source}: {item.prefix} is the whole Internet; left out")
        return None
    return bits, network, length


def _tell_contested(layer: Layer, problems: Problems) -> None:
    index = layer.index

    def named(row: int) -> str:
        source, line = index.place(row)
        return f"{layer.customer_ids[index.customer[row]]} ({layer.sources[source]}:{line})"

    for prefix, one, other in index.contested():
        problems(f"{prefix} has two customers at once: {named(one)} and {named(other)}; answers will be ambiguous")
    for name, rows in layer.names.contested():
        said = (f"{layer.customer_ids[customer]} ({layer.sources[source]}:{line})" for customer, source, line in rows)
        problems(f"{name} belongs to several customers: {' and '.join(said)}; answers will be ambiguous")
