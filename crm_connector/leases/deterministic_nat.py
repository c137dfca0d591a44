# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Deterministic NAT (RFC 7422): who has which ports follows from the configuration, and no log is needed.

Each inside address has a block of ports on an outside address, counted through in order: with the ratio R (subscribers
to one outside address) inside number i has outside number i // R and block i % R of the ports left after the reserved.
Settings: `pools`, a list of {inside: 100.64.0.0/22, outside: 192.0.2.0/26}, each with `ports_per_customer` (or
`ratio`), `first_port` (1024), `last_port` (65535), `valid_from`, `valid_until`. The customer is named by the inside
address, which a customer file gives as alias, or the source of inside leases resolves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.addresses import address_text, parse_prefix
from abusehandler.crm_connector.assignment import Assignment, PortRange
from abusehandler.crm_connector.settings import number_setting, refuse_unknown
from abusehandler.crm_connector.times import parse_moment
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report

_MOST_INSIDE = 1 << 22


class DeterministicNat:
    """Computes the blocks of the pools."""

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, ("pools",))
        pools = settings.get("pools")
        if not isinstance(pools, list) or not pools or not all(isinstance(pool, dict) for pool in pools):
            raise ConfigurationError(
                "pools: write a list of {inside: PREFIX, outside: PREFIX, ports_per_customer: NUMBER}"
            )
        self._pools = [_Pool(pool, f"pools, {number}") for number, pool in enumerate(pools, 1)]

    def mark(self) -> str:
        """Changes with the configuration only, for which the bot starts anew."""
        return "configuration"

    def read(self, report: Report) -> Iterator[Item]:
        """A block for each inside address."""
        for pool in self._pools:
            yield from pool.blocks()


class _Pool:
    def __init__(self, settings: Mapping[str, Any], where: str) -> None:
        known = (
            "inside",
            "outside",
            "ports_per_customer",
            "ratio",
            "first_port",
            "last_port",
            "valid_from",
            "valid_until",
        )
        for key in settings:
            if key not in known:
                raise ConfigurationError(f"{where}: {key}: not known; known are {', '.join(known)}")
        self._where = where
        self._inside = _prefix(settings, "inside", where)
        self._outside = _prefix(settings, "outside", where)
        self._low = int(number_setting(settings, "first_port", 1024, 0, 65535))
        high = int(number_setting(settings, "last_port", 65535, self._low, 65535))
        ports = high - self._low + 1
        if "ratio" in settings:
            self._ratio = int(number_setting(settings, "ratio", 1, 1, ports))
            self._size = ports // self._ratio
        else:
            self._size = int(number_setting(settings, "ports_per_customer", 0, 1, ports))
            self._ratio = ports // self._size
        self._limits = (_time(settings, "valid_from", where), _time(settings, "valid_until", where))
        inside, outside = (1 << (bits - length) for bits, _, length in (self._inside, self._outside))
        if inside > _MOST_INSIDE:
            raise ConfigurationError(f"{where}: inside: {inside} addresses are too many; write smaller pools")
        if outside * self._ratio < inside:
            raise ConfigurationError(
                f"{where}: {outside} outside addresses with {self._ratio} blocks each are too few for {inside} inside addresses"
            )

    def blocks(self) -> Iterator[Assignment]:
        bits, inside, length = self._inside
        _, outside, _ = self._outside
        for number in range(1 << (bits - length)):
            first = self._low + number % self._ratio * self._size
            yield Assignment(
                address_text(32, outside + number // self._ratio),
                address_text(bits, inside + number),
                *self._limits,
                PortRange(first, first + self._size - 1),
                self._where,
            )


def _prefix(settings: Mapping[str, Any], key: str, where: str) -> tuple[int, int, int]:
    try:
        bits, network, length, _ = parse_prefix(str(settings.get(key, "")))
    except ValueError as error:
        raise ConfigurationError(f"{where}: {key}: {error}; write a prefix such as 100.64.0.0/22") from error
    if key == "outside" and bits != 32:
        raise ConfigurationError(f"{where}: outside: write an IPv4 prefix")
    return bits, network, length


def _time(settings: Mapping[str, Any], key: str, where: str) -> datetime | None:
    try:
        return parse_moment(str(settings.get(key, "")))
    except ValueError as error:
        raise ConfigurationError(f"{where}: {key}: {error}") from error
