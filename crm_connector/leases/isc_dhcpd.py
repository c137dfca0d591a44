# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""ISC dhcpd's lease files, `dhcpd.leases` and `dhcpd6.leases` (man 5 dhcpd.leases).

The file is a log: a lease stands there again each time it changes, the last entry counts, older ones tell who had the
address before. Settings: `path` (may be a pattern, so that saved older files are read too), `keep_days`, `customer_by`:
a list of what names the customer, the first that a lease has: `circuit-id`, `remote-id`, `hostname`, `uid`, `mac`;
`history_file`: dhcpd writes the file anew every hour and leaves out what is over.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

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

_NAMED_BY = ("circuit-id", "remote-id", "uid", "hostname", "mac", "duid")
_LEASE = re.compile(r"lease ([0-9.]{7,15}) \{", re.ASCII)
_IA = re.compile(r'ia-(?:na|pd|ta) "((?:[^"\\]|\\.)*)" \{', re.ASCII)
_IA_ADDRESS = re.compile(r"ia(?:addr|prefix) ([0-9A-Fa-f:./]{2,49}) \{", re.ASCII)
_TIME = re.compile(r"(?:[0-6] )?(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)|epoch (\d{1,11})", re.ASCII)
_OPTION = re.compile(r"option agent\.(circuit|remote)-id (.{1,600})", re.ASCII)


class IscDhcpd:
    """Reads lease files."""

    background = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, (*LEASE_SETTINGS, "history_file"))
        self._settings = settings
        self._base = base
        named = settings.get("customer_by", ["circuit-id", "remote-id", "mac", "duid", "uid"])
        self._named = [named] if isinstance(named, str) else named
        if not isinstance(self._named, list) or not self._named or any(one not in _NAMED_BY for one in self._named):
            raise ConfigurationError(f"customer_by: write a list of {', '.join(_NAMED_BY)}")
        self._history = history_setting(settings, base)
        oldest_wanted(settings)

    def mark(self) -> str:
        """Sizes and times of the files."""
        return files_mark(self._settings, self._base)

    def read(self, report: Report) -> Iterator[Item]:
        """Every lease once, with the time until which it held."""
        leases: dict[str, dict[datetime, Lease]] = {}
        for path in lease_files(self._settings, self._base):
            with open_text(path) as stream:
                for address, entry, line in _entries(stream, path.name, report):
                    who = next((entry[name] for name in self._named if entry.get(name)), "")
                    # DHCPv6 leases have no begin but the time of the last word with the client.
                    begin = entry.get("starts") or entry.get("cltt")
                    # An abandoned lease, or one of the fail-over partner, is nobody's.
                    if who and begin and entry.get("state") not in ("abandoned", "backup", "reset"):
                        # The last word about a lease counts: a release ends it early.
                        leases.setdefault(address, {})[begin] = Lease(begin, entry.get("ends"), who, path.name, line)
        since = oldest_wanted(self._settings)
        if self._history is not None:
            yield from self._history.join({address: list(words.values()) for address, words in leases.items()}, since)
            return
        for address, words in leases.items():
            yield from joined(address, list(words.values()), since)


def _entries(stream: TextIO, name: str, report: Report) -> Iterator[tuple[str, dict[str, Any], int]]:
    """(address or prefix, statements, line) of each lease in the order of the file."""
    entry: dict[str, Any] = {}
    client: dict[str, Any] = {}
    address = ""
    begin = inner = 0
    for number, raw in bounded_lines(stream, report, name):
        line = raw.strip()
        if line.endswith("{"):
            lease, client_opens = _LEASE.fullmatch(line) or _IA_ADDRESS.fullmatch(line), _IA.fullmatch(line)
            if (lease or client_opens) and address:
                report(f"{name}:{begin}: lease {address} has no end; left out")
                address = ""
            if lease:
                address, begin, inner = lease[1], number, 0
                entry = dict(client)
            elif client_opens:
                client = {"duid": _duid(client_opens[1])}
            else:
                inner += 1  # `on expiry { ... }` within a lease
        elif line == "}":
            if inner:
                inner -= 1
            elif address:
                yield address, entry, begin
                address = ""
            else:
                client = {}
        elif line and not line.startswith("#") and not inner:
            _statement(line.rstrip(";"), entry if address else client)
    if address:
        report(f"{name}:{begin}: the file ends within lease {address}; left out")


def _statement(line: str, entry: dict[str, Any]) -> None:
    word, _, rest = line.partition(" ")
    if word in ("starts", "ends", "cltt"):
        entry[word] = _moment(rest)
    elif word == "hardware":
        entry["mac"] = rest.rpartition(" ")[2]
    elif word == "uid":
        entry["uid"] = _octets(rest)
    elif word == "client-hostname":
        entry["hostname"] = rest.strip('"')
    elif word == "binding":
        entry["state"] = rest.removeprefix("state ").strip()
    elif word == "option":
        found = _OPTION.fullmatch(line)
        if found:
            entry[f"{found[1]}-id"] = _octets(found[2])


def _moment(text: str) -> datetime | None:
    found = _TIME.match(text)
    if not found:
        return None
    try:
        if found[7]:
            return datetime.fromtimestamp(int(found[7]), timezone.utc)
        year, month, day, hour, minute, second = (int(found[at]) for at in range(1, 7))
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def _octets(text: str) -> str:
    """A value that dhcpd writes as "text" with octal escapes or as 0:1:2f; what is not printable stays hex."""
    text = text.strip()
    if text.startswith('"') and text.endswith('"'):
        raw = _unescape(text[1:-1])
        plain = raw.decode("ascii", "replace")
        return plain if plain.isprintable() and raw.isascii() else raw.hex()
    return text


def _unescape(text: str) -> bytes:
    octets = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 4].isdigit() and len(text[at + 1 : at + 4]) == 3:
            octets.append(
                int(text[at + 1 : at + 4], 8) & 0xFF if all(sign < "8" for sign in text[at + 1 : at + 4]) else 0
            )
            at += 4
        elif text[at] == "\\" and at + 1 < len(text):
            octets += text[at + 1].encode()
            at += 2
        else:
            octets += text[at].encode("utf-8", "replace")
            at += 1
    return bytes(octets)


def _duid(text: str) -> str:
    """The client's DUID as hex; the first four octets of the key are the IAID (RFC 8415)."""
    return _unescape(text)[4:].hex()
