# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables inside a text: which column an address stands in, for rows with separators and for cells one below another.

HTML tables often reach us with every cell on a line of its own; then the names of the columns are a run of short lines,
and the values follow in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.reports.freetext.labels import Role, label_before, words_of

if TYPE_CHECKING:
    from abusehandler.reports.freetext.addresses import FoundAddress
    from abusehandler.reports.freetext.passages import Line

_SEPARATORS = ("|", "\t", ";", ",")
_MOST_COLUMNS = 80
_LONGEST_CELL = 40


def column_roles(text: str, lines: tuple[Line, ...], addresses: list[FoundAddress]) -> dict[int, Role]:
    """The role that its column gives to each address in a table with named columns, by the address's offset."""
    roles = _rows(text, lines, addresses)
    if not roles and addresses:
        roles = _cells(text, lines, addresses)
    return roles


def cell_role(name: str) -> Role:
    """What the name of a column says about an address below it; `dst_port` and `Source ASN` say nothing."""
    words = words_of(name)
    if (
        not words
        or len(words) > 6
        or words[-1] in ("port", "asn", "country", "name", "geo", "city", "fqdn", "hostname", "count", "mac")
    ):
        return ""
    role, away = label_before(" ".join(words))
    if role in ("", "named") and words[0] in (
        "src",
        "source",
        "attacker",
        "offender",
        "infected",
        "bot",
        "victim",
        "dst",
        "dest",
        "c2",
        "cc",
    ):
        role, away = label_before(words[0])
    if role == "hosting":
        role = "source"
    return role if away <= 2 else ""


def _rows(text: str, lines: tuple[Line, ...], addresses: list[FoundAddress]) -> dict[int, Role]:
    starts = {one.start for one in addresses}
    roles: dict[int, Role] = {}
    header: list[Role] = []
    separator = ""
    index = 0
    for line in lines:
        content = text[line.start : min(line.end, line.start + 4000)]
        while index < len(addresses) and addresses[index].start < line.start:
            index += 1
        has_address = index < len(addresses) and addresses[index].start < line.end
        if not has_address:
            found = _header(content)
            if found:
                separator, header = found
            continue
        if not header or line.kind in ("header", "whois"):
            continue
        cells = content.split(separator)
        if abs(len(cells) - len(header)) > (2 if separator == "," else 0) or len(cells) < 2:
            continue
        offset = line.start
        for number, cell in enumerate(cells[: len(header)]):
            for place in range(offset, offset + min(len(cell), 8)):
                if place in starts:
                    roles[place] = header[number]
                    break
            offset += len(cell) + len(separator)
    return roles if {"source", "named"} & set(roles.values()) else {}


def _header(content: str) -> tuple[str, list[Role]] | None:
    for separator in _SEPARATORS:
        if content.count(separator) < 1:
            continue
        names = content.split(separator)
        if names[0].strip().lower() in ("#fields", "#fields:"):
            names = names[1:]  # Zeek puts a word before the names, and nothing before the values
        if len(names) > _MOST_COLUMNS or any(len(name) > _LONGEST_CELL for name in names):
            continue
        found = [cell_role(name) for name in names]
        if {"source", "named"} & set(found) and (len(names) > 2 or separator in "|\t"):
            return separator, found
    return None


def _cells(text: str, lines: tuple[Line, ...], addresses: list[FoundAddress]) -> dict[int, Role]:
    """Cells one below another."""
    filled = [line for line in lines if text[line.start : min(line.end, line.start + 200)].strip()]
    by_line: dict[int, FoundAddress] = {}
    index = 0
    for number, line in enumerate(filled):
        while index < len(addresses) and addresses[index].start < line.start:
            index += 1
        if index < len(addresses) and addresses[index].start < line.end and line.end - line.start < 60:
            by_line[number] = addresses[index]
    run: list[str] = []
    for number, line in enumerate(filled):
        content = text[line.start : line.end].strip()
        if len(content) <= _LONGEST_CELL and not any(
            char.isdigit() for char in content.replace("v4", "").replace("v6", "")
        ):
            run.append(content)
            continue
        if len(run) >= 3:
            roles = _columns_below(run[-_MOST_COLUMNS:], number, len(filled), by_line)
            if roles:
                return roles
        run = []
    return {}


def _columns_below(run: list[str], first: int, end: int, by_line: dict[int, FoundAddress]) -> dict[int, Role]:
    names = [cell_role(name) for name in run]
    if "source" not in names and "named" not in names:
        return {}
    for width in range(len(names), 2, -1):
        columns = names[-width:]
        if "source" not in columns and columns.count("named") != 1:
            continue
        roles: dict[int, Role] = {}
        for number in range(first, end):
            address = by_line.get(number)
            if address is None:
                continue
            role = columns[(number - first) % width]
            if not role:
                return roles if len(roles) > 2 else {}
            roles[address.start] = role
        if (
            roles
            and {"source", "named"} & set(roles.values())
            and min(by_line[n].start for n in by_line if n >= first) in roles
        ):
            return roles
    return {}
