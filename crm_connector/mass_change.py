# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Is this still our customer base? A file cut in the middle, or with a shifted column, must not replace a good one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.crm_connector.addresses import Prefix
    from abusehandler.crm_connector.layer import Layer

_BEHIND_ALL = ((129, 0, 0), "")
#: Below this many prefixes percentages say nothing.
_FEWEST = 10


def suspicion(old: Layer, new: Layer, max_percent: float) -> str:
    """Why the change from `old` to `new` needs a person, empty if it does not.

    Only prefixes without limits of time count: leases come and go.
    """
    total = gone = moved = 0
    # Both are in order of address, so they are walked side by side: a table of a million prefixes beside two others
    # takes more memory than both.
    news = _fixed(new)
    prefix, customer = next(news, _BEHIND_ALL)
    for old_prefix, old_customer in _fixed(old):
        total += 1
        while prefix < old_prefix:
            prefix, customer = next(news, _BEHIND_ALL)
        if prefix != old_prefix:
            gone += 1
        elif customer != old_customer:
            moved += 1
    if total < _FEWEST:
        return ""
    if gone * 100 > max_percent * total:
        return f"{gone} of {total} prefixes would be gone ({gone * 100 / total:.0f} %, allowed are {max_percent:g} %)"
    if moved * 100 > max_percent * total:
        share = f"{moved * 100 / total:.0f} %, allowed are {max_percent:g} %"
        return f"{moved} of {total} prefixes would change their customer ({share})"
    return ""


def _fixed(layer: Layer) -> Iterator[tuple[Prefix, str]]:
    """The prefixes without limits of time, in order of address, with their first customer."""
    index, ids = layer.index, layer.customer_ids
    return ((prefix, ids[index.customer[rows[0]]]) for prefix, rows in index.prefixes() if not index.is_lease(rows[0]))
