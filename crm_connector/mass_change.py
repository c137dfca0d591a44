# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Is this still our customer base? A file cut in the middle, or with a shifted column, must not replace a good one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abusehandler.crm_connector.layer import Layer

#: Below this many prefixes percentages say nothing.
_FEWEST = 10


def suspicion(old: Layer, new: Layer, max_percent: float) -> str:
    """Why the change from `old` to `new` needs a person, empty if it does not.

    Only prefixes without limits of time count: leases come and go.
    """
    total = gone = moved = 0
    known = {prefix: rows for prefix, rows in new.index.prefixes() if not new.index.is_lease(rows[0])}
    for prefix, rows in old.index.prefixes():
        if old.index.is_lease(rows[0]):
            continue
        total += 1
        now = known.get(prefix)
        if now is None:
            gone += 1
        elif old.customer_ids[old.index.customer[rows[0]]] != new.customer_ids[new.index.customer[now[0]]]:
            moved += 1
    if total < _FEWEST:
        return ""
    if gone * 100 > max_percent * total:
        return f"{gone} of {total} prefixes would be gone ({gone * 100 / total:.0f} %, allowed are {max_percent:g} %)"
    if moved * 100 > max_percent * total:
        share = f"{moved * 100 / total:.0f} %, allowed are {max_percent:g} %"
        return f"{moved} of {total} prefixes would change their customer ({share})"
    return ""
