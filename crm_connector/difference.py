# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What would change if a source were read now: prefixes added, gone, and moved to another customer; customers too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abusehandler.crm_connector.addresses import prefix_text

if TYPE_CHECKING:
    from abusehandler.crm_connector.layer import Layer


@dataclass(frozen=True, slots=True)
class Difference:
    """Texts for people, each list in order of address or id."""

    added: tuple[str, ...]
    gone: tuple[str, ...]
    moved: tuple[str, ...]
    customers_added: tuple[str, ...]
    customers_gone: tuple[str, ...]
    customers_changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return any(
            (self.added, self.gone, self.moved, self.customers_added, self.customers_gone, self.customers_changed)
        )


def difference(old: Layer | None, new: Layer) -> Difference:
    """The change from `old` (None: nothing was known) to `new`. A prefix is one entry whatever its leases are."""
    before = _holders(old) if old is not None else {}
    after = _holders(new)
    customers = old.customers if old is not None else {}
    return Difference(
        tuple(f"{prefix_text(key)} {_said(after[key])}" for key in after if key not in before),
        tuple(f"{prefix_text(key)} {_said(before[key])}" for key in before if key not in after),
        tuple(
            f"{prefix_text(key)} {_said(before[key])} -> {_said(now)}"
            for key, now in after.items()
            if key in before and before[key] != now
        ),
        tuple(sorted(new.customers.keys() - customers.keys())),
        tuple(sorted(customers.keys() - new.customers.keys())),
        tuple(sorted(key for key, now in new.customers.items() if key in customers and customers[key] != now)),
    )


def _holders(layer: Layer) -> dict[tuple[int, int, int], frozenset[str]]:
    index, ids = layer.index, layer.customer_ids
    return {prefix: frozenset(ids[index.customer[row]] for row in rows) for prefix, rows in index.prefixes()}


def _said(customers: frozenset[str]) -> str:
    names = sorted(customers)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
