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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_SLOT = 0xFFFFFFFF
_LOW = (1 << 64) - 1
#: IPv4 bisects only among the pieces of one /16.
_TOP = 16
_WORTH_IT = 4096


class Segments:
    """The prefixes of IPv4 (`bits` 32) or IPv6 (128). A prefix is known by its slot, counted in order of address."""

    def __init__(self, bits: int, heads: Iterable[tuple[int, int]], *, longest: int) -> None:
        """`heads` holds `first address << 8 | prefix length` in ascending order, and a value for each."""
        self._bits = bits
        self.value = array("i")
        self.parent = array("I")
        self.length = array("B")
        # IPv6 addresses are kept as two halves; the lower one only if any prefix is longer than /64.
        self._half = 0 if bits == 32 else 64
        self._network = array("I" if bits == 32 else "Q")
        self._starts = array("I" if bits == 32 else "Q")
        self._network_low: array[int] | None = None
        self._starts_low: array[int] | None = None
        if bits == 128 and longest > 64:
            self._network_low, self._starts_low = array("Q"), array("Q")
        self._slots = array("I")
        self._fill(heads)
        self._top = array("I")
        if bits == 32 and len(self._starts) > _WORTH_IT:
            self._top.extend(bisect_left(self._starts, high << _TOP) for high in range(1 << _TOP))
            self._top.append(len(self._starts))

    def _fill(self, heads: Iterable[tuple[int, int]]) -> None:
        bits = self._bits
        starts, slots = self._starts, self._slots
        networks, half, low = self._network.append, self._half, self._network_low
        values, parents, lengths = self.value.append, self.parent.append, self.length.append
        # What is open at this place: (end, slot), the innermost last; the outermost never ends.
        around = [(1 << bits, NO_SLOT)]
        for slot, (head, value) in enumerate(heads):
            length = head & 0xFF
            network = head >> 8
            while around[-1][0] <= network:
                end, _ = around.pop()
                self._cut(end, around[-1][1])
            values(value)
            parents(around[-1][1])
            lengths(length)
            high = network >> half
            networks(high)
            if low is not None:
                low.append(network & _LOW)
                self._cut(network, slot)
            elif starts and starts[-1] == high:
                slots[-1] = slot
            else:
                starts.append(high)
                slots.append(slot)
            around.append((network + (1 << (bits - length)), slot))
        while len(around) > 1:
            end, _ = around.pop()
            if end < 1 << bits:
                self._cut(end, around[-1][1])

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

    def network(self, slot: int) -> int:
        """The first address of a prefix."""
        if self._network_low is not None:
            return self._network[slot] << 64 | self._network_low[slot]
        return self._network[slot] << self._half

    def __len__(self) -> int:
        return len(self.value)

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
        return self._slots[at - 1] if at else NO_SLOT
