# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What all sources told at one moment, in their order; it never changes, so a batch sees one state of the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.crm_connector.addresses import parse_address
from abusehandler.crm_connector.assignment import HostName
from abusehandler.crm_connector.customer import Customer, merge_customers
from abusehandler.crm_connector.layer import Layer, alias_key, moment_of
from abusehandler.crm_connector.question import Answer, Query
from abusehandler.crm_connector.segments import NO_SLOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.crm_connector.assignment import Assignment
    from abusehandler.crm_connector.prefix_index import Hit

#: The answer from a row is the same for every event that falls on it; so many are kept ready.
_KEPT_ANSWERS = 50_000
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
        self._kept: dict[tuple[int, int], Answer] = {}

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
        """One answer for each query, in order."""
        answers: list[Answer] = []
        keep = answers.append
        kept = self._kept
        only = self.layers[0].index.plain if len(self.layers) == 1 else None
        with_names = self._with_names
        for query in queries:
            if with_names and query.host:
                answer = self._by_name(query.host)
                if answer is not None:
                    keep(answer)
                    continue
            if not query.address:
                keep(_NO_QUESTION)
                continue
            try:
                bits, number = parse_address(query.address)
            except ValueError as error:
                keep(Answer("none", reason=str(error)))
                continue
            if only is None:
                keep(self._by_address(bits, number, query))
                continue
            row, slot = only(bits, number)
            if row >= 0:
                keep(kept.get((0, row)) or self._plain_answer(0, row, slot, bits))
            elif slot == NO_SLOT:
                keep(_NO_NETWORK)
            else:
                keep(self._limited_answer(0, bits, slot, query) or _NO_NETWORK)
        return answers

    def _plain_answer(self, at: int, row: int, slot: int, bits: int) -> Answer:
        layer = self.layers[at]
        answer = Answer(
            "one",
            self._holders[at][layer.index.customer[row]],
            (),
            layer.place(row),
            _REASONS[layer.index.length(bits, slot)],
        )
        return self._keep(at, row, answer)

    def _keep(self, at: int, row: int, answer: Answer) -> Answer:
        if len(self._kept) >= _KEPT_ANSWERS:
            self._kept.clear()
        self._kept[at, row] = answer
        return answer

    def _by_address(self, bits: int, number: int, query: Query) -> Answer:
        for at, layer in enumerate(self.layers):
            row, slot = layer.index.plain(bits, number)
            if row >= 0:
                return self._kept.get((at, row)) or self._plain_answer(at, row, slot, bits)
            if slot != NO_SLOT:
                answer = self._limited_answer(at, bits, slot, query)
                if answer is not None:
                    return answer
        return _NO_NETWORK

    def _limited_answer(self, at: int, bits: int, slot: int, query: Query) -> Answer | None:
        layer = self.layers[at]
        index = layer.index
        seconds = int(query.at.timestamp())
        hits = index.find(bits, slot, seconds, self._skew, query.port)
        if len(hits) == 1 and seconds <= self._read_at[at]:
            row, _, exact = hits[0]
            if exact and (query.port is not None or not index.shared or index.ports(row) is None):
                return self._kept.get((at, row)) or self._keep(
                    at,
                    row,
                    Answer(
                        "one",
                        self._holders[at][index.customer[row]],
                        (),
                        layer.place(row),
                        _HOLDER,
                        moment_of(index.end(row)),
                    ),
                )
        return self._judge(at, bits, hits, query) if hits else None

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
            _, slot = layer.index.plain(bits, number)
            hits = layer.index.find(bits, slot, seconds, self._skew, query.port)
            found += [layer.assignment(row, layer.index.prefix(bits, slot)) for row, slot, _ in hits]
        return found


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
