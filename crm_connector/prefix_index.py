# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The table that answers: longest prefix first, then time, then port.

Rows are columns of machine integers, put in order once: by prefix, then by start. So the rows of a prefix (leases of one
address, port blocks, two customers for one prefix) stand side by side and are found by bisection; a lease needs 18
bytes, up to 26 where leases overlap or ports are shared. Where every prefix has one row without limits, a row's number
is its prefix's slot.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate, count, islice, pairwise, repeat
from operator import eq, le
from typing import TYPE_CHECKING, TypeAlias

from abusehandler.crm_connector.addresses import prefix_text
from abusehandler.crm_connector.segments import NO_SLOT, Segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abusehandler.crm_connector.addresses import Heads, Prefix

#: "No end": a second in the year 2106, the last that 32 bits hold.
FOREVER = 0xFFFFFFFF
_ALL_PORTS = 0xFFFF
#: Ends are summed up for this many rows, so that one endless lease does not make us look at all before it.
_STRIDE = 32
#: What runs at once in a shared address is bounded by its port blocks; more is broken.
_MOST_RUNNING = 64


#: A row that fits, the slot of its prefix, and whether it fits at the very second and not only within the skew.
Hit: TypeAlias = "tuple[int, int, bool]"


class PrefixIndex:
    """Rows by prefix, time and port. Filled by `add_plain`, or `prefix_number` and `add`; closed by `freeze`, then only read."""

    def __init__(self) -> None:
        #: Whether any row has ports.
        self.shared = False
        #: Whether every prefix has a single row without limits.
        self.plain_only = False
        # Until `freeze`: the prefixes by first address << 8 | length, numbered as they come, and of each row the number.
        self._heads: dict[int, dict[int, int]] = {32: {}, 128: {}}
        self._known = 0
        self._prefix = array("I")
        # As long as no row has limits: of each family the prefixes, and the rows they belong to. No number is asked for.
        self._numbered = False
        self._plain_heads: dict[int, array[int] | list[int]] = {32: array("Q"), 128: []}
        self._plain_rows = {32: array("I"), 128: array("I")}
        self.customer = array("I")
        self._line = array("I")
        self._source = array("H")
        # Empty as long as no row has limits.
        self._start = array("I")
        self._end = array("I")
        # first << 16 | last; empty as long as no row has ports.
        self._ports = array("I")
        # After `freeze`. Slots count through both families: IPv4 from 0, IPv6 behind it.
        self._segments: dict[int, Segments] = {}
        # The first row of each slot, and the number of rows behind the last.
        self._first = array("I")
        # The latest end so far among the rows of the prefix: where it is over, so is everything before.
        self._reach = array("I")
        self._stride_end = array("I")

    def __len__(self) -> int:
        return len(self.customer)

    def prefix_number(self, prefix: Prefix) -> int:
        """The number under which `add` knows this prefix."""
        if not self._numbered:
            self._begin_numbers()
        bits, network, length = prefix
        heads = self._heads[bits]
        head = network << 8 | length
        number = heads.get(head)
        if number is None:
            number = heads[head] = self._known
            self._known += 1
        return number

    def add(
        self,
        prefix: int,
        customer: int,
        source: int = 0,
        line: int = 0,
        start: int = 0,
        end: int = FOREVER,
        ports: tuple[int, int] | None = None,
    ) -> None:
        """Add a row. `prefix` is from `prefix_number`; `customer` and `source` are numbers that mean something to the caller.

        Times are Unix seconds.
        """
        self._prefix.append(prefix)
        self.customer.append(customer)
        self._line.append(line)
        self._source.append(source)
        if self._end:
            self._start.append(start)
            self._end.append(end)
        elif start or end != FOREVER:
            self._start = array("I", bytes(4 * len(self._prefix)))
            self._end = array("I", b"\xff" * (4 * len(self._prefix)))
            self._start[-1], self._end[-1] = start, end
        if self.shared:
            self._ports.append(ports[0] << 16 | ports[1] if ports else _ALL_PORTS)
        elif ports:
            self.shared = True
            self._ports = array("I", [_ALL_PORTS]) * len(self._prefix)
            self._ports[-1] = ports[0] << 16 | ports[1]

    def add_unlimited(self, prefix: Prefix, customer: int, source: int = 0, line: int = 0) -> None:
        """Add a row without limits of time and ports."""
        if self._numbered:
            self.add(self.prefix_number(prefix), customer, source, line)
            return
        bits, network, length = prefix
        self._plain_heads[bits].append(network << 8 | length)
        self._plain_rows[bits].append(len(self.customer))
        self.customer.append(customer)
        self._line.append(line)
        self._source.append(source)

    def add_plain(self, prefixes: Iterable[Heads], customers: Sequence[int], source: int, lines: Sequence[int]) -> None:
        """Add many rows without limits: `prefixes` by family with their places in `customers` and `lines`."""
        for bits, positions, heads in prefixes:
            rows = range(len(self.customer), len(self.customer) + len(heads))
            if self._numbered:
                self._prefix.extend(self._numbers_of(bits, heads))
            else:
                self._plain_heads[bits].extend(heads)
                self._plain_rows[bits].extend(rows)
            self.customer.extend(map(customers.__getitem__, positions))
            self._line.extend(map(lines.__getitem__, positions))
            self._source.extend(repeat(source, len(rows)))
            if self._end:
                self._start.extend(repeat(0, len(rows)))
                self._end.extend(repeat(FOREVER, len(rows)))
            if self.shared:
                self._ports.extend(repeat(_ALL_PORTS, len(rows)))

    def _numbers_of(self, bits: int, heads: Sequence[int]) -> Iterator[int]:
        # A prefix that is known keeps its number; the one that was meant for it is then nobody's.
        first, self._known = self._known, self._known + len(heads)
        return map(self._heads[bits].setdefault, heads, count(first))

    def _begin_numbers(self) -> None:
        """Rows with limits come: from here on prefixes have numbers, as rows of one prefix will be many."""
        self._numbered = True
        self._prefix = array("I", bytes(4 * len(self.customer)))
        for bits, heads in self._plain_heads.items():
            for row, number in zip(self._plain_rows[bits], self._numbers_of(bits, heads), strict=True):
                self._prefix[row] = number
        self._plain_heads.clear()
        self._plain_rows.clear()

    def freeze(self) -> None:
        """Order the rows; from now on questions are answered."""
        if self._numbered:
            self._order_numbered()
        else:
            self._order_plain()
        self.plain_only = len(self) == self.count() and not self._end and not self.shared
        if self._end:
            self._order_by_start()
            self._sum_up()

    def _order_plain(self) -> None:
        order = array("I")
        slot = 0
        for bits in (32, 128):
            heads, rows = self._plain_heads.pop(bits), self._plain_rows.pop(bits)
            # 40 bits fit a float, and sorting compares floats three times as fast as integers of more than 30 bits.
            keys: Sequence[float] = list(map(float, heads)) if bits == 32 else heads
            ranks = sorted(range(len(heads)), key=keys.__getitem__)
            del keys
            ordered = list(map(heads.__getitem__, ranks))
            del heads
            begin = len(order)
            order.extend(map(rows.__getitem__, ranks))
            del rows, ranks
            if any(map(eq, ordered, islice(ordered, 1, None))):
                starts = [0, *(at for at, (one, other) in enumerate(pairwise(ordered), 1) if one != other)]
                self._first.extend(begin + at for at in starts)
                ordered = [ordered[at] for at in starts]
            else:
                self._first.extend(range(begin, len(order)))
            self._segments[bits] = Segments(bits, ordered, slot)
            slot += len(ordered)
        self._first.append(len(order))
        self._permute(order)

    def _order_numbered(self) -> None:
        # The numbers of the prefixes in order of address.
        numbers = array("I")
        slot = 0
        for bits in (32, 128):
            heads = self._heads.pop(bits)
            ordered = sorted(heads)
            numbers.extend(map(heads.__getitem__, ordered))
            heads.clear()
            self._segments[bits] = Segments(bits, ordered, slot)
            slot += len(ordered)
        # Put the columns in order of their prefixes; rows of one prefix stay as they came. One object for each
        # prefix, and not for each row.
        ranks = list(range(self._known))
        for rank, number in enumerate(numbers):
            ranks[number] = rank
        keys = list(map(ranks.__getitem__, self._prefix))
        counts = array("I", bytes(4 * (slot + 1)))
        for key in keys:
            counts[key] += 1
        self._first = array("I", accumulate(islice(counts, slot), initial=0))
        # Numbers below 2**30 are what sorting is fastest with, and sources tell in order of time or of address.
        order = array("I", sorted(range(len(keys)), key=keys.__getitem__))
        del keys
        self._prefix = array("I")
        self._permute(order)

    def _permute(self, order: array[int]) -> None:
        for name in ("customer", "_line", "_source", "_start", "_end", "_ports"):
            column: array[int] = getattr(self, name)
            if column:
                setattr(self, name, array(column.typecode, map(column.__getitem__, order)))

    def _order_by_start(self) -> None:
        """Put the rows of each prefix in order of their start, where they did not come so."""
        columns = [self.customer, self._line, self._source, self._end, *([self._ports] if self.shared else [])]
        for begin, stop in self._groups():
            starts = self._start[begin:stop].tolist()
            ordered = sorted(starts)
            if starts == ordered:
                continue
            order = sorted(range(len(starts)), key=starts.__getitem__)
            self._start[begin:stop] = array("I", ordered)
            for column in columns:
                of_group = column[begin:stop]
                column[begin:stop] = array(column.typecode, map(of_group.__getitem__, order))

    def _sum_up(self) -> None:
        """The latest end so far in each group; where ends are in order, as those of most leases are, it is the end."""
        end = self._end
        self._reach = end
        for begin, stop in self._groups():
            ends = end[begin:stop].tolist()
            reach = list(accumulate(ends, max))
            if reach != ends:
                if self._reach is end:
                    self._reach = end[:]
                self._reach[begin:stop] = array("I", reach)
        if self._reach is not end:
            self._stride_end = array("I", (max(end[at : at + _STRIDE]) for at in range(0, len(end), _STRIDE)))

    def _groups(self) -> Iterator[tuple[int, int]]:
        """(first row, row behind the last) of each prefix that has several."""
        first = self._first
        return ((begin, stop) for begin, stop in zip(first, islice(first, 1, None), strict=False) if stop - begin > 1)

    def find_slot(self, bits: int, number: int) -> int:
        """The slot of the longest prefix that holds the address, NO_SLOT if there is none."""
        return self._segments[bits].find(number)

    def find_slots(self, bits: int, numbers: Sequence[int]) -> list[int]:
        """`find_slot` for many addresses of one family."""
        return self._segments[bits].find_many(numbers)

    def certain_rows(self, slots: Sequence[int], times: Sequence[int], skew: int) -> list[int]:
        """For each slot the row that fits at its time and is the only one within the skew, whatever the port.

        -1 where it is not as simple as that: then `find` tells.
        """
        first, start, end, reach = self._first, self._start, self._end, self._reach
        begins = list(map(first.__getitem__, slots))
        stops = list(map(first.__getitem__, [slot + 1 for slot in slots]))
        if end:
            # The last that began before; certain if the event is within it and all before it are over.
            latest = map(bisect_right, repeat(start), [at + skew for at in times], begins, stops)
            rows = [
                row
                if begin <= (row := behind - 1)
                and start[row] <= at < end[row]
                and (row == begin or reach[row - 1] <= at - skew)
                else -1
                for behind, begin, at in zip(latest, begins, times, strict=True)
            ]
        else:
            rows = [begin if stop - begin == 1 else -1 for begin, stop in zip(begins, stops, strict=True)]
        if self.shared:
            ports = self._ports
            rows = [row if row >= 0 and ports[row] == _ALL_PORTS else -1 for row in rows]
        return rows

    def limits(self, rows: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
        """Starts and ends of many rows: 0 and FOREVER where there is none."""
        if not self._end:
            return [0] * len(rows), [FOREVER] * len(rows)
        return list(map(self._start.__getitem__, rows)), list(map(self._end.__getitem__, rows))

    def alone(self, slot: int) -> bool:
        """Whether the prefix has a single row."""
        return self._first[slot + 1] - self._first[slot] == 1

    def find(self, bits: int, slot: int, at: int, skew: int = 0, port: int | None = None) -> list[Hit]:
        """All rows of the longest prefix that has any for this time, give or take `skew` seconds, and this port.

        `slot` is where `find_slot` says to begin. Without a port all rows fit, whatever their ports.
        """
        low, high = at - skew, at + skew
        first, start, end, ports = self._first, self._start, self._end, self._ports
        segments = self._segments[bits]
        checks_port = port is not None and self.shared
        while slot != NO_SLOT:
            rows: Sequence[int]
            begin, stop = first[slot], first[slot + 1]
            if not end:
                hits = [(row, slot, True) for row in range(stop - 1, begin - 1, -1)]
            elif stop - begin == 1:
                since, until = start[begin], end[begin]
                hits = [(begin, slot, since <= at < until)] if since <= high and until > low else []
            else:
                rows = self._in_group(begin, stop, low, high)
                hits = [(row, slot, start[row] <= at < end[row]) for row in rows]
            if checks_port and hits:
                hits = [hit for hit in hits if ports[hit[0]] >> 16 <= port <= ports[hit[0]] & 0xFFFF]  # type: ignore[operator]
            if hits:
                return hits
            slot = segments.parent_of(slot)
        return []

    def _in_group(self, begin: int, stop: int, low: int, high: int) -> list[int]:
        end, reach, strides = self._end, self._reach, self._stride_end
        found = []
        position = bisect_right(self._start, high, begin, stop) - 1
        while position >= begin and reach[position] > low:
            if end[position] > low:
                found.append(position)
                position -= 1
            elif strides[position // _STRIDE] <= low:
                position = position // _STRIDE * _STRIDE - 1
            else:
                position -= 1
        return found

    def length(self, bits: int, slot: int) -> int:
        """The prefix length of a slot."""
        return self._segments[bits].length_of(slot)

    def lengths(self, bits: int, slots: Sequence[int]) -> Iterable[int]:
        """The prefix lengths of many slots."""
        return self._segments[bits].lengths_of(slots)

    def prefix(self, bits: int, slot: int) -> Prefix:
        """The prefix of a slot."""
        segments = self._segments[bits]
        return bits, segments.network(slot), segments.length_of(slot)

    def place(self, row: int) -> tuple[int, int]:
        """Source and line of the row, as they were given to `add`."""
        return self._source[row], self._line[row]

    def lines(self, rows: Sequence[int]) -> Iterable[int]:
        """The lines of many rows."""
        return map(self._line.__getitem__, rows)

    def end(self, row: int) -> int | None:
        """The second at which the row ends, None for no end."""
        if not self._end:
            return None
        end = self._end[row]
        return None if end == FOREVER else end

    def start(self, row: int) -> int | None:
        """The second at which the row begins, None for no begin."""
        return (self._start[row] or None) if self._end else None

    def ports(self, row: int) -> tuple[int, int] | None:
        """The ports of the row, None for all."""
        if not self.shared or self._ports[row] == _ALL_PORTS:
            return None
        return self._ports[row] >> 16, self._ports[row] & 0xFFFF

    def is_lease(self, row: int) -> bool:
        """Whether the row has limits of time."""
        return self.start(row) is not None or self.end(row) is not None

    def prefixes(self) -> Iterator[tuple[Prefix, Sequence[int]]]:
        """Every prefix with its rows, in order of address, IPv4 first."""
        first = self._first
        for bits, segments in self._segments.items():
            for slot in segments.slots():
                yield (bits, segments.network(slot), segments.length_of(slot)), range(first[slot], first[slot + 1])

    def count(self) -> int:
        """How many different prefixes there are."""
        return sum(map(len, self._segments.values()))

    def contested(self) -> Iterator[tuple[str, int, int]]:
        """Prefixes that two customers have at the same time and on the same ports: (prefix, row, row)."""
        first = self._first
        if len(self) == self.count():
            return
        for bits, segments in self._segments.items():
            for slot in segments.slots():
                begin, stop = first[slot], first[slot + 1]
                if stop - begin < 2 or self._follow_each_other(begin, stop):
                    continue
                for one, other in self._meeting(range(begin, stop)):
                    yield prefix_text(self.prefix(bits, slot)), one, other

    def _follow_each_other(self, begin: int, stop: int) -> bool:
        """Whether each row begins when the one before is over, as it is with leases; for shared ports, in each block."""
        if not self._end:
            return False
        if not self.shared:
            return all(map(le, self._end[begin : stop - 1], self._start[begin + 1 : stop]))
        over: dict[int, int] = {}
        for block, start, end in zip(
            self._ports[begin:stop], self._start[begin:stop], self._end[begin:stop], strict=True
        ):
            if over.get(block, 0) > start:
                return False
            over[block] = end
        blocks = sorted(over)
        return all(one & 0xFFFF < other >> 16 for one, other in pairwise(blocks))

    def _meeting(self, rows: Sequence[int]) -> Iterator[tuple[int, int]]:
        customer = self.customer
        running: list[int] = []
        for row in rows:
            begin = self.start(row) or 0
            running = [other for other in running if (self.end(other) or FOREVER) > begin]
            for other in running:
                if customer[other] != customer[row] and self._ports_meet(other, row):
                    yield other, row
                    break
            if len(running) < _MOST_RUNNING:
                running.append(row)

    def _ports_meet(self, one: int, other: int) -> bool:
        mine, theirs = self.ports(one), self.ports(other)
        return mine is None or theirs is None or (mine[0] <= theirs[1] and theirs[0] <= mine[1])
