# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The table that answers: longest prefix first, then time, then port.

One dict for each prefix length maps a network to its row; most prefixes have one row without limits, so that a
look-up is a few dict probes. Rows are columns of machine integers: ten million leases of a month need about 30
bytes each. Networks with several rows (leases of one address, port blocks, two customers for one prefix) point to a
group: their rows side by side, ordered by start, found by bisection.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from abusehandler.crm_connector.addresses import prefix_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.crm_connector.addresses import Prefix

#: "No end": a second in the year 2106, the last that 32 bits hold.
FOREVER = 0xFFFFFFFF
_NO_ROW = 0xFFFFFFFF
_NO_PORT = 0xFFFF
#: Ends are summed up for this many rows, so that one endless lease does not make us look at all before it.
_STRIDE = 32


class Hit(NamedTuple):
    """A row that fits: its number, the prefix, and whether it fits at the very second and not only within the skew."""

    row: int
    prefix: Prefix
    exact: bool


class PrefixIndex:
    """Rows by prefix, time and port. Filled by `add`, closed by `freeze`, then only read."""

    def __init__(self) -> None:
        self._tables: dict[tuple[int, int], dict[int, int]] = {}
        # Longest prefix first: (shift, table).
        self._order: dict[int, list[tuple[int, dict[int, int]]]] = {32: [], 128: []}
        self.customer = array("I")
        self.source = array("H")
        self.line = array("I")
        self._start = array("I")
        self._end = array("I")
        self._port_first = array("H")
        self._port_last = array("H")
        self._limited = bytearray()
        self._previous = array("I")
        self._group_at = array("I")
        self._group_rows = array("I")
        self._group_start = array("I")
        self._group_end = array("I")
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
        key = (bits, length)
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = {}
        network >>= bits - length
        row = len(self.customer)
        previous = table.get(network)
        self._previous.append(_NO_ROW if previous is None else previous)
        table[network] = row
        self.customer.append(customer)
        self.source.append(source)
        self.line.append(line)
        self._start.append(start)
        self._end.append(end)
        first, last = ports or (0, _NO_PORT)
        self._port_first.append(first)
        self._port_last.append(last)
        self._limited.append(start > 0 or end < FOREVER or ports is not None)

    def freeze(self) -> None:
        """Order the rows of networks that have several."""
        previous, start, end = self._previous, self._start, self._end
        rows_at, rows, starts, ends = self._group_at, self._group_rows, self._group_start, self._group_end
        for table in self._tables.values():
            for network, last in table.items():
                if previous[last] == _NO_ROW:
                    continue
                members = []
                row = last
                while row != _NO_ROW:
                    members.append(row)
                    row = previous[row]
                members.reverse()
                members.sort(key=start.__getitem__)
                table[network] = -1 - len(rows_at)
                rows_at.append(len(rows))
                rows.extend(members)
                for row in members:
                    starts.append(start[row])
                    ends.append(end[row])
        rows_at.append(len(rows))
        self._stride_end = array("I", (max(ends[at : at + _STRIDE]) for at in range(0, len(ends), _STRIDE)))
        self._previous = array("I")
        for bits, length in sorted(self._tables, reverse=True):
            self._order[bits].append((bits - length, self._tables[bits, length]))

    def plain(self, bits: int, number: int) -> tuple[int, int]:
        """The row of the longest prefix that holds the address, if that row has no limits: (row, length).

        (-1, length) when time or port must be looked at, from this length on; (-2, 0) when there is no prefix.
        """
        for shift, table in self._order[bits]:
            row = table.get(number >> shift)
            if row is not None:
                if row >= 0 and not self._limited[row]:
                    return row, bits - shift
                return -1, bits - shift
        return -2, 0

    def find(self, bits: int, number: int, at: int, skew: int = 0, port: int | None = None) -> list[Hit]:
        """All rows of the longest prefix that has any for this time, give or take `skew` seconds, and this port.

        Without a port all rows fit, whatever their ports.
        """
        low, high = at - skew, at + skew
        start, end = self._start, self._end
        first, last = self._port_first, self._port_last
        for shift, table in self._order[bits]:
            network = number >> shift
            row = table.get(network)
            if row is None:
                continue
            if row >= 0:
                rows = [row] if start[row] <= high and (end[row] > low or end[row] == FOREVER) else []
            else:
                rows = self._in_group(-1 - row, low, high)
            hits = [
                Hit(
                    row,
                    (bits, network << shift, bits - shift),
                    start[row] <= at and (end[row] > at or end[row] == FOREVER),
                )
                for row in rows
                if port is None or first[row] <= port <= last[row]
            ]
            if hits:
                return hits
        return []

    def _in_group(self, group: int, low: int, high: int) -> list[int]:
        begin, stop = self._group_at[group], self._group_at[group + 1]
        ends, strides, rows = self._group_end, self._stride_end, self._group_rows
        found = []
        position = bisect_right(self._group_start, high, begin, stop) - 1
        while position >= begin:
            if strides[position // _STRIDE] <= low:
                position = position // _STRIDE * _STRIDE - 1
                continue
            if ends[position] > low:
                found.append(rows[position])
            position -= 1
        return found

    def end(self, row: int) -> int | None:
        """The second at which the row ends, None for no end."""
        end = self._end[row]
        return None if end == FOREVER else end

    def start(self, row: int) -> int | None:
        """The second at which the row begins, None for no begin."""
        return self._start[row] or None

    def ports(self, row: int) -> tuple[int, int] | None:
        """The ports of the row, None for all."""
        first, last = self._port_first[row], self._port_last[row]
        return None if (first, last) == (0, _NO_PORT) else (first, last)

    def prefixes(self) -> Iterator[tuple[Prefix, list[int]]]:
        """Every prefix with its rows, shortest prefixes first, IPv4 first."""
        for bits, length in sorted(self._tables):
            shift = bits - length
            for network, row in self._tables[bits, length].items():
                if row >= 0:
                    rows = [row]
                else:
                    begin, stop = self._group_at[-1 - row], self._group_at[-row]
                    rows = list(self._group_rows[begin:stop])
                yield (bits, network << shift, length), rows

    def count(self) -> int:
        """How many different prefixes there are."""
        return sum(len(table) for table in self._tables.values())

    def contested(self) -> Iterator[tuple[str, int, int]]:
        """Prefixes that two customers have at the same time and on the same ports: (prefix, row, row)."""
        for (bits, length), table in self._tables.items():
            for network, value in table.items():
                if value >= 0:
                    continue
                begin, stop = self._group_at[-1 - value], self._group_at[-value]
                latest: list[int] = []
                for row in self._group_rows[begin:stop]:
                    latest = [other for other in latest if self._end[other] > self._start[row]]
                    for other in latest:
                        if self.customer[other] != self.customer[row] and self._ports_meet(other, row):
                            yield prefix_text((bits, network << (bits - length), length)), other, row
                            break
                    # What runs at once in a shared address is bounded by its port blocks; more is hostile or broken.
                    if len(latest) < 64:
                        latest.append(row)

    def _ports_meet(self, one: int, other: int) -> bool:
        return self._port_first[one] <= self._port_last[other] and self._port_first[other] <= self._port_last[one]

    def is_lease(self, row: int) -> bool:
        """Whether the row has limits of time."""
        return self._start[row] > 0 or self._end[row] < FOREVER
