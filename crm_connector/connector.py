# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The interface that an ISP implements for its own system: one method that reads everything.

Look-ups are answered from memory, never by the ISP's system, so a connector only has to tell all it knows, when asked,
as a stream. See `stub.py` for a working example and docs/connect-your-crm.md for the walk-through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from abusehandler.crm_connector.assignment import Assignment, HostName
from abusehandler.crm_connector.customer import Customer

if TYPE_CHECKING:
    from pathlib import Path

#: What a connector may give, in any order.
Item: TypeAlias = Customer | Assignment | HostName

#: Called with one line of text for each row that had to be left out or corrected: place, what is wrong, what to write.
Report: TypeAlias = Callable[[str], None]


@runtime_checkable
class Connector(Protocol):
    """Reads one source of customer data.

    The class is made by `Class(settings, base)`: its part of the `customers:` section of abusehandler.yaml and the
    folder that relative paths start from. The constructor raises ConfigurationError for wrong settings and does not
    touch the network. A class
    attribute `remote = True` says that reading waits for another machine: it is then done in the background, with
    growing pauses after failures; `background = True` says that of a large local source. A source of very many rows may
    tell them in columns, see `plain_rows.py`.
    """

    def read(self, report: Report) -> Iterator[Item]:
        """Yield everything the source knows, and finish.

        An assignment may name a customer that is yielded later, never, or known to another connector. Rows that cannot
        be used go to `report`, one line each. Raise any exception if the source cannot be read as a whole: what was
        read before keeps serving.
        """
        ...

    def mark(self) -> str:
        """A text that changes when the source changed (size and time of a file, a serial), cheap to get.

        Empty when it cannot be told; then every refresh reads the source again.
        """
        ...


#: Makes a connector from its settings and the folder that relative paths start from.
ConnectorFactory: TypeAlias = "Callable[[Mapping[str, Any], Path], Connector]"
