# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Find URLs, host names and mail addresses in running text, and tell host names from file names and sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from abusehandler.reports.freetext.addresses import canonical

# Bounded repetitions: a URL beyond 2,000 characters is cut by browsers and servers alike.
_URL = re.compile(
    r"(?i)(?<![a-z0-9])(?P<scheme>https?|ftps?|rtmps?|rtsp)://(?P<rest>[^\s<>\"`\\^{}|\x00-\x1f]{3,2000})"
)
_MAIL = re.compile(
    r"(?<![\w.+-])(?P<local>[\w.+'=-]{1,64})@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{2,252})(?<![.-])", re.ASCII
)
_HOST = re.compile(
    r"(?<![\w@./\\%=-])(?P<host>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,10}[^\W\d_](?:[^\W_]|-){1,23})(?P<dot>\.?)(?![\w@\\-]|\.\w)"
)
_HOST_PORT = re.compile(r"[^/?#]*?:(\d{1,5})(?=[/?#]|$)")
_FILE_ENDINGS = frozenset(
    """
    zip rar exe dll pdf php html htm txt log csv xml json js css png jpg jpeg gif doc docx xls xlsx pm conf cfg
    ini bin dat bak sql apk iso mov asp aspx jsp cgi eml msg yml yaml gz tar bz2 mp3 mp4 mkv avi ts m3u m3u8 local
    lan internal service socket timer arpa invalid localdomain bat scr vbs lnk
    """.split()  # noqa: SIM905
)
#: TLDs that are also file endings or words; a bare name under them is believed only with `www.` or three labels.
_DOUBTFUL = frozenset(
    """
    zip mov sh py pl rs md so ps cc ms as in is it at to me be no do my us so il id am
    """.split()  # noqa: SIM905
)
MOST = 5000


@dataclass(frozen=True, slots=True)
class FoundName:
    """A URL, host or mail address at `text[start:end]`. `host` is lower case, an A-label name or an address.

    `url` is empty for bare hosts; `mail` holds the whole mail address for those. `port` is the one in the URL.
    """

    host: str
    start: int
    end: int
    url: str = ""
    mail: str = ""
    port: int | None = None


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


@lru_cache(maxsize=8192)
def registered_domain(host: str) -> str:
    """`example.co.uk` for `a.b.example.co.uk`; empty for addresses, unknown endings and bare suffixes.

    Decided by the ICANN part of the public suffix list and its private part alike (https://publicsuffix.org/).
    """
    if not host or len(host) > 253:
        return ""
    return str(_suffixes().privatesuffix(host) or "")


@lru_cache(maxsize=8192)
def host_name(text: str) -> str:
    """The name in lower case A-labels if it can exist in the public DNS, else empty."""
    name = text.strip().strip(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    if len(name) > 253 or "." not in name or any(not piece or len(piece) > 63 for piece in name.split(".")):
        return ""
    if name.rsplit(".", 1)[-1].isdigit():
        return ""
    return name if _suffixes().publicsuffix(name) and (registered_domain(name) or name.count(".")) else ""


def find_urls(text: str) -> list[FoundName]:
    """URLs with a scheme, cleaned of the punctuation of the sentence around them; a broken host leaves the URL out."""
    found: list[FoundName] = []
    for match in _URL.finditer(text):
        rest = _trim(match["rest"])
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rsplit("@", 1)[-1]
        ported = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:]*)(?::(\d{1,5}))?", authority)
        if not ported:
            continue
        bare = ported[1].strip("[]")
        host = canonical(bare) or host_name(bare)
        if not host:
            continue
        url = f"{match['scheme'].lower()}://{rest}"
        port = int(ported[2]) if ported[2] and 0 < int(ported[2]) < 65536 else None
        found.append(FoundName(host, match.start(), match.start("rest") + len(rest), url=url, port=port))
        if len(found) >= MOST:
            break
    return found


def _trim(rest: str) -> str:
    for mark in ("<http", "[http", "](http", "%3C", ",http", ";http"):
        place = rest.lower().find(mark)
        if place > 0:
            rest = rest[:place]
    while rest:
        last = rest[-1]
        if (
            last in ".,;:!?'\"*”’»…"
            or (last == ")" and rest.count("(") < rest.count(")"))
            or (last == "]" and rest.count("[") < rest.count("]"))
            or last in "}>"
        ):
            rest = rest[:-1]
        else:
            break
    return rest


def find_mail_addresses(text: str) -> list[FoundName]:
    """Mail addresses; their hosts are those of people, not of machines that did something."""
    if "@" not in text:
        return []
    return [
        FoundName(match["host"].lower(), match.start(), match.end(), mail=match[0].lower())
        for match in _MAIL.finditer(text)
        if "." in match["host"]
    ][:MOST]


def find_hosts(text: str) -> list[FoundName]:
    """Bare host names: those of URLs and mail addresses are left out, as are file names and abbreviations."""
    taken = [(one.start, one.end) for one in find_urls(text)] + [
        (one.start, one.end) for one in find_mail_addresses(text)
    ]
    return find_hosts_beside(text, taken)


def find_hosts_beside(text: str, taken: list[tuple[int, int]]) -> list[FoundName]:
    """As `find_hosts`, for a caller that already knows the places of URLs and mail addresses."""
    taken = sorted(taken)
    index = 0
    found: list[FoundName] = []
    for match in _HOST.finditer(text):
        start, end = match.span("host")
        while index < len(taken) and taken[index][1] <= start:
            index += 1
        if index < len(taken) and taken[index][0] < end:
            continue
        name = _believable(match["host"])
        if name:
            # a bare `host/path` is the way people write URLs
            tail = (
                re.match(r"(?::\d{1,5})?/[^\s<>\"`|\\^{}]{1,2000}", text[end : end + 2010])
                if text[end : end + 1] in "/:"
                else None
            )
            path = _trim(tail[0]) if tail else ""
            url = f"http://{name}{path}" if len(path) > 1 and "/" in path else ""
            found.append(FoundName(name, start, end + len(path), url=url))
            if len(found) >= MOST:
                break
    return found


def _believable(text: str) -> str:
    pieces = text.split(".")
    ending = pieces[-1].lower()
    if ending in _FILE_ENDINGS and not (len(pieces) > 2 and pieces[0].lower() == "www"):
        return ""
    if any(piece[:1].isupper() and not piece.isupper() for piece in pieces[1:]) and len(pieces) == 2:
        return ""  # "end.Next sentence": a missing blank
    if (
        ending in _DOUBTFUL
        and len(pieces) == 2
        and (len(pieces[0]) < 3 or ending in {"sh", "py", "ps"} or pieces[0].isupper())
    ):
        return ""
    if len(pieces) == 2 and len(pieces[0]) == 1 and len(ending) < 3:
        return ""  # "e.g", "i.e"
    name = host_name(text)
    return name if name and registered_domain(name) else ""
