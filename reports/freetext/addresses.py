# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Find IPv4 and IPv6 addresses in running text, with the port, prefix length or range that stands at them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

#: Not routed on the Internet, so nobody can be asked about them. Documentation networks are left in on purpose:
#: examples and tests live there, and a report about one harms nobody.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "198.18.0.0/15", "224.0.0.0/3", "::/16", "100::/64", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
_V4 = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d|0\d{1,2})"
_IPV4 = re.compile(
    rf"(?<![\w.])(?P<ip>{_V4}\.{_V4}\.{_V4}\.{_V4})(?!\d|\.\d{{1,3}}\.|[.-][\w-]{{0,60}}[A-Za-z][\w-]{{0,60}}\.[A-Za-z])"
    r"(?:/(?P<prefix>\d{1,2})(?![\w/]|\.\w)|(?:[:#]|\]:|/(?=\d{3}))(?P<port>\d{1,5})(?![\w./])|\.(?P<dotport>\d{1,5})(?=[\s:>,)\]]))?"
)
_IPV6 = re.compile(
    r"(?<![\w:.\-/])(?P<open>\[)?(?P<ip>(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,37})[0-9A-Fa-f:]{3,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?)"
    r"(?:/(?P<prefix>\d{1,3})(?![\w/])|(?(open)\](?::(?P<port>\d{1,5})(?!\w))?|(?:\.(?P<dotport>\d{1,5})(?=:?[\s>,)])|(?![\w:]|\.\d))))"
)
_VERSION_BEFORE = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9_.+-]{1,30}/|\b(?:v|ver|version|release|build|firmware|rv|oid)[.:= ]{0,3})$", re.I
)
_VERSIONED = re.compile(r"(?i)\b(?:vers|wersj|верси|update|plugin|firmware)")
_HOST_BEFORE = re.compile(
    r"(?:^|[\s\"'(\[<=:])[\w-]+(?:\.[\w-]+)+\.?/$|://$|\b(?:ip|host|src|client|addr|address|from)/$", re.IGNORECASE
)
_RANGE_AFTER = re.compile(
    r"(?:[ \t]{0,3}[-–]|\s{0,3}(?:to|until|bis))\s{1,3}(?=\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})|-(?=\d{1,3}\.\d{1,3}\.)"
)
#: How many addresses of one text are looked at; lists beyond come as files and are read by their own readers.
MOST = 5000


@dataclass(frozen=True, slots=True)
class FoundAddress:
    """An address at `text[start:end]`, in canonical form; `port` stands right at it (`192.0.2.1:443`).

    `prefix` is the length of a network that was written (`/24`; `/32` and `/128` are plain addresses); `bound` is
    true for both ends of a written range (`192.0.2.0 - 192.0.2.255`).
    """

    ip: str
    start: int
    end: int
    port: int | None = None
    prefix: int | None = None
    bound: bool = False


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The address as IntelMQ wants it, IPv4-mapped ones as IPv4; empty when it is none."""
    if text.count(".") == 3 and ":" not in text:
        text = ".".join(str(int(piece)) if piece.isdecimal() and len(piece) < 4 else piece for piece in text.split("."))
    try:
        value = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(value, ipaddress.IPv6Address) and value.ipv4_mapped:
        value = value.ipv4_mapped
    return str(value)


@lru_cache(maxsize=4096)
def is_public(ip: str) -> bool:
    """Whether the canonical address can belong to somebody on the Internet (documentation networks count)."""
    value = ipaddress.ip_address(ip)
    return not any(value.version == net.version and value in net for net in _NOT_PUBLIC)


def find_addresses(text: str) -> list[FoundAddress]:
    """All addresses in order of place. Version numbers (`Firefox/115.0.0.1`) are left out. Linear, never raises."""
    found: list[FoundAddress] = []
    range_end = -1
    for match in _IPV4.finditer(text):
        if len(found) >= MOST:
            break
        start = match.start("ip")
        before = text[max(0, start - 40) : start]
        if (
            before
            and (before[-1] in "/=: .vV" or before[-1].isalpha())
            and _VERSION_BEFORE.search(before)
            and not _HOST_BEFORE.search(before)
        ):
            continue
        if before.endswith("-") and before[-2:-1].isalnum() and start != range_end:
            continue  # part of a host name such as pool-192.0.2.1.example.net
        ip = canonical(match["ip"])
        if _VERSIONED.search(before) and all(int(piece) < 30 for piece in ip.split(".")):
            continue
        if not ip:
            continue
        ranged = _RANGE_AFTER.match(text, match.end())
        if ranged is not None and not _is_range(ip, text, ranged):
            ranged = None  # "from 192.0.2.1 to 198.51.100.7" tells who attacked whom
        prefix = int(match["prefix"]) if match["prefix"] else None
        found.append(
            FoundAddress(
                ip, start, match.end("ip"), _port(match["port"] or match["dotport"]),
                prefix if prefix is not None and prefix < 32 else None, ranged is not None or start == range_end,
            )
        )  # fmt: skip
        range_end = ranged.end() if ranged else -1
    if ":" in text:
        six = _ipv6(text, MOST - len(found))
        ends = {one.end for one in six}  # the dotted end of an IPv4-mapped one is no second address
        found = sorted([*six, *(one for one in found if one.end not in ends)], key=lambda one: one.start)
    return found


def _is_range(first: str, text: str, between: re.Match[str]) -> bool:
    """Whether two IPv4 addresses with a dash or "to" between them can be the ends of one network's range."""
    second = _IPV4.match(text, between.end())
    if second is None:
        return True  # not an address: nothing else is decided by it
    ends = canonical(second["ip"])
    alike = 2 if any(char.isalpha() for char in between[0]) else 1
    return first.split(".")[:alike] == ends.split(".")[:alike] and ipaddress.IPv4Address(
        first
    ) <= ipaddress.IPv4Address(ends)


def _ipv6(text: str, most: int) -> list[FoundAddress]:
    found: list[FoundAddress] = []
    for match in _IPV6.finditer(text):
        raw = match["ip"].rstrip(":") if not match["ip"].endswith("::") else match["ip"]
        if raw.count(":") < 2 or (("::" not in raw) and raw.count(":") != 7 and "." not in raw):
            continue
        ip = canonical(raw)
        if not ip or (len(raw) < 6 and raw != "::1"):
            continue
        prefix = int(match["prefix"]) if match["prefix"] else None
        start = match.start("ip")
        found.append(
            FoundAddress(
                ip,
                start,
                start + len(raw),
                _port(match["port"] or match["dotport"]),
                prefix if prefix is not None and prefix < 128 else None,
            )
        )
        if len(found) >= most:
            break
    return found


def _port(text: str | None) -> int | None:
    return int(text) if text and 0 < int(text) < 65536 else None
