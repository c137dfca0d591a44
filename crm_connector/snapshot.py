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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.crm_connector.assignment import Assignment
    from abusehandler.crm_connector.prefix_index import Hit

#: Answers without limits of time are the same for every event; so many are kept ready.
_KEPT_ANSWERS = 50_000
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
        self._with_names = any(len(layer.names) for layer in self.layers)
        self._kept: dict[tuple[int, int], Answer] = {}

    def _resolve(self, key: str) -> Customer:
        known = self.customer(key)
        return Customer(key or "?") if known is None else known

    def customer(self, key: str) -> Customer | None:
        """The customer with this id or alias."""
        known = self._customers.get(key)
        if known is None and self._aliases:
            known = self._customers.get(self._aliases.get(alias_key(key), ""))
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
            row, length = only(bits, number)
            if row >= 0:
                keep(kept.get((0, row)) or self._plain_answer(0, row, length))
            elif row == -1:
                keep(self._by_address(bits, number, query))
            else:
                keep(_NO_NETWORK)
        return answers

    def _plain_answer(self, at: int, row: int, length: int) -> Answer:
        layer = self.layers[at]
        index = layer.index
        source, line = index.place(row)
        place = layer.sources[source]
        answer = Answer(
            "one",
            self._holders[at][index.customer[row]],
            (),
            f"{place}:{line}" if line else place,
            _REASONS[length],
        )
        if len(self._kept) >= _KEPT_ANSWERS:
            self._kept.clear()
        self._kept[at, row] = answer
        return answer

    def _by_address(self, bits: int, number: int, query: Query) -> Answer:
        for at, layer in enumerate(self.layers):
            row, length = layer.index.plain(bits, number)
            if row == -2:
                continue
            if row >= 0:
                return self._kept.get((at, row)) or self._plain_answer(at, row, length)
            hits = layer.index.find(bits, number, int(query.at.timestamp()), self._skew, query.port)
            if hits:
                return self._judge(at, hits, query)
        return _NO_NETWORK

    def _judge(self, at: int, hits: list[Hit], query: Query) -> Answer:
        layer, holders = self.layers[at], self._holders[at]
        index = layer.index
        found = {holders[index.customer[hit.row]].id for hit in hits}
        unnamed_port = query.port is None and any(index.ports(hit.row) for hit in hits)
        if len(found) == 1 and not unnamed_port:
            hit = next((hit for hit in hits if hit.exact), hits[0])
            source, line = index.place(hit.row)
            place = layer.sources[source]
            return Answer(
                "one",
                holders[index.customer[hit.row]],
                (),
                f"{place}:{line}" if line else place,
                "holder at that time" if hit.exact else f"only holder within {self._skew} s of that time",
                moment_of(index.end(hit.row)),
            )
        candidates = tuple(layer.assignment(hit.row, hit.prefix) for hit in hits[:100])
        exact = {holders[index.customer[hit.row]].id for hit in hits if hit.exact}
        if unnamed_port:
            # Even a single known block: who had the other ports is not known.
            reason = f"the address is shared by ports, {len(found)} known holders, and the report names no port"
        elif len(exact) <= 1:
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
            hits = layer.index.find(bits, number, seconds, self._skew, query.port)
            found += [layer.assignment(hit.row, hit.prefix) for hit in hits]
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
