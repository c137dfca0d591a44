# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Many assignments at once, as most tables hold them: one prefix, one customer, no limits of time or ports.

An object for each of a million rows costs more than all else that is done with them, so a reader of large tables may
give columns. A connector that can has a method `blocks(report)` beside `read(report)`: the same, in the same order of
each prefix.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, TypeAlias

from abusehandler.crm_connector.assignment import Assignment
from abusehandler.crm_connector.connector import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abusehandler.crm_connector.addresses import Heads
    from abusehandler.crm_connector.connector import Connector, Report


@dataclass(frozen=True, slots=True)
class PlainRows:
    """Rows of one source, column by column, all of the same length.

    `heads` are the prefixes as numbers, by family, with the positions of their rows; every row stands in one of them.
    """

    source: str
    lines: Sequence[int]
    customer_ids: Sequence[str]
    prefixes: Sequence[str]
    heads: Sequence[Heads]

    def assignments(self) -> Iterator[Assignment]:
        """Each row as a value."""
        nothing: Iterator[None] = repeat(None)
        return map(
            Assignment, self.prefixes, self.customer_ids, nothing, nothing, nothing, repeat(self.source), self.lines
        )


#: What may come to an index: single values, or columns.
Block: TypeAlias = Item | PlainRows


def blocks_of(connector: Connector, report: Report) -> Iterator[Block]:
    """All that a connector tells, in columns where it can do that."""
    blocks = getattr(connector, "blocks", None)
    told: Iterator[Block] = connector.read(report) if blocks is None else blocks(report)
    return told


def single_items(blocks: Iterable[Block]) -> Iterator[Item]:
    """The same, each row as a value of its own."""
    for block in blocks:
        if isinstance(block, PlainRows):
            yield from block.assignments()
        else:
            yield block
