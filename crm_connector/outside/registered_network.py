# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a registry says about a foreign address: a network, its holder, and where abuse is told (RFC 9083)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.addresses import parse_address

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMAIL = re.compile(r"[^\s@<>,;\"()]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,253}")
_DEEPEST, _MOST_ENTITIES, _MOST_ADDRESSES = 6, 200, 5


@dataclass(frozen=True, slots=True)
class RegisteredNetwork:
    """Addresses `first` to `last` (numbers of `bits` 32 or 128) as a registry knows them.

    `abuse` holds the addresses of the abuse role, which RIPE calls abuse-c; empty if nobody is named. `told_by` is the
    URL that said so, `told_at` when, in Unix seconds.
    """

    bits: int
    first: int
    last: int
    handle: str
    name: str
    country: str
    abuse: tuple[str, ...]
    told_by: str
    told_at: float

    @property
    def id(self) -> str:
        """By which it is called where a customer's id is wanted."""
        return f"rdap:{self.handle or self.name}"


def read_ip_network(data: Any, told_by: str, told_at: float) -> RegisteredNetwork:
    """The object class `ip network` of RFC 9083 section 5.4; raises ValueError if it is none."""
    if not isinstance(data, dict) or data.get("objectClassName", "ip network") != "ip network":
        raise ValueError(f"{told_by}: not an IP network")
    bits, first = parse_address(_text(data, "startAddress").partition("/")[0])
    bits_of_last, last = parse_address(_text(data, "endAddress").partition("/")[0])
    if bits != bits_of_last or last < first:
        raise ValueError(f"{told_by}: from {data.get('startAddress')!r} to {data.get('endAddress')!r} is no network")
    abuse: dict[str, None] = {}
    for entity in _entities(data, 0, [_MOST_ENTITIES]):
        roles = entity.get("roles")
        if isinstance(roles, list) and "abuse" in roles:
            for email in _emails(entity):
                if len(abuse) < _MOST_ADDRESSES:
                    abuse[email] = None
    return RegisteredNetwork(
        bits, first, last, _text(data, "handle"), _text(data, "name"), _text(data, "country"),
        tuple(abuse), told_by, told_at,
    )  # fmt: skip


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    text = value if isinstance(value, str) else ""
    return "".join(sign for sign in text[:200] if sign.isprintable()).strip()


def _entities(data: dict[str, Any], depth: int, left: list[int]) -> Iterator[dict[str, Any]]:
    """All entities, the nearest first; registries hang the abuse role under the organisation as well."""
    entities = data.get("entities")
    found = [one for one in entities if isinstance(one, dict)] if isinstance(entities, list) else []
    for entity in found:
        left[0] -= 1
        if left[0] < 0:
            return
        yield entity
    if depth < _DEEPEST:
        for entity in found:
            yield from _entities(entity, depth + 1, left)


def _emails(entity: dict[str, Any]) -> Iterator[str]:
    """The addresses of a jCard (RFC 7095): ["vcard", [["email", {}, "text", "abuse@example.net"], ...]]."""
    card = entity.get("vcardArray")
    rows = card[1] if isinstance(card, list) and len(card) > 1 and isinstance(card[1], list) else []
    for row in rows[:100]:
        if isinstance(row, list) and len(row) > 3 and row[0] == "email" and isinstance(row[3], str):
            email = row[3].strip().removeprefix("mailto:")
            if _EMAIL.fullmatch(email):
                yield email
