# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""ISC Kea's lease files (memfile): `kea-leases4.csv` and `kea-leases6.csv`, with the older files beside them (.1, .2, .completed).

Every change appends a row (https://kea.readthedocs.io/, "Memfile"): address, hwaddr or duid, valid_lifetime, expire
(Unix seconds, end), state 0 default, 1 declined, 2 expired-reclaimed. Settings: `path`, `keep_days`, `customer_by`
(list of `circuit-id`, `remote-id`, `hostname`, `hwaddr`, `client_id`, `duid`), `history_file`: Kea's clean-up (LFC) keeps the
last row of each address alone.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import orjson

from abusehandler.crm_connector.leases.history import history_setting
from abusehandler.crm_connector.leases.session import (
    LEASE_SETTINGS,
    Lease,
    bounded_lines,
    files_mark,
    joined,
    lease_files,
    oldest_wanted,
    open_text,
)
from abusehandler.crm_connector.settings import refuse_unknown
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report

_NAMED_BY = ("circuit-id", "remote-id", "hostname", "hwaddr", "client_id", "duid")
#: A lease for ever (RFC 2131 section 3.3).
INFINITE = 0xFFFFFFFF
_ESCAPED = re.compile("&#x([0-9a-fA-F]{2})")


class Kea:
    """Reads lease files."""

    background = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, (*LEASE_SETTINGS, "history_file"))
        self._settings = settings
        self._base = base
        self._named = customer_names(settings)
        self._history = history_setting(settings, base)
        oldest_wanted(settings)

    def mark(self) -> str:
        """Sizes and times of the files."""
        return files_mark(self._settings, self._base)

    def read(self, report: Report) -> Iterator[Item]:
        """Every lease once, renewals joined to one."""
        since = oldest_wanted(self._settings)
        leases: dict[str, list[Lease]] = {}
        for path in lease_files(self._settings, self._base):
            with open_text(path) as stream:
                for line, row in self._rows(stream, path.name, report):
                    try:
                        told = self._lease(row)
                    except (ValueError, KeyError, OverflowError, OSError) as error:
                        report(f"{path.name}:{line}: {error}; left out")
                        continue
                    if told is not None:
                        prefix, who, begin, end = told
                        leases.setdefault(prefix, []).append(Lease(begin, end, who, path.name, line))
        if self._history is not None:
            yield from self._history.join(leases, since)
            return
        for prefix, words in leases.items():
            yield from joined(prefix, words, since)

    def _rows(self, stream: Any, name: str, report: Report) -> Iterator[tuple[int, dict[str, str]]]:
        header: list[str] = []
        for number, line in bounded_lines(stream, report, name):
            # Kea writes commas inside values as &#x2c, so a row is a line.
            cells = line.rstrip("\r\n").split(",")
            if cells and cells[0] == "address":
                header = cells
            elif not header:
                raise ConfigurationError(f"{name}: no header; this is not a lease file of Kea (address,hwaddr,...)")
            elif len(cells) < min(len(header), 5):
                if line.strip():
                    report(f"{name}:{number}: {len(cells)} columns of {len(header)}; left out")
            else:
                yield number, dict(zip(header, cells, strict=False))

    def _lease(self, row: dict[str, str]) -> tuple[str, str, datetime, datetime | None] | None:
        expire, lifetime = int(row["expire"]), int(row["valid_lifetime"])
        if lifetime == 0 or (row.get("state") or "0") != "0":
            # Removed, declined or reclaimed: when it was given back is not told, so it held until its time was over
            # or somebody else got it.
            return None
        prefix = row["address"]
        if row.get("lease_type") == "2":  # a delegated prefix, RFC 8415
            prefix = f"{prefix}/{int(row['prefix_len'])}"
        begin = datetime.fromtimestamp(max(0, expire - lifetime), timezone.utc)
        end = datetime.fromtimestamp(expire, timezone.utc) if lifetime < INFINITE else None
        return prefix, named_customer(row, self._named), begin, end


def customer_names(settings: Mapping[str, Any]) -> list[str]:
    """`customer_by`: what names the customer, the first that a lease has. Raises ConfigurationError."""
    named = settings.get("customer_by", ["circuit-id", "remote-id", "hwaddr", "duid", "client_id"])
    named = [named] if isinstance(named, str) else named
    if not isinstance(named, list) or not named or any(one not in _NAMED_BY for one in named):
        raise ConfigurationError(f"customer_by: write a list of {', '.join(_NAMED_BY)}")
    return named


def named_customer(row: Mapping[str, str], names: list[str]) -> str:
    """Who has a lease, by its columns; raises ValueError if none of `names` is there."""
    relay: dict[str, str] = {}
    context = row.get("user_context", "")
    if "relay-agent-info" in context and ("circuit-id" in names or "remote-id" in names):
        try:
            told = orjson.loads(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), context))
            about = told["ISC"]["relay-agent-info"]
            relay = _option_82(about if isinstance(about, str) else about["sub-options"])
        except (ValueError, KeyError, TypeError):
            relay = {}
    for name in names:
        who = relay.get(name) or row.get(name, "")
        if who:
            return who
    raise ValueError(f"nothing names the customer of {row.get('address', '')[:50]}")


def _option_82(octets: str) -> dict[str, str]:
    """Circuit and remote id from the sub-options of DHCP option 82 (RFC 3046) in hex; ValueError if it is not hex."""
    raw = bytes.fromhex(octets.removeprefix("0x"))
    found = {}
    at = 0
    while at + 2 <= len(raw):
        code, length = raw[at], raw[at + 1]
        value = raw[at + 2 : at + 2 + length]
        name = {1: "circuit-id", 2: "remote-id"}.get(code)
        if name and len(value) == length:
            plain = value.decode("ascii", "replace")
            found[name] = plain if value.isascii() and plain.isprintable() else value.hex()
        at += 2 + length
    return found
