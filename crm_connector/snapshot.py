# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What all sources told at one moment, in their order; it never changes, so a batch sees one state of the world."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import repeat
from typing import TYPE_CHECKING

from abusehandler.crm_connector.addresses import parse_address, parse_addresses
from abusehandler.crm_connector.assignment import HostName
from abusehandler.crm_connector.customer import Customer, merge_customers
from abusehandler.crm_connector.layer import Layer, alias_key, moment_of
from abusehandler.crm_connector.prefix_index import FOREVER
from abusehandler.crm_connector.question import Answer, Query, answers_of
from abusehandler.crm_connector.segments import NO_SLOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from abusehandler.crm_connector.assignment import Assignment
    from abusehandler.crm_connector.prefix_index import Hit

_MOST_CANDIDATES = 100
_HOLDER = "holder at that time"
_NO_NETWORK = Answer("none", reason="no prefix of a customer holds this address")
_NO_QUESTION = Answer("none", reason="the event names neither an address nor a host of ours")
_REASONS = [f"longest prefix is a /{length}" for length in range(129)]


class Snapshot:
    """Layers in order; the first that knows a holder answers."""

    def __init__(self, layers: Sequence[Layer], overwriting: Sequence[bool] = (), skew: int = 0) -> None:
        self.layers = tuple(layers)
        self._skew = skew
        self._customers = _merge(self.layers, overwriting)
        self._aliases = {
            alias_key(alias): customer.id for customer in self._customers.values() for alias in customer.aliases
        }
        # For each layer, the customer behind each number that its rows use.
        self._holders = [[self._resolve(key) for key in layer.customer_ids] for layer in self.layers]
        self._read_at = [layer.read_at.timestamp() for layer in self.layers]
        self._with_names = any(len(layer.names) for layer in self.layers)

    def _resolve(self, key: str) -> Customer:
        known = self.customer(key)
        return Customer(key or "?") if known is None else known

    def customer(self, key: str) -> Customer | None:
        """The customer with this id or alias."""
        known = self._customers.get(key)
        if self._aliases and (known is None or not (known.name or known.contacts)):
            # A lease source names customers by login; that its table makes a customer of each must not hide whose
            # login it is.
            known = self._customers.get(self._aliases.get(alias_key(key), "")) or known
        return known

    def customers(self) -> dict[str, Customer]:
        """All customers by id, merged over the layers."""
        return self._customers

    def lookup_many(self, queries: Sequence[Query]) -> list[Answer]:
        """One answer for each query, in order. Much faster for a thousand at once than for each alone."""
        return self.lookup_addresses([query.address for query in queries], queries.__getitem__)

    def lookup_addresses(self, addresses: Sequence[str | None], query: Callable[[int], Query]) -> list[Answer]:
        """One answer for each address; `query` makes the whole question, and is asked only where time, port or name count."""
        answers: list[Answer | None] = [None] * len(addresses)
        families, bad = parse_addresses(addresses)
        for bits, positions, numbers in families:
            for at, layer in enumerate(self.layers):
                slots = layer.index.find_slots(bits, numbers)
                if NO_SLOT in slots:
                    held = [position for position, slot in zip(positions, slots, strict=True) if slot != NO_SLOT]
                    slots = [slot for slot in slots if slot != NO_SLOT]
                else:
                    held = list(positions)
                if layer.index.plain_only:
                    found: Iterable[Answer | None] = self._plain_answers(at, bits, slots)
                else:
                    found = self._answers(at, bits, slots, list(map(query, held)))
                for position, answer in zip(held, found, strict=True):
                    answers[position] = answer
                if at + 1 == len(self.layers):
                    break
                left = [place for place, position in enumerate(positions) if answers[position] is None]
                if not left:
                    break
                positions = [positions[place] for place in left]
                numbers = [numbers[place] for place in left]
        for position in bad:
            answers[position] = _no_address(addresses[position])
        if self._with_names:
            for position in range(len(addresses)):
                host = query(position).host
                if host:
                    answers[position] = self._by_name(host) or answers[position]
        return [answer or _NO_NETWORK for answer in answers]

    def _plain_answers(self, at: int, bits: int, rows: Sequence[int]) -> Iterator[Answer]:
        """The answers where every prefix has one row without limits."""
        # Answers are not kept for the next time: making one costs less than finding it among many, and what is
        # kept makes Python's garbage collection dear (measured: 2.4 µs more for each).
        layer = self.layers[at]
        index = layer.index
        customers = map(self._holders[at].__getitem__, map(index.customer.__getitem__, rows))
        reasons = map(_REASONS.__getitem__, index.lengths(bits, rows))
        return answers_of(zip(repeat("one"), customers, repeat(()), layer.places(rows), reasons, repeat(None)))

    def _answers(self, at: int, bits: int, slots: Sequence[int], queries: Sequence[Query]) -> list[Answer | None]:
        """What the layer says about the prefixes of these slots and those around them; None if nobody had it then."""
        layer = self.layers[at]
        index, read_at, holders = layer.index, self._read_at[at], self._holders[at]
        fromtimestamp, utc = datetime.fromtimestamp, timezone.utc
        times = [int(query.at.timestamp()) for query in queries]
        if max(times, default=0) >= FOREVER or min(times, default=0) < 0:
            times = [min(max(second, 0), FOREVER - 1) for second in times]
        rows = index.certain_rows(slots, times, self._skew)
        starts, ends = index.limits(rows)
        # As if all were certain; those that are not are judged one by one afterwards.
        untils = [None if end == FOREVER else fromtimestamp(end, utc) for end in ends]
        reasons = [
            _HOLDER if start or end != FOREVER or not index.alone(slot) else _REASONS[index.length(bits, slot)]
            for slot, start, end in zip(slots, starts, ends, strict=True)
        ]
        customers = map(holders.__getitem__, map(index.customer.__getitem__, rows))
        answers: list[Answer | None] = list(
            answers_of(zip(repeat("one"), customers, repeat(()), layer.places(rows), reasons, untils))
        )
        for place, (row, second) in enumerate(zip(rows, times, strict=True)):
            if row < 0 or (second > read_at and (starts[place] or ends[place] != FOREVER)):
                query = queries[place]
                hits = index.find(bits, slots[place], second, self._skew, query.port)
                answers[place] = self._judge(at, bits, hits, query) if hits else None
        return answers

    def _judge(self, at: int, bits: int, hits: list[Hit], query: Query) -> Answer:
        layer, holders = self.layers[at], self._holders[at]
        index = layer.index
        found = {holders[index.customer[row]].id for row, _, _ in hits}
        unnamed_port = query.port is None and any(index.ports(row) for row, _, _ in hits)
        if len(found) == 1 and not unnamed_port:
            row, _, exact = next((hit for hit in hits if hit[2]), hits[0])
            reason = _HOLDER if exact else f"only holder within {self._skew} s of that time"
            end = moment_of(index.end(row))
            if index.is_lease(row) and query.at > layer.read_at:
                reason += f"; the source was read before it, {layer.read_at:%Y-%m-%d %H:%M:%S} UTC"
            return Answer("one", holders[index.customer[row]], (), layer.place(row), reason, end)
        candidates = tuple(layer.assignment(row, index.prefix(bits, slot)) for row, slot, _ in hits[:_MOST_CANDIDATES])
        exact_ones = {holders[index.customer[row]].id for row, _, exact in hits if exact}
        if unnamed_port:
            # Even a single known block: who had the other ports is not known.
            reason = f"the address is shared by ports, {len(found)} known holders, and the report names no port"
        elif len(exact_ones) <= 1:
            reason = f"the holder changed within {self._skew} s of that time"
        else:
            reason = f"{len(found)} customers have {candidates[0].prefix} at that time"
        return Answer("ambiguous", None, candidates, candidates[0].source, reason)

    def _by_name(self, host: str) -> Answer | None:
        for at, layer in enumerate(self.layers):
            name, rows = layer.names.find(host)
            if not rows:
                continue
            holders = self._holders[at]
            candidates = tuple(_host_name(layer, name, customer, source, line) for customer, source, line in rows)
            if len({holders[customer].id for customer, _, _ in rows}) == 1:
                return Answer("one", holders[rows[0][0]], (), candidates[0].place, f"registered name {name}")
            return Answer(
                "ambiguous", None, candidates, candidates[0].place, f"{name} belongs to {len(rows)} customers"
            )
        return None

    def explain(self, query: Query) -> list[Assignment | HostName]:
        """Everything in all layers that speaks for a holder, best first; for people who ask why."""
        found: list[Assignment | HostName] = []
        for layer in self.layers:
            if query.host:
                name, rows = layer.names.find(query.host)
                found += [_host_name(layer, name, *row) for row in rows]
        try:
            bits, number = parse_address(query.address or "")
        except ValueError:
            return found
        seconds = int(query.at.timestamp())
        for layer in self.layers:
            slot = layer.index.find_slot(bits, number)
            hits = layer.index.find(bits, slot, seconds, self._skew, query.port)
            found += [layer.assignment(row, layer.index.prefix(bits, slot)) for row, slot, _ in hits]
        return found


def _no_address(text: str | None) -> Answer:
    if not text:
        return _NO_QUESTION
    try:
        parse_address(text)
    except ValueError as error:
        return Answer("none", reason=str(error))
    return _NO_NETWORK


def _host_name(layer: Layer, name: str, customer: int, source: int, line: int) -> HostName:
    return HostName(name, layer.customer_ids[customer], layer.sources[source], line)


def _merge(layers: Sequence[Layer], overwriting: Sequence[bool]) -> dict[str, Customer]:
    merged: dict[str, Customer] = {}
    for at, layer in enumerate(layers):
        if not merged:
            merged = dict(layer.customers) if len(layers) > 1 else layer.customers
            continue
        over = at < len(overwriting) and overwriting[at]
        for key, customer in layer.customers.items():
            known = merged.get(key)
            if known is None:
                merged[key] = customer
            else:
                merged[key] = merge_customers(customer, known) if over else merge_customers(known, customer)
    return merged
