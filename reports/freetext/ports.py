# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Find source ports in running text: labelled ones, and those that logs and tables put beside an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from abusehandler.reports.formats.columns import columns_of
from abusehandler.reports.freetext.lines import lines_holding

_PORT_BEHIND = re.compile(
    r"(?i)[\s\"'\]),;]{0,4}(?:source |src |remote )?(?:port|s?port|spt|sport|src_?port)[\s:=#\"']{0,4}(\d{1,5})"
    r"\b(?!\.\d)"
)
_PORT_SPACED = re.compile(
    r"[ \t]{1,3}:[ \t]{0,3}(\d{2,5})\b(?![:.,/-]\d)|::(\d{2,5})\b|[ \t]?\((?:[pP]ort[ \t:]{1,2})?(\d{4,5})\)"
)
#: Exim: "[192.0.2.1]:40001"
_PORT_BRACKET = re.compile(r"\]:(\d{2,5})\b(?!\.\d)")
_PORT_INTERFACE = re.compile(r",[ ]?(\d{1,5}),[ ]?\w{1,10}(?:,[ ][\w.-]{1,80})?[ ]-[ ]\d")
_PORT_ARROW = re.compile(r"[ \t]{1,12}(\d{1,5})[ \t]{0,8}(?:-+>|=+>|→)")
_PORT_KEY = re.compile(
    r"(?i)\bs(?:ource[ _-]?|rc[ _-]?)?port[ \t]{1,3}(\d{4,5})\b(?![.:/-]\d)|"
    r"\b(?:spt|sport|src[_ -]?port|source[_ -]?port|s_port|srcport|sourceport|client[_ -]?port|remote[_ -]?port|"
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
_WORD = re.compile(r"[^\W\d_]+")
_PORT_SURE = re.compile(
    r"(?i)(?:\b|(?<=[^\x00-\x7f]))(?:(?:source|src|origin|originating|remote|client|peer|bot|infected|infringing|attacker|infringer['’]s|quell|origen|"
    r"origem|sorgente|zdrojovy|bron)[ _-]{0,2}(?:ports?|poort)|sport|puerto (?:de )?origen|port source|porta (?:de )?origem|"
    r"porta sorgente|port źródłowy|zdrojový port|порт источника|исходный порт|送信元ポート(?:番号)?|源端口|출발지 ?포트)"
    r"[\"']?[ \t.]{0,10}(?:\([^)\n]{0,20}\)[ \t]?)?(?:[:=：>]|\|?[ \t]{0,8}\r?\n)[ \t\"'|]{0,12}(\d{1,5})\b(?![.\d/])"
)
_PORT_LABELLED = re.compile(
    r"(?i)(?:\b|(?<=[^\x00-\x7f]))(?:(?:ip|tcp|udp)[ _-]{0,2}ports?|"
    r"(?<!\w)(?:port(?: number)?|poort|puerto|porto|porta|portti|порт|端口|端口号|ポート(?:番号)?|포트))[ \t.]{0,10}(?:\([^)"
    r"\n]{0,20}\)[ \t]?)?[:=：>][ \t\"'|]{0,12}(\d{1,5})\b(?![.\d]|/(?!tcp|udp))"
)
#: "Ziel-Port: 22", "<dst><port>22", "victim's port": not the source's.
_NOT_ITS = frozenset(
    """
    destination dest dst target targeted local server victim to on ziel zielport destino cible doel doelpoort cel celowy docelowy
    cilovy destinazione alvo objetivo назначения целевой цели attacked our kohde mal hedef scanned probed dport
    """.split()  # noqa: SIM905
)
_NOT_ITS_SIGNS = ("目的", "宛先", "目标", "目標", "목적", "被扫", "攻撃先")
_COLUMN = re.compile(
    r"(?i)\b(?:source|src|attacker|client|remote|c)?[ _-]?(?:ip|addr|address|host)?[ _\"-]{0,3}[,;|/"
    r"\t ]{1,12}[\"']?(?:source|src|s|c|client|remote)?[ _-]?port|orig_h[\t ]+id\.orig_p"
)
_CELL_BEHIND = re.compile(r"[\"']?[ \t]{0,6}[,;|/\t ][ \t\"']{0,12}(\d{2,5})[\"']?(?=[ \t]{0,6}(?:[,;|/\t ]|$))")
#: pfSense writes source, destination, their ports: https://docs.netgate.com/pfsense/en/latest/monitoring/logs/raw-filter-format.html
_FILTERLOG = re.compile(r",[\da-fA-F.:]{3,39},(\d{1,5}),\d{1,5}\b")
#: The word for a port where tables have names.
_PORT_NAME = re.compile(r"(?i)(?<![a-z])(?:[sc]|src|source)?_?(?:port|poort|puerto|porta|spt|sport)s?(?![a-z])")
_CELL = re.compile(r"[ \t\"'|*]{0,20}(\d{1,5})(?:/(?:tcp|udp))?[ \t\"'|*]{0,20}")
_BETWEEN = (re.compile(r"\|"), re.compile(r"\t+"), re.compile(";"), re.compile(","), re.compile(" {2,}"))
#: "2026-11-20 10:00:00 192.0.2.1 40001 198.51.100.2 443": two addresses in a row, each with its port (ModSecurity, Zeek).
_PORT_PAIR = re.compile(r"[ \t,;|\"]{1,12}(\d{1,5})[ \t,;|\"]{1,12}[\da-fA-F.:]{3,39}[ \t,;|\"]{1,12}\d{1,5}(?![\w.:])")
_MARKS = ("port", "spt", "poort", "puerto", "порт", "端口", "ポート", "포트", "orig_p", "s_p")
#: "report", "support", "import", "export": what stands before the word there.
_NO_PORT = frozenset(("re", "up", "im", "ex"))
_LONGEST_ROW = 1000
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
        for pattern in (_PORT_SURE, _PORT_LABELLED, _PORT_KEY, _PORT_PROSE)
        for start, end in _port_lines(text[:_MOST_TEXT])
        for match in pattern.finditer(text, start, end)
        if not _is_targets(text, match.start())
    ]
    return [one for one in found if one is not None][:200]


@lru_cache(maxsize=16)
def _port_lines(text: str) -> tuple[tuple[int, int], ...]:
    """The lines that say "port" in one of the languages, each with the one behind it, where the value may stand."""
    return tuple(lines_holding(text, _MARKS, and_next=True, not_behind=_NO_PORT))


def _is_targets(text: str, start: int) -> bool:
    """Whether the words before the label say that the port is the target's."""
    before = text[max(0, start - 24) : start]
    before = before[before.rfind("\n") + 1 :]
    return not _NOT_ITS.isdisjoint(_WORD.findall(before.lower())[-2:]) or any(
        sign in before[-6:] for sign in _NOT_ITS_SIGNS
    )


def port_beside(text: str, address_end: int, line_start: int, line_end: int) -> FoundPort | None:
    """The source port that a log line or table row gives to the address ending at `address_end`."""
    match = (
        (_FILTERLOG.match(text, address_end, line_end) if "filterlog" in text[line_start:address_end] else None)
        or _PORT_BRACKET.match(text, address_end, line_end)
        or _PORT_SPACED.match(text, address_end, line_end)
        or _PORT_BEHIND.match(text, address_end, line_end)
        or _PORT_INTERFACE.match(text, address_end, line_end)
        or _PORT_ARROW.match(text, address_end, line_end)
        or _PORT_PAIR.match(text, address_end, line_end)
        or _PORT_KEY.search(text, line_start, line_end)
    )
    if match is None and -1 < _named_column(text) < line_start:
        match = _CELL_BEHIND.match(text, address_end, line_end)
    return _found(match) if match else _in_column(text, line_start, line_end)


@dataclass(frozen=True, slots=True)
class _Head:
    """The head of a table: where it ends, between what its cells stand, how many, and which is the source port's."""

    end: int
    between: re.Pattern[str]
    width: int
    place: int


def _in_column(text: str, line_start: int, line_end: int) -> FoundPort | None:
    """The cell of this row below a column for the source port, wherever that stands in the table."""
    head = _head(text)
    if head is None or line_start < head.end or line_end - line_start > _LONGEST_ROW:
        return None
    cells = _cells(text, head.between, line_start, line_end)
    if len(cells) != head.width:
        return None
    start, end = cells[head.place]
    match = _CELL.fullmatch(text, start, end)
    return _found(match) if match else None


def _cells(text: str, between: re.Pattern[str], start: int, end: int) -> list[tuple[int, int]]:
    """Where the cells of a row stand."""
    cells = []
    for match in islice(between.finditer(text, start, end), 80):
        cells.append((start, match.start()))
        start = match.end()
    return [*cells, (start, end)]


@lru_cache(maxsize=64)
def _head(text: str) -> _Head | None:
    """The first line of the text that names a column for addresses and one for their ports."""
    lines = _port_lines(text[:_MOST_TEXT])
    names_of_ports = (match for start, end in lines for match in _PORT_NAME.finditer(text, start, end))
    for match in islice(names_of_ports, 20):
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        end = len(text) if end < 0 else end
        if end - start > _LONGEST_ROW:
            continue
        for between in _BETWEEN:
            cells = _cells(text, between, start, end)
            names = [text[first:last].strip(" \t\"'*|") for first, last in cells]
            if len(names) < 2 or max(map(len, names)) > 40:
                continue
            columns = columns_of(names)
            if columns is not None and "source.port" in columns.places and "source.ip" in columns.places:
                return _Head(end, between, len(names), columns.places["source.port"])
    return None


def _found(match: re.Match[str]) -> FoundPort | None:
    group = match.lastindex or 1
    port = int(match[group])
    return FoundPort(port, match.start(group), match.end(group)) if 0 < port < 65536 else None


@lru_cache(maxsize=64)
def _named_column(text: str) -> int:
    """Where the text first names a column for the source port right behind one for the address; -1 if nowhere."""
    match = _COLUMN.search(text, 0, 100_000)
    return match.start() if match else -1
