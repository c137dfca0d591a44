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
from itertools import count, repeat
from operator import add
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NO_SLOT = 0xFFFFFFFF
_LOW = (1 << 64) - 1
#: The range is cut into at most so many parts, as a power of 2; with fewer pieces than this it is not worth it.
_PARTS = 16
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
        # Where the pieces of each part of the address space begin, so that only a few are bisected. What is ours lies
        # together: the parts are those of the range from the first piece to the last.
        self._top = array("I")
        self._shift = self._before = self._last = 0
        if self._starts_low is None and len(self._starts) > _WORTH_IT:
            low, high = self._starts[0], self._starts[-1]
            self._shift = max(0, (low ^ high).bit_length() - _PARTS)
            self._before = (low >> self._shift) - 1
            parts = range(self._before + 1, (high >> self._shift) + 2)
            # Of addresses before the first piece, of each part, and behind the last.
            self._top.append(0)
            self._top.extend(bisect_left(self._starts, part << self._shift) for part in parts)
            self._top.append(len(self._starts))
            self._last = len(self._top) - 2
        # The same one further: where the pieces of a part end.
        self._top_end = self._top[1:]

    def _fill(self, heads: Sequence[int]) -> None:
        bits, half = self._bits, self._half
        exact = self._network_low is not None
        # In units that the pieces are measured in: addresses, or /64 where no prefix is longer.
        unit = 0 if exact else half
        sizes = [1 << max(0, bits - length - unit) for length in range(bits + 1)]
        networks = [head >> 8 + unit for head in heads]
        ends = map(add, networks, map(sizes.__getitem__, self._length))
        starts: list[int] | array[int] = [] if exact else self._starts
        slots, parents = self._slots, self._parent
        add_start, add_slot, add_parent = starts.append, slots.append, parents.append
        # What is open at this place: the innermost here, those around it with their ends in the list.
        around: list[tuple[int, int]] = []
        last_end = inner_end = 1 << bits - unit
        inner, last = NO_SLOT, -1
        # From each start on a slot holds; a later word about the same place counts more.
        for slot, network, end in zip(count(self._base), networks, ends):
            while inner_end <= network:
                closed = inner_end
                inner_end, inner = around.pop()
                if closed == last:
                    slots[-1] = inner
                else:
                    add_start(closed)
                    add_slot(inner)
                    last = closed
            add_parent(inner)
            if network == last:
                slots[-1] = slot
            else:
                add_start(network)
                add_slot(slot)
                last = network
            around.append((inner_end, inner))
            inner_end, inner = end, slot
        while around:
            closed = inner_end
            inner_end, inner = around.pop()
            if closed == last:
                slots[-1] = inner
            elif closed < last_end:
                add_start(closed)
                add_slot(inner)
                last = closed
        if exact:
            self._starts.extend(start >> half for start in starts)
            self._network.extend(network >> half for network in networks)
            assert self._starts_low is not None
            assert self._network_low is not None
            self._starts_low.extend(start & _LOW for start in starts)
            self._network_low.extend(network & _LOW for network in networks)
        else:
            self._network.extend(networks)

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
        high = number >> self._half
        at = bisect_right(self._starts, high)
        if self._starts_low is not None and at and self._starts[at - 1] == high:
            at = bisect_right(self._starts_low, number & _LOW, bisect_left(self._starts, high, 0, at), at)
        return self._slots[at]

    def find_many(self, numbers: Sequence[int]) -> list[int]:
        """`find` for many addresses; what can be left to C is, so a call for a thousand takes half as long."""
        if self._starts_low is not None:
            return list(map(self.find, numbers))
        half = self._half
        starts = [number >> half for number in numbers] if half else numbers
        if not self._top:
            return list(map(self._slots.__getitem__, map(bisect_right, repeat(self._starts), starts)))
        shift, before, last = self._shift, self._before, self._last
        parts = [(start >> shift) - before for start in starts]
        if min(parts, default=0) < 0 or max(parts, default=0) > last:
            parts = [0 if part < 0 else part if part <= last else last for part in parts]
        places = map(
            bisect_right,
            repeat(self._starts),
            starts,
            map(self._top.__getitem__, parts),
            map(self._top_end.__getitem__, parts),
        )
        return list(map(self._slots.__getitem__, places))
