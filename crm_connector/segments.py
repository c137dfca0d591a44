# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nested prefixes of one address family, flattened: the address space cut at every begin and end of a prefix.

The piece that holds an address knows the longest prefix there, found by one bisection however many prefix lengths are
in use (a dict for each length costs a probe for each: measured 3 µs with seven lengths, against 1 µs). Each prefix
knows the next shorter one around it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NO_SLOT = 0xFFFFFFFF
_LOW = (1 << 64) - 1
#: IPv4 bisects only among the pieces of one /16.
_TOP = 16
_WORTH_IT = 4096


class Segments:
    """The prefixes of IPv4 (`bits` 32) or IPv6 (128). A prefix is known by its slot, counted in order of address."""

    def __init__(self, bits: int, heads: Sequence[int], base: int = 0) -> None:
        """`heads` holds `first address << 8 | prefix length` in ascending order; the first gets the slot `base`."""
        self._bits = bits
        self._base = base
        self._parent = array("I")
        self._length = array("B", [head & 0xFF for head in heads])
        # IPv6 addresses are kept as two halves; the lower one only if any prefix is longer than /64.
        self._half = 0 if bits == 32 else 64
        self._network = array("I" if bits == 32 else "Q")
        self._starts = array("I" if bits == 32 else "Q")
        self._network_low: array[int] | None = None
        self._starts_low: array[int] | None = None
        if bits == 128 and max(self._length, default=0) > 64:
            self._network_low, self._starts_low = array("Q"), array("Q")
        # Of the piece before each start, so that what bisect_right finds is the place to look at.
        self._slots = array("I", [NO_SLOT])
        self._fill(heads)
        self._top = array("I")
        if bits == 32 and len(self._starts) > _WORTH_IT:
            self._top.extend(bisect_left(self._starts, high << _TOP) for high in range(1 << _TOP))
            self._top.append(len(self._starts))
        # The same one further: where the pieces of a /16 end.
        self._top_end = self._top[1:]

    def _fill(self, heads: Sequence[int]) -> None:
        bits, half, low = self._bits, self._half, self._network_low
        starts, slots = self._starts, self._slots
        add_start, add_slot = starts.append, slots.append
        networks, parents = self._network.append, self._parent.append
        # What is open at this place: the innermost here, those around it with their ends in the list.
        around: list[tuple[int, int]] = []
        inner_end, inner = 1 << bits, NO_SLOT
        last = -1
        for slot, head in enumerate(heads, self._base):
            network = head >> 8
            while inner_end <= network:
                end = inner_end
                inner_end, inner = around.pop()
                self._cut(end, inner)
                last = starts[-1]
            parents(inner)
            high = network >> half
            networks(high)
            if low is not None:
                low.append(network & _LOW)
                self._cut(network, slot)
            elif last == high:
                slots[-1] = slot
            else:
                add_start(high)
                add_slot(slot)
                last = high
            around.append((inner_end, inner))
            inner_end, inner = network + (1 << (bits - (head & 0xFF))), slot
        while around:
            end = inner_end
            inner_end, inner = around.pop()
            if end < 1 << bits:
                self._cut(end, inner)

    def _cut(self, start: int, slot: int) -> None:
        """From here on `slot` holds; a later word about the same place counts more."""
        high, low = start >> self._half, start & _LOW
        lows = self._starts_low
        if self._starts and self._starts[-1] == high and (lows is None or lows[-1] == low):
            self._slots[-1] = slot
            return
        self._starts.append(high)
        self._slots.append(slot)
        if lows is not None:
            lows.append(low)

    def __len__(self) -> int:
        return len(self._length)

    def slots(self) -> range:
        """All slots, in order of address."""
        return range(self._base, self._base + len(self._length))

    def network(self, slot: int) -> int:
        """The first address of a prefix."""
        at = slot - self._base
        if self._network_low is not None:
            return self._network[at] << 64 | self._network_low[at]
        return self._network[at] << self._half

    def length_of(self, slot: int) -> int:
        """The prefix length."""
        return self._length[slot - self._base]

    def lengths_of(self, slots: Sequence[int]) -> Iterable[int]:
        """The prefix lengths of many slots."""
        if self._base:
            slots = [slot - self._base for slot in slots]
        return map(self._length.__getitem__, slots)

    def parent_of(self, slot: int) -> int:
        """The next shorter prefix around this one, NO_SLOT if there is none."""
        return self._parent[slot - self._base]

    def find(self, number: int) -> int:
        """The slot of the longest prefix that holds the address, NO_SLOT if there is none."""
        if self._top:
            high = number >> _TOP
            at = bisect_right(self._starts, number, self._top[high], self._top[high + 1])
        else:
            high = number >> self._half
            at = bisect_right(self._starts, high)
            if self._starts_low is not None and at and self._starts[at - 1] == high:
                at = bisect_right(self._starts_low, number & _LOW, bisect_left(self._starts, high, 0, at), at)
        return self._slots[at]

    def find_many(self, numbers: Sequence[int]) -> list[int]:
        """`find` for many addresses; what can be left to C is, so a call for a thousand takes half as long."""
        if self._starts_low is not None:
            return list(map(self.find, numbers))
        if not self._top:
            starts = [number >> self._half for number in numbers] if self._half else numbers
            return list(map(self._slots.__getitem__, map(bisect_right, repeat(self._starts), starts)))
        highs = [number >> _TOP for number in numbers]
        places = map(
            bisect_right,
            repeat(self._starts),
            numbers,
            map(self._top.__getitem__, highs),
            map(self._top_end.__getitem__, highs),
        )
        return list(map(self._slots.__getitem__, places))
