# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Log lines attached to a mail: who attacked and when, by what the programs write.

Only lines whose form says which address is the attacker's are read. Times count only where the line itself has a zone,
or where the mail states one; syslog's own stamps have neither year nor zone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.reports.formats import values
from abusehandler.reports.freetext.zones import stated_zone
from abusehandler.reports.reading import ReadEvent, Reading, Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.event import Event
    from abusehandler.reports.mail.message import Mail, Part

_IP = r"(?P<ip>\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]{3,39}:[0-9A-Fa-f:.]{1,39})"
_PORT = r"(?P<port>\d{1,5})"
#: (what must stand in the line, classification.type, protocol.application, the form); the first that fits counts.
_FORMS: tuple[tuple[str, str, str, re.Pattern[str]], ...] = tuple(
    (word, problem, protocol, re.compile(pattern))
    for word, problem, protocol, pattern in (
        # OpenSSH, auth.c and sshd.c
        ("Failed ", "brute-force", "ssh",
         rf"Failed (?:password|publickey|keyboard-interactive/pam|none) for .{{0,200}}? from {_IP} port {_PORT}"),
        ("nvalid user", "brute-force", "ssh", rf"Invalid user .{{0,200}}? from {_IP}(?: port {_PORT})?"),
        ("authenticating user", "brute-force", "ssh",
         rf"onnect.{{0,60}}? (?:authenticating|invalid) user .{{0,100}}? {_IP} port {_PORT}"),
        ("maximum authentication", "brute-force", "ssh",
         rf"maximum authentication attempts exceeded .{{0,200}}? from {_IP} port {_PORT}"),
        # Linux-PAM
        ("rhost=", "brute-force", "", rf"authentication failure;.{{0,300}}?rhost={_IP}"),
        # fail2ban: "2026-01-02 03:04:05,678 fail2ban.actions [123]: NOTICE [sshd] Ban 192.0.2.1"
        ("fail2ban", "brute-force", "", rf"fail2ban.{{0,80}}?\[[\w-]{{1,40}}\] (?:Ban|Found|Increase Ban) {_IP}"),
        # Dovecot, Postfix
        ("rip=", "brute-force", "", rf"(?:imap|pop3|managesieve|submission)-login:.{{0,400}}?rip={_IP}"),
        ("SASL", "brute-force", "smtp",
         rf"warning: [^\[\]\s]{{1,255}}\[{_IP}\]: SASL .{{0,60}}?authentication failed"),
        # Netfilter, UFW, pf over syslog, iptables LOG target
        ("SRC=", "scanner", "",
         rf"SRC={_IP} DST=(?P<dst>[0-9A-Fa-f.:]+).{{0,300}}?PROTO=(?P<proto>\w+)(?: SPT={_PORT} DPT=(?P<dport>\d+))?"),
    )
)  # fmt: skip
# Combined log format of Apache httpd and nginx: the client stands first, the zone in the stamp.
_ACCESS = re.compile(
    rf"^(?:[\w.-]{{1,255}}(?::\d{{1,5}})? )?{_IP} \S{{1,100}} \S{{1,200}} "
    r"\[(?P<time>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] \"(?P<request>[^\"\n]{0,2000})"
)
_STAMP = re.compile(
    r"^(?:\S{1,60}:)?\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?Z| ?UTC| ?GMT| ?[+-]\d\d:?\d\d)?)"
)
_LONGEST_LINE = 4000
_MOST_LINES = 100_000
_MOST_EVENTS = 2000
_SAME = ("source.ip", "time.source", "source.port", "classification.type")


def read_loglines(mail: Mail, context: ReadContext) -> Reading | None:
    """Events of the attached logs, each attacker, time and port once; None without attached logs of a known form.

    When the lines tell of several attackers, each becomes an event: whoever sends a log of one address has cut it.
    """
    zone: tzinfo | None = None
    body = mail.body()
    logs = [part for part in mail.own_parts() if part.kind in ("text", "data") and part.attached and part.text]
    if logs and body is not None:
        zone = stated_zone(body.text)
    found: dict[tuple[object, ...], ReadEvent] = {}
    for part in logs:
        for read in read_log(part, zone):
            found.setdefault(tuple(read.event.get(name) for name in _SAME), read)
            if len(found) >= _MOST_EVENTS:
                break
    if not found:
        return None
    return Reading("report", "loglines", "attached log lines", tuple(found.values()), kind="log", confidence=0.8)


def read_log(part: Part, zone: tzinfo | None = None) -> Iterator[ReadEvent]:
    """Events of those lines of a part that have a known form."""
    position = 0
    for number, line in enumerate(part.text.split("\n")):
        if number >= _MOST_LINES:
            return
        start, position = position, position + len(line) + 1
        if len(line) > _LONGEST_LINE:
            continue
        found = _access(line) or _known(line, zone)
        if found is not None:
            event, places = found
            yield ReadEvent(
                event, 0.8, {name: Span(part.path, start + a, start + b) for name, (a, b) in places.items()}
            )


_Found = tuple["Event", dict[str, tuple[int, int]]]


def _access(line: str) -> _Found | None:
    match = _ACCESS.match(line) if '"' in line and "[" in line else None
    if match is None or not (ip := values.address(match["ip"])):
        return None
    event: Event = {"source.ip": ip, "protocol.application": "http"}
    day, clock = match["time"].split(":", 1)
    values.put_time(event, f"{day.replace('/', ' ')} {clock}")
    values.put_extra(event, "request", match["request"][:300])
    return event, {"source.ip": match.span("ip"), "time.source": match.span("time")}


def _known(line: str, zone: tzinfo | None) -> _Found | None:
    for word, problem, protocol, form in _FORMS:
        match = form.search(line) if word in line else None
        if match is None or not (ip := values.address(match["ip"])):
            continue
        groups = match.groupdict()
        event: Event = {"source.ip": ip, "classification.type": problem}
        places = {"source.ip": match.span("ip")}
        if (number := values.port(groups.get("port") or "")) is not None:
            event["source.port"] = number
            places["source.port"] = match.span("port")
        if protocol:
            event["protocol.application"] = protocol
        if destination := values.address(groups.get("dst") or ""):
            event["destination.ip"] = destination
        if (number := values.port(groups.get("dport") or "")) is not None:
            event["destination.port"] = number
        if groups.get("proto"):
            event["protocol.transport"] = groups["proto"].lower()
        stamp = _STAMP.match(line)
        if stamp and values.put_time(event, stamp[1].replace(",", "."), zone):
            places["time.source"] = stamp.span(1)
        return event, places
    return None
