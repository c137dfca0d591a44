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
_PORT_SPACED = re.compile(r"[ \t]{1,3}:[ \t]{0,3}(\d{2,5})\b(?![:.,/-]\d)|::(\d{2,5})\b|[ \t]?\((\d{4,5})\)")
_PORT_INTERFACE = re.compile(r",[ ]?(\d{1,5}),[ ]?\w{1,10}(?:,[ ][\w.-]{1,80})?[ ]-[ ]\d")
_PORT_ARROW = re.compile(r"[ \t]{1,12}(\d{1,5})[ \t]{0,8}(?:-+>|=+>|→)")
_PORT_KEY = re.compile(
    r"(?i)\b(?:spt|sport|src[_ -]?port|source[_ -]?port|s_port|srcport|sourceport|client[_ -]?port|remote[_ -]?port|"
    r"peer[_ -]?port|orig_p|rport)"
    r"[\"']?[ \t]{0,3}[=:][ \t\"']{0,3}(\d{1,5})\b"
)
#: "исходный порт 61220", "source port 4711": no colon where the label leaves no doubt.
_PORT_PROSE = re.compile(
    r"(?i)(?:\b|(?<=[^\x00-\x7f]))(?:(?:source|src|origin(?:ating)?|quell|bron)[ _-]?(?:port|poort)|puerto (?:de )?origen|port source|"
    r"porta (?:de )?origem|porta sorgente|port źródłowy|zdrojový(?:m)? port(?:em|u)?|порт(?:а|ом)? источника|исходн\w{2,3} порт\w{0,2}|"
    r"源端口|来源端口|送信元ポート(?:番号)?|発信元ポート|출발지 ?포트|порт джерела|lähdeportti|källport|kildeport|kaynak port\w{0,2}|"
    r"forrásport)(?: (?:number|is|was|ist|war|est|es|é|number is))?(?:[ \t]{1,3}|(?<=[^\x00-\x7f])[为是はが]?[ \t]?)(\d{2,5})\b(?!\.?\d|/)"
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
    r"(?i)\b(?:source|src|attacker|client|remote|c)?[ _-]?(?:ip|addr|address|host)?[ _\"-]{0,3}[,;|/"
    r"\t ]{1,12}[\"']?(?:source|src|s|c|client|remote)?[ _-]?port|orig_h[\t ]+id\.orig_p"
)
_CELL_BEHIND = re.compile(r"[\"']?[ \t]{0,6}[,;|/\t ][ \t\"']{0,12}(\d{2,5})[\"']?(?=[ \t]{0,6}(?:[,;|/\t ]|$))")
#: pfSense writes source, destination, their ports: https://docs.netgate.com/pfsense/en/latest/monitoring/logs/raw-filter-format.html
_FILTERLOG = re.compile(r",[\da-fA-F.:]{3,39},(\d{1,5}),\d{1,5}\b")
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
        _found(match)
        for pattern in (_PORT_LABELLED, _PORT_KEY, _PORT_PROSE)
        for match in pattern.finditer(text, 0, _MOST_TEXT)
    ]
    return [one for one in found if one is not None][:200]


def port_beside(text: str, address_end: int, line_start: int, line_end: int) -> FoundPort | None:
    """The source port that a log line or table row gives to the address ending at `address_end`."""
    match = (
        (_FILTERLOG.match(text, address_end, line_end) if "filterlog" in text[line_start:address_end] else None)
        or _PORT_SPACED.match(text, address_end, line_end)
        or _PORT_BEHIND.match(text, address_end, line_end)
        or _PORT_INTERFACE.match(text, address_end, line_end)
        or _PORT_ARROW.match(text, address_end, line_end)
        or _PORT_KEY.search(text, line_start, line_end)
    )
    if match is None and -1 < _named_column(text) < line_start:
        match = _CELL_BEHIND.match(text, address_end, line_end)
    return _found(match) if match else None


def _found(match: re.Match[str]) -> FoundPort | None:
    group = match.lastindex or 1
    port = int(match[group])
    return FoundPort(port, match.start(group), match.end(group)) if 0 < port < 65536 else None


@lru_cache(maxsize=64)
def _named_column(text: str) -> int:
    """Where the text first names a column for the source port right behind one for the address; -1 if nowhere."""
    match = _COLUMN.search(text, 0, 100_000)
    return match.start() if match else -1
