# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which machine handed a forwarded spam to the complainer: the Received lines (RFC 5321, 4.4) read as a mail desk reads them.

Only what the receiving side wrote can be believed: from the top down, the first hop that comes from outside its own house.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.addresses import find_addresses, is_public
from abusehandler.reports.freetext.names import host_name, registered_domain
from abusehandler.reports.freetext.times import find_times

if TYPE_CHECKING:
    from datetime import datetime

    from abusehandler.reports.context import OwnAssets
    from abusehandler.reports.freetext.passages import Passage

_FIELD = re.compile(
    r"(?m)^[ \t>|]*(?P<name>[A-Za-z][\w-]{1,60})[ \t]?:|"
    # headers that a mail program pasted into one line
    r"(?<=[ \t;])(?P<inline>Received(?:-SPF)?|Authentication-Results(?:-Original)?|X-Originating-IP|X-Sender-IP|"
    r"Return-Path|Message-ID|Subject|From|To|Date|DKIM-Signature):[ \t]"
)
_BY = re.compile(r"(?i)\bby[ \t\r\n>]+(?P<by>[\w.-]{1,255})")
_FROM_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,62}(?:\.[\w-]{1,63}){1,8}")
_CLIENT = re.compile(
    r"(?i)(?:client-ip=|sender[ \t\r\n>]+ip[ \t\r\n>]+is[ \t\r\n>(]+|designates[ \t\r\n>]+|smtp\.remote-ip=|"
    r"iprev=\w+[^;]{0,80}?=)[ \t\r\n>]{0,3}(?P<ip>[0-9A-Fa-f:.]{3,45})"
)
_ORIGIN = frozenset(
    (
        "x-originating-ip",
        "x-sender-ip",
        "x-source-ip",
        "x-mailer-ip",
        "x-remote-ip",
        "x-senderip",
        "x-client-ip",
        "x-spam-source",
        "x-abuse-ip",
    )
)
_MOST = 60


@dataclass(frozen=True, slots=True)
class Hop:
    """The address that handed the mail over, where it stands in the passage, and when (UTC) the receiver took it."""

    ip: str
    start: int
    end: int
    when: datetime | None = None
    sure: bool = True


def hand_over(passage: Passage, own: OwnAssets | None = None, whole: bool = False, house: str = "") -> Hop | None:
    """The hop that brought the mail whose header stands in the passage; None where there is no header.

    `house` is the registered domain of the complainer: hand-overs within it are his own. `whole` reads the passage as
    one header (a nested mail's); else its lines of kind `header` count.
    """
    blocks = [(0, min(len(passage.text), 60_000))] if whole else _blocks(passage)
    hops: list[Hop] = []
    clients: list[Hop] = []
    origins: list[Hop] = []
    home = house
    house = ""
    for start, end in blocks:
        for name, first, last in _fields(passage.text, start, end):
            value = passage.text[first:last]
            if name == "received":
                by = _BY.search(value)
                receiver = registered_domain(host_name(by["by"])) if by else ""
                house = house or receiver
                hop = _hop(value, by.start() if by else len(value), first, {house, receiver, home} - {""})
                if hop:
                    hops.append(hop)
            elif name in _ORIGIN:
                origins += [
                    Hop(one.ip, first + one.start, first + one.end, sure=False)
                    for one in find_addresses(value)[:1]
                    if is_public(one.ip)
                ]
            elif name in (
                "received-spf",
                "authentication-results",
                "authentication-results-original",
                "x-received-spf",
            ):
                for one in _CLIENT.finditer(value):
                    clients += [
                        Hop(found.ip, first + one.start("ip"), first + one.end("ip"))
                        for found in find_addresses(one["ip"].strip(".:"))
                        if is_public(found.ip)
                    ]
    every = hops + clients + origins
    if own:
        ours = next((hop for hop in every if own.has_address(hop.ip)), None)
        if ours:
            return ours
    if hops:
        return hops[0]
    return next(iter(clients or origins), None)


def _blocks(passage: Passage) -> list[tuple[int, int]]:
    blocks: list[tuple[int, int]] = []
    for line in passage.lines:
        if line.kind != "header":
            continue
        if blocks and passage.text.count("\n", blocks[-1][1], line.start) <= 2:
            blocks[-1] = (blocks[-1][0], line.end)
        else:
            blocks.append((line.start, line.end))
    return blocks[:10]


def _fields(text: str, start: int, end: int) -> list[tuple[str, int, int]]:
    marks = [((match["name"] or match["inline"]).lower(), match.end()) for match in _FIELD.finditer(text, start, end)]
    marks = [mark for mark in marks if mark[0] not in ("from", "by", "with", "id", "for") or mark[0] == "from"]
    out = []
    for number, (name, first) in enumerate(marks[:400]):
        last = marks[number + 1][1] if number + 1 < len(marks) else end
        out.append((name, first, min(last, first + 3000)))
    return out


def _hop(value: str, by: int, offset: int, houses: set[str]) -> Hop | None:
    giver = value[:by]
    addresses = [one for one in find_addresses(giver) if is_public(one.ip)]
    if not addresses:
        return None
    names = {
        registered_domain(host_name(match[0]))
        for match in _FROM_NAME.finditer(giver)
        if not match[0][0].isdigit() or not match[0][-1].isdigit()
    }
    if names & houses:
        return None
    # the last one in brackets is what the receiver saw; before it may stand what the sender said of himself
    one = addresses[-1]
    times = find_times(value[by:])
    return Hop(one.ip, offset + one.start, offset + one.end, times[-1].at(None) if times else None)
