# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The table that answers: longest prefix first, then time, then port.

Rows are columns of machine integers: ten million leases of a month need about 40 bytes each. Most prefixes have one
row without limits. Those with several (leases of one address, port blocks, two customers for one prefix) have a group:
their rows side by side, ordered by start, found by bisection.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from abusehandler.crm_connector.addresses import prefix_text
from abusehandler.crm_connector.segments import NO_SLOT, Segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abusehandler.crm_connector.addresses import Prefix

#: "No end": a second in the year 2106, the last that 32 bits hold.
FOREVER = 0xFFFFFFFF
_ROW = 0xFFFFFFFF
_NO_PORT = 0xFFFF
#: Ends are summed up for this many rows, so that one endless lease does not make us look at all before it.
_STRIDE = 32


#: A row that fits, the slot of its prefix, and whether it fits at the very second and not only within the skew.
Hit: TypeAlias = "tuple[int, int, bool]"


class PrefixIndex:
    """Rows by prefix, time and port. Filled by `add`, closed by `freeze`, then only read."""

    def __init__(self) -> None:
        #: Whether any row has ports.
        self.shared = False
        # Until `freeze`: first address << 40 | prefix length << 32 | row.
        self._keys: dict[int, list[int]] = {32: [], 128: []}
        self._segments: dict[int, Segments] = {}
        self.customer = array("I")
        # source << 32 | line
        self._place = array("Q")
        # Where the row's limits stand in the four columns below; 0 for a row without any.
        self._limit = array("I")
        self._start = array("I", [0])
        self._end = array("I", [FOREVER])
        self._port_first = array("H", [0])
        self._port_last = array("H", [_NO_PORT])
        self._group_at = array("I")
        self._group_rows = array("I")
        self._group_start = array("I")
        self._group_end = array("I")
        # The latest end so far in the group: where it is over, so is everything before.
        self._group_reach = array("I")
        self._stride_end = array("I")

    def __len__(self) -> int:
        return len(self.customer)

    def add(
        self,
        prefix: Prefix,
        customer: int,
        source: int = 0,
        line: int = 0,
        start: int = 0,
        end: int = FOREVER,
        ports: tuple[int, int] | None = None,
    ) -> None:
        """Add a row. `customer` and `source` are numbers that mean something to the caller; times are Unix seconds."""
        bits, network, length = prefix
        self._keys[bits].append(network << 40 | length << 32 | len(self.customer))
        self.customer.append(customer)
        self._place.append(source << 32 | line)
        if start or end != FOREVER or ports:
            self._limit.append(len(self._start))
            self._start.append(start)
            self._end.append(end)
            self.shared = self.shared or ports is not None
            first, last = ports or (0, _NO_PORT)
            self._port_first.append(first)
            self._port_last.append(last)
        else:
            self._limit.append(0)

    def freeze(self) -> None:
        """Order the rows; from now on questions are answered."""
        for bits in (32, 128):
            keys = self._keys.pop(bits)
            keys.sort()
            longest = max((key >> 32 & 0xFF for key in keys), default=0) if bits == 128 else 32
            self._segments[bits] = Segments(bits, self._grouped(keys), longest=longest)
        self._group_at.append(len(self._group_rows))
        ends = self._group_end
        self._stride_end = array("I", (max(ends[at : at + _STRIDE]) for at in range(0, len(ends), _STRIDE)))

    def _grouped(self, keys: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Each prefix once, with its only row or, as a negative number, its group."""
        last, row = -1, -1
        members: list[int] = []
        for key in keys:
            head = key >> 32
            if head == last:
                members.append(key & _ROW)
                continue
            if last >= 0:
                yield last, self._group(row, members) if members else row
                members.clear()
            last, row = head, key & _ROW
        if last >= 0:
            yield last, self._group(row, members) if members else row

    def _group(self, first: int, others: list[int]) -> int:
        start, end, limit = self._start, self._end, self._limit
        members = sorted((first, *others), key=lambda row: start[limit[row]])
        group = len(self._group_at)
        self._group_at.append(len(self._group_rows))
        self._group_rows.extend(members)
        self._group_start.extend([start[limit[row]] for row in members])
        ends = [end[limit[row]] for row in members]
        self._group_end.extend(ends)
        self._group_reach.extend(accumulate(ends, max))
        return -1 - group

    def plain(self, bits: int, number: int) -> tuple[int, int]:
        """The row of the longest prefix that holds the address, if that row has no limits, and the prefix's slot.

        The row is -1 when time or port must be looked at; the slot is NO_SLOT when there is no prefix.
        """
        segments = self._segments[bits]
        slot = segments.find(number)
        if slot == NO_SLOT:
            return -1, NO_SLOT
        row = segments.value[slot]
        return (row if row >= 0 and not self._limit[row] else -1), slot

    def find(self, bits: int, slot: int, at: int, skew: int = 0, port: int | None = None) -> list[Hit]:
        """All rows of the longest prefix that has any for this time, give or take `skew` seconds, and this port.

        `slot` is where `plain` says to begin. Without a port all rows fit, whatever their ports.
        """
        low, high = at - skew, at + skew
        limit, start, end = self._limit, self._start, self._end
        first, last = self._port_first, self._port_last
        segments = self._segments[bits]
        while slot != NO_SLOT:
            value = segments.value[slot]
            hits = []
            for row in (value,) if value >= 0 else self._in_group(-1 - value, low, high):
                of = limit[row]
                begin, stop = start[of], end[of]
                if begin <= high and stop > low and (port is None or first[of] <= port <= last[of]):
                    hits.append((row, slot, begin <= at < stop))
            if hits:
                return hits
            slot = segments.parent[slot]
        return []

    def length(self, bits: int, slot: int) -> int:
        """The prefix length of a slot."""
        return self._segments[bits].length[slot]

    def prefix(self, bits: int, slot: int) -> Prefix:
        """The prefix of a slot."""
        segments = self._segments[bits]
        return bits, segments.network(slot), segments.length[slot]

    def _in_group(self, group: int, low: int, high: int) -> list[int]:
        begin, stop = self._group_at[group], self._group_at[group + 1]
        ends, reach, strides = self._group_end, self._group_reach, self._stride_end
        found = []
        position = bisect_right(self._group_start, high, begin, stop) - 1
        while position >= begin and reach[position] > low:
            if ends[position] > low:
                found.append(self._group_rows[position])
                position -= 1
            elif strides[position // _STRIDE] <= low:
                position = position // _STRIDE * _STRIDE - 1
            else:
                position -= 1
        return found

    def place(self, row: int) -> tuple[int, int]:
        """Source and line of the row, as they were given to `add`."""
        return divmod(self._place[row], 1 << 32)

    def end(self, row: int) -> int | None:
        """The second at which the row ends, None for no end."""
        end = self._end[self._limit[row]]
        return None if end == FOREVER else end

    def start(self, row: int) -> int | None:
        """The second at which the row begins, None for no begin."""
        return self._start[self._limit[row]] or None

    def ports(self, row: int) -> tuple[int, int] | None:
        """The ports of the row, None for all."""
        first, last = self._port_first[self._limit[row]], self._port_last[self._limit[row]]
        return None if (first, last) == (0, _NO_PORT) else (first, last)

    def is_lease(self, row: int) -> bool:
        """Whether the row has limits of time."""
        return self.start(row) is not None or self.end(row) is not None

    def prefixes(self) -> Iterator[tuple[Prefix, Sequence[int]]]:
        """Every prefix with its rows, in order of address, IPv4 first."""
        for bits, segments in self._segments.items():
            for slot, value in enumerate(segments.value):
                rows = (value,) if value >= 0 else self._group_rows[self._group_at[-1 - value] : self._group_at[-value]]
                yield (bits, segments.network(slot), segments.length[slot]), rows

    def count(self) -> int:
        """How many different prefixes there are."""
        return sum(map(len, self._segments.values()))

    def contested(self) -> Iterator[tuple[str, int, int]]:
        """Prefixes that two customers have at the same time and on the same ports: (prefix, row, row)."""
        limit, start, end, customer = self._limit, self._start, self._end, self.customer
        for prefix, rows in self.prefixes():
            if len(rows) < 2:
                continue
            running: list[int] = []
            for row in rows:
                begin = start[limit[row]]
                running = [other for other in running if end[limit[other]] > begin]
                for other in running:
                    if customer[other] != customer[row] and self._ports_meet(limit[other], limit[row]):
                        yield prefix_text(prefix), other, row
                        break
                # What runs at once in a shared address is bounded by its port blocks; more is broken.
                if len(running) < 64:
                    running.append(row)

    def _ports_meet(self, one: int, other: int) -> bool:
        return self._port_first[one] <= self._port_last[other] and self._port_first[other] <= self._port_last[one]
