# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Find source ports in running text: labelled ones, and those that logs and tables put beside an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PORT_BEHIND = re.compile(
    r"(?i)[\s\"'\]),;]{0,4}(?:source |src |remote )?(?:port|s?port|spt|sport|src_?port)[\s:=#\"']{0,4}(\d{1,5})"
    r"\b(?!\.\d)"
)
_PORT_ARROW = re.compile(r"[ \t]{1,12}(\d{1,5})[ \t]{0,8}(?:-+>|=+>|→)")
_PORT_KEY = re.compile(
    r"(?i)\b(?:spt|sport|src[_ -]?port|source[_ -]?port|s_port|srcport|sourceport|client[_ -]?port)"
    r"[\"']?[ \t]{0,3}[=:][ \t\"']{0,3}(\d{1,5})\b"
)
_PORT_LABELLED = re.compile(
    r"(?i)(?:\b|(?<=[^\x00-\x7f]))(?:(?:source|src|origin|originating|remote|client|infringing|ip|tcp|udp|quell|origen|origem|"
    r"sorgente|zdrojovy|bron)[ _-]{0,2}(?:ports?|poort)|puerto (?:de )?origen|port source|porta (?:de )?origem|porta sorgente|"
    r"port źródłowy|zdrojový port|порт источника|исходный порт|送信元ポート(?:番号)?|源端口|출발지 ?포트|"
    r"(?<!destination )(?<!dest )(?<!dst )(?<!target )(?<!local )"
    r"(?<!server )(?<!to )(?<!on )(?<!\w)port(?: number)?)[ \t]{0,10}(?:\([^)"
    r"\n]{0,20}\)[ \t]?)?[:=：][ \t\"']{0,12}(\d{1,5})\b(?![.\d/])"
)
_COLUMN = re.compile(
    r"(?i)\b(?:source|src|attacker|client|remote|c)?[ _-]?(?:ip|addr|address|host)?[ _\"-]{0,3}[,;|"
    r"\t ]{1,12}[\"']?(?:source|src|s|c|client|remote)?[ _-]?port"
)
_CELL_BEHIND = re.compile(r"[\"']?[ \t]{0,6}[,;|\t ][ \t\"']{0,12}(\d{2,5})[\"']?(?=[ \t]{0,6}(?:[,;|\t ]|$))")
_MOST_TEXT = 60_000


@dataclass(frozen=True, slots=True)
class FoundPort:
    """A port number at `text[start:end]`."""

    port: int
    start: int
    end: int


def find_ports(text: str) -> list[FoundPort]:
    """Labelled source ports ("Source port: 4711", `SPT=4711`, "Port: 4711"); not those of targets. Never raises."""
    found = [
        _found(match) for pattern in (_PORT_LABELLED, _PORT_KEY) for match in pattern.finditer(text, 0, _MOST_TEXT)
    ]
    return [one for one in found if one is not None][:200]


def port_beside(text: str, address_end: int, line_start: int, line_end: int) -> FoundPort | None:
    """The source port that a log line or table row gives to the address ending at `address_end`."""
    match = (
        _PORT_BEHIND.match(text, address_end, line_end)
        or _PORT_ARROW.match(text, address_end, line_end)
        or _PORT_KEY.search(text, line_start, line_end)
    )
    if match is None and -1 < _named_column(text) < line_start:
        match = _CELL_BEHIND.match(text, address_end, line_end)
    return _found(match) if match else None


def _found(match: re.Match[str]) -> FoundPort | None:
    port = int(match[1])
    return FoundPort(port, match.start(1), match.end(1)) if 0 < port < 65536 else None


@lru_cache(maxsize=64)
def _named_column(text: str) -> int:
    """Where the text first names a column for the source port right behind one for the address; -1 if nowhere."""
    match = _COLUMN.search(text, 0, 100_000)
    return match.start() if match else -1
